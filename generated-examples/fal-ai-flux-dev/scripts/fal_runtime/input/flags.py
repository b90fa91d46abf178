"""A command line, read: our own options, and one flag for each input field of the model."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from fal_runtime.errors import Problem, UsageError
from fal_runtime.input.options import (
    MODEL_ID_OPTION,
    MODEL_OPTION,
    MODEL_OPTIONS,
    OPTIONS,
    CallOptions,
    Option,
)
from fal_runtime.schema.document import SchemaDocument
from fal_runtime.text import closest


@dataclass(frozen=True, slots=True)
class Flag:
    """The spellings of one input field; `switch_off` are those that say false."""

    field: str
    names: tuple[str, ...]
    switch_off: tuple[str, ...]
    boolean: bool


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A command line, read: its options, the texts of each field's flags, and what is unknown.

    `args` is an input that a Python program gives, in place of that of --args.
    """

    options: CallOptions
    fields: Mapping[str, list[str]]
    unknown: tuple[Problem, ...]
    args: Mapping[str, Any] | None = None


def own_options(model_id: str | None, *, collection: bool = False) -> tuple[Option, ...]:
    """Return the options of a wrapper, or with one that names the model where none is preset."""
    if model_id is not None:
        return OPTIONS
    return (MODEL_OPTION if collection else MODEL_ID_OPTION, *OPTIONS)


def field_flags(document: SchemaDocument, options: tuple[Option, ...]) -> list[Flag]:
    """Return the flags of every input field, as typed with underscores or hyphens alike.

    A field that clashes with an option of ours is called `--input-FIELD`.
    """
    fields = {
        name: schema
        for name, schema in document.fields().items()
        if name and name.isprintable() and "=" not in name
    }
    first = flag_names(fields, options)
    taken = {name for option in options for name in option.names} | set(first.values())
    flags = []
    for name, schema in fields.items():
        spellings = _free(_spellings(first[name]), taken, first[name])
        boolean = "boolean" in document.types(schema)
        negated = first[name].replace("--", "--no-", 1)
        off = _free(_spellings(negated), taken) if boolean else ()
        flags.append(Flag(name, spellings, off, boolean))
    return flags


def parse_command(
    argv: Sequence[str], document: SchemaDocument, options: tuple[Option, ...]
) -> ParsedCommand:
    """Read a command line; raises UsageError for an option of ours that cannot be read."""
    flags = field_flags(document, options)
    parser = _Parser(add_help=False, allow_abbrev=False, usage=argparse.SUPPRESS)
    for option in options:
        option.add_to(parser)
    for number, flag in enumerate(flags):
        _add_flag(parser, flag, f"field {number}")
    namespace, rest = parser.parse_known_args(_joined(argv, options, flags))
    values = vars(namespace)
    fields = {
        flag.field: values.pop(f"field {number}")
        for number, flag in enumerate(flags)
        if f"field {number}" in values
    }
    ours: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    named = [ours.pop(each.attribute, None) for each in MODEL_OPTIONS if each in options]
    if named == [None] and rest and not rest[0].startswith("-"):
        word = rest[0][:60]
        raise UsageError(
            "usage", f"unexpected argument {word!r}; a model is named by -m: -m {word}"
        )
    unknown = _unknown(rest, flags, options, known=document.known)
    return ParsedCommand(CallOptions(**ours), fields, unknown)


def named_model(argv: Sequence[str], option: Option = MODEL_ID_OPTION) -> str | None:
    """Return what the option that names the model says, before the model's fields are known."""
    parser = _Parser(add_help=False, allow_abbrev=False, usage=argparse.SUPPRESS)
    option.add_to(parser)
    # A text such as "-my cat" is a field's value: argparse would take it for `-m` and a name.
    words = [word for word in argv if not (word.startswith("-m") and _has_blank(word))]
    return vars(parser.parse_known_args(words)[0]).get(option.attribute)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError("usage", f"{message}; --help lists the options")


def _add_flag(parser: argparse.ArgumentParser, flag: Flag, attribute: str) -> None:
    bare: dict[str, Any] = {"nargs": "?", "const": "true"} if flag.boolean else {}
    settings: dict[str, Any] = {"dest": attribute, "default": argparse.SUPPRESS}
    parser.add_argument(*flag.names, action="append", **settings, **bare)
    if flag.switch_off:
        parser.add_argument(*flag.switch_off, action="append_const", const="false", **settings)


def flag_names(fields: Iterable[str], options: tuple[Option, ...]) -> dict[str, str]:
    """Return each field's own flag; the fields that clash with nothing keep their names."""
    ours = {name for option in options for name in option.names}
    first = {name: f"--{name}" for name in fields}
    clashing = [name for name in first if ours & set(_spellings(f"--{name}"))]
    taken = ours | {first[name] for name in first if name not in clashing}
    for name in clashing:
        first[name] = f"--input-{name}"
        while first[name] in taken:
            first[name] = f"--input-{first[name][2:]}"
        taken.add(first[name])
    return first


def _spellings(flag: str) -> tuple[str, ...]:
    typed = f"--{flag[2:].replace('_', '-')}"
    return tuple(dict.fromkeys((flag, typed, f"--{flag[2:].replace('-', '_')}")))


def _free(spellings: Iterable[str], taken: set[str], own: str | None = None) -> tuple[str, ...]:
    """Return the spellings that nothing else uses, and take them."""
    free = tuple(name for name in spellings if name == own or name not in taken)
    taken.update(free)
    return free


def _joined(argv: Sequence[str], options: tuple[Option, ...], flags: Sequence[Flag]) -> list[str]:
    """Write `--name value` as `--name=value`: argparse takes `-1e5` or `-x` for an option."""
    takes_value = {n for option in options if option.metavar for n in option.names}
    takes_value -= {n for option in options if option.nargs == "+" for n in option.names}
    takes_value |= {name for flag in flags for name in flag.names}
    words = takes_value | {name for option in options for name in option.names}
    words |= {name for flag in flags for name in flag.switch_off}
    joined: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word in takes_value and word.startswith("--") and rest and _is_value(rest[0], words):
            word = f"{word}={rest.pop(0)}"
        joined.append(word)
    return joined


def _is_value(word: str, words: set[str]) -> bool:
    name = word.partition("=")[0]
    return name not in words and (_has_blank(name) or not word.startswith("--"))


def _has_blank(word: str) -> bool:
    return any(character.isspace() for character in word)


def _unknown(
    rest: Sequence[str], flags: Sequence[Flag], options: tuple[Option, ...], *, known: bool
) -> tuple[Problem, ...]:
    """Return a problem for each word that is neither option nor field; values are not repeated."""
    named = [word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"]
    example = "--prompt TEXT" if known else """--args '{"prompt": "x"}'"""
    if rest and not named:
        several = "; quote one with blanks, and repeat the option for each item of a list"
        raise UsageError(
            "usage",
            f"unexpected argument {rest[0][:60]!r}: values follow an option, such as {example}"
            f"{several if known else ''}",
        )
    names = [flag.names[0].removeprefix("--") for flag in flags]
    if names:
        taken = f"one of the fields {', '.join(names)}"
    elif known:
        taken = "input in --args"
    else:
        taken = f"the input in --args, such as {example} (the model's schema is not known here)"
    expected = f"{taken}, or an option that --help lists"
    ours = [option.names[0].removeprefix("--") for option in options]
    return tuple(
        Problem(
            name.lstrip("-"), f"an unknown option {name[:60]}", expected, _near(name, names, ours)
        )
        for name in dict.fromkeys(named)
    )


def _near(name: str, names: Sequence[str], ours: Sequence[str]) -> str | None:
    plain = name.lstrip("-")
    # An option of ours does something else than a field of like name: nearly the same is asked for.
    own = closest(plain, ours, cutoff=0.75)
    return closest(plain, names) or (f"--{own}" if own is not None else None)
