"""YAML as a stranger reads it: one plain document, no aliases, tags or duplicate keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from fal_runtime.text import one_line
from fal_runtime.yaml_file import read_nodes

__all__ = ["Yaml", "mappings", "read_yaml"]

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
