"""Regular expressions of a schema: those that could try for ever to fit a text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from typing import TypeAlias

__all__ = ["is_slow"]

# As many characters as a long text has, and the steps that Python's engine takes in seconds.
_LONG_TEXT = 10_000
_MOST_STEPS = 10**9
# A repetition of more than this counts as one without end.
_MOST_COPIES = 10
_LONGEST_PATTERN = 5_000
_MOST_PARTS = 10_000

_TOKEN = re.compile(
    r"\\(?:x..|u.{4}|U.{8}|N\{[^}]*\}|0[0-7]{0,2}|.)|\[\^?\]?(?:\\.|[^\]\\])*\]"
    r"|\((?:\?(?:P?<\w+>|<?[=!]|:))?|.",
    re.DOTALL,
)
_REPEAT = re.compile(
    r"(?P<sign>[*+?])[+?]?|\{(?=[\d,])(?P<least>\d*)(?P<to>,(?P<most>\d*))?\}[+?]?"
)
# A group that was matched before, and what begins with `(?` and is not in _TOKEN.
_UNREADABLE = re.compile(r"\\[1-9]|\?")
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
# One letter, digit, space and sign stand for all of their kind that are not ASCII.
_OTHERS = "\u0436\u0663\u2003\u2013"
_CHARACTERS = "".join(map(chr, range(128))) + _OTHERS
_NAMES_OTHERS = re.compile(r"[^\x00-\x7f]|\\[xuUN0-7]")


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands at one place: of which characters, whether one must come, and without end."""

    characters: frozenset[str] = frozenset()
    needed: bool = False
    endless: bool = False


# One way through an expression, without alternatives.
_Way: TypeAlias = tuple[_Part, ...]

_NOWHERE = _Part()
_START = _Part(frozenset({""}))
_ANYWHERE = _Part(frozenset(_CHARACTERS), endless=True)


class _TooManyWays(Exception):
    """The expression is slow, or cannot be told from one that is."""


@dataclass(slots=True)
class _Group:
    """A group that is being read: how it opened, its finished branches and the one at hand."""

    opening: str = ""
    finished: list[_Way] = field(default_factory=list)
    ways: list[_Way] = field(default_factory=lambda: [()])

    def closed(self) -> list[_Way]:
        """Return the ways through the whole group; what looks around needs no characters."""
        ways = self.finished + self.ways
        if self.opening not in _LOOKS:
            return ways
        seen = [[_Part(part.characters, endless=True) for part in w if part.endless] for w in ways]
        return [(*parts, _NOWHERE) for parts in seen]


@lru_cache(maxsize=1024)
def is_slow(pattern: str) -> bool:
    """Tell whether Python's engine could take very long to hold a text against `pattern`.

    It tries every way to share a text out between what repeats and what has alternatives. The
    ways are counted here, rather too many than too few, for a text of 10,000 characters.
    """
    if not _is_valid(pattern):
        return False
    try:
        ways = _ways(pattern)
    except _TooManyWays:
        return True
    return sum(int(_LONG_TEXT ** _degree(way)) for way in ways) > _MOST_STEPS


def _is_valid(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _ways(pattern: str) -> list[_Way]:
    """Return every way through a valid expression, or raise _TooManyWays."""
    if len(pattern) > _LONGEST_PATTERN:
        raise _TooManyWays
    groups, place = [_Group()], 0
    while place < len(pattern):
        token = _TOKEN.match(pattern, place)
        assert token is not None
        text, place = token[0], token.end()
        if text.startswith("("):
            groups.append(_Group(text))
        elif text == "|":
            groups[-1].finished += groups[-1].ways
            groups[-1].ways = [()]
        else:
            atom: list[_Way] = [(_part(text),)] if text != ")" else groups.pop().closed()
            repeat = _REPEAT.match(pattern, place)
            place = repeat.end() if repeat else place
            atom = _repeated(atom, repeat) if repeat else atom
            groups[-1].ways = _product(groups[-1].ways, atom)
    return groups[0].closed()


@lru_cache(maxsize=256)
def _part(text: str) -> _Part:
    if text in ("^", r"\A"):
        return _START
    if text in ("$", r"\b", r"\B", r"\Z"):
        return _NOWHERE
    if _UNREADABLE.fullmatch(text):
        raise _TooManyWays
    others = _OTHERS if _NAMES_OTHERS.search(text) else ""
    return _Part(frozenset(re.findall(text, _CHARACTERS)) | frozenset(others), needed=True)


def _repeated(ways: list[_Way], repeat: re.Match[str]) -> list[_Way]:
    least, most = _counts(repeat)
    if most is None or (most > _MOST_COPIES and most != least):
        return [(_endless(ways, needed=least > 0),)]
    if len(ways) == 1 and not any(part.endless for part in ways[0]):
        # Of one way, a copy tells as much as many do.
        least, most = min(least, 1), most - least + min(least, 1)
    found: list[_Way] = [()] if least == 0 else []
    copies: list[_Way] = [()]
    for count in range(1, most + 1):
        copies = _product(copies, ways)
        found += copies if count >= least else []
    return found


def _counts(repeat: re.Match[str]) -> tuple[int, int | None]:
    if repeat["sign"]:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[repeat["sign"]]
    least = int(repeat["least"] or 0)
    if repeat["to"] is None:
        return least, least
    return least, int(repeat["most"]) if repeat["most"] else None


def _endless(ways: list[_Way], *, needed: bool) -> _Part:
    """Return the repetition of what each next character has one way through."""
    parts = [part for way in ways for part in way]
    firsts = [next((part for part in way if part.needed), _NOWHERE) for way in ways]
    alike = (one.characters & other.characters for one, other in combinations(firsts, 2))
    if any(part.endless for part in parts) or _NOWHERE in firsts or any(alike):
        raise _TooManyWays
    return _Part(_union(part.characters for part in parts), needed, endless=True)


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)


def _product(ways: list[_Way], others: list[_Way]) -> list[_Way]:
    parts = len(others) * sum(map(len, ways)) + len(ways) * sum(map(len, others))
    if parts > _MOST_PARTS or len(ways) * len(others) > _MOST_PARTS:
        raise _TooManyWays
    return [way + other for way in ways for other in others]


def _degree(way: _Way) -> int:
    """Return how many repetitions in a row can take the same characters from one another."""
    # A fit is looked for from every place where nothing says that it starts at the first.
    way = way if way[:1] == (_START,) else (_ANYWHERE, *way)
    # The last of all takes what it gets, for nothing after it can fail.
    last = len(way) - 1
    loops = [place for place, part in enumerate(way) if part.endless and place < last]
    rows: dict[int, int] = {}
    for place in loops:
        before = [rows[one] for one in rows if _can_share(way[one : place + 1])]
        rows[place] = 1 + max(before, default=0)
    return max(rows.values(), default=0)


def _can_share(way: _Way) -> bool:
    """Tell whether the first repetition and the last one can take all that is between them."""
    common = way[0].characters & way[-1].characters
    return bool(common) and all(common & part.characters for part in way[1:-1] if part.needed)
