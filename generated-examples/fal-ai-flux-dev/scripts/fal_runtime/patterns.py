"""Regular expressions of a schema: those that could try for ever to fit a text."""

import re

__all__ = ["is_slow"]

_LIMIT = 10
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?(?:P?<\w+>|<?[=!]|:))?|[\s\S]")
_REPEAT = re.compile(r"[*+]|\{\d*(?P<open>,(?P<most>\d*))?\}")


def is_slow(pattern: str) -> bool:
    """Tell whether a group repeats without a limit and holds what does so too, as `(a+)+`.

    A limit over 10 counts as none. Python's engine tries every way to share a text out between
    such repetitions, and their number doubles with each character.
    """
    holds = [False]
    place = 0
    while place < len(pattern):
        token = _TOKEN.match(pattern, place)
        place = token.end() if token else place + 1
        text = token[0] if token else ""
        if text.startswith("("):
            holds.append(False)
            continue
        inner = holds.pop() if text == ")" and len(holds) > 1 else False
        repeat = _REPEAT.match(pattern, place)
        repeats = repeat is not None and _is_endless(repeat)
        if inner and repeats:
            return True
        holds[-1] |= inner or repeats
        place = repeat.end() if repeat else place
    return False


def _is_endless(repeat: re.Match[str]) -> bool:
    if repeat[0] in "*+" or repeat["most"] == "":
        return True
    return repeat["most"] is not None and int(repeat["most"]) > _LIMIT
