"""The user's own defaults of a skill: fields that every call sends, and named bundles of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from fal_runtime.errors import InputError, Problem, UsageError
from fal_runtime.input.files import find_local_files
from fal_runtime.input.flags import flag_names
from fal_runtime.input.options import OPTIONS
from fal_runtime.input.prepare import Layers, check_input
from fal_runtime.json_text import Value, put
from fal_runtime.model import CalledModel
from fal_runtime.schema.describe import path_text
from fal_runtime.schema.document import SchemaDocument
from fal_runtime.text import closest, cut, short_json
from fal_runtime.yaml_file import entries

_SECTIONS = ("defaults", "presets")
# What a schema says of single fields; all else in it speaks of a whole input.
_ABOUT_FIELDS = ("$schema", "$defs", "additionalProperties", "patternProperties", "examples")


# Presets hold fields two names below the top: presets, NAME, FIELD.
_DEPTH = 3
_INSIDE = (
    "a file inside the skill or below the working folder, not hidden: copy it there, or name it "
    "on the command line"
)

# The names that lead to a bundle: ("defaults",) or ("presets", NAME).
_Bundle: TypeAlias = tuple[str, ...]
# A problem and its line.
_Located: TypeAlias = tuple[int, Problem]


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a bundle, and the line that it stands on; relative paths are made absolute."""

    bundle: _Bundle
    name: str
    value: Value
    line: int

    def problem(self, problem: Problem) -> _Located:
        """Return a problem of the field with its place in the file."""
        dot = "" if problem.path.startswith("[") else "."
        return self.line, replace(problem, path=f"{'.'.join(self.bundle)}{dot}{problem.path}")


def read_defaults(
    model: CalledModel,
    project: Path,
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
    file, skill, document = model.defaults_file, model.skill, model.document
    if file is None and preset is not None:
        raise UsageError(
            "usage",
            f"--preset {preset[:60]}: the presets of a model stand in {model.defaults_place} of "
            f"its own skill, and there is no such file{_own_field(document)}",
        )
    if file is None or skill is None:
        return {}
    fields, presets = _read_bundles(file, document)
    used: dict[str, _Bundle] = {"defaults": ("defaults",)}
    if preset is not None:
        if preset not in presets:
            there = f"its presets are {', '.join(presets)}" if presets else "it has no presets"
            near = closest(preset, presets)
            hint = f"; did you mean {near}?" if near else ""
            hint += _own_field(document)
            raise UsageError("usage", f"{file} has no preset {preset[:60]!r}: {there}{hint}")
        used[f"preset {preset}"] = ("presets", preset)
    # Any field may be missing.
    kept = {name: document.root[name] for name in _ABOUT_FIELDS if name in document.root}
    whole = {"type": "object", "properties": document.fields()} if document.known else {}
    alone = SchemaDocument(kept | whole)
    problems = [one for field in fields for one in _foreign_files(field, alone, skill, project)]
    for field in fields:
        if field.value is None:
            expected = "a value; null takes nothing away: leave the line out"
            problems.append(field.problem(Problem(path_text((field.name,)), "null", expected)))
            continue
        try:
            check_input(
                {field.name: field.value},
                alone,
                check_files=field.bundle in used.values(),
                validate=validate,
                allow_unknown=allow_unknown,
            )
        except InputError as error:
            problems += map(field.problem, error.problems)
    if problems:
        raise _refused(file, problems)
    return {
        source: {field.name: field.value for field in fields if field.bundle == bundle}
        for source, bundle in used.items()
    }


def _own_field(document: SchemaDocument) -> str:
    """Return where a value of the model's own field `preset` goes, if it has one."""
    name = flag_names(document.fields(), OPTIONS).get("preset")
    return f"; the model's own field of that name is {name}" if name else ""


def _read_bundles(file: Path, document: SchemaDocument) -> tuple[list[_Field], list[str]]:
    """Return the fields of all bundles, and the names of the presets."""
    fields: list[_Field] = []
    presets: list[str] = []
    for path, value, line in entries(file, depth=_DEPTH):
        *bundle, name = path
        if bundle == ["defaults"] or (len(bundle) == 2 and bundle[0] == "presets"):
            field = {name: value}
            for local in find_local_files(field, document, check=False, folder=file.parent)[0]:
                if not local.path.is_absolute():
                    put(field, local.location, str(file.parent / local.path))
            fields.append(_Field(tuple(bundle), name, field[name], line))
        elif bundle in ([], ["presets"]):
            problem = _no_mapping(path, value)
            if problem is not None:
                raise _refused(file, [(line, problem)])
            presets += [name] if bundle else []
    return fields, presets


def _no_mapping(path: tuple[str, ...], value: Value) -> Problem | None:
    """Return what is wrong with a section or a preset; an empty one is none the worse."""
    if path[0] not in _SECTIONS:
        near = closest(path[0], _SECTIONS)
        return Problem(path[0], "an unknown name", f"one of {', '.join(_SECTIONS)}", near)
    if value is None or isinstance(value, dict):
        return None
    inside = "presets by name" if path == ("presets",) else "input fields by name"
    return Problem(".".join(path), short_json(value), inside)


def _foreign_files(
    field: _Field, document: SchemaDocument, skill: Path, project: Path
) -> Iterator[_Located]:
    """Yield a problem for each file that is neither the skill's nor, links followed, the project's.

    What is hidden in the project is none of its files.
    """
    folder = project.resolve()
    for file in find_local_files({field.name: field.value}, document, check=False)[0]:
        place = file.path.resolve()
        inside = place.relative_to(folder).parts if place.is_relative_to(folder) else (".",)
        hidden = any(part.startswith(".") for part in inside)
        if hidden and not place.is_relative_to(skill.resolve()):
            where = path_text(file.location)
            yield field.problem(Problem(where, short_json(str(file.path)), _INSIDE))


def _refused(file: Path, problems: Sequence[_Located]) -> UsageError:
    shown = "; ".join(f"line {line}: {problem}" for line, problem in problems[:5])
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    message = cut(f"{file}, {shown}{more}", 1500)
    return UsageError("invalid_settings", message, [problem for _, problem in problems])
