"""The scripts of a skill: the one wrapper presets the right model, headers name what is needed."""

import ast
import os
import re
import sys
import tomllib

from falsmith.verify.code import parse_python
from falsmith.verify.folder import Folder
from falsmith.verify.json_text import json_object
from falsmith.verify.problem import Problem, shown
from falsmith.verify.provenance import is_creator

__all__ = [
    "GENERATE_SCRIPT",
    "check_executable",
    "check_script_headers",
    "check_shadowing",
    "check_wrapper",
    "wrapper_path",
]

ENTRY_POINT = re.compile(r"scripts/(?:fal_api_call|queue_[a-z]+)\.py")
SCRIPT = re.compile(r"scripts/[^/]+\.py")
GENERATE_SCRIPT = "scripts/generate_fal_skill.py"
OWN_PACKAGES = frozenset({"fal_runtime", "falsmith"})
DEPENDENCIES = ("httpx", "jsonschema", "platformdirs", "pyyaml")
HIDDEN_MODULES = OWN_PACKAGES | {"click", "httpx", "jinja2", "jsonschema", "platformdirs", "yaml"}
RANGE = re.compile(r"(?P<name>[A-Za-z0-9._-]+) *>=[0-9.]+, *<[0-9.]+")


def wrapper_path(folder: Folder) -> str | None:
    """Return the path of the skill's own script, or None where there is not exactly one."""
    found = _wrappers(folder)
    return found[0] if len(found) == 1 else None


def check_wrapper(folder: Folder) -> list[Problem]:
    """Check that one script presets the model that model_config.json names."""
    if is_creator(folder):
        return []
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
    known = OWN_PACKAGES if is_creator(folder) else {"fal_runtime"}
    names = {path: path.split("/")[1] for path in _below_scripts(folder) if path.count("/") > 1}
    told = "scripts/ holds scripts (.py) and the package fal_runtime, nothing else"
    found = [Problem(path, told) for path, name in names.items() if name not in known]
    plain = [path for path in folder.files if re.fullmatch(r"scripts/[^/]+", path)]
    found += [Problem(path, told) for path in plain if not SCRIPT.fullmatch(path)]
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
    """Check the PEP 723 header of the skill's script and of fal_api_call.py: ranges of versions."""
    generates = is_creator(folder)
    own = GENERATE_SCRIPT if generates else wrapper_path(folder)
    scripts = {"scripts/fal_api_call.py": False, own: generates}
    return [
        Problem(path, message)
        for path, wide in scripts.items()
        if path is not None and path in folder.texts
        for message in _header_objections(folder.texts[path], generates=wide)
    ]


def _below_scripts(folder: Folder) -> list[str]:
    return [path for path in (*folder.files, *folder.links) if path.startswith("scripts/")]


def _wrappers(folder: Folder) -> list[str]:
    scripts = [path for path in _below_scripts(folder) if SCRIPT.fullmatch(path)]
    return sorted(path for path in scripts if not ENTRY_POINT.fullmatch(path))


def _model_ids(text: str) -> list[object]:
    try:
        statements = parse_python(text).body
    except ValueError:
        return []
    found: list[object] = []
    for statement in statements:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(isinstance(name, ast.Name) and name.id == "MODEL_ID" for name in targets):
                found.append(getattr(statement.value, "value", None))
    return found


def _header_objections(text: str, *, generates: bool) -> list[str]:
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
    return found + _dependency_objections(settings.get("dependencies"), generates)


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


def _dependency_objections(value: object, generates: bool) -> list[str]:
    if not isinstance(value, list):
        return ["PEP 723 header: dependencies must be a list"]
    ranges = [RANGE.fullmatch(str(item)) for item in value]
    found = [
        f"PEP 723 header: {shown(item)} is no range such as httpx>=0.27,<1"
        for item, match in zip(value, ranges, strict=True)
        if match is None
    ]
    names = sorted(match["name"].lower() for match in ranges if match)
    own = sorted(OWN_PACKAGES & {name.replace("-", "_") for name in names})
    if own:
        found.append(f"PEP 723 header: {', '.join(own)} comes with the skill, not from an index")
    complete = set(DEPENDENCIES) <= set(names) if generates else names == list(DEPENDENCIES)
    if not found and not complete:
        least = "include" if generates else "be"
        found.append(f"PEP 723 header: dependencies must {least} {', '.join(DEPENDENCIES)}")
    return found
