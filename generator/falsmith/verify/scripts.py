"""The Python of a skill: it compiles, and the one wrapper presets the right model."""

import ast
import os
import re
import sys
import tomllib
import warnings
from functools import lru_cache

from falsmith.verify.folder import Folder
from falsmith.verify.json_text import json_object
from falsmith.verify.problem import Problem, shown

__all__ = [
    "check_compiles",
    "check_executable",
    "check_script_headers",
    "check_shadowing",
    "check_wrapper",
    "wrapper_path",
]

ENTRY_POINT = re.compile(r"scripts/(?:fal_api_call|queue_[a-z]+)\.py")
SCRIPT = re.compile(r"scripts/[^/]+\.py")
HIDDEN_MODULES = frozenset({"fal_runtime", "httpx", "jsonschema", "platformdirs", "yaml"})
DEPENDENCIES = ("httpx", "jsonschema", "platformdirs", "pyyaml")
RANGE = re.compile(r"(?P<name>[A-Za-z0-9._-]+) *>=[0-9.]+, *<[0-9.]+")


def wrapper_path(folder: Folder) -> str | None:
    """Return the path of the skill's own script, or None where there is not exactly one."""
    found = _wrappers(folder)
    return found[0] if len(found) == 1 else None


def check_compiles(folder: Folder) -> list[Problem]:
    """Parse every Python file; nothing of it is run."""
    found = []
    for path, text in folder.below("", ".py"):
        message = _syntax_error(text)
        if message:
            found.append(Problem(path, f"is not valid Python: {message}"))
    return found


def check_wrapper(folder: Folder) -> list[Problem]:
    """Check that one script presets the model that model_config.json names."""
    wrappers = _wrappers(folder)
    if len(wrappers) != 1:
        names = ", ".join(map(shown, wrappers)) or "none"
        told = f"must hold one script of the model beside the known entry points, has {names}"
        return [Problem("scripts", told)]
    (path,) = wrappers
    expected = (json_object(folder, "references/model_config.json") or {}).get("model_id")
    told_ids = _model_ids(folder.texts.get(path, ""))
    if len(told_ids) != 1:
        return [Problem(path, 'must have one line MODEL_ID = "...", has ' + str(len(told_ids)))]
    if expected is None or told_ids[0] == expected:
        return []
    told = f"MODEL_ID is {shown(told_ids[0])}, references/model_config.json has {shown(expected)}"
    return [Problem(path, told)]


def check_shadowing(folder: Folder) -> list[Problem]:
    """List what stands in scripts/, first on the module path, and would hide another module."""
    names = {path: path.split("/")[1] for path in _below_scripts(folder) if path.count("/") > 1}
    told = "scripts/ holds scripts and the package fal_runtime, nothing else"
    found = [Problem(path, told) for path, name in names.items() if name != "fal_runtime"]
    for path in _wrappers(folder):
        module = path.removeprefix("scripts/").removesuffix(".py")
        if module in HIDDEN_MODULES or module in sys.stdlib_module_names:
            found.append(Problem(path, f"hides the Python module {module}: give it another name"))
    return found


def check_executable(folder: Folder) -> list[Problem]:
    """Check that scripts with a "#!" line may be executed, where the file system can say so."""
    if os.name != "posix":
        return []
    return [
        Problem(path, "is not executable: chmod +x it")
        for path, text in folder.below("scripts/", ".py")
        if text.startswith("#!") and path not in folder.executables
    ]


def check_script_headers(folder: Folder) -> list[Problem]:
    """Check the PEP 723 header of the wrapper and of fal_api_call.py: dependencies as ranges."""
    paths = (wrapper_path(folder) or "", "scripts/fal_api_call.py")
    return [
        Problem(path, message)
        for path in paths
        if path in folder.texts
        for message in _header_objections(folder.texts[path])
    ]


def _below_scripts(folder: Folder) -> list[str]:
    return [path for path in (*folder.files, *folder.links) if path.startswith("scripts/")]


def _wrappers(folder: Folder) -> list[str]:
    scripts = [path for path in _below_scripts(folder) if SCRIPT.fullmatch(path)]
    return sorted(path for path in scripts if not ENTRY_POINT.fullmatch(path))


@lru_cache(maxsize=256)
def _syntax_error(text: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return f"{error.msg}, line {error.lineno}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or "nested too deeply"
    return None


def _model_ids(text: str) -> list[object]:
    if _syntax_error(text):
        return []
    found: list[object] = []
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(isinstance(name, ast.Name) and name.id == "MODEL_ID" for name in targets):
                found.append(getattr(statement.value, "value", None))
    return found


def _header_objections(text: str) -> list[str]:
    header = _header(text)
    if header is None:
        return ["has no PEP 723 header (# /// script ... # ///)"]
    try:
        settings = tomllib.loads(header)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return [f"PEP 723 header: {error}"]
    found = []
    if not str(settings.get("requires-python", "")).startswith(">=3.11"):
        found.append('PEP 723 header: requires-python must be ">=3.11"')
    return found + _dependency_objections(settings.get("dependencies"))


def _header(text: str) -> str | None:
    """Return the TOML between `# /// script` and `# ///`, as PEP 723 defines it."""
    lines = text.splitlines()
    if "# /// script" not in lines:
        return None
    content: list[str] = []
    for line in lines[lines.index("# /// script") + 1 :]:
        if line == "# ///":
            return "\n".join(content)
        if line != "#" and not line.startswith("# "):
            return None
        content.append(line[2:])
    return None


def _dependency_objections(value: object) -> list[str]:
    if not isinstance(value, list):
        return ["PEP 723 header: dependencies must be a list"]
    ranges = [RANGE.fullmatch(str(item)) for item in value]
    found = [
        f"PEP 723 header: {shown(item)} is no range such as httpx>=0.27,<1"
        for item, match in zip(value, ranges, strict=True)
        if match is None
    ]
    names = sorted(match["name"].lower() for match in ranges if match)
    if not found and names != list(DEPENDENCIES):
        found.append(f"PEP 723 header: dependencies must be {', '.join(DEPENDENCIES)}")
    return found
