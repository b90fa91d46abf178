"""Which sentences of a field's description its caller must know, and what of the rest has room.

A sentence binds where a caller who does not know it may send what is refused or ignored, lose
something, or pay more. A detector in doubt says yes: a sentence too many costs a few words.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from fal_runtime.text import clean_text, one_line
from falsmith.text import CUT

__all__ = ["SENTENCE_LIMIT", "binds", "condense", "conditions", "remarks", "sentences"]

# A sentence that binds is cut here: of the catalogue's one in a hundred is longer.
SENTENCE_LIMIT = 300

# An item of a list begins a sentence of its own, wherever the line before it ended.
_ITEM = re.compile(r"(?:(?P<bullet>[-*•–])|\d{1,2}[.)])\s+")
_END = re.compile(
    r"(?<=[.!?])(?P<closing>[\"')\]`*]*)\s+(?=[\"'(\[`*<@]*(?:[A-Z0-9→]|\w+:))|(?<=[。！？])(?=.)"
)
# Emphasis and code as other markups spell them, and pointers into a page that is not here.
_MARKUP = re.compile(
    r"\*\*(?=\S)(?P<strong>[^*]+)\*\*|(?<!`)``(?!`)(?P<code>[^`]+)``(?!`)"
    r"|,? (?:this topic is|as) (?:covered|described|explained|listed|mentioned) (?:above|below)\b"
)
# A default of nothing: no more than none.
_NO_DEFAULT = re.compile(
    r"(?:the )?default(?:s to|(?: value)?(?: is|:))\W*(?:null|none|an empty string)\W*"
)
# What a description of a whole input calls itself.
_OWN_NAME = re.compile(
    r"(?:\w+[ -](?:only )?)?(?:input|request|schema|parameters|playground)\b|backed by\b",
    re.IGNORECASE,
)
_MARKS_AT_END = (*".!?:;,。！？", CUT)
# Words that end in a full stop inside a sentence.
_ABBREVIATION = re.compile(
    r"(?:^\d{1,2}\.|\b(?:e\.g|i\.e|etc|vs|approx|max|min|no|resp|incl|ca|fig|[A-Z])\.|\.\.\.)[\"')\]`*]*$",
    re.IGNORECASE,
)
# With the marks that close it.
_LONGEST_ABBREVIATION = 20

# Words that make a sentence bind wherever they stand in it; each is of real descriptions.
_WORDS = (
    # obligation and permission
    "must mandatory require required requires requirement requirements need needed needs should "
    "shall cannot can't cant only exclusive exclusively neither exactly unless except doesn't "
    "isn't don't won't never always unsupported allowed accepted permitted recommended valid "
    "ensure selected omitted please",
    # other fields
    "override overrides overridden overriding precedence priority ignore ignored ignores "
    "regardless effective depend depends depending applies applicable relevant "
    "conjunction combination",
    # bounds
    "least maximum minimum max min limit limits limited exceed exceeds divisible snapped "
    "snaps inclusive multiplied milliseconds semitones pixels bps hz",
    # formats, and how inputs are referred to
    "extension extensions jpeg jpg png webp gif avif heic heif bmp tiff mp4 mov "
    "webm mkv avi wav mp3 flac ogg m4a aac zip tar glb gltf obj fbx stl usdz csv json txt npy npz "
    "safetensors support supported supports accept accepts base64 encoded hex hexadecimal "
    "repo repository rgb iso uppercase lowercase publicly trigger match matches matching refer "
    "alphanumeric "
    "newline newlines prefix archive named captions brackets parentheses wrap wrapped",
    # masks
    "white black",
    # what happens
    "delete deleted deletes permanent permanently discard discarded truncated caps capped "
    "clipped downscaled crop crops cropped "
    "resize resized resizes trim trimmed padded loop looped loops clamped rounded rounds split "
    "chunked skipped fail fails failed error errors reject rejected rejects refused invalid "
    "disable disabled disables deprecated removed replaced warning caution note important "
    "automatically default defaults prepended appended separate separated separator",
    # money and time
    "cost costs price priced prices pricing bill billed billing bills billable charge charged "
    "charges credit credits expensive cheaper slower",
)
_BINDING_WORDS = frozenset(" ".join(_WORDS).split())
_WORD = re.compile(r"[a-z][a-z\d]*(?:'t)?")
_BINDING = re.compile(
    r"\bnot (?:be|both|yet|available|compatible|possible|valid|used|applied|applicable)\b"
    r"|\b(?:do|does|will|can|may|is|are) not\b|\bno (?:longer|more|less)\b|\b(?:has|have) to\b"
    r"|\bat most\b|\bup to\b|\b(?:more|less|fewer|longer|larger|smaller) than\b|\bone of\b"
    r"|\b(?:no|takes?|has) effect\b|\bmultiples? of\b|\bcomma[ -]separated\b|\bdata uri\b"
    r"|\bwill (?:produce|return|result)\b|\bany number\b|\binstead of\b|\bin place of\b"
    r"|\btogether with\b|\bmake sure\b"
    r"|\bin (?:the |your )?prompts?\b|\b(?:first|second) (?:image|video)\b|\bfree of charge\b"
    r"|\bapplied in order\b|\byou can use\b"
    r"|\bsame (?:length|number|size|order|name|dimensions|as)\b|\bpossible values\b|\ba value of\b"
    r"|\bcan (?:also )?be an?\b|\bempty string\b|\bset to\b|\bleave \w* ?(?:blank|empty|unset)\b"
    r"|\bif (?:not|no|none|null|empty|omitted|unset|this|both|you|the|an?|set)\b|\bif [`'\"]"
    r"|\bwhen [`'\"]?\w+_\w+[`'\"]? ?(?:is|=)"
    r"|\b(?:if|when)\b.{0,40}\b(?:true|false|given|provided|specified|enabled|used|using|set)\b"
    r"|\bformat(?:s|ted)?\b.*[\['`\":{(]|\beither\b.+\bor\b|\bbetween\b.{1,40}\band\b"
    # @Image1, [Video2], <speaker>, [verse], and links
    r"|@\w|\[[a-z_]+ ?\d*\]|<[a-z_#]+ ?\d*>|://"
)
# Of these one stands in every sentence that the pattern above fits: to look for them takes a tenth
# of the time.
_HINT_WORDS = (
    "not no has have most up than effect multiple multiples one instead place together comma data "
    "same prompt prompts you possible be empty set leave if when either between free any make "
    "value first second format formats formatted produce return result"
)
_HINTS = frozenset(_HINT_WORDS.split())
_MARKS = re.compile(r"[@<\[]|://")
_BINDING_START = re.compile(
    r"(?:options|codes|choose|omit|without|set)\b|use (?:none|auto|[`'\"\d])|[`'\"]\w"
    # What a choice means: `fast`: lower quality; Quad = smooth
    r"|[`'\"]?[\w.+-]+(?: [\w.+-]+)?[`'\"]? ?[:=]"
)
_DIGIT = re.compile(r"\d")
_BINDING_NUMBER = re.compile(
    r"^[`'\"]?-?\d[\d.]*\b|[<>]=?\s*\d|[≤≥]|\d\s*(?:-|to|–|and)\s*\d|-1\b|\b\d+(?:\.\d+)?(?:x\b|×)"
    r"|\d ?= ?[a-z]"
    r"|\b(?:longer|shorter|larger|smaller|greater|less|more|fewer|above|below|over)\b.{0,20}\d"
    r"|\d\s*(?:[kmg]i?b|megapixels?|mp|px|pixels?|fps|k?hz|m?s|sec(?:ond)?s?|min(?:ute)?s?|hours?"
    r"|tokens?|characters?|chars|words?|frames?|images?|files?|items?|%)(?!\w)"
)
_CONDITION = re.compile(
    r"\b(?:only|if|when|unless|otherwise|may|might|not|null|empty|deprecated|expires?)\b"
    r"|^none\b|\b(?:be|is|or) none\b"
    # What its values mean.
    r"|-?\d+(?:\.\d+)? (?:for|=|means)|\bone of\b|\bbetween -?\d|\bnormali[sz]ed\b.*\[",
    re.IGNORECASE,
)
# Words of a first sentence that say nothing beside the name of its field.
_EMPTY_WORDS = (
    "a an the of to for whether if be enable use used mode value model input conditioning"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())
# Other scripts: what cannot be judged is kept.
_UNKNOWN = re.compile(r"[\u0400-\u1fff\u3040-\uffdc]{3}")


@lru_cache(maxsize=16_384)
def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a description, each on one line.

    Lines that a docstring broke are joined; a blank line and an item of a list begin anew.
    """
    paragraphs: list[str] = []
    joins = False
    for line in _without_markup(clean_text(text)).split("\n"):
        item = _ITEM.match(line)
        if joins and line and not item:
            paragraphs[-1] += f" {line}"
        elif line:
            paragraphs.append(line[item.end() :] if item and item["bullet"] else line)
        joins = bool(line)
    return tuple(one for paragraph in paragraphs for one in _split(paragraph))


def _without_markup(text: str) -> str:
    if not any(sign in text for sign in ("**", "``", " above", " below")):
        return text
    return _MARKUP.sub(_unmarked, text)


def _unmarked(found: re.Match[str]) -> str:
    return found["strong"] or (f"`{found['code']}`" if found["code"] else "")


def _split(paragraph: str) -> list[str]:
    found: list[str] = []
    start = 0
    for end in _END.finditer(paragraph):
        part = paragraph[start : end.end()].strip()
        if part and not _ABBREVIATION.search(part, max(0, len(part) - _LONGEST_ABBREVIATION)):
            found.append(" ".join(part.split()))
            start = end.end()
    rest = " ".join(paragraph[start:].split())
    return [*found, rest] if rest else found


@lru_cache(maxsize=16_384)
def binds(sentence: str) -> bool:
    """Return whether a caller that does not know the sentence may call wrongly or pay more."""
    lower = sentence.lower()
    words = _WORD.findall(lower)
    if not _BINDING_WORDS.isdisjoint(words):
        return not _NO_DEFAULT.fullmatch(lower)
    if _BINDING_START.match(lower):
        return True
    hinted = not _HINTS.isdisjoint(words) or _MARKS.search(lower)
    if hinted and _BINDING.search(lower):
        return True
    if _DIGIT.search(lower) and _BINDING_NUMBER.search(lower):
        return True
    return not lower.isascii() and bool(_UNKNOWN.search(lower))


@lru_cache(maxsize=4096)
def conditions(text: str) -> str:
    """Return on one line the sentences on a value of the answer that say when it is there.

    Also what a number stands for. Its format, its length and the like can be seen on what comes.
    """
    shown = [
        one
        for one in sentences(text)
        if _CONDITION.search(one) and not _NO_DEFAULT.fullmatch(one.lower())
    ]
    return _joined([_cut(one, SENTENCE_LIMIT) for one in shown])


@lru_cache(maxsize=4096)
def remarks(text: str) -> str:
    """Return on one line what the description of a whole input tells its caller, '' if nothing."""
    kept = [one for one in sentences(text) if not _OWN_NAME.match(one)]
    return condense("\n\n".join(kept), SENTENCE_LIMIT) if any(map(binds, kept)) else ""


@lru_cache(maxsize=16_384)
def condense(text: str, room: int, name: str = "") -> str:
    """Return on one line each sentence that binds, and others, first the first, while they fit.

    Args:
        text: The description as the document has it.
        room: The characters up to which sentences that do not bind are taken, the first in any
            case; 0 takes none.
        name: The field's name: of a first sentence that only repeats it the room goes to the next.

    What is left out or cut is marked by an ellipsis; of a text of which nothing is kept nothing is
    returned.

    """
    if len(text) <= room and "\n" not in text:
        return one_line(_without_markup(text))
    parts = sentences(text)
    binding = [binds(part) for part in parts]
    kept = list(binding)
    size = sum(len(part) for part, keep in zip(parts, kept, strict=True) if keep)
    first = 1 if len(parts) > 1 and not binding[1] and _repeats(parts[0], name) else 0
    if room and first and parts[1].startswith(("This ", "It ", "These ", "They ")):
        # It speaks of the first.
        kept[0] = True
    for place, part in enumerate(parts[first:], first):
        if kept[place]:
            continue
        if not room or (place > first and size + len(part) > room):
            # A later one may speak of this one.
            break
        kept[place], size = True, size + len(part)
    line = _joined(
        [_cut(part, SENTENCE_LIMIT) for part, keep in zip(parts, kept, strict=True) if keep]
    )
    return f"{line} {CUT}" if line and not all(kept) and not line.endswith(CUT) else line


def _repeats(sentence: str, name: str) -> bool:
    """Return whether a sentence says no more than the name of its field does."""
    named = tuple(part[:5] for part in name.lower().split("_"))
    words = _WORD.findall(sentence.lower())
    return bool(name) and all(word in _EMPTY or word.startswith(named) for word in words)


def _joined(parts: Sequence[str]) -> str:
    """Return sentences on one line; those that end without a mark are told apart."""
    ended = [part if part.endswith(_MARKS_AT_END) else f"{part};" for part in parts[:-1]]
    return " ".join([*ended, *parts[-1:]])


def _cut(sentence: str, limit: int) -> str:
    if len(sentence) <= limit:
        return sentence
    return sentence[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:(-") + CUT
