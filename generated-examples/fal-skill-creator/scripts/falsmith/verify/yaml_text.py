"""YAML as a stranger reads it: one plain document, no aliases, tags or duplicate keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from falsmith.verify.problem import shown

__all__ = ["Yaml", "mappings", "read_yaml"]

DEEPEST = 40
LONGEST = 1_000_000
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Yaml:
    """A document: its value, and its nodes, which know style and line."""

    value: Any
    node: yaml.Node | None


def read_yaml(text: str) -> Yaml:
    """Return the document of a YAML text; raises ValueError saying what is wrong with it."""
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST:,} characters")
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=LOADER)
        value = None if node is None else SafeConstructor().construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())[:200]) from None
    for mapping in mappings(node):
        _check_keys(mapping)
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


def _check_events(text: str) -> None:
    """Refuse depth, anchors and tags while the text streams by: nothing is built of it yet."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise ValueError(f"is nested more than {DEEPEST} deep")
        for name in ("anchor", "tag"):
            if getattr(event, name, None) is not None:
                raise ValueError(f"{_line(event)}: anchors, aliases and tags are not allowed")


def _check_keys(mapping: yaml.MappingNode) -> None:
    seen = set()
    for key, _ in mapping.value:
        if key.value in seen:
            raise ValueError(f"{_line(key)}: the key {shown(key.value)} is given twice")
        seen.add(key.value)


def _line(part: yaml.Event | yaml.Node) -> str:
    return "somewhere" if part.start_mark is None else f"line {part.start_mark.line + 1}"
