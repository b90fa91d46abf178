"""What goes into a model and what comes out, in words: `image + text (+ end image)`, `video`."""

import re
from collections.abc import Mapping, Sequence, Set
from functools import lru_cache

from fal_runtime.file_kinds import MEDIA_KINDS, word_kind
from falsmith.model import Output, Parameter
from falsmith.prose import sentences

__all__ = ["file_fields", "flow", "makes", "noun", "role", "takes", "text_fields"]

LONGEST_FLOW = 60
OPTIONAL_SHOWN = 3
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
    r"|object(?:_name|_to_remove)?|subject|tags"
)
# What a caller has made before, by another model.
OWN_ID = re.compile(r"(?:model|finetune|style|profile)_id")
# Fields of which one stands for the other.
EITHER = re.compile(
    r"\beither\b.*\bor\b|\bcannot be (?:combined|used) (?:together )?with\b"
    r"|\bmutually exclusive\b|\brequired (?:if|unless)\b|\bif not \w+, .* is required\b"
    r"|\brequired (?:for|in) [\w -]+ mode\b",
    re.I,
)
# In another mode a text takes its place.
OF_ONE_MODE = re.compile(r"\brequired (?:for|in) [\w -]+ mode\b", re.I)
NAME = re.compile(r"\w+")
# Models whose medium is what they are for, though their documents require none.
NEEDS_MEDIUM = re.compile(
    r"edit|reference|(?:image|video|audio|3d)-to|effects|router|remix|face-id"
)
REFERENCE = re.compile(r"reference-to")
PLACED = re.compile(r"(?:^|_)(?:start|end|first|last|tail|mask)_")
ONE_FILE = re.compile(
    r"\b(?:only|exactly) (?:1|one) (?:\w+ )?(?:image|mask|video|audio)\b|\bprovide one\b", re.I
)
STYLE = re.compile(r"\bstyle references?\b", re.I)
HELD = re.compile(
    r"\b(image|video|photo|picture)s?\b(?:(?: and/or| or| and|,) (image|video)s?\b)?", re.I
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
    if hint in optional or (hint in MEDIA_KINDS and not texts and not files):
        return (hint,)
    takes_text = hint in ("text", "llm") if not parameters else hint == "text" and texts
    if takes_text or any(one.required for one in texts):
        return ("text",)
    return optional or ("text" if texts else "settings",)


def makes(outputs: Sequence[Output], category: str, *, is_realtime: bool) -> tuple[str, ...]:
    """Return the kinds that come out, the one that the category names before all."""
    hint = category.rpartition("-")[2]
    kinds = [one.kind for one in outputs if one.is_file]
    if hint in kinds or (hint in MEDIA_KINDS and (is_realtime or set(kinds) == {"file"})):
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
    model_id: str,
) -> str:
    """Return what goes in: `image + text (+ end image)`; empty for a model without fields."""
    if not parameters:
        return ""
    fields = [one for one in parameters if one.name in files]
    needed = list(dict.fromkeys(_role(one, files) for one in fields if _is_needed(one)))
    needed += [one.name.replace("_", " ").replace("id", "ID") for one in parameters if _is_own(one)]
    shown = (_role(one, files) for one in fields if files[one.name] in SHOWN_OPTIONAL)
    spare = [one for one in dict.fromkeys(shown) if one not in needed]
    if REFERENCE.search(model_id):
        spare.sort(key=lambda one: not one.endswith("s"))
    either = _either(fields, parameters, files, texts)
    needs_text = any(one.required for one in texts)
    if either:
        needed.append(" or ".join(either))
    elif not needed and taken[0] not in ("text", "settings"):
        needed = _likely(spare, taken, model_id, needs_text=needs_text)
    spare = [one for one in spare if not any(one in known.split(" or ") for known in needed)]
    if needs_text or not needed:
        needed.append("text" if texts else "settings")
    elif texts and "text" not in either and taken[0] != "archive":
        spare.append("text")
    kinds = " + ".join(needed)
    for count in range(min(len(spare), OPTIONAL_SHOWN), 0, -1):
        longer = f"{kinds} (+ {', '.join(spare[:count])})"
        if len(longer) <= LONGEST_FLOW:
            return longer
    return kinds


def _likely(
    spare: Sequence[str], taken: Sequence[str], model_id: str, *, needs_text: bool
) -> list[str]:
    """Return the media that a call has, where the document requires none."""
    nouns = [noun(kind) for kind in taken]
    if len(spare) > 1 and REFERENCE.search(model_id):
        return []
    if needs_text and not NEEDS_MEDIUM.search(model_id):
        return []
    found = [one for one in spare if any(noun in one for noun in nouns)] or nouns
    return [" or ".join(found[:2])] if len(taken) > 1 or len(found) > 2 else found[:1]


def _either(
    fields: Sequence[Parameter],
    parameters: Sequence[Parameter],
    files: Mapping[str, str],
    texts: Sequence[Parameter],
) -> list[str]:
    """Return the roles of media and texts of which one must be given, by what their fields say."""
    optional = {one.name: one for one in parameters if not one.required}
    text_names = {one.name for one in texts}
    for one in fields:
        if one.required or files[one.name] not in SHOWN_OPTIONAL or PLACED.search(one.name):
            continue
        for sentence in sentences(one.description) if EITHER.search(one.description) else ():
            if not EITHER.search(sentence):
                continue
            others = text_names if OF_ONE_MODE.search(sentence) else ()
            named = {one.name, *NAME.findall(sentence), *others} & optional.keys()
            roles = [
                _role(optional[name], files) if name in files else "text"
                for name in optional
                if name in named and (name in files or name in text_names or "text" in name)
            ]
            if len(set(roles)) > 1:
                return list(dict.fromkeys(roles))
    return []


def _is_own(parameter: Parameter) -> bool:
    return parameter.required and bool(OWN_ID.fullmatch(parameter.name))


def noun(kind: str) -> str:
    """Return a kind of file as people call it."""
    return NOUNS.get(kind, kind)


def role(parameter: Parameter, kind: str) -> str:
    """Return what a file is for, from its field's name: `end image`, `mask`, `zip of images`."""
    if kind == "archive":
        return f"zip of {_held(parameter)}"
    about = parameter.description
    many = (
        "list of" in parameter.type and parameter.limits != "1 item" and not ONE_FILE.search(about)
    )
    text = _role_of(parameter.name, kind, many)
    return f"style {text}" if text.rstrip("s") == kind and STYLE.search(about) else text


def _held(parameter: Parameter) -> str:
    """Return what the files in a zip are: `images`, `videos or images`."""
    found = HELD.search(parameter.description)
    pairs = [match for match in HELD.finditer(parameter.description) if match[2]]
    match = pairs[0] if pairs else found
    if match:
        words = [word.lower().rstrip("s") for word in match.groups() if word]
        kinds = dict.fromkeys("video" if word == "video" else "image" for word in words)
        return " or ".join(f"{kind}s" for kind in kinds)
    return "images" if "image" in parameter.name.lower() else "training data"


@lru_cache(maxsize=4096)
def _role_of(name: str, kind: str, many: bool) -> str:
    words = [SPELLED.get(word, word) for word in ROLE_WORDS.findall(name.lower())]
    words = [word for word in words if word not in FILE_WORDS]
    if kind == "3d":
        words = [word for word in words if word not in ("model", "mesh")]
    if noun(kind) not in words and OWN_NOUNS.isdisjoint(words):
        words = [*(word.removesuffix("s") for word in words), noun(kind)]
    text = " ".join(dict.fromkeys(words))
    if many and text.endswith("audio"):
        return f"{text} files"
    return text + "s" if many and not text.endswith("s") else text


def _role(parameter: Parameter, files: Mapping[str, str]) -> str:
    return role(parameter, files[parameter.name])


def _kind(parameter: Parameter) -> str:
    if parameter.file_kind == "file" and WEIGHTS.search(parameter.name):
        return ""
    if parameter.file_kind or parameter.name in ASIDE:
        return parameter.file_kind or ""
    return next((one.file_kind for one in parameter.members if one.file_kind in MEDIA_KINDS), "")


def _is_needed(parameter: Parameter) -> bool:
    """Return whether a file must be given: in objects, where they cannot be without it."""
    inner = [one.required for one in parameter.members if one.file_kind in MEDIA_KINDS]
    if parameter.runs_on_sample:
        return True
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
    if hint in map(word_kind, names) or (not names and hint in MEDIA_KINDS):
        return hint
    if names & WRITTEN or hint in ("text", "llm"):
        return "text with timestamps" if names & TIMES else "text"
    return "JSON" if names or hint == "json" else "result"
