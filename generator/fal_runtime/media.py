"""Bring local files to fal before a job, and the files of its answer to this machine."""

import copy
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from .answers import billable_units, json_object, refusal, told
from .config import is_web_url
from .download import Naming, save_files
from .errors import NotAcceptedError, NotCollectedError
from .file_types import content_type_of
from .http import Connection, is_transient, pause_before_retry, unreachable
from .json_text import Json, read_json
from .outcome import Outcome, without_data
from .output_folder import OutputFolder, keep, local_trouble, names, safe_name
from .result_files import result_files

if TYPE_CHECKING:
    from .arguments import PreparedInput

__all__ = ["Collector", "save_lines", "upload_all", "with_links"]

_INITIATE = "/storage/upload/initiate?storage_type=fal-cdn-v3"
_TRIES = 4
# For one write of the connection, not for the whole file.
_TIMEOUT = 120.0
_TEXT_FIELDS = ("text", "output", "transcript", "transcription", "caption", "answer", "response")
_LONGEST_TEXT = 2000


def upload_all(connection: Connection, paths: Iterable[Path]) -> dict[Path, str]:
    """Upload each distinct file once and return its link.

    Raises NotAcceptedError, KeyMissingError or LocalError: nothing has been submitted then.
    """
    return {path: _upload(connection, path) for path in dict.fromkeys(paths)}


def with_links(prepared: "PreparedInput", links: Mapping[Path, str]) -> dict[str, Any]:
    """Return the input with the link of each local file in its place."""
    value = copy.deepcopy(prepared.value)
    for file in prepared.local_files:
        place: Any = value
        for step in file.location[:-1]:
            place = place[step]
        place[file.location[-1]] = links[file.path]
    return value


@dataclass(frozen=True, slots=True)
class Collector:
    """Saves what an answer holds; `sent` are the links of the input, which are nobody's output."""

    connection: Connection
    folder: OutputFolder
    naming: Naming
    sent: Collection[str] = ()

    def collect(self, job: Outcome, response: httpx.Response) -> Outcome:
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
            result=without_data(result),
            files=files,
            error=_lost(lost),
            seed=_seed(result),
            text=_text(result),
            billable_units=billable_units(response),
        )
        return self._with_short_result(outcome)

    def _with_short_result(self, outcome: Outcome) -> Outcome:
        """Move a result that an answer has no room for into a file."""
        if not outcome.is_too_long:
            return outcome
        lines = json.dumps(outcome.result, indent=2).splitlines()
        stem = f"result_{safe_name(self.naming.request_id)}"
        place = save_lines(self.folder, self.folder.path, stem, "json", lines)
        return replace(outcome, result={"saved_to": str(place)})


def save_lines(
    folder: OutputFolder, parent: Path, stem: str, extension: str, lines: Sequence[str]
) -> Path:
    """Save lines of text as a new file in `parent`, which is the folder or below it."""
    with folder.part() as (part, file):
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
        file.flush()
        return keep(part, (parent / name for name in names(stem, extension)))


def _upload(connection: Connection, path: Path) -> str:
    with local_trouble(path):
        size = path.stat().st_size
    connection.report(f"Uploading {path} ({size:,} bytes)")
    content_type = content_type_of(path.name)
    upload_url, file_url = _initiate(connection, path, content_type)
    _put(connection, path, upload_url, content_type)
    return file_url


def _initiate(connection: Connection, path: Path, content_type: str) -> tuple[str, str]:
    url = connection.config.origins.rest + _INITIATE
    headers = connection.config.authorization()
    body = {"content_type": content_type, "file_name": safe_name(path.name)}
    response = _answered(
        connection, lambda: connection.client.post(url, json=body, headers=headers)
    )
    if not response.is_success:
        raise refusal(response) or _failed(path, told(response))
    answer = json_object(response) or {}
    links = [answer.get(name) for name in ("upload_url", "file_url")]
    upload_url, file_url = (link if isinstance(link, str) else "" for link in links)
    if not is_web_url(upload_url) or not is_web_url(file_url):
        raise _failed(path, "fal named no address to send it to")
    return upload_url, file_url


def _put(connection: Connection, path: Path, url: str, content_type: str) -> None:
    def send() -> httpx.Response:
        with local_trouble(path), path.open("rb") as file:
            return connection.client.put(
                url, content=file, headers={"Content-Type": content_type}, timeout=_TIMEOUT
            )

    response = _answered(connection, send)
    if not response.is_success:
        raise _failed(path, told(response))


def _answered(connection: Connection, send: Callable[[], httpx.Response]) -> httpx.Response:
    """Send until fal takes it: storing the same file twice harms nobody."""
    for tries in count(1):
        answer: httpx.Response | httpx.RequestError
        try:
            answer = send()
        except httpx.RequestError as error:
            answer = error
        if isinstance(answer, httpx.Response) and not is_transient(answer):
            break
        if tries == _TRIES:
            break
        connection.clock.sleep(pause_before_retry(tries, answer, connection.clock))
    if isinstance(answer, httpx.RequestError):
        raise unreachable(answer, str(answer.request.url))
    return answer


def _failed(path: Path, why: str) -> NotAcceptedError:
    return NotAcceptedError(
        "platform_down", f"{path} could not be uploaded ({why}): nothing was submitted"
    )


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
