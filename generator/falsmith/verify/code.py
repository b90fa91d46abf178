"""What the Python of a skill may not do: start shells, run text as code, ask, give secrets away."""

import ast
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache

from falsmith.verify.environment import imported_names, line_that_sends_environment, resolved
from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem

__all__ = ["check_code", "parse_python"]

# A line of code fits on a screen; what does not is minified or encoded.
LONGEST_LINE = 1_000
SHELLS = frozenset(
    {
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_shell",
    }
)
RUN_TEXT = frozenset({"eval", "exec", "builtins.eval", "builtins.exec"})
ASK = frozenset({"input", "builtins.input", "getpass.getpass", "click.confirm", "click.prompt"})


def check_code(folder: Folder) -> list[Problem]:
    """List what no Python file may do; nothing of it is run."""
    return [
        Problem(path, message)
        for path, text in folder.below("", ".py")
        for message in _objections(text)
    ]


def parse_python(text: str) -> ast.Module:
    """Return the syntax tree of a text; raises ValueError saying why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise ValueError(f"{error.msg}, line {error.lineno}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(str(error) or "nested too deeply") from None


# Many skills carry the same runtime: one look at each of its files is enough.
@lru_cache(maxsize=256)
def _objections(text: str) -> tuple[str, ...]:
    try:
        tree = parse_python(text)
    except ValueError as error:
        return (f"is not valid Python: {error}",)
    names = imported_names(tree)
    found = list(_calls(tree, names))
    line = line_that_sends_environment(tree, names)
    if line is not None:
        found.append(f"line {line}: sends the environment, with every key in it, to somebody else")
    for number, code in enumerate(text.split("\n"), start=1):
        if len(code) > LONGEST_LINE:
            found.append(f"line {number}: longer than {LONGEST_LINE} characters: nobody reads it")
            break
    return tuple(found)


def _calls(tree: ast.Module, names: Mapping[str, str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            message = _objection(node, resolved(node.func, names))
            if message:
                yield f"line {node.lineno}: {message}"


def _objection(call: ast.Call, name: str) -> str | None:
    if name in SHELLS or any(_is_shell(keyword) for keyword in call.keywords):
        return "starts a shell (shell=True or the like): run a list of words without one"
    if name in RUN_TEXT:
        return f"runs text as code ({name})"
    if name in ASK:
        return f"asks at a terminal ({name}): an agent has none, use options or standard input"
    return None


def _is_shell(keyword: ast.keyword) -> bool:
    is_off = isinstance(keyword.value, ast.Constant) and not keyword.value.value
    return keyword.arg == "shell" and not is_off
