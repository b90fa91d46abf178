"""From a model ID to the names that a skill needs: folder, wrapper, title."""

import hashlib
import keyword
import re
import sys
import textwrap
from collections.abc import Iterable, Set
from difflib import get_close_matches
from functools import lru_cache

from fal_runtime.model_id import MODEL_ID, is_model_id
from fal_runtime.paths import safe_name
from fal_runtime.text import cut
from falsmith.errors import SkillNameError

__all__ = [
    "SKILL_NAME",
    "TITLE_LIMIT",
    "check_model_id",
    "check_short_name",
    "check_skill_name",
    "close_ids",
    "collection_title",
    "full_title",
    "is_short_name",
    "model_folder",
    "objection_to_skill_name",
    "readable_title",
    "short_name",
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
TITLE_LIMIT = 64
SMALL_WORDS = frozenset({"and", "from", "in", "of", "on", "the", "to", "with"})
_SPELLED = (
    "AI API ASR FFmpeg FLUX GPT HD HDR HiDream LCM LoRA LTX NSFW OCR SAM SD SDXL SFX SVD SVG TTS "
    "VACE YouTube"
)
SPELLED = {word.lower(): word for word in _SPELLED.split()}
# Titles that only their owner tells apart.
GENERIC = re.compile(
    r"v[\d.]+|agent|avatars?|audio|images?|subtitles?|upscaler?|upscale|videos?|voices?", re.I
)
# Words of which a model has one at most: a title with another one belongs to a sibling.
_TIERS = "fast flash lite master max mini pro rapid schnell standard turbo ultra"
TIERS = frozenset(_TIERS.split())
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


def close_ids(model_id: str, known: Iterable[str]) -> str:
    """Return a sentence, after a blank, with the known IDs close to one, or nothing."""
    close = get_close_matches(model_id, sorted(set(known)), n=3)
    return f" Close to it: {', '.join(close)}." if close else ""


# A run asks for the name of each model several times.
@lru_cache(maxsize=256)
def skill_name(model_id: str) -> str:
    """Return the skill's name for a model ID: `fal-ai/flux/dev` becomes `fal-ai-flux-dev`.

    An ID with capitals gets six hex digits of its digest, because IDs differ by case alone.
    """
    return check_skill_name(_slug(model_id, model_id), model_id)


def short_name(model_id: str) -> str:
    """Return what a collection calls a model: `fal-ai/flux/dev` becomes `flux-dev`."""
    return _slug(model_id.partition("/")[2], model_id)


def check_short_name(name: str) -> str:
    """Return `name` unchanged, or raise SkillNameError where no folder of a model can have it."""
    if is_short_name(name):
        return name
    raise SkillNameError(
        f"{cut(name, 80)!r} cannot be a model's short name: up to {SKILL_NAME_LIMIT} of a-z, 0-9 "
        "and single hyphens between them are allowed. Write -m NAME=ID"
    )


def is_short_name(name: str) -> bool:
    """Return whether a model of a collection, and a folder of it, can have this name."""
    fits = SKILL_NAME.fullmatch(name) is not None and len(name) <= SKILL_NAME_LIMIT
    return fits and safe_name(name) == name


def model_folder(short_name: str) -> str:
    """Return where in a skill a model is described; '' is the model that has it to itself."""
    return f"references/models/{short_name}" if short_name else "references"


def _slug(text: str, model_id: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if model_id == model_id.lower():
        return slug
    return f"{slug}-{hashlib.sha256(model_id.encode()).hexdigest()[:6]}"


def wrapper_name(name: str) -> str:
    """Return the wrapper's module name for a skill's name: hyphens become underscores."""
    return name.replace("-", "_")


def readable_title(model_id: str) -> str:
    """Return a title made of a model ID: `acme/demo/text-to-image` becomes Demo Text to Image."""
    owner, _, rest = model_id.partition("/")
    words = _id_words(rest)
    if GENERIC.fullmatch(words[0]) and owner != "fal-ai":
        words = [owner, *words]
    return _fitting(" ".join(map(_spelled, words)))


def collection_title(name: str) -> str:
    """Return a title made of a collection's name: `my-voices` becomes My Voices."""
    return " ".join(map(_spelled, name.split("-")))


def full_title(display_name: str, model_id: str) -> str:
    """Return the platform's title with what it leaves out of the ID, so that siblings differ.

    One document does not know its siblings, and a third of the catalogue's titles are shared: of
    `acme/demo/v2/text-to-video` Demo becomes Demo V2 Text to Video. A title that names another
    tier (pro, of a standard) is the sibling's own, and one of the ID stands in its place.
    """
    owner, _, rest = model_id.partition("/")
    tokens, variant = _tokens(display_name), rest.partition("/")[2]
    named = TIERS & _tokens(variant)
    if named - tokens and (TIERS & tokens) - named:
        return readable_title(model_id)
    again = TIERS & _tokens(rest.partition("/")[0])
    words = _id_words(variant)
    missing = [_spelled(word) for word in words if word in again or not _is_named(word, tokens)]
    alone = GENERIC.fullmatch(display_name) and owner != "fal-ai" and not _is_named(owner, tokens)
    return _fitting(" ".join([*([_spelled(owner)] if alone else []), display_name, *missing]))


def _id_words(part: str) -> list[str]:
    """Return the words of a part of an ID; what becomes what stays one (`text-to-image`)."""
    pieces = re.split(r"[/_]+", part)
    words = ([piece] if "-to-" in piece else piece.split("-") for piece in pieces)
    return [word for piece in words for word in piece if word]


def _is_named(word: str, tokens: Set[str]) -> bool:
    """Return whether a word of an ID stands in a title; that of v2 stands in Demo 2.0, too."""
    if "-to-" in word and "to" not in tokens:
        return False
    for part in word.lower().split("-"):
        number = part.removeprefix("v")
        long = len(part) > 3 and "-to-" not in word and any(part in one for one in tokens)
        if (
            part not in SMALL_WORDS
            and tokens.isdisjoint({part, number, f"{number}.0"})
            and not long
        ):
            return False
    return True


def _tokens(text: str) -> frozenset[str]:
    """Return a text's words, letters and numbers alone, and all in one: flux1.1, flux, 1.1."""
    found = re.findall(r"[a-z0-9]+(?:\.[a-z0-9]+)*", text.lower())
    joined = re.sub(r"[^a-z0-9]", "", text.lower())
    return frozenset([*found, *re.findall(r"[a-z]+|\d+(?:\.\d+)*", text.lower()), joined])


def _spelled(word: str) -> str:
    """Return a word of an ID as a title has it: LoRA, 4B, Text to Image."""
    parts = word.split("-")
    return " ".join(one if one in SMALL_WORDS else _capital(one) for one in parts)


def _capital(word: str) -> str:
    if re.fullmatch(r"\d+(?:\.\d+)?[bdk]|(?:[itvr]|flf)2[iv]", word):
        return word.upper()
    return SPELLED.get(word, word[:1].upper() + word[1:])


def _fitting(title: str) -> str:
    if len(title) <= TITLE_LIMIT:
        return title
    return textwrap.shorten(title, TITLE_LIMIT, placeholder="") or cut(title, TITLE_LIMIT)


def check_skill_name(name: str, model_id: str) -> str:
    """Return `name` unchanged, or raise SkillNameError saying why a skill cannot have it."""
    reason = objection_to_skill_name(name)
    if reason is None:
        return name
    raise SkillNameError(
        f"{cut(name, 80)!r} cannot be the skill's name for {model_id}: {reason}. "
        f"Choose another: falsmith generate -m {model_id} --name NAME"
    )


def objection_to_skill_name(name: str) -> str | None:
    """Return why a skill cannot have a name, None where it can."""
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
