"""What a result says beside its files: what was asked for, and true of the input and the files."""

import base64
import math
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fal_runtime.file_headers import FileHeaders
from falsmith.documents import Json
from falsmith.emulator.media import MediaFile, produce
from falsmith.emulator.order import SPOKEN, Order

__all__ = ["ANSWER", "Truths"]

# In place of what a model would say, see or hear.
ANSWER = "An answer of the falsmith emulator"
# What a switch does with what it is called after: `include_scores`, `return_frames_zip`.
VERBS = re.compile(r"(?:add|enable|export|generate|get|include|output|return|save|use|with)_")
# A description of what is in an answer only sometimes.
SOMETIMES = re.compile(
    r"\bonly (?:returned|present|included|available|provided|populated|set)\b.{0,12}\b(?:if|when)\b"
)
FLAG = re.compile(r"nsfw|unsafe")
IDENTITY = re.compile(r"(?:^|_)(?:id|uri|uuid)$")
LENGTHS = re.compile(r"(?:^|_)durations?(?P<milliseconds>_ms)?(?:_seconds)?$")
# Parts of a recording's text with their times, under the names that models give them.
TEXTS = ("text", "word", "content", "sentence", "label")
STARTS = ("start", "start_time", "start_s", "begin")
ENDS = ("end", "end_time", "end_s")


@dataclass(frozen=True, slots=True)
class Truths:
    """What is known of a result before it is composed.

    Attributes:
        inputs: What the model was given, defaults included.
        order: What that asks of the files.
        given: What is known of the files that went in.
        digest: Some bytes that are this result's own.
        spoken: The text of the recording that comes out, or of the one that went in.

    """

    inputs: Mapping[str, Json]
    order: Order
    given: FileHeaders
    digest: bytes
    spoken: str

    @classmethod
    def of(
        cls, inputs: Mapping[str, Json], order: Order, given: FileHeaders, digest: bytes
    ) -> "Truths":
        """Return the truths of a result that speaks what its input says."""
        said = (inputs.get(name) for name in SPOKEN)
        spoken = next((text for text in said if isinstance(text, str) and text.strip()), ANSWER)
        return cls(inputs, order, given, digest, spoken)

    def values(self, name: str, files: Sequence[MediaFile]) -> Iterator[Json]:
        """Yield what may be said in a field; the first that fits its schema is true of it."""
        if name in ("seed", "used_seed"):
            seed = self.inputs.get("seed")
            yield int.from_bytes(self.digest[:4]) >> 1 if seed in (None, -1) else seed
        if FLAG.search(name):
            yield from (False, [False] * self.order.count, 0.0)
        if name == "timings":
            yield {"inference": round(0.5 + self.digest[4] / 256, 3)}
        yield from self._measured(name, files)
        given = self.inputs.get(name)
        if given is not None and given != "":
            yield given
        if "lang" in name:
            language = self.inputs.get("language") or self.inputs.get("language_code")
            yield from (language, [language], ["en"]) if language else (["en"],)
        if "prompt" in name and "negative" not in name and self.inputs.get("prompt"):
            yield self.inputs["prompt"]

    def _measured(self, name: str, files: Sequence[MediaFile]) -> Iterator[Json]:
        """Yield what the files themselves say, as number, as whole number, and one for each."""
        if length := LENGTHS.search(name):
            seconds = [file.facts["duration"] for file in files if "duration" in file.facts]
            seconds = [] if name.startswith("original") else seconds
            seconds = seconds or [one for one in [self.given.duration] if one is not None]
            if length["milliseconds"]:
                seconds = [1000 * one for one in seconds]
            for one in seconds[:1]:
                yield from (
                    (round(one), seconds) if round(one) == one else (one, round(one), seconds)
                )
        if name in ("sample_rate", "num_frames", "frame_count", "fps"):
            yield from (file.facts[name] for file in files if name in file.facts)
        if name == "aspect_ratio":
            part = math.gcd(self.order.width, self.order.height)
            yield f"{self.order.width // part}:{self.order.height // part}"
        if name == "resolution":
            yield f"{self.order.width}x{self.order.height}"

    def text(self, name: str) -> str:
        """Return the text of a field of which nothing else is known."""
        if IDENTITY.search(name):
            return str(uuid.UUID(bytes=self.digest[:16], version=4))
        if "b64" in name or "base64" in name:
            return base64.b64encode(self.digest).decode()
        if "svg" in name:
            return produce("image", name, self.order, self.digest, "svg").data.decode()
        if "html" in name:
            return f"<p>{ANSWER}</p>"
        if "speaker" in name:
            return "speaker_0"
        return "en" if "lang" in name else ANSWER

    def is_asked(self, name: str, about: str) -> bool:
        """Return whether an optional field is wanted: no switch of the input leaves it out.

        `about` is its description.
        """
        switches = {key: value for key, value in self.inputs.items() if isinstance(value, bool)}
        if any(not on and _switches(switch, name) for switch, on in switches.items()):
            return False
        return not SOMETIMES.search(about.lower()) or any(
            on and (switch in about or _switches(switch, name)) for switch, on in switches.items()
        )

    def timed(
        self, name: str, properties: Mapping[str, Any], seconds: float
    ) -> list[dict[str, Json]]:
        """Return what is known of the parts of the recording, which lasts so many seconds.

        Each is a word where `name` says so or the input wants words, else all that was said;
        nothing where `properties` have no text or no time.
        """
        text = next((key for key in TEXTS if key in properties), "")
        start = next((key for key in STARTS if key in properties), "")
        end = next((key for key in ENDS if key in properties), "")
        if not text or not ((start and end) or "timestamp" in properties):
            return []
        by_word = "word" in name or self.inputs.get("chunk_level") == "word"
        words = self.spoken.split() if by_word else [self.spoken]
        step = seconds / max(len(words), 1)
        speaker = "speaker_0" if self.inputs.get("diarize") else None
        found = []
        for number, word in enumerate(words):
            times = [round(step * number, 3), round(step * (number + 1), 3)]
            known = {text: word, start: times[0], end: times[1], "timestamp": times, "type": "word"}
            known |= {"speaker": speaker, "speaker_id": speaker} if speaker else {}
            found.append({key: known[key] for key in known if key in properties})
        return found

    def alignment(self, seconds: float) -> Json:
        """Return when each character is spoken, as the maker of such models writes it."""
        step = seconds / max(len(self.spoken), 1)
        starts = [round(step * number, 3) for number in range(len(self.spoken) + 1)]
        return {
            "characters": list(self.spoken),
            "character_start_times_seconds": starts[:-1],
            "character_end_times_seconds": starts[1:],
        }


def _switches(switch: str, name: str) -> bool:
    """Return whether a switch is called after a field: `diarize` after `diarization_segments`."""
    words = VERBS.sub("", switch, count=1).split("_")
    stems = [word.removesuffix("s").removesuffix("e") for word in words]
    return all(any(part.startswith(stem) for part in name.split("_")) for stem in stems)
