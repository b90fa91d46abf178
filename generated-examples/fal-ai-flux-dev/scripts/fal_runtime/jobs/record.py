"""A job as JSON and back: what the ledger writes of it, but for its input and its result."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from fal_runtime.errors import CODES, FalError
from fal_runtime.fal.protocol import ModelRequest
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.job import Job
from fal_runtime.json_text import ReceivedJson, Value, read_json, walk

_KINDS: tuple[type[FalError], ...] = (FalError, *FalError.__subclasses__())
_ERRORS = {kind.__name__: kind for kind in _KINDS}
# What a call was told once: the input stands beside the record, and a key in no file at all.
_SAID_ONCE = ("api_key", "args", "args_file", "set", "preset", "status", "result", "cancel", "like")
# What stands in a record in place of what is not written there.
_NOT_WRITTEN: Mapping[type, Mapping[str, ReceivedJson]] = {
    Job: {"content": None},
    ModelRequest: {"body": {}},
    CallOptions: {name: getattr(CallOptions(), name) for name in _SAID_ONCE},
}


def record_of_job(job: Job) -> dict[str, ReceivedJson]:
    """Return the job as JSON, without the body of its request and without its result."""
    record: dict[str, ReceivedJson] = _encoded(job)
    return record


def job_of_record(record: Mapping[str, ReceivedJson]) -> Job:
    """Return the job of a record; raises as `value_of_json` for what is none."""
    job: Job = value_of_json(Job, record)
    return job


def without_input(job: Job) -> Job:
    """Return the job as it is written where inputs are not kept.

    Digests stand for the values of its input, and for the texts of it that fal's answers repeat:
    one that is all of a value, and one of several words anywhere. There are no log lines, which
    may hold them in any form.
    """
    request, content = job.request, job.content
    if request is None:
        return job
    texts = (text for text in walk(request.body) if isinstance(text, str))
    # The longest first: one may be the beginning of another.
    phrases = sorted({text for text in texts if len(text.split()) > 1}, key=len, reverse=True)
    if not request.digests:
        request = replace(request, body=digested(request.body), digests=True)
    veil = partial(_veiled, known=frozenset(map(str, walk(request.body))), phrases=phrases)
    try:
        content = json.dumps(veil(read_json(content))).encode() if content is not None else None
    except ValueError:
        for phrase in phrases:
            # As it is, and as a part of a broken JSON text may spell it.
            for spelled in (
                phrase,
                *(json.dumps(phrase, ensure_ascii=a)[1:-1] for a in (False, True)),
            ):
                content = (content or b"").replace(spelled.encode(), digested(phrase).encode())
    answers = {name: veil(getattr(job, name)) for name in ("saved", "trouble", "failure", "error")}
    if job.saved is not None:
        answers["saved"] = replace(answers["saved"], files=job.saved.files)
    options = replace(job.options, words=())
    kept = replace(job, options=options, request=request, local_files=(), content=content, logs=())
    return replace(kept, **answers)


def digested(value: Value) -> Any:  # noqa: ANN401 - JSON of the same form
    """Return a JSON value with a digest in place of each text, number and switch."""
    if isinstance(value, Mapping):
        return {name: digested(each) for name, each in value.items()}
    if isinstance(value, list):
        return [digested(each) for each in value]
    text = json.dumps(value, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _veiled(value: Value, known: Collection[str], phrases: Sequence[str]) -> Any:  # noqa: ANN401
    """Return a value with digests in place of the input's texts.

    `known` are the digests of all of them, `phrases` those of several words.
    """
    veil = partial(_veiled, known=known, phrases=phrases)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{each.name: veil(getattr(value, each.name)) for each in fields(value)}
        )
    if isinstance(value, Mapping):
        return {name: veil(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(veil, value)) if isinstance(value, tuple) else list(map(veil, value))
    if not isinstance(value, str):
        return value
    if (digest := digested(value)) in known:
        return digest
    for phrase in phrases:
        value = value.replace(phrase, digested(phrase))
    return value


def _encoded(value: Value) -> Any:  # noqa: ANN401 - JSON
    if value is None or isinstance(value, str | int | float):
        return value
    if is_dataclass(value):
        kind: Any = type(value)
        instead, record = _NOT_WRITTEN.get(kind, {}), {}
        for name, default in _defaults(kind).items():
            given = instead[name] if name in instead else getattr(value, name)
            if default is MISSING or given != default:
                record[name] = _encoded(given)
        return record | ({"error": kind.__name__} if isinstance(value, FalError) else {})
    if isinstance(value, Mapping):
        return {str(name): _encoded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(each) for each in value]
    return str(value)  # a path


def value_of_json(kind: Any, value: Value, *, strict: bool = False) -> Any:  # noqa: ANN401
    """Return a dataclass, or what a field of one holds, as its type has it, of the value in JSON.

    Members that the type does not know are left out: versions share a ledger, and a daemon. With
    `strict` each text, number and choice must be of its type. Raises ValueError, KeyError,
    TypeError or AttributeError for a value of another type.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        kinds = [each for each in inner if each is not type(None)]
        # Of several plain kinds JSON tells by itself which it is.
        one = len(kinds) == 1 and value is not None
        return value_of_json(kinds[0], value, strict=strict) if one else value
    if origin in (tuple, Sequence):
        return tuple(value_of_json(inner[0], each, strict=strict) for each in value)
    if kind is Path:
        return Path(value)
    if kind is float and type(value) is int:
        return float(value)
    if strict and not (
        value in inner if origin is Literal else is_dataclass(kind) or type(value) is kind
    ):
        raise TypeError(f"{value!r} is no {kind}")
    if is_dataclass(kind):
        made: Any = _ERRORS.get(value["error"], FalError) if kind is FalError else kind
        hints = _hints(made)
        known = {
            name: value_of_json(hints[name], each, strict=strict)
            for name, each in value.items()
            if name in hints
        }
        if kind is FalError and known["code"] not in CODES:
            known["code"] = "internal_error"
        return made(**known)
    return value


@cache
def _defaults(kind: type) -> Mapping[str, object]:
    return {each.name: each.default for each in fields(kind)}


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)
