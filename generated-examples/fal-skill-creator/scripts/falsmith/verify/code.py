"""What the Python of a skill may not do: start shells, run text as code, ask, give secrets away."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from falsmith.verify.environment import imported_names, line_that_sends_environment, resolved
from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem, shown
from falsmith.verify.text import encoded_at

__all__ = ["check_code", "parse_python"]

# A line of code fits on a screen; what does not is minified or encoded.
LONGEST_LINE = 1_000
# The longest file of the runtime has 12,000 characters.
LONGEST = 200_000
STARTS = "starts a shell (shell=True or the like): run a list of words without one"
LOOKS_UP = "looks a function up by a name that nobody can check: write the name out"
SHELLS = frozenset(
    {
        "os.system", "os.popen", "os.startfile", "posix.system", "posix.popen", "pty.spawn",
        "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell",
    }
)  # fmt: skip
SHELL_NAME = re.compile(
    r"(?:.*[/\\])?(?:(?:ba|z|da|k|fi)?sh|cmd|powershell|pwsh)(?:\.exe)?", re.IGNORECASE
)
SHELL_OPTION = re.compile(r"-[a-z]*c|/[ck]|-command|-encodedcommand", re.IGNORECASE)
RUN_TEXT = frozenset(
    {
        "eval", "exec", "builtins.eval", "builtins.exec", "marshal.load", "marshal.loads",
        "pickle.load", "pickle.loads", "runpy.run_module", "runpy.run_path",
    }
)  # fmt: skip
ASK = frozenset(
    {
        "input", "breakpoint", "builtins.input", "builtins.breakpoint", "getpass.getpass",
        "code.interact", "click.confirm", "click.pause", "click.prompt",
    }
)  # fmt: skip
# Modules that can do all of this: their functions are called by name, where a reader sees it.
POWERFUL = frozenset({"builtins", "os", "posix", "pty", "subprocess"})
LOOKUPS = frozenset({"__builtins__", *(f"{module}.__dict__" for module in POWERFUL)})
# Given another name, they do the same: already to mention them is too much.
MENTIONED = {
    **dict.fromkeys(SHELLS, STARTS),
    **dict.fromkeys(LOOKUPS, LOOKS_UP),
    **{name: f"runs text as code ({name})" for name in RUN_TEXT},
}
# The digests of a few files, one a line, are no program; more of them could spell one.
DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128}")
MOST_DIGESTS = 16
# PEP 263: the text would be read in other characters than it shows.
CODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*(?P<name>[-_.a-zA-Z0-9]+)")


def check_code(folder: Folder) -> list[Problem]:
    """List what no Python file may do; nothing of it is run."""
    return [
        Problem(path, message)
        for path, text in folder.below("", ".py")
        for message in _objections(text)
    ]


def parse_python(text: str) -> ast.Module:
    """Return the syntax tree of a text; raises ValueError saying why there is none."""
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST:,} characters, more than anybody reads")
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
    found = [*_first_lines(text), *_expressions(tree, names)]
    line = line_that_sends_environment(tree, names) if "environ" in text else None
    if line is not None:
        found.append(f"line {line}: sends the environment, with every key in it, to somebody else")
    for number, code in enumerate(text.split("\n"), start=1):
        if len(code) > LONGEST_LINE:
            found.append(f"line {number}: longer than {LONGEST_LINE} characters: nobody reads it")
            break
    return tuple(found)


def _first_lines(text: str) -> Iterator[str]:
    lines = text.split("\n", 2)[:2]
    for line in lines:
        coding = CODING.match(line)
        if coding and coding["name"].lower().replace("_", "-") not in ("utf-8", "utf8", "ascii"):
            yield f"is in the encoding {shown(coding['name'])}: write UTF-8"
    if lines[0].startswith("#!") and lines[0].endswith("\r"):
        yield "has carriage returns, with which its first line names no program: use LF alone"


def _expressions(tree: ast.Module, names: Mapping[str, str]) -> Iterator[str]:
    for node in ast.walk(tree):
        message = _objection(node, names)
        if message:
            yield f"line {getattr(node, 'lineno', 1)}: {message}"


def _objection(node: ast.AST, names: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Call):
        return _objection_to_call(node, resolved(node.func, names), names)
    if isinstance(node, ast.Name | ast.Attribute):
        return MENTIONED.get(resolved(node, names))
    if isinstance(node, ast.ImportFrom) and node.module in POWERFUL and node.names[0].name == "*":
        return LOOKS_UP
    if isinstance(node, ast.List | ast.Tuple):
        return _objection_to_words(node.elts)
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return _objection_to_text(node.value)
    return None


def _objection_to_call(call: ast.Call, name: str, names: Mapping[str, str]) -> str | None:
    first = resolved(call.args[0], names) if call.args else ""
    if any(map(_is_shell, call.keywords)) or name.endswith(".subprocess_shell"):
        return STARTS
    if isinstance(call.func, ast.Call) and name in MENTIONED:
        return MENTIONED[name]
    if name in ASK or (name == "click.option" and any(map(_prompts, call.keywords))):
        return f"asks at a terminal ({name}): an agent has none, use options or standard input"
    if name == "vars" and first in POWERFUL:
        return LOOKS_UP
    looks_up = name == "__import__" or (name == "getattr" and first in POWERFUL)
    if looks_up and not resolved(call, names):
        return LOOKS_UP
    return _objection_to_words(call.args)


def _objection_to_words(words: Sequence[ast.expr]) -> str | None:
    """Object to the words of a command that runs a shell with a text of commands."""
    texts = [part.value if isinstance(part, ast.Constant) else None for part in words]
    plain = [text if isinstance(text, str) else "" for text in texts]
    start = next((n for n, text in enumerate(plain) if SHELL_NAME.fullmatch(text)), None)
    if start is not None and any(SHELL_OPTION.fullmatch(text) for text in plain[start + 1 :]):
        return STARTS
    return None


def _objection_to_text(value: str | bytes) -> str | None:
    """Object to content that is spread over the lines of a constant or hidden in its escapes."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    lines = [line.strip() for line in text.splitlines() or [text]]
    long = [line for line in lines if len(line) >= 40]
    is_list = len(lines) > 1 and len(long) <= MOST_DIGESTS and all(map(DIGEST.fullmatch, long))
    joined = "" if is_list else "".join(long)
    return None if encoded_at(joined) is None else "encoded text, which nobody can read: remove it"


def _is_shell(keyword: ast.keyword) -> bool:
    if keyword.arg is None and isinstance(keyword.value, ast.Dict):
        pairs = zip(keyword.value.keys, keyword.value.values, strict=True)
        inside = ((key.value, value) for key, value in pairs if isinstance(key, ast.Constant))
        return any(key == "shell" and not _is_off(value) for key, value in inside)
    return keyword.arg == "shell" and not _is_off(keyword.value)


def _prompts(keyword: ast.keyword) -> bool:
    return keyword.arg == "prompt" and not _is_off(keyword.value)


def _is_off(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and not value.value
