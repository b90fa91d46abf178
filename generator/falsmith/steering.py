"""What steers a reader: orders, commands, keys, places of this machine, links elsewhere.

An agent reads a skill, and strangers wrote a part of it: upstream words that steer are left out of
it, with a warning.
"""

import re
from functools import lru_cache

from fal_runtime.text import one_line
from falsmith.prose import sentences
from falsmith.text import CUT

__all__ = ["FAL_KEY", "SECRET", "objection", "steering", "without_steering"]

# fal's keys: a UUID, a colon, 32 hex digits.
FAL_KEY = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} ?(?::|%3a) ?[0-9a-f]{32}", re.I
)
# How the secrets of other services begin.
KNOWN_KEYS = (
    r"(?<![A-Za-z0-9_-])(?:sk-(?=[^\s\"']{0,60}\d)[A-Za-z0-9_-]{24,}|[rs]k_live_[A-Za-z0-9]{16,}"
    r"|gh[opsu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|hf_[A-Za-z0-9]{32,}|r8_[A-Za-z0-9]{32,}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{20,}|(?-i:A[KS]IA[0-9A-Z]{16})|AIza[A-Za-z0-9_-]{35}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"
)
KEY_NAMES = r"(?:API[_-]?KEY|FAL_KEY(?:_ID|_SECRET)?|SECRET|TOKEN|PASSWORD)[\"']?"
# A value has a digit: a placeholder such as YOUR_API_KEY has none.
VALUE = r"(?=[^\s\"']{0,60}\d)[A-Za-z0-9+/_:=-]"
SECRET = re.compile(
    rf"{KNOWN_KEYS}|-----BEGIN [A-Z ]{{0,20}}PRIVATE KEY"
    rf"|(?:FAL_KEY(?:_ID|_SECRET)?=|{KEY_NAMES} ?[:=] ?[\"']){VALUE}{{20,}}"
    rf"|{KEY_NAMES} ?[:=] ?(?=[^\s\"']{{0,60}}\d)[0-9a-f-]{{24,}}(?![0-9A-Za-z_.(])"
    rf"|authorization.{{1,20}}(?:Key|Bearer|Basic) {VALUE}{{16,}}"
    r"|://[^/\s:@\"'<>{}$]{1,64}:(?=[^@\s/]{0,60}\d)[^@\s/\"'<>{}$]{8,64}@",
    re.I,
)
# No key is of shorter parts.
LONG_WORD = re.compile(r"[A-Za-z0-9+/_:=-]{16}|-----BEGIN")
# One of these stands, in small letters, in every secret.
_SECRET_HINTS = (
    *(
        "sk-",
        "k_live_",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "hf_",
        "r8_",
        "npm_",
        "pypi-",
        "xox",
        "akia",
        "asia",
    ),
    *("aiza", "eyj", "key", "secret", "token", "password", "authorization", "@"),
)
_READER = r"(?:assistants?|(?:ai|coding) agents?|agents|language models?|llms?|ais?|chatbots?)"
# Each with the reason that a warning gives, and with words of which one stands in every text that
# it fits: to look for them takes a tenth of the time. All are held against
# case-folded text, in which a long s is an s, with its blanks as single ones. None of them fits a
# text of the catalogue.
_STEERING = tuple(
    (hints.split(","), re.compile(pattern), reason)
    for hints, pattern, reason in (
        (
            "ignor,disregard,forget,overrid,bypass,instruction",
            r"\b(?:ignor|disregard|forget|overrid|bypass)\w*\W+(?:\w+\W+){0,3}"
            r"(?:all|previous|prior|above|earlier|preceding|your|system|other|user'?s)\W+"
            r"(?:\w+\W+){0,2}(?:instruction|prompt|rule|guideline|order|direction)s?\b"
            r"|\bnew (?:system )?instructions?:",
            "it gives orders to the reader",
        ),
        (
            "assistant,agent,llm,chatbot,ai,the user,language model",
            rf"\b{_READER}\W+(?:reading|who|that use|must|should|shall|has to|have to|needs? to)\b"
            rf"|\b(?:dear|hey|attention|important|note (?:to|for))\W+(?:the |all |any )*{_READER}\b"
            r"|\b(?:tell|ask|inform|warn|notify|show)(?:ing)? the user\b"
            r"|\bthe user'?s? (?:files|home|machine|computer|secrets|credentials|keys?)\b",
            "it addresses the reader as an assistant",
        ),
        (
            "curl ,wget ,sudo ,chmod ,npx ,uvx ,uv ,powershell ,osascript ,netcat ,rm -,pip ,pip3 ,"
            "npm ,brew ,apt ,apt-get ,sh ,node ,perl ,python ,python3 ,ruby ,scp ,git clone,|,$(,"
            "&&",
            r"\b(?<!-)(?:(?:curl|wget|sudo|chmod|npx|uvx|powershell|osascript|netcat)\s+\S"
            r"|rm\s+-|(?:pip3?|npm|brew|apt|apt-get|uv)\s+(?:install|add|run)\b"
            r"|(?:bash|sh|zsh|python3?|node|perl|ruby)\s+(?:-\w|\S+\.\w+|<)"
            r"|(?:ssh|scp|git clone)\s+\S+[@:/])"
            r"|\|\s*(?:ba|z)?sh\b|\$\(|&&\s*\w",
            "it names a command",
        ),
        (
            "/,:\\",
            # Each begins with what is rare: so it is found in a tenth of the time.
            r"/(?<![\w/.-]/)(?:bin|dev/\w|etc|home|mnt|opt|private|proc|root|tmp|usr|users|var)/"
            r"|:(?<=[a-z]:)(?<![\w/.][a-z]:)[/\\]{1,2}\w",
            "it names a place on this machine",
        ),
        (
            "~,../,..\\,file:/,$,%,@,fal_key,id_,.ssh,.aws,.env,.netrc,.npmrc,.bashrc,.zshrc,"
            ".claude,.codex",
            r"(?<![\w/.])(?:~[/\\]|(?:\.\.[/\\])+\w|file:/)"
            r"|\$\{?(?:home|user|fal_key)\b|%(?:appdata|userprofile)%|\bfal_key\b"
            r"|(?<!\w)\.(?:ssh|aws|env|netrc|npmrc|bashrc|zshrc|claude|codex)\b"
            r"|\bid_(?:rsa|ed25519|ecdsa)\b|(?:^|\s)@[/~.]",
            "it names a place on this machine",
        ),
    )
)
# A text for a model to play a part is a value like any other; of a description it is an address.
_PART = re.compile(rf"\b(?:you are|you're|act as|as) an? (?:\w+ ){{0,3}}{_READER}\b")
_DOMAINS = r"ai|app|biz|cc|cn|co|com|de|dev|gg|info|io|me|net|org|ru|sh|site|tech|top|xyz"
_ENDING = re.compile(rf"\.(?:{_DOMAINS})")
# A name is looked for at the start of its row of words and dots alone: in linear time.
_LINK = re.compile(
    r"\b(?:https?|ftp|wss?)://(?P<host>[^\s/?#\"'<>()\[\]`]*)|(?<![\w.-])(?P<bare>\.*(?:[\w-]+\.+)+"
    rf"(?:{_DOMAINS}))\b",
    re.IGNORECASE,
)
# The name of a site alone, without a page.
_HOST = re.compile(rf"(?<![\w.@/:-])(?:[\w-]+\.)+(?:{_DOMAINS})\b(?![/:@.\w-])", re.IGNORECASE)
# The platform's own pages, and the names that RFC 2606 keeps for examples.
_OWN_HOSTS = frozenset({"docs.fal.ai", "example.com", "example.net", "example.org", "fal.ai"})


def _own_or_cut(found: re.Match[str]) -> str:
    return found[0] if found[0].lower() in _OWN_HOSTS else CUT


# The same choices, names and sentences stand in hundreds of documents.
@lru_cache(maxsize=16_384)
def steering(text: str) -> str | None:
    """Return why an upstream text could steer its reader, None where nothing in it does."""
    if text.isalnum() and len(text) < 20:
        return None
    folded = " ".join(text.casefold().split())
    if _holds_key(text, folded):
        return "it holds what looks like a key"
    for hints, pattern, reason in _STEERING:
        # In a loop of its own: a generator takes longer than what it looks for.
        for hint in hints:
            if hint in folded:
                if pattern.search(folded):
                    return reason
                break
    return None


def _holds_key(text: str, folded: str) -> bool:
    if folded.count("-") > 3 and FAL_KEY.search(text):
        return True
    for hint in _SECRET_HINTS:
        if hint in folded:
            return bool(LONG_WORD.search(text) and SECRET.search(text))
    return False


@lru_cache(maxsize=16_384)
def objection(prose: str) -> str | None:
    """Return why an upstream text may not stand where an agent reads, None where it may.

    Beside what steers it may not speak to a part that the reader could take for its own, nor link
    to a host that is neither the platform's nor an example's.
    """
    folded = prose.casefold()
    if ("as a" in folded or "you" in folded) and _PART.search(folded):
        return "it addresses the reader as an assistant"
    if "://" in prose or _ENDING.search(folded):
        hosts = (found["host"] or found["bare"] or "" for found in _LINK.finditer(prose))
        if any(host.lower() not in _OWN_HOSTS for host in hosts):
            return "it links to another site"
    return steering(prose)


@lru_cache(maxsize=16_384)
def without_steering(prose: str) -> tuple[str, str | None]:
    """Return cleaned prose without the sentences that steer, and why one was left out.

    An ellipsis stands for what was left out, be it the mere name of another site.
    """
    whole = objection(one_line(prose))
    if whole is None:
        return prose, None
    named = [one if steering(one) else _HOST.sub(_own_or_cut, one) for one in sentences(prose)]
    kept = [sentence for sentence in named if objection(sentence) is None]
    # An order may be spread over sentences: then none of them stays.
    fit = kept if objection(" ".join(kept)) is None else []
    return "\n\n".join(fit if fit and len(fit) == len(named) else [*fit, CUT]), whole
