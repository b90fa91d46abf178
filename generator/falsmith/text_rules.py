"""What may not stand in the texts of a skill: an agent reads them, and strangers wrote a part.

Two kinds of rules. What hides (invisible characters, chat control tokens) is cleaned away at the
door and may stand in no file. What steers (orders to the reader, commands, paths of this machine,
foreign links) may not stand in upstream words: it is left out, with a warning.
"""

import re
import unicodedata
from functools import lru_cache

from fal_runtime.text import ANGLED, BRACKETED, HIDDEN, one_line

__all__ = ["control_token_at", "invisible_at", "objection", "steering", "without_steering"]

_SENTENCE_END = re.compile(r"((?<=[.!?])\s+|\n+)")
_READER = r"(?:assistants?|(?:AI|coding) agents?|agents|language models?|LLMs?|AIs?|chatbots?)"
# Each with the reason that a warning gives. None of them is found in a text of the catalogue.
_STEERING = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (
            r"\b(?:ignor|disregard|forget|overrid|bypass)\w*\W+(?:\w+\W+){0,3}"
            r"(?:all|previous|prior|above|earlier|preceding|your|system|other|user'?s)\W+"
            r"(?:\w+\W+){0,2}(?:instruction|prompt|rule|guideline|order|direction)s?\b"
            r"|\bnew (?:system )?instructions?:",
            "it gives orders to the reader",
        ),
        (
            rf"\b{_READER}\W+(?:reading|who|that use|must|should|shall|has to|have to|needs? to)\b"
            rf"|\b(?:dear|hey|attention|important|note (?:to|for))\W+(?:the |all |any )*{_READER}\b"
            r"|\b(?:tell|ask|inform|warn|notify|show)(?:ing)? the user\b"
            r"|\bthe user'?s? (?:files|home|machine|computer|secrets|credentials|keys?)\b",
            "it addresses the reader as an assistant",
        ),
        (
            r"(?<![\w-])(?:curl|wget|sudo|chmod|npx|uvx|powershell|osascript|netcat)\s+\S"
            r"|(?<![\w-])rm\s+-|(?<![\w-])(?:pip3?|npm|brew|apt|apt-get|uv)\s+(?:install|add|run)\b"
            r"|(?<![\w-])(?:bash|sh|zsh|python3?|node|perl|ruby)\s+(?:-\w|\S+\.\w+|<)"
            r"|\|\s*(?:ba|z)?sh\b|\$\(|&&\s*\w|(?<![\w-])(?:ssh|scp|git clone)\s+\S+[@:/]",
            "it names a command",
        ),
        (
            r"(?<![\w/.])(?:~[/\\]|(?:\.\.[/\\])+\w|[a-z]:[/\\]{1,2}\w|file:/)"
            r"|(?<![\w/.-])/(?:bin|dev/\w|etc|home|mnt|opt|private|proc|root|tmp|usr|users|var)/"
            r"|\$\{?(?:HOME|USER|FAL_KEY)\b|%(?:APPDATA|USERPROFILE)%|\bFAL_KEY\b"
            r"|(?<!\w)\.(?:ssh|aws|env|netrc|npmrc|bashrc|zshrc|claude|codex)\b"
            r"|\bid_(?:rsa|ed25519|ecdsa)\b|(?:^|\s)@[/~.]",
            "it names a place on this machine",
        ),
    )
)
# A text for a model to play a part is a value like any other; of a description it is an address.
_PART = re.compile(rf"\b(?:you are|you're|act as|as) an? (?:\w+ ){{0,3}}{_READER}\b", re.IGNORECASE)
_LINK = re.compile(
    r"\b(?:https?|ftp|wss?)://(?P<host>[^\s/?#\"'<>()\[\]`]*)|\b(?P<bare>(?:[a-z0-9-]+\.)+"
    r"(?:ai|app|biz|cc|cn|co|com|de|dev|gg|info|io|me|net|org|ru|sh|site|tech|top|xyz))\b",
    re.IGNORECASE,
)
# The platform's own pages, and the names that RFC 2606 keeps for examples.
_OWN_HOSTS = frozenset({"docs.fal.ai", "example.com", "example.net", "example.org", "fal.ai"})


def invisible_at(text: str) -> int | None:
    """Return where the first character stands that shows as nothing or steers a terminal."""
    if text.isascii() and text.isprintable():
        return None
    for place, character in enumerate(text):
        control = character != "\n" and unicodedata.category(character)[0] == "C"
        if control or HIDDEN.match(character):
            return place
    return None


def control_token_at(text: str) -> int | None:
    """Return where the first mark of a chat template stands."""
    found = ANGLED.search(text) or BRACKETED.search(text)
    return found.start() if found else None


# The same choices, names and sentences stand in hundreds of documents.
@lru_cache(maxsize=16_384)
def steering(text: str) -> str | None:
    """Return why an upstream text could steer its reader, None where nothing in it does."""
    if text.isalnum():
        return None
    return next((reason for pattern, reason in _STEERING if pattern.search(text)), None)


@lru_cache(maxsize=16_384)
def objection(prose: str) -> str | None:
    """Return why an upstream text may not stand where an agent reads, None where it may.

    Beside what steers it may not speak to a part that the reader could take for its own, nor link
    to a host that is neither the platform's nor an example's.
    """
    if _PART.search(prose):
        return "it addresses the reader as an assistant"
    if "." in prose or "://" in prose:
        hosts = (found["host"] or found["bare"] or "" for found in _LINK.finditer(prose))
        if any(host.lower() not in _OWN_HOSTS for host in hosts):
            return "it links to another site"
    return steering(prose)


@lru_cache(maxsize=4096)
def without_steering(prose: str) -> tuple[str, str | None]:
    """Return cleaned prose without the sentences that steer, and why the first was left out."""
    whole = objection(one_line(prose))
    if whole is None:
        return prose, None
    parts = _SENTENCE_END.split(prose)
    ends = [*parts[1::2], ""]
    kept = [
        sentence + end
        for sentence, end in zip(parts[::2], ends, strict=True)
        if objection(sentence) is None
    ]
    text = "".join(kept).strip()
    # An order may be spread over sentences: then none of them stays.
    return ("" if objection(one_line(text)) else text), whole
