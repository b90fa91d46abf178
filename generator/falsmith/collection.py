"""Several models as one skill: parsed one by one, and the words by which the skill is chosen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from fal_runtime.text import cut, one_line
from falsmith.description.line import LONGEST_LINE, SHORT_LENGTHS
from falsmith.documents import CollectionDocuments
from falsmith.errors import SkillNameError
from falsmith.model import Collection, Model
from falsmith.names import (
    check_short_name,
    collection_title,
    objection_to_skill_name,
    wrapper_name,
)
from falsmith.parse import parse
from falsmith.prose import sentences
from falsmith.text import counted, in_sentence

__all__ = ["check_collection_name", "parse_collection"]

# The line stands for many skills: it says all that its models do, even where it grows long by that,
# then names some of them.
LONGEST_TASKS = 400
NAMES = 80
# What sets one model apart, in its row: a few words, for all of them are read before a choice.
LONGEST_APART = 90


def parse_collection(
    documents: CollectionDocuments, name: str, *, description: str | None = None
) -> Collection:
    """Return the collection that the documents of its models describe.

    Args:
        documents: The models' documents by their short names.
        name: The skill's name.
        description: The skill's description, where the user wrote one.

    Raises:
        SkillNameError: The name, a short name or a model's ID cannot be used.

    """
    check_collection_name(name)
    models = {
        short_name: parse(one, name=name, short_name=check_short_name(short_name))
        for short_name, one in documents.models.items()
    }
    shown = _set_apart(tuple(models.values()))
    title = collection_title(name)
    counts = Counter(model.purpose for model in shown)
    purposes = [one for one, _ in counts.most_common()]
    purpose, count = _joined(purposes), counted(len(shown), "fal.ai model")
    task = in_sentence(purpose)
    first = f"{count} to {in_sentence(purposes[0])}{' and more' if len(purposes) > 1 else ''}"
    short = (first, f"{title}: {count} in one skill", f"{count} in one skill")
    return Collection(
        name,
        wrapper_name(name),
        title,
        one_line(description or "") or _line(purpose, count, shown),
        next(one for one in short if len(one) in SHORT_LENGTHS),
        purpose,
        task,
        {model.short_name: model for model in shown},
        documents.default,
    )


def check_collection_name(name: str) -> str:
    """Return `name` unchanged, or raise SkillNameError saying why no collection can have it."""
    reason = objection_to_skill_name(name)
    if reason is None:
        return name
    raise SkillNameError(f"{name[:80]!r} cannot be a collection's name: {reason}. Choose another")


def _line(purpose: str, count: str, models: Sequence[Model]) -> str:
    """Return the line by which the skill is chosen: what its models do, and as many as fit."""
    line = f"{purpose} with {count}: "
    names = list(dict.fromkeys(model.display_name for model in models))
    for shown in range(len(names), 0, -1):
        rest = f" and {len(names) - shown} more" if shown < len(names) else ""
        whole = f"{line}{', '.join(names[:shown])}{rest}."
        if len(whole) <= max(LONGEST_LINE, len(line) + NAMES):
            return whole
    return f"{purpose} with {count}."


def _joined(purposes: Sequence[str]) -> str:
    """Return several tasks as one: `Make images, edit images or animate a picture`."""
    rest = list(map(in_sentence, purposes[1:]))
    whole = purposes[0]
    for number, one in enumerate(rest):
        longer = f"{whole}, {one}"
        if len(longer) > LONGEST_TASKS:
            return f"{whole} and more"
        whole = longer if number + 1 < len(rest) else f"{whole} or {one}"
    return whole


def _set_apart(models: Sequence[Model]) -> list[Model]:
    """Return the models with as much of what sets each apart from most others as a row can say."""
    apart = [sentences(model.apart) for model in models]
    counts = Counter(one for each in apart for one in each)
    return [
        replace(
            model,
            apart=_fitting([one for one in each if 2 * counts[one] <= len(models)] or each),
        )
        for model, each in zip(models, apart, strict=True)
    ]


def _fitting(texts: Sequence[str]) -> str:
    """Return the first sentence, cut where it is long, and those after it that fit."""
    text = cut(texts[0], LONGEST_APART) if texts else ""
    for one in texts[1:]:
        text = f"{text} {one}" if len(text) + len(one) < LONGEST_APART else text
    return text
