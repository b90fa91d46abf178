"""Failures on order: rules that say which requests go wrong, and how.

A rule reads PLACE:EFFECT[=VALUE][:OPTION...], such as `submit:drop:times=1`, `status:error=405`,
`submit:page=503:after`, `job:fail=content_policy_violation` or `history:lag=20`.
"""

import math
import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fal_runtime.errors import UsageError
from fal_runtime.model_id import app_of
from fal_runtime.text import cut

__all__ = ["EFFECTS", "FAULT_HEADER", "PLACES", "Fault", "Faults", "parse_fault"]

# A request that carries this header suffers its rules, which `;` separates.
FAULT_HEADER = "x-fal-emulator-fault"
# What requests are called in rules; `job` is what a model makes of an accepted request.
PLACES = {
    "submit": "POST of a model on the queue host",
    "status": "GET of a job's status",
    "stream": "GET of a job's status stream",
    "result": "GET of a job's result",
    "cancel": "PUT that cancels a job",
    "run": "POST of a model on the run host",
    "upload": "whatever stores a file",
    "download": "GET of a file",
    "models": "GET of the platform's list of models",
    "pricing": "GET of prices",
    "history": "GET of the request history",
    "platform": "any other request to the Platform API",
    "job": "an accepted request, on its way through the model",
    "any": "every place but job",
}
WIRE = tuple(place for place in PLACES if place != "job")
JOB, HISTORY, STATUS = ("job",), ("history",), ("status", "stream")
# How an answer fails; a request suffers one of these at most, the first rule that fits.
ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule does: its value, the places where it can stand, and what it excludes."""

    value: str
    places: tuple[str, ...]
    group: str
    meaning: str


EFFECTS: Mapping[str, Effect] = {
    "error": Effect("STATUS", WIRE, ANSWER, "fal's own error with that status"),
    "page": Effect("STATUS", WIRE, ANSWER, "a proxy's HTML page, without x-fal-request-id"),
    "redirect": Effect("[URL]", WIRE, ANSWER, "307 to the URL, else to the same host"),
    "reset": Effect("", WIRE, ANSWER, "the connection is cut before anything is done"),
    "drop": Effect("", WIRE, ANSWER, "it is done, then the connection is cut without an answer"),
    "delay": Effect("SECONDS", (*WIRE, *JOB), "delay", "the answer is late; a job takes so long"),
    "cut": Effect("BYTES", WIRE, "cut", "the connection is cut after so many bytes of the body"),
    "slow": Effect("BYTES", WIRE, "slow", "the body comes with so many bytes a second"),
    "word": Effect("WORD", STATUS, "word", "the job is said to be in that state, such as FAILED"),
    "type": Effect("TYPE", WIRE, "type", "the answer claims that content type"),
    "fail": Effect("ERROR", JOB, "fail", "the model fails at the end with that error of fal"),
    "stuck": Effect("", JOB, "stuck", "the job runs for ever"),
    "expire": Effect("SECONDS", JOB, "expire", "the result is gone so soon after the end"),
    "lag": Effect("SECONDS", HISTORY, "lag", "requests are listed so long after they were sent"),
    "defaults": Effect("", HISTORY, "defaults", "inputs are listed with the model's defaults"),
    "bare": Effect("", HISTORY, "bare", "nothing is listed of inputs and outputs"),
}
OPTIONS = {
    "after": "with error and page: the request is done all the same",
    "noid": "with error: without x-fal-request-id",
    "retry-after": "=SECONDS, with error and page",
    "model": "=ID, only calls of that model; status, result and cancel of its app",
    "times": "=N, only so often",
    "skip": "=N, not the first N times",
    "chance": "=P, each time with this probability",
}
FLAGS = ("after", "noid")
# The effects that an option is for; the others are for all.
ONLY_WITH = {"after": ("error", "page"), "noid": ("error",), "retry-after": ("error", "page")}
# Statuses of error types and what they say: https://docs.fal.ai/model-apis/errors and
# https://docs.fal.ai/model-apis/request-errors. Those of requests have no list of details.
MODEL_ERRORS: Mapping[str, tuple[int, str]] = {
    "internal_server_error": (500, "Internal server error"),
    "generation_timeout": (504, "Generation timed out"),
    "downstream_service_error": (400, "Downstream service error"),
    "downstream_service_unavailable": (500, "Downstream service unavailable"),
    "content_policy_violation": (422, "The content was flagged by a content checker."),
    "no_media_generated": (422, "No media was generated"),
    "image_too_small": (422, "Image is too small"),
    "image_too_large": (422, "Image is too large"),
    "image_load_error": (422, "Failed to load the image"),
    "file_download_error": (422, "Failed to download the file"),
    "file_too_large": (422, "File size exceeds the maximum"),
    "face_detection_error": (422, "Could not detect a face in the image"),
    "feature_not_supported": (422, "The feature is not supported"),
}
REQUEST_ERRORS: Mapping[str, tuple[int, str]] = {
    "request_timeout": (504, "Request timed out"),
    "startup_timeout": (504, "The runner did not start in time"),
    "runner_scheduling_failure": (503, "No runner could be scheduled"),
    "runner_connection_timeout": (503, "The connection to the runner timed out"),
    "runner_disconnected": (503, "The runner disconnected"),
    "runner_connection_refused": (503, "The runner refused the connection"),
    "runner_connection_error": (503, "The connection to the runner failed"),
    "runner_incomplete_response": (502, "The runner's response was incomplete"),
    "runner_server_error": (500, "The runner failed"),
    "internal_error": (500, "Internal error"),
    "bad_request": (400, "Bad request"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule, read: what it does where, and how often.

    Attributes:
        number: The value of an effect that takes a number, else 0.
        text: The value of an effect that takes another one, else empty.
        options: The options by name, 1 for those without a value.
        model_id: The model that it is for; empty for all.

    """

    rule: str
    place: str
    effect: str
    number: float
    text: str
    options: Mapping[str, float]
    model_id: str


@dataclass(slots=True)
class ArmedFault:
    """A rule in force, and how often it fitted a request so far."""

    fault: Fault
    fitted: int = 0
    hit: int = 0


@dataclass(slots=True)
class Faults:
    """The rules in force, in their order; `seed` settles what `chance` decides."""

    rules: Iterable[str] = ()
    seed: int = 0
    _armed: list[ArmedFault] = field(init=False)
    _random: random.Random = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._armed = [ArmedFault(parse_fault(rule)) for rule in self.rules]
        self._random = random.Random(self.seed)

    def add(self, *rules: str) -> None:
        """Put rules in force, behind those that are.

        Raises:
            UsageError: One of them is no rule; then none is.

        """
        armed = [ArmedFault(parse_fault(rule)) for rule in rules]
        with self._lock:
            self._armed += armed

    def clear(self) -> None:
        """Take back all rules."""
        with self._lock:
            self._armed.clear()

    def counts(self) -> list[dict[str, object]]:
        """Return each rule and how often it struck."""
        with self._lock:
            return [{"rule": one.fault.rule, "struck": one.hit} for one in self._armed]

    def strike(self, place: str, model_id: str, own: Iterable[Fault]) -> dict[str, Fault]:
        """Return what this request at `place` suffers, by effect.

        `model_id` is the model or the app in its path, if there is one. `own` are the rules that
        the request carries itself; they come first. Of effects that exclude each other the first
        counts, and the rules of the others stay for later.
        """
        chosen = {EFFECTS[one.effect].group: one for one in own if _is_at(one, place, model_id)}
        with self._lock:
            for armed in self._armed:
                group = EFFECTS[armed.fault.effect].group
                if group not in chosen and self._is_due(armed, place, model_id):
                    chosen[group] = armed.fault
        return {fault.effect: fault for fault in chosen.values()}

    def _is_due(self, armed: ArmedFault, place: str, model_id: str) -> bool:
        fault = armed.fault
        if not _is_at(fault, place, model_id) or armed.hit >= fault.options.get("times", math.inf):
            return False
        armed.fitted += 1
        if armed.fitted <= fault.options.get("skip", 0):
            return False
        if self._random.random() >= fault.options.get("chance", 1.0):
            return False
        armed.hit += 1
        return True


def own_faults(header: str) -> list[Fault]:
    """Return the rules that a request carries in its header, or raise UsageError."""
    return [parse_fault(rule.strip()) for rule in header.split(";") if rule.strip()]


def parse_fault(rule: str) -> Fault:
    """Return the fault that a rule describes.

    Raises:
        UsageError: It is none, and the message says which part is wrong and what there is.

    """
    place, _, rest = rule.partition(":")
    effect, options = _effect_and_options(rest)
    name, _, value = effect.partition("=")
    if place not in PLACES:
        raise _refused(rule, f"{place!r} is no place: {', '.join(PLACES)}")
    known = EFFECTS.get(name)
    if known is None:
        raise _refused(rule, f"{name!r} is no effect: {', '.join(EFFECTS)}")
    if place not in known.places:
        raise _refused(rule, f"{name} belongs to {', '.join(known.places)}")
    number, text = _value(rule, name, known.value, value)
    models = [one.partition("=")[2] for one in options if one.startswith("model=")]
    given = dict(_option(rule, name, one) for one in options if not one.startswith("model="))
    return Fault(rule, place, name, number, text, given, models[0] if models else "")


def _effect_and_options(rest: str) -> tuple[str, list[str]]:
    """Return the effect and the options; the URL of a redirect has colons of its own."""
    if not rest.startswith("redirect="):
        effect, *options = rest.split(":")
        return effect, options
    words = rest.split(":")
    last: list[str] = []
    while words[-1].partition("=")[0] in OPTIONS:
        last.append(words.pop())
    return ":".join(words), last


def _value(rule: str, name: str, wanted: str, value: str) -> tuple[float, str]:
    if wanted in ("STATUS", "SECONDS", "BYTES"):
        number = _number(rule, name, value, whole=wanted != "SECONDS")
        # A page can come with 200 as well: where a network wants a password first.
        if wanted == "STATUS" and not 400 <= number <= 599 and (name, number) != ("page", 200):
            raise _refused(rule, f"{name} takes a status from 400 to 599")
        if name == "slow" and number < 1:
            raise _refused(rule, "slow takes at least 1 byte a second")
        return number, ""
    if bool(value) != bool(wanted) and wanted != "[URL]":
        raise _refused(rule, f"{name} takes {wanted or 'no value'}")
    if name == "fail" and value not in MODEL_ERRORS and value not in REQUEST_ERRORS:
        raise _refused(rule, f"fail takes one of {', '.join([*MODEL_ERRORS, *REQUEST_ERRORS])}")
    return 0.0, value


def _option(rule: str, effect: str, option: str) -> tuple[str, float]:
    name, _, value = option.partition("=")
    if name not in OPTIONS:
        raise _refused(rule, f"{name!r} is no option: {', '.join(OPTIONS)}")
    if effect not in ONLY_WITH.get(name, (effect,)):
        raise _refused(rule, f"{name} belongs to {', '.join(ONLY_WITH[name])}")
    if name in FLAGS:
        return name, 1.0
    return name, _number(rule, name, value, whole=name in ("times", "skip"))


def _number(rule: str, name: str, value: str, *, whole: bool) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0) or (whole and number != int(number)):
        raise _refused(rule, f"{name} takes a {'whole ' if whole else ''}number, not {value!r}")
    return number


def _is_at(fault: Fault, place: str, model_id: str) -> bool:
    if fault.model_id and model_id not in (fault.model_id, app_of(fault.model_id)):
        return False
    return fault.place == place or (fault.place == "any" and place != "job")


def _refused(rule: str, why: str) -> UsageError:
    message = f"The fault {cut(rule, 100)!r} cannot be: {why}. It reads PLACE:EFFECT[=VALUE]."
    return UsageError("usage", message)
