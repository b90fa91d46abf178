"""Which texts in an input or an output are links to files, of what kind, and with what limits.

The rules come from counting the catalogue: a name that ends in `_url` or `_urls` finds nearly all
file inputs; for the others the form's hint, the examples or the description say so. `said` are the
keywords of a node, with those of the list or union around it, as the document spells them.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from fal_runtime.file_kinds import extension_of, kind_of, word_kind
from falsmith.schema.file_limits import file_limits

__all__ = [
    "extension_kind",
    "input_file",
    "is_word",
    "output_file",
    "output_file_kind",
    "takes_links",
]

# The kinds of the `ui.field` and `_fal_ui_field` hints of the platform's forms.
HINTS = {"image": "image", "image_mask": "image", "video": "video", "audio": "audio"}
HINTS |= {"archive": "archive", "file": "file"}
# `audio_url_person1`, `image_url_left`: whose it is, or where it belongs.
FILE_NAME = re.compile(
    r"(?:^|_)urls?(?:_?\d+|_[a-z]+_?\d+|_(?:left|right|front|back|top|bottom|first|last|start|end))?$"
)
# A text that is called a medium is a link to one, unless its bytes or words are asked for.
MEDIUM_NAME = re.compile(r"(?:\w+_)?(?:image|video|audio|photo|picture|mask)s?")
NO_MEDIUM = re.compile(r"base64|\btext\b|describ|\bdescription|\bprompt|\bname\b")
# Links that are addresses of a service, never content.
ADDRESS = re.compile(r"webhook|callback|redirect|endpoint|homepage|website|base_url|api_url")
SAYS_LINK = re.compile(
    r"^(?:(?:an?|the|optional|direct|public|publicly|accessible|https?|http\(s\)|download) )*"
    r"urls?\b"
    r"|^(?:(?:an?|the) (?:\w+ )?)?(?P<kind>image|video|audio)(?: file)? to "
    r"(?:use|edit|process|analy[sz]e|measure|transform|upscale)\b"
    r"|\b(?:or|provide|pass)(?: an?)?(?: \w+)? url\b"
)
NO_LINKS = re.compile(r"\burls? (?:is|are) not (?:supported|accepted|allowed)\b", re.IGNORECASE)
# Weights and the like, whatever they are for: `speaker_voice_embedding_file_url`.
WEIGHTS_NAME = re.compile(
    r"(?:lora|weights?|checkpoint|embeddings?|unet|repo|model)(?:_(?:file|path|name|repo))*(?:_urls?)?$"
)
# A field for a link that takes names, choices, colours or repositories as well.
TAKES_WORDS = re.compile(
    r"\bcan also be\b|\bhugging ?face\b|\bhf\b|\brepo(?:sitory)?\b|\bhex\b"
    r"|\bor (?:(?:the|an?|local) )*(?:path|name|id|keyword|word|colou?r|preset|choice)\b"
    r"|\bcolou?r (?:name|code)\b|\bcolou?r\b.{0,40}\bor\b|\bbe one of [`'\"]"
)
# A word or colour, or a repository of a model hub, which is two of them.
WORD = re.compile(r"#?[\w-]+(?:/[\w-]+(?:\.\d[\w-]*)*)?")


def input_file(where: str, name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a text of the input is to be marked with; nothing where it is no file.

    `x-file` is the kind; `x-words` says that other texts are taken as well; `x-file-limits` is what
    a file must keep to.
    """
    named = _named_for(name.lower())
    if named == "address" or not _free_text(said):
        return {}
    hint, description = _hint(said), _description(said)
    says = _says_link(description.lower())
    medium = named == "medium" and not NO_MEDIUM.search(description.lower())
    if not (hint or named == "file" or says or medium or _shows_link(name, said)):
        return {}
    kind = (
        hint
        or _named_kind(where, name, said)
        or _example_kind(said)
        or (says and says["kind"])
        or "file"
    )
    limits = file_limits(said, description)
    return (
        {"x-file": kind}
        | ({"x-words": True} if _takes_words(name, said, description.lower()) else {})
        | ({"x-file-limits": limits} if limits else {})
    )


def output_file(where: str, name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a text of the answer is to be marked with; nothing where it is no file."""
    kind = output_file_kind(where, name, said)
    return {} if kind is None else {"x-file": kind}


def output_file_kind(where: str, name: str, said: Mapping[str, Any]) -> str | None:
    """Return the kind of a produced file: the `url` of a file object, or a text named `…_url`."""
    if not FILE_NAME.search(name.lower()) or not _free_text(said):
        return None
    return _hint(said) or _word_kind(where, name) or _example_kind(said) or "file"


def takes_links(description: str) -> bool:
    """Return whether a file may be given by its link, as far as a field's description tells."""
    return "not" not in description or not NO_LINKS.search(description)


def extension_kind(link: str) -> str | None:
    """Return the kind of a link's extension, None for an unknown one; `x-file` has no texts."""
    kind = kind_of("", link) if extension_of(link) else None
    return "file" if kind == "text" else kind


def is_word(text: str) -> bool:
    """Return whether a text surely names no file: a word, or a repository of a model hub."""
    return bool(WORD.fullmatch(text))


# A thousand names serve all the fields of the catalogue.
@lru_cache(maxsize=4096)
def _named_for(name: str) -> str:
    """Return what a name in small letters is made for: address, file, medium, or '' for none."""
    if ADDRESS.search(name):
        return "address"
    if FILE_NAME.search(name):
        return "file"
    return "medium" if MEDIUM_NAME.fullmatch(name) else ""


def _free_text(said: Mapping[str, Any]) -> bool:
    kind = said.get("type")
    texts = kind == "string" or (isinstance(kind, list) and "string" in kind)
    return texts and not said.keys() & {"enum", "const"} and said.get("format") != "binary"


def _hint(said: Mapping[str, Any]) -> str | None:
    form = said.get("ui")
    hint = (form.get("field") if isinstance(form, dict) else None) or said.get("_fal_ui_field")
    return HINTS.get(hint) if isinstance(hint, str) else None


def _description(said: Mapping[str, Any]) -> str:
    texts = (said.get("description"), said.get("limit_description"))
    return " ".join(text for text in texts if isinstance(text, str))


# The catalogue says the same of the same field in hundreds of documents.
@lru_cache(maxsize=4096)
def _says_link(description: str) -> re.Match[str] | None:
    return SAYS_LINK.search(description)


def _takes_words(name: str, said: Mapping[str, Any], description: str) -> bool:
    if TAKES_WORDS.search(description) or name.lower().endswith(("_id", "_name", "_repo")):
        return True
    # A sample of a field that is named a link is the path of a file; of others it may be a word.
    samples = () if FILE_NAME.search(name.lower()) else (*_examples(said), said.get("default"))
    return any(isinstance(one, str) and is_word(one) for one in samples)


def _shows_link(name: str, said: Mapping[str, Any]) -> bool:
    """Return whether an example is a link to a medium, in a field that takes no mere path."""
    return _example_kind(said) not in (None, "file") and not name.lower().endswith("path")


def _named_kind(where: str, name: str, said: Mapping[str, Any]) -> str | None:
    if WEIGHTS_NAME.search(name.lower()) or name.lower() == "path":
        return _example_kind(said) or "file"
    return _word_kind(where, name)


def _word_kind(where: str, name: str) -> str | None:
    owner = where.replace("[]", "").rpartition(".")[0].rpartition(".")[2]
    return word_kind(name) or (word_kind(owner) if name == "url" else None)


def _example_kind(said: Mapping[str, Any]) -> str | None:
    links = (one for one in _examples(said) if one.startswith(("http://", "https://")))
    return next(map(extension_kind, links), None)


def _examples(said: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts among the examples, those in lists as well."""
    examples = said.get("examples", [said.get("example")])
    for one in examples if isinstance(examples, list) else ():
        texts = one if isinstance(one, list) else [one]
        yield from (text for text in texts if isinstance(text, str))
