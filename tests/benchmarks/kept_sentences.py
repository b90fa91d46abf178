"""How much of what binds a caller stands in a skill, and what is cut there without a sign."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from figures import Figure

from falsmith.documents import Documents
from falsmith.filters import cell
from falsmith.model import Model
from falsmith.parse import HIDDEN, parse
from falsmith.prose import SENTENCE_LIMIT, binds, conditions, sentences
from falsmith.render import Options, render
from falsmith.skill.tree import File
from falsmith.sources import Source
from falsmith.text import CUT

__all__ = ["kept_sentences"]

# A cut sentence ends at a word: so much of it stands there for sure.
SURELY_SHOWN = SENTENCE_LIMIT - 60
# The rows of the parameter table, by field.
ROW = re.compile(r"^\| `([^`]+)` \| .* \| (.*) \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Told:
    """The sentences of one model's fields: how many bind, which of them are lost, what is cut."""

    binding: int
    lost: tuple[str, ...]
    cut_unsaid: tuple[str, ...]


def kept_sentences(source: Source) -> list[Figure]:
    """Return the share of binding sentences that are lost, and how many cuts nothing tells."""
    all_told = [told(one) for one in source.all() if isinstance(one, Documents)]
    binding = sum(one.binding for one in all_told)
    lost = sum(len(one.lost) for one in all_told)
    cuts = sum(len(one.cut_unsaid) for one in all_told)
    return [
        Figure("binding sentences lost", 100 * lost / binding, 2, " %", f"{lost:,} of {binding:,}"),
        Figure("notes cut without a sign", cuts, 0, "", f"{len(all_told):,} models"),
    ]


def told(documents: Documents) -> Told:
    """Return what the two forms of one model's skill tell of its fields."""
    model = parse(documents)
    full, lazy = _texts(model, Options()), _texts(model, Options(lazy=True))
    table = full["SKILL.md"]
    rows = dict(ROW.findall(table))
    reference = yaml.safe_load(lazy[f"references/tools/{model.skill_name}.yaml"])
    shown = " ".join(_abouts(reference))
    texts = [text for name, text in _descriptions(model.input_schema) if name not in HIDDEN]
    binding = [one for text in texts for one in sentences(text) if binds(one)]
    answer = [one for output in model.outputs for one in sentences(conditions(output.description))]
    lost = [one for one in binding + answer if not _stands(one, table, shown)]
    fields = [inner for one in model.parameters for inner in (one, *one.members)]
    notes = [(one.description, rows.get(one.name, "")) for one in model.parameters]
    notes += [(one.description, note) for one, note in zip(fields, _notes(reference), strict=True)]
    return Told(
        binding=len(binding) + len(answer),
        lost=tuple(lost),
        cut_unsaid=tuple(text for text, note in notes if _is_cut_unsaid(text, note)),
    )


def _texts(model: Model, options: Options) -> dict[str, str]:
    files = (one for one in render(model, options) if isinstance(one, File))
    return {str(one.path): one.content.decode() for one in files}


def _descriptions(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and description of every field in a schema, and of all that these hold."""
    definitions = schema.get("$defs", {})
    waiting: list[tuple[str, Any]] = [("", {**schema, "description": ""})]
    entered: set[str] = set()
    while waiting:
        name, part = waiting.pop()
        if not isinstance(part, Mapping):
            continue
        if part.get("description"):
            yield name, part["description"]
        target = str(part.get("$ref", "")).removeprefix("#/$defs/").replace("%25", "%")
        target = target.replace("~1", "/").replace("~0", "~")
        if target in definitions and target not in entered:
            entered.add(target)
            waiting.append((name, definitions[target]))
        waiting += part.get("properties", {}).items()
        waiting += [(name, one) for key in ("anyOf", "oneOf", "allOf") for one in part.get(key, ())]
        waiting += [(name, one) for one in (*part.get("prefixItems", ()), part.get("items"))]


def _abouts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("about"), str):
            yield value["about"]
        for member in value.values():
            yield from _abouts(member)


def _notes(reference: Mapping[str, Any]) -> Iterator[str]:
    for field in reference["input"].values():
        yield field.get("about", "")
        yield from (member.get("about", "") for member in field.get("members", {}).values())


def _stands(sentence: str, table: str, shown: str) -> bool:
    return cell(sentence)[:SURELY_SHOWN] in table and sentence[:SURELY_SHOWN] in shown


def _is_cut_unsaid(text: str, note: str) -> bool:
    """Return whether a note is a part of the description and does not say so."""
    shown = (cell(one) in note or one in note for one in sentences(text))
    return CUT not in note and not all(shown)
