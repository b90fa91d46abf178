"""agents/openai.yaml: what Codex shows of a skill; Codex itself drops a mistake without a word."""

import re
from pathlib import PurePosixPath
from typing import Any

import yaml

from falsmith.verify.folder import Finding, Folder, quoted
from falsmith.verify.front_matter import mappings, read_yaml
from falsmith.verify.text import objections_to_value

__all__ = ["OPENAI_YAML", "check_openai_yaml"]

OPENAI_YAML = "agents/openai.yaml"
TOP_KEYS = ("interface", "dependencies", "policy")
# openai/codex, skill-creator: the interface's fields and their limits.
LIMITS = {"display_name": (1, 64), "short_description": (25, 64), "default_prompt": (1, 1024)}
ICONS = ("icon_small", "icon_large")
OPTIONAL = (*ICONS, "brand_color")
TOOL_LIMITS = {
    "type": 64, "value": 1024, "description": 1024, "transport": 64, "url": 1024, "command": 1024
}  # fmt: skip
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


def check_openai_yaml(folder: Folder) -> list[Finding]:
    """Check keys, lengths and style of the file; a missing file is another check's matter."""
    if OPENAI_YAML not in folder.texts:
        return []
    try:
        found = read_yaml(folder.texts[OPENAI_YAML])
    except ValueError as error:
        return [Finding(OPENAI_YAML, f"is not usable YAML: {error}")]
    if not isinstance(found.value, dict):
        return [Finding(OPENAI_YAML, "is no mapping: it begins with interface:")]
    messages = [
        *_unknown(found.value, TOP_KEYS, ""),
        *_unquoted(found.node),
        *_interface(found.value.get("interface"), folder),
        *_policy(found.value),
        *_dependencies(found.value.get("dependencies", {"tools": []})),
        *objections_to_value(found.value),
    ]
    if "[TODO:" in folder.texts[OPENAI_YAML]:
        messages.append("holds a left-over [TODO: ...]")
    return [Finding(OPENAI_YAML, message) for message in messages]


def _unknown(mapping: dict[Any, Any], known: tuple[str, ...], where: str) -> list[str]:
    return [f"{where}{quoted(key)} is no known key" for key in mapping if key not in known]


def _unquoted(node: yaml.Node | None) -> list[str]:
    return [
        f"line {value.start_mark.line + 1}: put the value of {quoted(key.value)} in double quotes"
        for mapping in mappings(node)
        for key, value in mapping.value
        if value.tag == "tag:yaml.org,2002:str" and value.style not in ('"', "'")
    ]


def _interface(value: object, folder: Folder) -> list[str]:
    if not isinstance(value, dict):
        return ["interface is missing or no mapping"]
    found = _unknown(value, (*LIMITS, *OPTIONAL), "interface: ")
    for name, (least, most) in LIMITS.items():
        text = value.get(name)
        if not isinstance(text, str) or not least <= len(text.strip()) <= most or len(text) > most:
            size = f"{len(text)} characters" if isinstance(text, str) else quoted(text)
            found.append(f"interface.{name} must have {least} to {most} characters, not {size}")
    return found + _prompt(value.get("default_prompt"), folder.name) + _looks(value, folder)


def _prompt(text: object, name: str) -> list[str]:
    if not isinstance(text, str):
        return []
    found = []
    if not re.search(rf"(?<!\w)\${re.escape(name)}(?![a-z0-9-])", text):
        found.append(f"interface.default_prompt must name the skill as ${name}")
    if "\n" in text.strip() or re.search(r"[.!?]\s+[A-Z]", text):
        found.append("interface.default_prompt must be one sentence")
    return found


def _looks(value: dict[Any, Any], folder: Folder) -> list[str]:
    found = []
    if "brand_color" in value and not COLOUR.fullmatch(str(value["brand_color"])):
        found.append("interface.brand_color must be like #1A2B3C")
    for name in ICONS:
        path = PurePosixPath(str(value.get(name, "assets/")).removeprefix("./"))
        outside = path.parts[:1] != ("assets",) or ".." in path.parts
        if name in value and (outside or str(path) not in folder.files):
            found.append(f"interface.{name} must name a file in ./assets/")
    return found


def _policy(value: dict[Any, Any]) -> list[str]:
    policy = value.get("policy", {})
    good = isinstance(policy, dict) and set(policy) <= {"allow_implicit_invocation"}
    if good and all(isinstance(item, bool) for item in policy.values()):
        return []
    return ["policy may hold only allow_implicit_invocation: true or false"]


def _dependencies(value: object) -> list[str]:
    tools = value.get("tools") if isinstance(value, dict) and set(value) == {"tools"} else None
    if not isinstance(tools, list):
        return ["dependencies may hold only tools: a list"]
    return [f"dependencies: {message}" for tool in tools for message in _tool(tool)]


def _tool(tool: object) -> list[str]:
    if not isinstance(tool, dict) or tool.get("type") != "mcp":
        return ['a tool must be a mapping with type: "mcp"']
    return _unknown(tool, tuple(TOOL_LIMITS), "") + [
        f"{name} must have 1 to {most} characters"
        for name, most in TOOL_LIMITS.items()
        if name in tool and not (isinstance(tool[name], str) and 1 <= len(tool[name]) <= most)
    ]
