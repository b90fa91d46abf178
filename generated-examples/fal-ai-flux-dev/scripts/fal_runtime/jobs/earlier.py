"""Earlier jobs as inputs: the call of one made again, and its files in the fields of another."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fal_runtime.errors import Problem, UsageError
from fal_runtime.input.options import CallOptions
from fal_runtime.input.prepare import raise_problems
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import Ledger
from fal_runtime.json_text import Value, put
from fal_runtime.output.result import SavedFile
from fal_runtime.schema.describe import path_text
from fal_runtime.schema.document import Location, SchemaDocument
from fal_runtime.text import one_line, short_json

if TYPE_CHECKING:
    from fal_runtime.fal.http import Connection

# `from:JOB`, `from:JOB#field`, `from:last`.
_REFERENCE = re.compile(r"from:(?P<job>[^#\s]+)(#(?P<field>\S+))?\s*")
_LAST = "last"
_MOST_LOOKED_AT = 50
# How a job ran is a part of the call, as long as nothing else is asked for.
_FLOW = ("sync_only", "priority", "start_timeout", "runner_hint", "no_retry")


def call_like(
    ledger: Ledger, name: str, model_id: str, options: CallOptions
) -> tuple[dict[str, Any], CallOptions]:
    """Return the input of an earlier job, and the options with how that one was run.

    Raises UsageError for a job that the ledger does not have, or has without its input.
    """
    job = _job(ledger, name, model_id)
    if job.request is None or job.request.digests:
        text = f"the input of job {job.id} was not kept (FAL_LEDGER_INPUTS=0): give it anew"
        raise UsageError("usage", text)
    flow: dict[str, Any] = {
        each: getattr(options, each) or getattr(job.options, each) for each in _FLOW
    }
    if options.submit:
        flow["sync_only"] = False
    return deepcopy(dict(job.request.body)), replace(options, **flow)


def names_earlier_files(value: Mapping[str, Any], document: SchemaDocument) -> bool:
    """Whether a file field of the input names a file of an earlier job."""
    return any(_references(value, document))


def with_earlier_files(
    value: Mapping[str, Any],
    document: SchemaDocument,
    ledger: Ledger,
    connection: "Connection | None",
) -> dict[str, Any]:
    """Return the input with the links of earlier jobs' files, in its file fields.

    A link that does not answer any more gives way to the saved copy, which is uploaded with the
    job; without a connection every link is taken to answer. Raises InputError that names every
    reference which leads to no file.
    """
    whole, problems = deepcopy(dict(value)), []
    for location, text, kinds in list(_references(value, document)):
        try:
            job, file = _earlier_file(ledger, text, kinds)
            place = _usable(file, connection)
            put(whole, location, place)
            if connection is not None:
                connection.report(f"{path_text(location)}: {file.field} of job {job.id}, {place}")
        except (UsageError, LookupError) as error:
            expected = "an earlier job's file, such as from:last or from:JOB#images[0]"
            shown = f"{expected}; {error.args[0]}"
            problems.append(Problem(path_text(location), short_json(text), shown))
    raise_problems(problems)
    return whole


def _references(
    value: Value, document: SchemaDocument
) -> Iterator[tuple[Location, str, Sequence[str]]]:
    """Yield each reference in a file field: where it stands, its text, the kinds of the field."""
    for location, text, schemas in document.visit(value):
        kinds = document.file_kinds(schemas) if isinstance(text, str) else []
        if kinds and text.startswith("from:"):
            yield location, text, kinds


def _earlier_file(ledger: Ledger, text: str, kinds: Sequence[str]) -> tuple[Job, SavedFile]:
    """Return the job and the file of a reference: of its field, else the first of a fitting kind.

    Raises UsageError and LookupError, which say why there is none.
    """
    reference = _REFERENCE.fullmatch(text)
    if reference is None:
        raise LookupError("it reads from:JOB, from:JOB#FIELD or from:last")
    field = reference["field"]
    if reference["job"] == _LAST:
        entries = ledger.jobs(state="saved", limit=_MOST_LOOKED_AT)
        jobs = [entry.job for entry in entries if entry.job.saved and entry.job.saved.files]
        if not jobs:
            raise LookupError("no job has saved files yet")
        job = jobs[0]
    else:
        job = _job(ledger, reference["job"])
    files = job.saved.files if job.saved is not None else ()
    if not files:
        raise LookupError(f"job {job.id} has no saved files ({job.state})")
    # A result's field may be a part of another: `images[0]` of `images`.
    parts = (f"{field}[", f"{field}.")
    named = [f for f in files if field in (None, f.field) or f.field.startswith(parts)]
    fitting = [f for f in named if f.kind in kinds or "file" in (f.kind, *kinds)]
    if not fitting:
        there = ", ".join(f"{file.field} ({file.kind})" for file in files[:10])
        raise LookupError(f"job {job.id} has {one_line(there, 300)}")
    return job, fitting[0]


def _usable(file: SavedFile, connection: "Connection | None") -> str:
    """Return the file's link while it answers, else the path of its saved copy."""
    from fal_runtime.fal.storage import lives

    if file.url is not None and (connection is None or lives(connection, file.url)):
        return file.url
    if not file.path.is_file():
        raise LookupError(f"its link does not answer, and its copy {file.path} is gone")
    return str(file.path)


def _job(ledger: Ledger, name: str, model_id: str | None = None) -> Job:
    job = ledger.job(name, model_id)
    if job is None:
        raise UsageError("usage", f"the ledger has no job {one_line(name, 100)}: --jobs lists them")
    return job
