"""Read a YAML file that people write: its entries, each with the line that it stands on."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from fal_runtime.errors import LocalError, UsageError

if TYPE_CHECKING:
    import yaml

__all__ = ["Entry", "entries"]

# The names that lead to a value, the value, and its line.
Entry: TypeAlias = tuple[tuple[str, ...], Any, int]

# Plain scalars as YAML 1.2 reads them: to PyYAML's 1.1, 16:9 is the number 969 and `no` is false.
_SCALARS = {
    "null": r"(~|null|Null|NULL)?$",
    "bool": r"(true|True|TRUE|false|False|FALSE)$",
    "int": r"[-+]?(0|[1-9][0-9]*)$",
    "float": r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?$",
}
# Nobody writes more by hand, and PyYAML takes a minute for three megabytes.
_LARGEST = 100_000


def entries(file: Path, depth: int = 1) -> list[Entry]:
    """Return a mapping's entries, each followed by those of a mapping inside it, down to `depth`.

    Raises UsageError that names file and line for what is no such YAML, a name that stands twice
    and an alias, and for a file of more than 100 kB; LocalError for one that cannot be read.
    """
    import yaml

    try:
        text = _text(file)
        _refuse_aliases(text, file)
        loader = _loader()(text)
        root = loader.get_single_node()
        if root is None:
            return []
        if not isinstance(root, yaml.MappingNode):
            raise _refused(file, 1, "`name: value` lines are expected")
        _refuse_twice(root, file)
        return list(_inside(loader, root, (), depth))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise _refused(file, line, f"this is not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # PyYAML lets a ValueError pass for a number too long.
        raise UsageError("invalid_settings", f"{file} is not valid YAML: {error}") from None
    except OSError as error:
        raise LocalError("local_trouble", f"{file} cannot be read: {error.strerror}") from None


def _text(file: Path) -> str:
    if file.exists() and not file.is_file():
        raise LocalError("local_trouble", f"{file} cannot be read: it is no regular file")
    with file.open("rb") as stream:
        content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        told = f"{file} has more than {_LARGEST // 1000} kB, which nobody writes by hand"
        raise UsageError("invalid_settings", f"{told}: keep settings only")
    return content.decode("utf-8")


def _inside(
    loader: "yaml.SafeLoader", node: "yaml.MappingNode", path: tuple[str, ...], depth: int
) -> Iterator[Entry]:
    for key, value in node.value:
        here = (*path, key.value)
        yield here, loader.construct_object(value, deep=True), key.start_mark.line + 1
        if depth > 1 and value.id == "mapping":
            yield from _inside(loader, value, here, depth - 1)


def _refuse_twice(node: "yaml.Node", file: Path) -> None:
    """Refuse a name that stands twice in a mapping, at any depth: PyYAML takes the last one."""
    import yaml

    parts = node.value if isinstance(node, yaml.SequenceNode) else ()
    if isinstance(node, yaml.MappingNode):
        _refuse_names(node, file)
        parts = [value for _, value in node.value]
    for part in parts:
        _refuse_twice(part, file)


def _refuse_names(node: "yaml.MappingNode", file: Path) -> None:
    names = set()
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key.value, str):
            raise _refused(file, line, "a name must be a single word or text")
        if key.value in names:
            raise _refused(file, line, f"{key.value} is given twice")
        names.add(key.value)


def _refuse_aliases(text: str, file: Path) -> None:
    """Refuse what repeats another part: a few lines of it can stand for gigabytes."""
    import yaml

    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark is not None else 1
            raise _refused(file, line, f"write *{event.anchor} out in full")


@cache
def _loader() -> "type[yaml.SafeLoader]":
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's safe loader with the plain scalars of YAML 1.2."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the parent declares it

    for name, pattern in _SCALARS.items():
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(pattern), None)
    return Loader


def _refused(file: Path, line: int, why: str) -> UsageError:
    return UsageError("invalid_settings", f"{file}, line {line}: {why}")
