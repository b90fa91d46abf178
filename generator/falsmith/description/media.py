"""What goes into a model and what comes out, in words: `image + text (+ end image)`, `video`."""

import re
from collections.abc import Mapping, Sequence, Set
from functools import lru_cache

from fal_runtime.file_kinds import word_kind
from falsmith.model import Output, Parameter

__all__ = ["file_fields", "flow", "makes", "noun", "role", "takes", "text_fields"]

LONGEST_FLOW = 60
OPTIONAL_SHOWN = 3
MEDIA = ("image", "video", "audio", "3d", "archive")
SHOWN_OPTIONAL = frozenset({"image", "video", "audio", "3d"})
NOUNS = {"3d": "3D model", "archive": "zip"}
# Objects that steer a run whose inputs stand elsewhere.
_ASIDE = (
    "control_loras controlnet controlnet_unions controlnets dynamic_masks easycontrols embeddings "
    "fill_image ip_adapter ip_adapters loras validation"
)
ASIDE = frozenset(_ASIDE.split())
# A file that is the model, not what it works on.
WEIGHTS = re.compile(r"model|lora|embedding|unet|vae|checkpoint|weights")
ROLE_WORDS = re.compile(r"[a-z]+|3d")
# What the name of a file field says beside what the file is.
_FILE_WORDS = (
    "url urls uri path link file files data input inputs source archive driven lora base uov"
)
FILE_WORDS = frozenset(_FILE_WORDS.split())
SPELLED = {
    "audios": "audio",
    "id": "identity",
    "images": "image",
    "img": "image",
    "last": "end",
    "pdf": "PDF",
    "ref": "reference",
    "srt": "SRT",
    "tail": "end",
    "videos": "video",
}
# Words that say what kind of file it is, or need no such word.
OWN_NOUNS = frozenset(
    {"mask", "masks", "frame", "PDF", "SRT", "embedding", "element", "elements", "tracks"}
)
TEXT_FIELD = re.compile(
    r"(?:\w+_)?(?:prompts?|texts?|script|lyrics|messages|inputs?|instructions?)"
)
NO_TEXT_FIELD = re.compile(
    r"negative|voice|style|system|ref_|reference|audio|texture|seed|edit_prompt|id\b"
)
INNER_TEXTS = frozenset({"prompt", "text"})
NO_TEXT = frozenset({"boolean", "integer", "number"})
# What an answer holds beside what was asked for.
BESIDE = re.compile(
    r"thumbnail|preview|visuali[sz]ation|viz|debug|input|config|sprite|mask|zip|base_model|rendered"
    r"|raw|pbr"
)
_WRITTEN = "text output outputs results result caption answer generated_text messages choices scene"
WRITTEN = frozenset(_WRITTEN.split())
TIMES = frozenset({"timestamps", "words", "chunks", "segments"})


def file_fields(parameters: Sequence[Parameter]) -> dict[str, str]:
    """Return the kinds of the files that fields take, themselves or in their objects, by name."""
    return {
        one.name: kind
        for one in parameters
        if (one.file_kind or one.members) and (kind := _kind(one))
    }


def text_fields(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Return the fields that take the text of a task: a prompt, a script, lyrics."""
    return [one for one in parameters if _is_text(one)]


def takes(
    parameters: Sequence[Parameter],
    files: Mapping[str, str],
    texts: Sequence[Parameter],
    category: str,
) -> tuple[str, ...]:
    """Return the kinds that go in, `text` where no media has to; the category only hints."""
    fields = [one for one in parameters if one.name in files]
    if needed := [files[one.name] for one in fields if _is_needed(one)]:
        return tuple(dict.fromkeys(needed))
    optional = tuple(dict.fromkeys(kind for kind in files.values() if kind in SHOWN_OPTIONAL))
    hint = category.partition("-")[0]
    if hint in optional or (hint in MEDIA and not texts):
        return (hint,)
    told = hint in ("text", "llm") if not parameters else hint == "text" and texts
    if told or any(one.required for one in texts):
        return ("text",)
    return optional or ("text" if texts else "settings",)


def makes(outputs: Sequence[Output], category: str, *, is_realtime: bool) -> tuple[str, ...]:
    """Return the kinds that come out, the one that the category names before all."""
    hint = category.rpartition("-")[2]
    kinds = [one.kind for one in outputs if one.is_file]
    if hint in kinds or (hint in MEDIA and (is_realtime or set(kinds) == {"file"})):
        return (hint,)
    main = [one.kind for one in outputs if one.is_file and not BESIDE.search(one.path)]
    if main or kinds:
        return tuple(dict.fromkeys(main or kinds))
    return (_answer({one.path for one in outputs}, hint),)


def flow(
    parameters: Sequence[Parameter],
    files: Mapping[str, str],
    texts: Sequence[Parameter],
    taken: Sequence[str],
) -> str:
    """Return what goes in: `image + text (+ end image)`; empty for a model without fields."""
    if not parameters:
        return ""
    fields = [one for one in parameters if one.name in files]
    needed = list(dict.fromkeys(_role(one, files) for one in fields if _is_needed(one)))
    shown = (_role(one, files) for one in fields if files[one.name] in SHOWN_OPTIONAL)
    spare = [one for one in dict.fromkeys(shown) if one not in needed]
    if not needed and taken[0] not in ("text", "settings"):
        nouns = [noun(kind) for kind in taken]
        needed = [one for one in spare if any(noun in one for noun in nouns)] or nouns
        needed = [" or ".join(needed[:2])] if len(taken) > 1 or len(needed) > 2 else needed[:1]
        spare = [one for one in spare if one not in needed[0]]
    if any(one.required for one in texts) or not needed:
        needed.append("text" if texts else "settings")
    elif texts:
        spare.append("text")
    told = " + ".join(needed)
    for count in range(min(len(spare), OPTIONAL_SHOWN), 0, -1):
        longer = f"{told} (+ {', '.join(spare[:count])})"
        if len(longer) <= LONGEST_FLOW:
            return longer
    return told


def noun(kind: str) -> str:
    """Return a kind of file as people call it."""
    return NOUNS.get(kind, kind)


def role(parameter: Parameter, kind: str) -> str:
    """Return what a file is for, from its field's name: `end image`, `mask`, `zip of images`."""
    return _role_of(parameter.name, kind, "list of" in parameter.type)


@lru_cache(maxsize=4096)
def _role_of(name: str, kind: str, many: bool) -> str:
    words = [SPELLED.get(word, word) for word in ROLE_WORDS.findall(name.lower())]
    words = [word for word in words if word not in FILE_WORDS]
    if kind == "archive":
        return f"zip of {'images' if 'image' in words else 'training data'}"
    if kind == "3d":
        words = [word for word in words if word not in ("model", "mesh")]
    if noun(kind) not in words and OWN_NOUNS.isdisjoint(words):
        words = [*(word.removesuffix("s") for word in words), noun(kind)]
    text = " ".join(dict.fromkeys(words))
    return text + "s" if many and not text.endswith(("s", "audio")) else text


def _role(parameter: Parameter, files: Mapping[str, str]) -> str:
    return role(parameter, files[parameter.name])


def _kind(parameter: Parameter) -> str:
    if parameter.file_kind == "file" and WEIGHTS.search(parameter.name):
        return ""
    if parameter.file_kind or parameter.name in ASIDE:
        return parameter.file_kind or ""
    return next((one.file_kind for one in parameter.members if one.file_kind in MEDIA), "")


def _is_needed(parameter: Parameter) -> bool:
    """Return whether a file must be given: in objects, where they cannot be without it."""
    inner = [one.required for one in parameter.members if one.file_kind in MEDIA]
    return parameter.required and (bool(parameter.file_kind) or not inner or any(inner))


def _is_text(parameter: Parameter) -> bool:
    if any(one.name in INNER_TEXTS for one in parameter.members):
        return not _kind(parameter)
    free = not (parameter.file_kind or parameter.members or parameter.choice_count)
    return free and parameter.type not in NO_TEXT and _names_text(parameter.name)


# The same names stand in hundreds of documents.
@lru_cache(maxsize=4096)
def _names_text(name: str) -> bool:
    return bool(TEXT_FIELD.fullmatch(name)) and not NO_TEXT_FIELD.search(name)


def _answer(names: Set[str], hint: str) -> str:
    """Return what an answer without files is."""
    if hint in map(word_kind, names) or (not names and hint in MEDIA):
        return hint
    if names & WRITTEN or hint in ("text", "llm"):
        return "text with timestamps" if names & TIMES else "text"
    return "JSON" if names or hint == "json" else "result"
