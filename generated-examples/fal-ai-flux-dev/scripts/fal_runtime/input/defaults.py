"""The user's own defaults of a skill: fields that every call sends, and named bundles of them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from fal_runtime.errors import InputError, Problem, UsageError
from fal_runtime.input.files import find_local_files
from fal_runtime.input.prepare import Layers, check_input, put
from fal_runtime.json_text import Value
from fal_runtime.model import defaults_file
from fal_runtime.schema.describe import path_text
from fal_runtime.schema.document import SchemaDocument
from fal_runtime.text import closest, cut, short_json
from fal_runtime.yaml_file import entries

__all__ = ["read_defaults"]

_SECTIONS = ("defaults", "presets")
# What a schema says of single fields; all else in it speaks of a whole input.
_ABOUT_FIELDS = ("$schema", "$defs", "additionalProperties", "patternProperties", "examples")


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a bundle, and the line that it stands on."""

    name: str
    value: Value
    line: int


# By the names that lead to it: ("defaults",) or ("presets", NAME).
_Bundle: TypeAlias = tuple[str, ...]
_Bundles: TypeAlias = Mapping[_Bundle, Sequence[_Field]]
_DEFAULTS: _Bundle = ("defaults",)

_INSIDE = (
    "a file inside the skill or below the working folder, not hidden: copy it there, or name it "
    "on the command line"
)

# A problem and its line.
_Found: TypeAlias = tuple[int, Problem]

_Check: TypeAlias = Callable[..., object]


def read_defaults(
    skill: Path | None,
    project: Path,
    document: SchemaDocument,
    preset: str | None,
    *,
    validate: bool,
    allow_unknown: bool,
) -> Layers:
    """Return the fields of the defaults and of the preset, by the names of these two sources.

    Every bundle of the file must pass `check_input`, with these options of the call. A relative
    path of a file starts at the folder of defaults.yaml. The file comes with a skill, perhaps a
    foreign one, so it may name only files of the skill and files below the folder `project` that
    are not hidden; those of the bundles in use must be there. Raises UsageError that names file,
    line and key of every problem, LocalError for a file that cannot be read.
    """
    file = defaults_file(skill)
    if file is None and preset is not None:
        raise UsageError(
            "usage",
            f"--preset {preset[:60]}: the presets of a model stand in references/defaults.yaml of "
            "its own skill, and there is no such file",
        )
    if file is None or skill is None:
        return {}
    bundles = _bundles(file, document)
    used: dict[str, _Bundle] = {"defaults": _DEFAULTS}
    if preset is not None:
        used[f"preset {preset}"] = _known_preset(preset, bundles, file)
    alone = _fields_alone(document)
    check = partial(check_input, validate=validate, allow_unknown=allow_unknown)
    problems = [
        *_outside_files(bundles, alone, skill, project),
        *_problems(bundles, used.values(), alone, check),
    ]
    if problems:
        raise _refused(file, problems)
    return {
        source: {field.name: field.value for field in bundles[bundle]}
        for source, bundle in used.items()
    }


def _bundles(file: Path, document: SchemaDocument) -> _Bundles:
    """Return the file's bundles, in which every relative path is made absolute."""
    bundles: dict[_Bundle, list[_Field]] = {_DEFAULTS: []}
    for path, value, line in entries(file, depth=3):
        *above, name = path
        if tuple(above) in bundles:
            anchored = _anchored({name: value}, document, file.parent)
            bundles[tuple(above)].append(_Field(name, anchored[name], line))
        elif above in ([], ["presets"]):
            problem = _no_mapping(path, value)
            if problem is not None:
                raise _refused(file, [(line, problem)])
            bundles |= {path: []} if above else {}
    return bundles


def _no_mapping(path: tuple[str, ...], value: Value) -> Problem | None:
    """Return what is wrong with a section or a preset; an empty one is none the worse."""
    if path[0] not in _SECTIONS:
        near = closest(path[0], _SECTIONS)
        return Problem(path[0], "an unknown name", f"one of {', '.join(_SECTIONS)}", near)
    if value is None or isinstance(value, dict):
        return None
    inside = "presets by name" if path == ("presets",) else "input fields by name"
    return Problem(".".join(path), short_json(value), inside)


def _anchored(whole: dict[str, Value], document: SchemaDocument, folder: Path) -> dict[str, Value]:
    for file in find_local_files(whole, document, check=False)[0]:
        if not file.path.is_absolute():
            put(whole, file.location, str(folder / file.path))
    return whole


def _outside_files(
    bundles: _Bundles, document: SchemaDocument, skill: Path, project: Path
) -> Iterator[_Found]:
    """Yield a problem for each file that is neither the skill's nor the project's."""
    for bundle, fields in bundles.items():
        for field in fields:
            files, _ = find_local_files({field.name: field.value}, document, check=False)
            for file in files:
                if not _belongs(file.path, skill, project):
                    path = f"{'.'.join(bundle)}.{path_text(file.location)}"
                    yield field.line, Problem(path, short_json(str(file.path)), _INSIDE)


def _belongs(path: Path, skill: Path, project: Path) -> bool:
    """Return whether a file, links followed, is the skill's, or the project's and not hidden."""
    place, folder = path.resolve(), project.resolve()
    if place.is_relative_to(skill.resolve()):
        return True
    inside = place.relative_to(folder).parts if place.is_relative_to(folder) else (".",)
    return not any(part.startswith(".") for part in inside)


def _problems(
    bundles: _Bundles, used: Collection[_Bundle], document: SchemaDocument, check: _Check
) -> Iterator[_Found]:
    for bundle, fields in bundles.items():
        for field in fields:
            if field.value is None:
                expected = "a value; null takes nothing away: leave the line out"
                found: Sequence[Problem] = [Problem(path_text((field.name,)), "null", expected)]
            else:
                found = _broken(check, {field.name: field.value}, document, bundle in used)
            for problem in found:
                dot = "" if problem.path.startswith("[") else "."
                path = f"{'.'.join(bundle)}{dot}{problem.path}"
                yield field.line, replace(problem, path=path)


def _broken(
    check: _Check, value: Mapping[str, Value], document: SchemaDocument, check_files: bool
) -> Sequence[Problem]:
    try:
        check(value, document, check_files=check_files)
    except InputError as error:
        return error.problems
    return ()


def _fields_alone(document: SchemaDocument) -> SchemaDocument:
    """Return the schema of an input of which any field may be missing."""
    if not document.known:
        return document
    kept = {name: document.root[name] for name in _ABOUT_FIELDS if name in document.root}
    return SchemaDocument(kept | {"type": "object", "properties": document.fields()})


def _known_preset(preset: str, bundles: _Bundles, file: Path) -> _Bundle:
    if ("presets", preset) in bundles:
        return "presets", preset
    names = [bundle[1] for bundle in bundles if bundle != _DEFAULTS]
    there = f"its presets are {', '.join(names)}" if names else "it has no presets"
    near = closest(preset, names)
    hint = f"; did you mean {near}?" if near else ""
    raise UsageError("usage", f"{file} has no preset {preset[:60]!r}: {there}{hint}")


def _refused(file: Path, found: Sequence[_Found]) -> UsageError:
    shown = "; ".join(f"line {line}: {problem}" for line, problem in found[:5])
    more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
    message = cut(f"{file}, {shown}{more}", 1500)
    return UsageError("invalid_settings", message, [problem for _, problem in found])
