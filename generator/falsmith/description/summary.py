"""The platform's own sentence on a model, without praise, prices, links and what is not true."""

import re
from collections.abc import Iterator, Sequence, Set

from fal_runtime.text import one_line
from falsmith.filters import ASCII_PUNCTUATION
from falsmith.prose import sentences

__all__ = ["content_words", "facts"]

# What is worth saying of a model stands at the beginning.
MOST_READ = 600
LEAST_WORDS = 2
LONGEST_NAME = 6
# TTS, VLM: a kind of model, no name.
LONGEST_KIND = 3
_PRAISE = (
    r"(?:latest|newest|new)[- ]generation|state[- ]of[- ]the[- ]art|cutting[- ]edge"
    r"|(?:most |highly )?advanced"
    r"|blazing(?:ly)?[- ]fast|powerful|stunning(?:ly)?"
    r"|(?:ultra[- ]?|premium[- ]?|super[- ]?)?(?:high(?:er|est)?|premium|top)[- ]quality"
    r"|high[- ]fidelity|incredibl[ey]|exceptional(?:ly)?|professional[- ]grade|top[- ]tier"
    r"|next[- ]gen(?:eration)?|(?:very )?latest|newest|unprecedented|unparalleled|unmatched"
    r"|remarkabl[ey]|superior|seamless(?:ly)?|amazing|mind[- ]blowing|brand[- ]new"
    r"|new[- ]generation|next[- ]level|famous|the best|best[- ]in[- ]class|premium|sota"
    r"|frontier[- ]level|flawless(?:ly)?|impressive|super[- ]fast|ultra[- ]fast"
    r"|lightning[- ]fast|highly efficient|efficient(?:ly)?|effortless(?:ly)?|beautiful(?:ly)?"
    r"|breathtaking|revolutionary|groundbreaking|game[- ]changing|industry[- ]leading"
    r"|world[- ]class|perfect(?:ly)?|rich(?:ly)?|polished|enterprise[- ]grade"
    r"|production[- ]ready|studio[- ]quality|insane|vivid|dynamic|robust|innovative"
    r"|easy[- ]to[- ]use|simple yet|original|popular|excellent|great|outstanding|enhanced"
    r"|improved|new|versatile"
)
PRAISE = re.compile(
    r"(?:(?:(?<=fast)|(?<=quick)|(?<=resolution)|(?<=detailed)|(?<=realistic)),\s+)?"
    rf"(\b[Aa]n?\s+)?(?:\b(?:{_PRAISE})\b(?:\s*,\s*(?:and\s+)?|\s+and\s+(?={_PRAISE})|\s*)?)+",
    re.I,
)
# Without its praise it is none: a model that makes images "with incredible aesthetics".
HOLLOW = re.compile(rf",? with (?:{_PRAISE}) \w+(?: and \w+)?(?=[.!]?$)", re.I)
# Prices belong to the price command; who speaks for himself, or to the reader, states no fact.
_NO_FACT = (
    "achieve achieved achieves achieving affordable algorithm algorithms api aspect available best "
    "bill billed billing bills cheap cheaper commercial comply cost costs credit credits defy "
    "deprecated economical endpoint ever experimental fastapi http https imagination improvement "
    "improvements json license licensed limitless magic most must our ours param payload "
    "performance predecessor preview price priced prices pricing request results revolution "
    "server should suitable taste technique techniques technologies technology terms us we world "
    "www yet you"
)
NO_FACT = frozenset(_NO_FACT.split())
NO_TEXT = re.compile(r"\$\s?\d|:$|[:!?]\S*:|[`{}<>|=#*_~\\]|\ball with\b|fal\.ai")
# An order, a part of a sentence, an item with its label or number.
_OPENINGS = (
    "with using for by in on make ensure use try see check note please ignore always never get "
    "visit read run leverage experience upload download provide choose select send your unlock "
    "discover explore meet introducing include specify describe keep avoid add start think "
    "it its this these they"
)
OPENINGS = frozenset(_OPENINGS.split())
ITEM = re.compile(r"\d+[.)]\s|[A-Z][\w /()]{2,30}: (?!\d)")
# What a sentence says that the model is made with.
MADE_WITH = re.compile(r"\busing (?:[A-Z][\w.-]*'s? )?([A-Z][\w.-]*\s?(?:[A-Z0-9][\w.-]*\s?)*)")
KINDS = {
    "text": "text|prompts?|words|language|descriptions?|scripts?|lyrics",
    "image": "images?|photos?|pictures?|frames?|portraits?|selfies?|sketch(?:es)?|views?",
    "video": "videos?|clips?|footage",
    "audio": "audios?|speech|voices?|recordings?|songs?|music|sounds?",
    "3d": "3d|mesh(?:es)?",
}
_ANY = "|".join(KINDS.values())
# How it works inside, step by step, and advice on prompts.
ASIDE = re.compile(
    r"^\s*\d+[.)]\s|\bprompts? (?:should|must|can)\b|\b[Ii]nclude:|\bfor best results|\btips?:",
    re.I | re.M,
)
# What is left of it without the praise is no more than that it is a model.
CLASS = re.compile(r"\bis (?:an?|the)\b[^,.]*\bmodels?\b(?:,|$| that\b| which\b)", re.I)
# "text-to-video": what goes in and what comes out.
FLOW = re.compile(rf"\b({_ANY})[ -]?to[ -]?({_ANY})\b", re.I)
UNFINISHED = frozenset(
    {"a", "an", "and", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
)
FROM = re.compile(
    r"\b(?:from|with just|only|using|given|of your|in your|your|any"
    r"|(?:turn|transform|convert|animate|edit|restyle|upscale|enhance|extend)(?:s|ing)?)\s+"
    r"(?:(?:an?|the|your|any|single|just|simple|multiple|static|still|reference|input)\s+)*"
    rf"({_ANY})\b(?:\s*(?:and|or|,|/|&|\+)\s*(?:an?\s+)?({_ANY})\b)?",
    re.I,
)
EDITS = re.compile(r"\b(?:edit\w*|inpaint\w*|upscal\w*|animat\w*)\b", re.I)
WORD = re.compile(r"[a-z0-9]+(?:\.[0-9]+)?")
# Words that say nothing of one model among others.
_COMMON = (
    "a aesthetics ai an and any approach are as asset assets at audio based be best better by can "
    "capabilities capable cinematic clip clips coherence coherent consistency consistent "
    "content convert converts create created creates creating creation creative designed detail "
    "detailed "
    "details developed different diversity do edit editing enables enabling end ensuring "
    "experience expressive family fast faster fastest fluid following for from gen generate "
    "generated generates generating generation generative good handle has have high image "
    "images in input inputs into is it its like made make makes making model models more "
    "motion multiple native natural of on open or other output outputs over own parameter "
    "parameters performance photo photos picture pictures powered produce produces producing "
    "prompt prompting prompts quality quick quickly range realistic results run single smooth "
    "source speed such support supporting supports task tasks technology text than that the their "
    "them these they this through to tool transform transforms turn turns understanding up "
    "use used uses using utilities utility variant various version via video videos visual "
    "visually visuals "
    "when where which while wide with without work works your "
)
COMMON = frozenset(_COMMON.split())


def content_words(text: str) -> Set[str]:
    """Return the words of a text that could set one model apart from another."""
    return _content(WORD.findall(text.lower()))


def _content(words: Sequence[str]) -> Set[str]:
    return {_singular(word) for word in set(words) - COMMON if len(word) > 1}


def _singular(word: str) -> str:
    return word[:-1] if len(word) > LONGEST_KIND and word.endswith("s") else word


def facts(
    texts: Sequence[str], said: Set[str], takes: Set[str], accepts: Set[str], makes: Set[str]
) -> Iterator[str]:
    """Yield the sentences that name a fact beyond `said`, and deny nothing of the schema.

    Args:
        texts: The platform's sentences, a stranger's words, of which none steers.
        said: Words that stand elsewhere in the line.
        takes: The kinds of media that must go in, `text` where none has to.
        accepts: Those and the kinds that may go in.
        makes: The kinds that come out.

    """
    for whole in texts:
        text = ASIDE.split(whole, 1)[0]
        read = sentences(text[:MOST_READ])
        for sentence in read if len(text) <= MOST_READ else read[:-1]:
            plain = sentence.translate(ASCII_PUNCTUATION).lstrip("-* ")
            if _states(plain, said) and _is_true(plain, takes, accepts, makes):
                fact = _without_praise(plain)
                if _is_whole(fact, said) and not (CLASS.search(fact) and PRAISE.search(plain)):
                    yield fact


def _without_praise(sentence: str) -> str:
    text = one_line(PRAISE.sub(_article, HOLLOW.sub("", sentence))).strip(" ,;-!.")
    text = text.replace(" ,", ",").replace(" .", ".")
    return text[:1].upper() + text[1:]


def _article(match: re.Match[str]) -> str:
    """Return the article that fits what follows the praise."""
    if not match[1]:
        return " " if match[0].startswith(",") else ""
    vowel = match.string[match.end() : match.end() + 1].lower() in "aeiou"
    blank = " " if match[0].startswith(",") else ""
    return f"{blank}{match[1][0]}{'n' if vowel else ''} "


def _states(sentence: str, said: Set[str]) -> bool:
    """Return whether a sentence states anything that is not said yet, to nobody."""
    if not sentence.isascii() or sentence.partition(" ")[0].lower() in OPENINGS:
        return False
    words = WORD.findall(sentence.lower())
    if not NO_FACT.isdisjoint(words) or len(_content(words) - said) < LEAST_WORDS:
        return False
    if ITEM.match(sentence) or NO_TEXT.search(sentence):
        return False
    return "using" not in words or not _names_another(sentence, said)


def _names_another(sentence: str, said: Set[str]) -> bool:
    """Return whether a sentence is of another model: the platform's are at times copied."""
    found = MADE_WITH.search(sentence)
    other = found[1].lower().replace(" ", "") if found else ""
    known = any(len(word) > 1 and word in other for word in said)
    return len(other) > LONGEST_KIND and not known


def _is_whole(sentence: str, said: Set[str]) -> bool:
    """Return whether a sentence without its praise is one still, and no mere name."""
    words = sentence.split()
    if len(words) <= LEAST_WORDS or words[-1].lower() in UNFINISHED:
        return False
    is_name = len(words) < LONGEST_NAME and all(
        word[0].isupper() or not word.isalpha() for word in words
    )
    return not is_name and len(content_words(sentence) - said) >= LEAST_WORDS


def _is_true(sentence: str, takes: Set[str], accepts: Set[str], makes: Set[str]) -> bool:
    """Return whether what a sentence says of inputs and outputs is so by the schema."""
    for found in FLOW.finditer(sentence):
        if _kind(found[1]) not in takes or _kind(found[2]) not in makes:
            return False
    if takes == {"text"} and EDITS.search(sentence):
        return False
    sources = {_kind(word) for found in FROM.finditer(sentence) for word in found.groups() if word}
    return sources <= accepts and not (sources and sources.isdisjoint(takes))


def _kind(word: str) -> str:
    return next(kind for kind, words in KINDS.items() if re.fullmatch(words, word, re.I))
