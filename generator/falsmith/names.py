"""From a model ID to the names that a skill needs: folder, wrapper, title."""

import hashlib
import keyword
import re
import sys
import textwrap

from fal_runtime.model_id import MODEL_ID, is_model_id
from fal_runtime.paths import safe_name
from fal_runtime.text import cut
from falsmith.errors import SkillNameError

__all__ = [
    "TITLE_LIMIT",
    "check_model_id",
    "check_skill_name",
    "readable_title",
    "skill_name",
    "wrapper_name",
]

# A model's page, of which people copy the address.
PAGE = re.compile(rf"https?://(?:www\.)?fal\.ai/models/({MODEL_ID.pattern})")
# The Agent Skills specification, "name": lower case, digits, single hyphens, 64 characters.
SKILL_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SKILL_NAME_LIMIT = 64
# Hosts refuse these words in a skill's name; the last name is the shared skill of falsmith itself.
RESERVED_WORDS = ("anthropic", "claude")
RESERVED_NAMES = frozenset({"fal-skill-creator"})
TITLE_LIMIT = 48
SMALL_WORDS = frozenset({"and", "from", "in", "of", "on", "the", "to", "with"})
# Files beside the wrapper, and what the packages that it needs import where it is installed: a
# wrapper of that name would hide them.
SHADOWED = frozenset(
    {
        "anyio",
        "attr",
        "attrs",
        "brotli",
        "certifi",
        "click",
        "fal_api_call",
        "fal_runtime",
        "falsmith",
        "generate_fal_skill",
        "h11",
        "h2",
        "httpcore",
        "httpx",
        "idna",
        "jsonschema",
        "jsonschema_specifications",
        "markdown_it",
        "mdurl",
        "platformdirs",
        "pygments",
        "queue_client",
        "queue_daemon",
        "queue_protocol",
        "referencing",
        "rich",
        "rpds",
        "sniffio",
        "socksio",
        "typing_extensions",
        "yaml",
        "zstandard",
    }
)


def check_model_id(model_id: str) -> str:
    """Return `model_id` unchanged, or raise SkillNameError where no fal model can have this ID."""
    if is_model_id(model_id):
        return model_id
    page = PAGE.match(model_id)
    example = f"the one of that page is {page[1]}" if page else "for example fal-ai/flux/dev"
    raise SkillNameError(
        f"{cut(model_id, 80)!r} is not a model ID: write owner/app, with its variant if any, "
        f"{example}. `falsmith search TEXT` finds IDs."
    )


def skill_name(model_id: str) -> str:
    """Return the skill's name for a model ID: `fal-ai/flux/dev` becomes `fal-ai-flux-dev`.

    An ID with capitals gets six hex digits of its digest, because IDs differ by case alone.
    """
    name = re.sub(r"[^a-z0-9]+", "-", model_id.lower()).strip("-")
    if model_id != model_id.lower():
        name += "-" + hashlib.sha256(model_id.encode()).hexdigest()[:6]
    return check_skill_name(name, model_id)


def wrapper_name(name: str) -> str:
    """Return the wrapper's module name for a skill's name: hyphens become underscores."""
    return name.replace("-", "_")


def readable_title(model_id: str) -> str:
    """Return a title made of a model ID: `acme/demo/text-to-image` becomes Demo Text to Image."""
    words = re.split(r"[/_-]+", model_id.partition("/")[2])
    title = " ".join(word if word in SMALL_WORDS else word[:1].upper() + word[1:] for word in words)
    if len(title) <= TITLE_LIMIT:
        return title
    return textwrap.shorten(title, TITLE_LIMIT, placeholder="") or cut(title, TITLE_LIMIT)


def check_skill_name(name: str, model_id: str) -> str:
    """Return `name` unchanged, or raise SkillNameError saying why a skill cannot have it."""
    reason = _objection(name)
    if reason is None:
        return name
    raise SkillNameError(
        f"{cut(name, 80)!r} cannot be the skill's name for {model_id}: {reason}. "
        f"Choose another: falsmith generate -m {model_id} --name NAME"
    )


def _objection(name: str) -> str | None:
    if len(name) > SKILL_NAME_LIMIT:
        return f"it has {len(name)} characters, {SKILL_NAME_LIMIT} are allowed"
    if not SKILL_NAME.fullmatch(name):
        return "only a-z, 0-9 and single hyphens between them are allowed"
    if any(word in name for word in RESERVED_WORDS) or name in RESERVED_NAMES:
        return "the name is reserved"
    if safe_name(name) != name:
        return "Windows has a device of that name and cannot hold the folder"
    if _shadows(wrapper_name(name)):
        return f"its script {wrapper_name(name)}.py would hide a Python module of that name"
    return None


def _shadows(module: str) -> bool:
    return module in SHADOWED or module in sys.stdlib_module_names or keyword.iskeyword(module)
