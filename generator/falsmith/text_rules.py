"""What may not stand in the texts of a skill: an agent reads them, and strangers wrote a part.

Keys, downloads that are run, hidden characters and chat tokens may stand in no file: `verify`
lists them. What steers a reader (orders, commands, paths of this machine, links elsewhere) may not
stand in upstream words beside: generation leaves it out, with a warning.
"""

import re
import unicodedata
from functools import lru_cache

from fal_runtime.text import cut, one_line
from falsmith.prose import sentences
from falsmith.text import CUT

__all__ = [
    "MARK",
    "TOKEN",
    "matches",
    "objection",
    "plain_objections",
    "steering",
    "without_steering",
]

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
DASHBOARD = "https://fal.ai/dashboard/keys"
FETCH = r"\b(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod)\b"
SHELL = r"(?:ba|z|da|k|fi)?sh"
# With a script, a module or a line of code to run, what an interpreter is given is data.
SCRIPT = r"\s+(?:-[uBq]\s+){0,2}[\"']?(?!-)[\w./~${}-]{1,200}\.\w"
PROGRAM = (
    r"(?:(?:sudo|env)\s+(?:(?:-u\s+\S+|-\S+|\w+=\S*)\s+){0,4})?"
    rf"(?:\S{{0,100}}/)?(?:{SHELL}\b(?!{SCRIPT})|(?:iex|invoke-expression|pwsh|powershell)\b"
    rf"|(?:python[0-9.]{{0,5}}|node|perl|ruby|php)\b(?!\s+-\w{{0,5}}[cemnp]|{SCRIPT}))"
)
DOWNLOAD_RUN = re.compile(
    # Up to the next one of its kind: of thousands in a line each is read once.
    rf"{FETCH}(?:(?!{FETCH})[^\n;|]){{0,300}}(?:\|[^\n;|]{{0,100}}){{0,3}}?\|&?\s{{0,20}}{PROGRAM}"
    rf"|(?:\beval|\bsource|\biex|\b{SHELL}(?:\s+-\w{{1,3}})?)\s+[\"']?(?:\$\(|`|<\(|\()\s{{0,20}}{FETCH}",
    re.I,
)
CONTINUED = re.compile(r"\\\n\s*")
SHELL_TRUE = re.compile(r"\bshell\s*=\s*True\b")
# Turn markers of the common chat templates, ASCII and full-width.
MARK = r"<[|\uff5c][^|\uff5c<>\s]{1,40}[|\uff5c]>|<</?SYS>>"
TOKEN = re.compile(
    # All of one case: a song is marked with [Inst] where no one sings.
    rf"{MARK}|\[/?(?-i:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS|inst|sys|available_tools|tool_calls)\]"
    r"|</?(?:system|assistant|tool_call|function_calls|(?:start|end)_of_turn)>"
    r"|</(?:user|human|s)>|<(?:bos|eos)>",
    re.I,
)
# Control, format, surrogate, private and separator characters, and what shows as nothing.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0f"
    "\uffa0\ufff0-\ufff8\ufffe\uffff\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
VARIANT, NON_JOINER, JOINER, KEYCAP = "\ufe0f", "\u200c", "\u200d", "\u20e3"
# Emoji that Unicode counts among the letters and the dashes.
OTHER_EMOJI = ("\u2139", "\u3030")
VIRAMA = 9
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


# Many skills carry the same runtime: one look at each of its files is enough.
@lru_cache(maxsize=512)
def plain_objections(text: str, is_python: bool) -> tuple[str, ...]:
    """Return what is wrong with a file's text, whoever wrote it, line by line."""
    revoke = f"what looks like a fal key: remove it, and revoke it at {DASHBOARD}"
    found = matches(FAL_KEY, text, revoke) or matches(
        SECRET, text, "what looks like a key or password: remove it, and revoke it where it is from"
    )
    run = DOWNLOAD_RUN.search(CONTINUED.sub(" ", text))
    if run is not None:
        found.append(f"runs what it downloads, unread: {cut(ascii(run[0]), 80)}")
    if is_python:
        found += matches(SHELL_TRUE, text, "starts a shell: run a list of words without one")
    if not text.isascii():
        found += _hidden(text)
    control = CONTROL.search(text)
    if control is not None:
        found.append(f"holds the control character U+{ord(control[0]):04X}: remove it")
    return tuple(found)


def matches(pattern: re.Pattern[str], text: str, message: str) -> list[str]:
    """Return the message with the line of the first match, nothing without one."""
    match = pattern.search(text)
    line = 0 if match is None else text.count("\n", 0, match.start()) + 1
    return [f"line {line}: {message}"] if line else []


def _hidden(text: str) -> list[str]:
    for place, character in enumerate(text):
        if character > "\x7f" and _is_hidden(character) and not _shapes(text, place):
            line = text.count("\n", 0, place) + 1
            return [f"line {line}: the invisible character U+{ord(character):04X}: remove it"]
    return []


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN_CATEGORIES or bool(HIDDEN.match(character))


def _shapes(text: str, place: int) -> bool:
    """Return whether a character only shapes or joins the letters or emoji beside it."""
    character, before, after = text[place], text[place - 1 : place], text[place + 1 : place + 2]
    if character == VARIANT:
        return after == KEYCAP or _is_symbol(before)
    if character not in (NON_JOINER, JOINER) or not before or not after:
        return False
    arabic = all(unicodedata.bidirectional(letter) == "AL" for letter in (before, after))
    # RFC 5892, A.1 and A.2: after a virama, or between Arabic letters.
    spelled = unicodedata.combining(before) == VIRAMA or (character == NON_JOINER and arabic)
    joined = before == VARIANT or _is_symbol(before)
    return spelled or (character == JOINER and joined and _is_symbol(after))


def _is_symbol(character: str) -> bool:
    kind = unicodedata.category(character) if character > "\x7f" else ""
    return kind in ("So", "Sk", "Sm", "Po") or character in OTHER_EMOJI


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
