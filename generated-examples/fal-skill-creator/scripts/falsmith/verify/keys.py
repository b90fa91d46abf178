"""Keys, tokens and passwords that stand in a text instead of in the environment."""

import re

__all__ = ["find_secret"]

# fal's keys: a UUID, a colon, 32 hex digits; also put together from two pieces of code.
JOINT = r"(?:[\"']\s{0,9}\+\s{0,9}[\"'])?"
KEY = re.compile(
    rf"(?<![0-9a-f])[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
    rf"{JOINT} ?(?::|%3a) ?{JOINT}[0-9a-f]{{32}}",
    re.I,
)
# How the secrets of other services begin.
KNOWN = (
    r"(?<![A-Za-z0-9_-])(?:sk-(?=[^\s\"']{0,60}\d)[A-Za-z0-9_-]{24,}|[rs]k_live_[A-Za-z0-9]{16,}"
    r"|gh[opsu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|hf_[A-Za-z0-9]{32,}|r8_[A-Za-z0-9]{32,}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{20,}|(?-i:A[KS]IA[0-9A-Z]{16})|AIza[A-Za-z0-9_-]{35}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"
)
NAMES = r"(?:API[_-]?KEY|FAL_KEY(?:_ID|_SECRET)?|SECRET|TOKEN|PASSWORD)[\"']?"
# A value has a digit: a placeholder such as YOUR_API_KEY has none.
VALUE = r"(?=[^\s\"']{0,60}\d)[A-Za-z0-9+/_:=-]"
SECRET = re.compile(
    rf"{KNOWN}|-----BEGIN [A-Z ]{{0,20}}PRIVATE KEY"
    rf"|(?:FAL_KEY(?:_ID|_SECRET)?=|{NAMES} ?[:=] ?[\"']){VALUE}{{20,}}"
    rf"|{NAMES} ?[:=] ?(?=[^\s\"']{{0,60}}\d)[0-9a-f-]{{24,}}(?![0-9A-Za-z_.(])"
    rf"|authorization.{{1,20}}(?:Key|Bearer|Basic) {VALUE}{{16,}}"
    r"|://[^/\s:@\"'<>{}$]{1,64}:(?=[^@\s/]{0,60}\d)[^@\s/\"'<>{}$]{8,64}@",
    re.I,
)
DASHBOARD = "https://fal.ai/dashboard/keys"


def find_secret(text: str) -> tuple[int, str] | None:
    """Return where the first secret of a text starts and what is wrong, None without one."""
    key = KEY.search(text)
    if key:
        told = f"what looks like a fal key: remove it, and revoke it at {DASHBOARD}"
        return key.start(), told
    secret = SECRET.search(text)
    if secret:
        told = "what looks like a key or password: remove it, and revoke it where it is from"
        return secret.start(), told
    return None
