"""The one reader of YAML: one plain document, without aliases, tags and names given twice."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from fal_runtime.errors import LocalError, UsageError
from fal_runtime.paths import content_of, reason
from fal_runtime.text import one_line

if TYPE_CHECKING:
    import yaml

# The names that lead to a value, the value, and its line.
YamlEntry: TypeAlias = tuple[tuple[str, ...], Any, int]

# Plain scalars as YAML 1.2 reads them: to PyYAML's 1.1, 16:9 is the number 969 and `no` is false.
_SCALARS = {
    "null": r"(~|null|Null|NULL)?$",
    "bool": r"(true|True|TRUE|false|False|FALSE)$",
    "int": r"[-+]?(0|[1-9][0-9]*)$",
    "float": r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?$",
}
# Nobody writes more by hand, and PyYAML takes a minute for three megabytes.
_LARGEST = 100_000
# PyYAML goes into each level with several calls.
_DEEPEST = 40


class YamlTextError(ValueError):
    """A text is not the YAML that is wanted: `reason`, and its `line` counted from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def read_nodes(text: str, loader: "type[yaml.SafeLoader] | None" = None) -> "yaml.Node | None":
    """Return the nodes of a YAML text, which know their line and style; None for an empty one.

    `loader` reads the plain scalars, those of YAML 1.2 where none is given. Raises YamlTextError
    for what is no YAML document, for anchors, aliases and tags, names that stand twice or are no
    texts, and nesting deeper than 40 levels.
    """
    import yaml

    loader = loader if loader is not None else _loader()
    try:
        _refuse_events(text, loader)
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise YamlTextError(line, f"this is not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise YamlTextError(1, f"this is not valid YAML: {one_line(str(error), 200)}") from None
    if node is not None:
        _refuse_names(node)
    return node


def entries(file: Path, depth: int = 1) -> list[YamlEntry]:
    """Return a mapping's entries, each followed by those of a mapping inside it, down to `depth`.

    Raises UsageError that names file and line for what is no such YAML, and for a file of more
    than 100 kB; LocalError for one that cannot be read.
    """
    import yaml

    try:
        content = content_of(file, _LARGEST + 1)
        if len(content) > _LARGEST:
            size = f"{file} has more than {_LARGEST // 1000} kB, which nobody writes by hand"
            raise UsageError("invalid_settings", f"{size}: keep settings only")
        root = read_nodes(content.decode())
        if root is None:
            return []
        if not isinstance(root, yaml.MappingNode):
            raise YamlTextError(1, "`name: value` lines are expected")
        return list(_entries(_loader()(""), root, (), depth))
    except YamlTextError as error:
        message = f"{file}, line {error.line}: {error.reason}"
        raise UsageError("invalid_settings", message) from None
    except UnicodeDecodeError:
        raise UsageError("invalid_settings", f"{file} is not UTF-8 text") from None
    except OSError as error:
        raise LocalError("local_trouble", f"{file} cannot be read: {reason(error)}") from None


def _entries(
    loader: "yaml.SafeLoader", node: "yaml.MappingNode", path: tuple[str, ...], depth: int
) -> Iterator[YamlEntry]:
    for key, value in node.value:
        here, line = (*path, key.value), key.start_mark.line + 1
        try:
            yield here, loader.construct_object(value, deep=True), line
        except ValueError as error:  # a number of thousands of digits
            raise YamlTextError(line, f"this is not valid YAML: {error}") from None
        if depth > 1 and value.id == "mapping":
            yield from _entries(loader, value, here, depth - 1)


def _refuse_events(text: str, loader: "type[yaml.SafeLoader]") -> None:
    """Refuse, while nothing is built of the text yet, what repeats, converts or nests too deep.

    A few lines of aliases can stand for gigabytes, and a tag's converter may fail in any way.
    """
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise YamlTextError(line, f"it nests more than {_DEEPEST} levels deep")
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise YamlTextError(line, f"write out in full what {event.anchor} names")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise YamlTextError(line, f"leave out the tag {one_line(tag, 80)}: write a plain value")


def _refuse_names(node: "yaml.Node") -> None:
    """Refuse a name that stands twice in a mapping, at any depth: PyYAML takes the last one."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for part in node.value:
            _refuse_names(part)
    elif isinstance(node, yaml.MappingNode):
        names = set()
        for key, part in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key.value, str):
                raise YamlTextError(line, "a name must be a single word or text")
            if key.value in names:
                raise YamlTextError(line, f"{one_line(key.value, 80)} is given twice")
            names.add(key.value)
            _refuse_names(part)


@cache
def _loader() -> "type[yaml.SafeLoader]":
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's safe loader with the plain scalars of YAML 1.2."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the parent declares it

    for name, pattern in _SCALARS.items():
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(pattern), None)
    return Loader
