"""Bring the files of an answer to this machine."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from fal_runtime.errors import NotCollectedError
from fal_runtime.fal.http import Connection
from fal_runtime.fal.protocol import billable_units
from fal_runtime.json_text import Json, read_json
from fal_runtime.output.download import Naming, save_files
from fal_runtime.output.find import result_files
from fal_runtime.output.folder import OutputFolder, keep, names
from fal_runtime.output.result import CallResult, printable
from fal_runtime.paths import safe_name

if TYPE_CHECKING:
    pass

__all__ = ["Collector", "save_lines"]

_TEXT_FIELDS = ("text", "output", "transcript", "transcription", "caption", "answer", "response")
_LONGEST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Collector:
    """Saves what an answer holds; `sent` are the links of the input, which are nobody's output."""

    connection: Connection
    folder: OutputFolder
    naming: Naming
    sent: Collection[str] = ()

    def collect(self, job: CallResult, response: httpx.Response) -> CallResult:
        """Return the job's outcome with its result and its files, which are saved here.

        A file that cannot be had is an error of the outcome and costs no other file. Raises
        ValueError for an answer that is no JSON, LocalError when this machine cannot write.
        """
        result = read_json(response.content)
        schema = _output_schema(self.connection.config.skill)
        found = result_files(result, schema, self.sent)
        files, lost = save_files(self.connection, found, self.folder, self.naming)
        outcome = replace(
            job,
            status="COMPLETED",
            result=printable(result),
            files=files,
            error=_lost(lost),
            seed=_seed(result),
            text=_text(result),
            billable_units=billable_units(response),
        )
        return self._with_short_result(outcome)

    def _with_short_result(self, outcome: CallResult) -> CallResult:
        """Move a result that an answer has no room for into a file."""
        if not outcome.is_too_long:
            return outcome
        lines = json.dumps(outcome.result, indent=2).splitlines()
        stem = f"result_{safe_name(self.naming.request_id)}"
        place = save_lines(self.folder, self.folder.path, stem, "json", lines)
        return replace(outcome, result=None, result_path=place)


def save_lines(
    folder: OutputFolder, parent: Path, stem: str, extension: str, lines: Sequence[str]
) -> Path:
    """Save lines of text as a new file in `parent`, which is the folder or below it."""
    with folder.part() as (part, file):
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
        file.flush()
        return keep(part, (parent / name for name in names(stem, extension)))


def _output_schema(skill: Path | None) -> Mapping[str, Any] | None:
    """Return what the skill knows of the output; without it, files are found by value alone."""
    if skill is None:
        return None
    try:
        schema = read_json((skill / "references" / "output.schema.json").read_bytes())
    except (OSError, ValueError):
        return None
    return schema if isinstance(schema, dict) else None


def _lost(lost: Sequence[str]) -> NotCollectedError | None:
    if not lost:
        return None
    return NotCollectedError(
        "download_failed", f"the job is done, but not every file came: {'; '.join(lost)}"
    )


def _seed(result: Json) -> int | None:
    seed = result.get("seed") if isinstance(result, dict) else None
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


def _text(result: Json) -> str | None:
    if not isinstance(result, dict):
        return None
    for name in _TEXT_FIELDS:
        text = result.get(name)
        if isinstance(text, str) and text.strip() and not text.startswith(("http", "data:")):
            return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
    return None
