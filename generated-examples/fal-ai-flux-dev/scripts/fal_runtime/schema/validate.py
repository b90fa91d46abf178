"""The problems of an input by its schema, all at once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from fal_runtime.errors import LocalError, Problem
from fal_runtime.json_text import Value
from fal_runtime.schema.describe import describe, path_text
from fal_runtime.schema.document import (
    MOST_STEPS,
    AnySchema,
    Location,
    SchemaDocument,
    is_quick,
    json_type,
)
from fal_runtime.text import closest, short_json

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

# What came where a required field is missing.
NOTHING = "nothing"

# Nobody reads more, and to say what was expected takes its time.
_MOST_PROBLEMS = 100


def schema_problems(
    value: Mapping[str, Any],
    document: SchemaDocument,
    *,
    allow_unknown: bool = False,
) -> list[Problem]:
    """Return the ways in which the value breaks the schema (JSON Schema 2020-12).

    Raises LocalError when the schema itself cannot be applied, or only in a very long time.
    """
    if document.fits_plainly(value, document.root):
        return []
    problems: list[Problem] = []
    if document.steps(value) > MOST_STEPS:
        raise LocalError(
            "local_trouble",
            "the input cannot be checked: it and the skill's input.schema.json are too "
            "large together. Give a smaller input, or --no-validate to send it unchecked",
        )
    with _schema_blamed(document):
        from referencing import Registry

        # Without a registry of its own, jsonschema would fetch a remote reference from the network.
        validator = _validator_class(allow_unknown)(dict(document.root), registry=Registry())
        errors = validator.iter_errors(value)
        each = (problem for error in errors for problem in _problems(error, document))
        problems += islice(each, _MOST_PROBLEMS)
    return list({(p.path, p.expected): p for p in reversed(problems)}.values())[::-1]


@contextmanager
def _schema_blamed(document: SchemaDocument) -> Iterator[None]:
    """Turn an error that comes of a broken schema into a LocalError.

    The schema itself is checked only then: that takes many times as long as applying it.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing.exceptions import Unresolvable

    try:
        yield
    except RecursionError:
        raise _broken("it refers to itself without end") from None
    except Unresolvable as error:
        raise _broken(f"it refers to {error.ref}, which is not there") from None
    except Exception:
        try:
            Draft202012Validator.check_schema(dict(document.root))
        except SchemaError as error:
            where = path_text(tuple(error.absolute_path))
            raise _broken(f"{where}: {short_json(error.message)}") from None
        raise


def unknown_fields(value: Value, document: SchemaDocument) -> list[Problem]:
    """Return the names, at every level whose fields are known, that the schema does not list."""
    problems = []
    for location, current, schemas in document.visit(value):
        names = _known_names(schemas, document) if isinstance(current, dict) else None
        unknown = [name for name in current if name not in names] if names else []
        problems += [_unknown((*location, name), names or {}) for name in unknown]
    return problems


@cache
def _validator_class(allow_unknown: bool) -> type["Validator"]:
    from jsonschema import Draft202012Validator, validators

    # A value that fits two branches of a oneOf is decided by the server's discriminator.
    keywords: dict[str, Any] = {
        **Draft202012Validator.VALIDATORS,
        "pattern": _quick_pattern,
        "oneOf": Draft202012Validator.VALIDATORS["anyOf"],
        "multipleOf": _multiple_of,
    }
    if allow_unknown:
        listed = Draft202012Validator.VALIDATORS["additionalProperties"]
        keywords["additionalProperties"] = lambda validator, others, instance, schema: (
            () if others is False else listed(validator, others, instance, schema)
        )
        keywords["unevaluatedProperties"] = lambda *_: ()
    extend: Callable[..., type[Validator]] = validators.extend
    return extend(Draft202012Validator, keywords)


def _quick_pattern(
    validator: "Validator", pattern: str, instance: Value, schema: AnySchema
) -> Iterator["ValidationError"]:
    from jsonschema import Draft202012Validator

    if is_quick(pattern):
        judge: Callable[..., Any] = Draft202012Validator.VALIDATORS["pattern"]
        yield from judge(validator, pattern, instance, schema) or ()


def _multiple_of(
    validator: "Validator", step: Value, instance: Value, _schema: AnySchema
) -> Iterator["ValidationError"]:
    """Check a multiple exactly: in binary 0.3 is no multiple of 0.1."""
    from fractions import Fraction

    from jsonschema import ValidationError

    if not validator.is_type(instance, "number") or not step:
        return
    rest = Fraction(str(instance)) % Fraction(str(step))
    if rest:
        yield ValidationError(f"{instance!r} is not a multiple of {step}")


def _problems(error: "ValidationError", document: SchemaDocument) -> Iterator[Problem]:
    location, instance = tuple(error.absolute_path), cast(Any, error.instance)
    if error.validator in ("anyOf", "oneOf") and error.context:
        yield from _union_problems(error, document)
    elif error.validator == "required":
        for name in cast(list[str], error.validator_value):
            if name not in instance:
                members = document.members([error.schema], name)
                expected = describe(members[0], document) if members else "a value"
                yield Problem(path_text((*location, name)), NOTHING, expected)
    elif error.validator == "additionalProperties" and error.validator_value is False:
        names = _known_names([error.schema], document) or {}
        yield from (_unknown((*location, n), names) for n in instance if n not in names)
    else:
        yield _misfit(error, document)


def _union_problems(error: "ValidationError", document: SchemaDocument) -> Iterator[Problem]:
    """Report the branch that fits best, or the whole union where no branch takes the type."""
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
    best = min(branches, key=lambda index: _distance(error, branches[index], index, document))
    members = ("required", "additionalProperties")
    inside = [e for e in branches[best] if e.relative_path or e.context or e.validator in members]
    if not inside:
        yield _misfit(error, document)
    for inner in inside:
        yield from _problems(inner, document)


def _distance(
    error: "ValidationError", inner: list["ValidationError"], index: int, document: SchemaDocument
) -> tuple[bool, int, int]:
    """Order branches: the value's type first, then matching constants, then fewest problems."""
    branch = cast(list[Any], error.validator_value)[index]
    wrong_type = json_type(error.instance) not in document.types(branch)
    constants = sum(each.validator in ("const", "enum") for each in inner)
    return wrong_type, constants, len(inner)


def _misfit(error: "ValidationError", document: SchemaDocument) -> Problem:
    value: Any = error.instance
    choices = [c for c in document.choices([error.schema]) if isinstance(c, str)]
    near = closest(value, choices) if isinstance(value, str) else None
    expected = describe(error.schema, document)
    if str(error.validator) not in _DESCRIBED:
        expected = f"{expected} ({error.validator}: {short_json(error.validator_value)})"
    got = short_json(value)
    if error.validator in ("minItems", "maxItems"):
        got = f"{len(value)} items"
    elif error.validator in ("minLength", "maxLength"):
        got = f"{short_json(value, 40)} ({len(value):,} characters)"
    return Problem(path_text(tuple(error.absolute_path)), got, expected, near)


_DESCRIBED = {"type", "enum", "const", "pattern", "anyOf", "oneOf", "multipleOf"}
_DESCRIBED |= {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_DESCRIBED |= {"minLength", "maxLength", "minItems", "maxItems"}


def _unknown(location: Location, names: Mapping[str, None]) -> Problem:
    near = closest(str(location[-1]), names)
    expected = f"one of the fields {', '.join(names)}"
    return Problem(path_text(location), "an unknown field", expected, near)


def _known_names(schemas: list[Any], document: SchemaDocument) -> dict[str, None] | None:
    """Return the names that an object may hold, None where it may hold any."""
    names: dict[str, None] = {}
    for part in document.parts(*schemas):
        if "object" not in document.types(part):
            continue
        if _is_open(part, document):
            return None
        properties = part.get("properties")
        names |= dict.fromkeys(properties if isinstance(properties, Mapping) else ())
    # What upstream's own examples name is not unknown, though its schema forgets it.
    shown = [example for example in document.examples(schemas) if isinstance(example, Mapping)]
    return names | dict.fromkeys(n for example in shown for n in example) if names else None


def _is_open(part: Mapping[str, Any], document: SchemaDocument) -> bool:
    if part.get("additionalProperties") not in (None, False) or "patternProperties" in part:
        return True
    if "properties" in part:
        return False
    branches = [b for key in ("anyOf", "oneOf") for b in part.get(key) or ()]
    return any(
        "object" in document.types(branch)
        and not any("properties" in inner for inner in document.parts(branch))
        for branch in branches
    )


def _broken(reason: str) -> LocalError:
    return LocalError(
        "local_trouble",
        f"the skill's input.schema.json cannot be applied: {reason}. Generate the skill "
        "again with `falsmith generate --force`, or give --no-validate",
    )
