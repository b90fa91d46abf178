"""SKILL.md: its form, and the front matter by the rules of the Agent Skills specification."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from fal_runtime.text import one_line
from fal_runtime.yaml_file import read_nodes
from falsmith.verify.folder import Finding, Folder, quoted
from falsmith.verify.record import is_collection, model_folders, model_id
from falsmith.verify.text import objections_to_value

__all__ = [
    "SKILL_FILE",
    "body",
    "check_body",
    "check_front_matter",
    "check_front_matter_fields",
    "check_needs",
    "front_matter",
    "mappings",
    "read_yaml",
]

SKILL_FILE = "SKILL.md"
MOST_LINES = 500
# The specification says 5,000 tokens; English has about four characters in each.
MOST_CHARACTERS = 20_000
# agentskills.io, specification: "name" and the other fields; hosts refuse the reserved words.
KEYS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
RESERVED = ("anthropic", "claude")
# "MIT LICENSE" names no file, "see LICENSE" and "LICENSE.txt" do.
LICENSE_FILE = re.compile(
    r"(?:\A\s*|\b(?i:see|in|file)\s+(?i:the\s+)?|\b(?=LICEN[CS]E(?:\.\w|\s+file\b)))"
    r"(?P<file>LICEN[CS]E(?:\.\w+)?)\b"
)
LIMITS = {"name": 64, "description": 1024, "compatibility": 500}


# YAML 1.1, as the hosts read it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Yaml:
    """A document: its value, and its nodes, which know style and line."""

    value: Any
    node: yaml.Node | None


@dataclass(frozen=True, slots=True)
class _Parts:
    front: str
    body: str


def read_yaml(text: str) -> Yaml:
    """Return the document of a YAML text; raises ValueError saying what is wrong with it."""
    node = read_nodes(text, LOADER)
    try:
        value = None if node is None else SafeConstructor().construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(one_line(str(error), 200)) from None
    return Yaml(value, node)


def mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Yield every mapping of a document, outermost first."""
    if isinstance(node, yaml.MappingNode):
        yield node
        for pair in node.value:
            for part in pair:
                yield from mappings(part)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from mappings(item)


def body(folder: Folder) -> str:
    """Return SKILL.md with blank lines in place of the front matter, so that line numbers hold."""
    text = folder.texts.get(SKILL_FILE, "")
    parts = _parts(text)
    return text if parts is None else "\n" * (parts.front.count("\n") + 2) + parts.body


def front_matter(folder: Folder) -> dict[Any, Any] | None:
    """Return the fields of the front matter, None where it cannot be read."""
    parts = _parts(folder.texts.get(SKILL_FILE, ""))
    try:
        found = None if parts is None else read_yaml(parts.front).value
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def check_body(folder: Folder) -> list[Finding]:
    """Check the bytes of SKILL.md and the length of its body."""
    text = folder.texts.get(SKILL_FILE, "")
    problems = []
    if text.startswith("\ufeff"):
        problems.append("begins with a byte order mark, which hides the front matter from hosts")
    if "\r" in text:
        problems.append("has carriage returns: end lines with LF alone")
    parts = _parts(text)
    body_text = "" if parts is None else parts.body
    lines = len(body_text.splitlines())
    if lines > MOST_LINES:
        problems.append(f"has a body of {lines} lines; hosts expect {MOST_LINES} at most")
    if len(body_text) > MOST_CHARACTERS:
        message = f"has a body of {len(body_text):,} characters; {MOST_CHARACTERS:,} are allowed"
        problems.append(f"{message}: move details into references/")
    if parts is not None and not body_text.strip():
        problems.append("has no body: an agent learns nothing from it")
    if "[TODO:" in text:
        problems.append("holds a left-over [TODO: ...]")
    return [Finding(SKILL_FILE, message) for message in problems]


def check_front_matter(folder: Folder) -> list[Finding]:
    """Check that the front matter is there, is plain block YAML and can be read by every host."""
    text = folder.texts.get(SKILL_FILE)
    if text is None:
        return []
    parts = _parts(text)
    if parts is None:
        return [Finding(SKILL_FILE, 'has no front matter: it begins and ends with a line "---"')]
    try:
        found = read_yaml(parts.front)
    except ValueError as error:
        return [Finding(SKILL_FILE, f"front matter: {error}")]
    if not isinstance(found.value, dict):
        return [Finding(SKILL_FILE, "front matter: is no mapping of names to values")]
    messages = [] if "---" not in parts.front else ['"---" inside a value breaks some hosts']
    if "\t" in parts.front:
        messages.append("has a tab, which some hosts cannot read: use spaces")
    if any(node.flow_style for node in mappings(found.node)) or _lists_in_flow_style(found.node):
        messages.append("use block style, one `key: value` a line, not {...} or [...]")
    return [Finding(SKILL_FILE, f"front matter: {message}") for message in messages]


def check_front_matter_fields(folder: Folder) -> list[Finding]:
    """Check each field of the front matter, and that it agrees with the folder and the model."""
    fields = front_matter(folder)
    if fields is None:
        return []
    messages = [
        *(f"{quoted(key)} is no field of the specification" for key in fields if key not in KEYS),
        *_name(fields.get("name"), folder.name),
        *_description(fields.get("description")),
        *_optional_texts(fields),
        *_metadata(fields.get("metadata", {}), folder),
        *_license(fields.get("license"), folder),
        *objections_to_value(fields),
    ]
    return [Finding(SKILL_FILE, f"front matter: {message}") for message in messages]


def check_needs(folder: Folder) -> list[Finding]:
    """Check that a skill of fal says what it needs: stores compare that with what scripts use."""
    fields = front_matter(folder)
    if fields is None:
        return []
    words = f"{fields.get('compatibility', '')} {fields.get('metadata', '')}"
    if "FAL_KEY" in words and re.search(r"\b(?:internet|network|fal\.(?:ai|run))\b", words):
        return []
    message = "compatibility must say that the skill needs the internet and a key in FAL_KEY"
    return [Finding(SKILL_FILE, f"front matter: {message}")]


def _parts(text: str) -> _Parts | None:
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not plain.startswith("---\n"):
        return None
    front, end, rest = plain[4:].partition("\n---\n")
    if not end and plain.endswith("\n---"):
        return _Parts(plain[4:-4], "")
    return _Parts(front + "\n", rest) if end else None


def _lists_in_flow_style(node: yaml.Node | None) -> bool:
    return any(
        isinstance(value, yaml.SequenceNode) and value.flow_style
        for mapping in mappings(node)
        for _, value in mapping.value
    )


def _text(name: str, value: object) -> list[str]:
    if not isinstance(value, str):
        return [f"{name} must be text, not {quoted(value)}: put it in double quotes"]
    if not value.strip():
        return [f"{name} is blank"]
    limit = LIMITS.get(name)
    if limit is not None and len(value) > limit:
        return [f"{name} has {len(value)} characters, {limit} are allowed"]
    return []


def _name(value: object, folder_name: str) -> list[str]:
    if value is None:
        return ["name is missing"]
    messages = _text("name", value)
    if not isinstance(value, str):
        return messages
    if not NAME.fullmatch(value):
        messages.append(f"name {quoted(value)} must be of a-z, 0-9 and single hyphens between them")
    messages += [f"name holds the reserved word {word!r}" for word in RESERVED if word in value]
    if value != folder_name:
        messages.append(
            f"name {quoted(value)} is not the name of the folder, {quoted(folder_name)}"
        )
    return messages


def _description(value: object) -> list[str]:
    if value is None:
        return ["description is missing"]
    messages = _text("description", value)
    if isinstance(value, str) and ("<" in value or ">" in value):
        messages.append("description holds < or >, which some hosts refuse")
    return messages


def _optional_texts(fields: dict[Any, Any]) -> list[str]:
    return [
        message
        for name in ("license", "compatibility", "allowed-tools")
        if name in fields
        for message in (*_text(name, fields[name]), *_separators(name, fields[name]))
    ]


def _separators(name: str, value: object) -> list[str]:
    outside = re.sub(r"\([^()]*\)", "", value) if isinstance(value, str) else ""
    if name != "allowed-tools" or "," not in outside:
        return []
    return ["allowed-tools holds a comma: separate the tools by spaces"]


def _license(value: object, folder: Folder) -> list[str]:
    named = LICENSE_FILE.search(value) if isinstance(value, str) else None
    if named is None or folder.has(named["file"]):
        return []
    return [f"license names the file {quoted(named['file'])}, which is not there"]


def _metadata(value: object, folder: Folder) -> list[str]:
    if not isinstance(value, dict):
        return ["metadata must be a mapping of names to texts"]
    messages = [
        f"metadata: {quoted(key)} must be text with a text value: put both in double quotes"
        for key, item in value.items()
        if not (isinstance(key, str) and isinstance(item, str))
    ]
    named = value.get("model-id")
    models = () if is_collection(folder) else model_folders(folder)
    expected = next((model_id(folder, model) for model in models), None)
    if None not in (named, expected) and named != expected:
        messages.append(
            f"metadata: model-id is not {quoted(expected)}, as model_config.json has it"
        )
    return messages
