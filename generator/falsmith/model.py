"""A model as a skill needs to know it: frozen values, made by parse, read by render."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, NamedTuple

from falsmith.documents import Json
from falsmith.names import model_folder

__all__ = [
    "KIND_WORDS",
    "MISSING",
    "Channel",
    "Collection",
    "Missing",
    "Model",
    "Output",
    "Parameter",
    "Traits",
]


class Missing(Enum):
    """The default of a field without one, which a default of null is not."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
# Kinds of files, where their words are not their names.
KIND_WORDS: Mapping[str, str] = {"3d": "3D model"}


class Parameter(NamedTuple):
    """One input field: `type` in people's words, `limits` such as `1..4`, `file_kind` of a link.

    `choices` are the allowed values that may be shown, also those of one branch of a union or of
    a list's items; there are `choice_count` in all. With `takes_words` a file field takes other
    texts as well; without `takes_links` it takes a file's bytes alone. `samples` are short examples
    of a text whose values are not listed otherwise, such as voices. `description` is all that the
    document says of it. `members` are those of the objects that it takes, by dotted name.
    """

    name: str
    type: str
    required: bool
    default: Json | Literal[Missing.MISSING]
    choices: tuple[Json, ...]
    choice_count: int
    limits: str
    file_kind: str | None
    description: str
    deprecated: bool
    takes_words: bool = False
    takes_links: bool = True
    samples: tuple[str, ...] = ()
    members: tuple["Parameter", ...] = ()

    @property
    def has_default(self) -> bool:
        """A default worth showing: null says no more than none."""
        return self.default is not MISSING and self.default is not None

    @property
    def label(self) -> str:
        """The type in words, with the kind of file in the place of a text that names one."""
        if self.takes_words or self.file_kind is None:
            return self.type
        return self.type.replace("string", KIND_WORDS.get(self.file_kind, self.file_kind))

    @property
    def file_form(self) -> str:
        """How a file is given."""
        return "path or URL" if self.takes_links else "data: URI"

    @property
    def runs_on_sample(self) -> bool:
        """A file of the platform's own is taken where none is given, and the run is paid for."""
        return (
            bool(self.file_kind)
            and "optional" not in self.description.lower()
            and isinstance(self.default, str)
            and self.default.startswith(("https://", "http://"))
        )


@dataclass(frozen=True, slots=True)
class Output:
    """One value of the answer: where it stands (`images[]`), its kind, whether it is a file."""

    path: str
    kind: str
    is_file: bool
    description: str

    @property
    def label(self) -> str:
        """The kind in words: `image file`, `integer`."""
        if not self.is_file or self.kind == "file":
            return self.kind
        return f"{KIND_WORDS.get(self.kind, self.kind)} file"


Channel = Literal["queue", "stream", "realtime"]


@dataclass(frozen=True, slots=True)
class Traits:
    """What the model's kind, fields and document mean for whoever calls it.

    `prompt_rewriters` are switches that change the prompt unless they are turned off, with the
    value that does; `prompt_menders` those that do so with a prompt that is refused. The document
    says that `price_levers` change the price, and that the answer's `billed_by` is what is paid
    for; the names of `price_hints` suggest it. With `asks_first` the user sees the settings before
    a run. `inference_ids` are the models that take what a training gives: the ID in the answer's
    `trained_id`, '' where it gives weights. `training_ids` are the trainings of which this model
    takes the result, in its field `trained_field`. `remarks` are the platform's sentences on the
    whole model that bind its caller.
    """

    prompt_rewriters: Mapping[str, Json]
    prompt_menders: Mapping[str, Json]
    price_levers: tuple[str, ...]
    price_hints: tuple[str, ...]
    billed_by: tuple[str, ...]
    priced_by_use: bool
    slow: bool
    asks_first: bool
    is_for_research: bool
    inference_ids: tuple[str, ...]
    trained_id: str
    training_ids: tuple[str, ...]
    trained_field: str
    remarks: tuple[str, ...]
    channel: Channel


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that the templates see of one model.

    `short_name` is what a collection calls it, '' where the skill is its own. `purpose` is what it
    does, and `task` the same as it follows "to"; `flow` is what goes in and what comes out, `apart`
    what sets it apart from others. `example` is a complete input, `brief_example` the same with our
    own samples for long values, `flag_example` that by the wrapper's flags: empty where a name or a
    value does not survive a command line.
    `alternatives` are names of fields of which one must be given.
    `long_text` is the field that may take more words than a command line should, '' where none
    does. `warnings` are for people: what the document got wrong, and which of its words and
    values were left out.
    """

    id: str
    skill_name: str
    short_name: str
    wrapper: str
    display_name: str
    category: str
    description: str
    short_description: str
    purpose: str
    task: str
    flow: str
    apart: str
    parameters: tuple[Parameter, ...]
    alternatives: tuple[tuple[str, ...], ...]
    outputs: tuple[Output, ...]
    has_files: bool
    has_seed: bool
    traits: Traits
    example: Mapping[str, Json]
    brief_example: Mapping[str, Json]
    flag_example: Mapping[str, Json]
    long_text: str
    input_schema: Mapping[str, Any]
    input_is_known: bool
    output_schema: Mapping[str, Any]
    output_is_known: bool
    warnings: tuple[str, ...]
    source_digest: str

    @property
    def command(self) -> str:
        """The words that call the model by the skill's wrapper."""
        chosen = f" -m {self.short_name}" if self.short_name else ""
        return f"python scripts/{self.wrapper}.py{chosen}"

    @property
    def folder(self) -> str:
        """Where in the skill its config, its schemas and the user's own settings for it stand."""
        return model_folder(self.short_name)


@dataclass(frozen=True, slots=True)
class Collection:
    """Everything that the templates see of several models in one skill, by their short names.

    `default` is the short name of the model that is called where none is named, if there is one.
    """

    name: str
    wrapper: str
    title: str
    description: str
    short_description: str
    purpose: str
    task: str
    models: Mapping[str, Model]
    default: str | None
