"""The Platform API's client: every way an answer can be good or bad, and where the key goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.errors import FalError, KeyMissingError, NotAcceptedError
from fal_runtime.fal.clock import Clock
from falsmith.documents import Documents, ListEntry
from falsmith.errors import ModelNotFoundError, PlatformError
from falsmith.platform import Platform

KEY = "key-for-tests:0123"
Answer = httpx.Response | Exception


@dataclass
class Wire:
    """Answers each request with the next answer, the last one again and again."""

    answers: list[Answer]
    requests: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def platform(self, *, key: str | None = None, url: str = "https://platform.test") -> Platform:
        """Return a client whose network is this wire and whose time only counts."""
        environ = {"FAL_PLATFORM_URL": url} | ({"FAL_KEY": key} if key else {})
        clock = Clock(now=lambda: sum(self.slept), sleep=self.slept.append, random=lambda: 0.5)
        client = httpx.Client(transport=httpx.MockTransport(self))
        return Platform(client, load_config(None, environ), clock)


def answer(value: Any, status: int = 200, **headers: str) -> httpx.Response:
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.Response(status, json=value, headers=told)


def text(content: str, status: int = 200, kind: str = "application/json") -> httpx.Response:
    return httpx.Response(status, text=content, headers={"content-type": kind})


@pytest.fixture
def entry(openapi_document: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return a list entry that carries its document."""
    metadata = {"display_name": "Demo"}
    return {"endpoint_id": "acme/demo", "metadata": metadata, "openapi": openapi_document()}


def found(entry: dict[str, Any], *before: Answer) -> Wire:
    return Wire([*before, answer({"models": [entry], "has_more": False})])


def failure(answers: Sequence[Answer], *, key: str | None = None) -> FalError:
    """Return the error of a search, which never tells the key."""
    with pytest.raises(FalError) as caught:
        Wire(list(answers)).platform(key=key).find("acme/demo")
    assert KEY not in f"{caught.value.message} {caught.value!r} {caught.value.as_json()}"
    return caught.value


def test_a_model_is_found_by_one_request(entry: dict[str, Any]) -> None:
    wire = found(entry)
    documents = wire.platform().find("acme/demo")

    assert documents == Documents("acme/demo", entry["metadata"], entry["openapi"])
    (request,) = wire.requests
    assert request.method == "GET"
    assert request.url.host == "platform.test"
    assert request.url.path == "/v1/models"
    assert dict(request.url.params) == {"endpoint_id": "acme/demo", "expand": "openapi-3.0"}
    assert "authorization" not in request.headers


def test_a_gateway_with_a_path_is_asked_below_it(entry: dict[str, Any]) -> None:
    wire = found(entry)
    wire.platform(url="https://gateway.test/fal").find("acme/demo")

    assert wire.requests[0].url.path == "/fal/v1/models"


def test_the_key_is_sent_as_authorization_and_nowhere_else(entry: dict[str, Any]) -> None:
    wire = found(entry)
    wire.platform(key=KEY).find("acme/demo")
    (request,) = wire.requests

    assert request.headers["authorization"] == f"Key {KEY}"
    told = [str(request.url), *(v for n, v in request.headers.items() if n != "authorization")]
    assert not any(KEY in part for part in told)


@pytest.mark.parametrize("metadata", [None, {}, []])
def test_metadata_that_is_empty_is_no_metadata(metadata: Any, entry: dict[str, Any]) -> None:
    assert found(entry | {"metadata": metadata}).platform().find("acme/demo").metadata == {}


@pytest.mark.parametrize(
    "answers",
    [
        [answer({"error": {"type": "not_found", "message": "x"}}, 404)],
        [answer({"models": []})],
        [answer({"models": [{"endpoint_id": "acme/other"}, {"endpoint_id": "Acme/demo"}]})],
    ],
    ids=["404", "empty", "others"],
)
def test_a_model_that_is_not_there_is_named_with_what_to_try(answers: list[Answer]) -> None:
    error = failure(answers)

    assert isinstance(error, ModelNotFoundError)
    assert error.exit_status == 2
    assert "acme/demo" in error.message
    assert "https://fal.ai/models" in error.message


@pytest.mark.parametrize(
    ("openapi", "told"),
    [
        ({"error": {"code": "expansion_failed", "message": "Bad\x1b luck"}}, "Bad\\x1b luck"),
        ({"error": "failed"}, "acme/demo"),
        (None, "acme/demo"),
        ("x", "acme/demo"),
    ],
)
def test_a_model_without_a_document_says_so_and_where_else_to_look(
    openapi: Any, told: str, entry: dict[str, Any]
) -> None:
    error = failure([answer({"models": [entry | {"openapi": openapi}]})])

    assert isinstance(error, PlatformError)
    assert error.exit_status == 6
    assert told in error.message
    assert "--source PATH" in error.message


@pytest.mark.parametrize(
    "change",
    [
        {"openapi": {"paths": 5, "info": []}},
        {"openapi": {"paths": {}}},
        {"openapi": {"paths": {"/acme/demo": {}}, "components": []}},
        {"metadata": 5},
        {"endpoint_id": 5},
    ],
    ids=str,
)
def test_a_malformed_entry_or_document_is_refused_by_saying_what_is_wrong(
    change: dict[str, Any], entry: dict[str, Any]
) -> None:
    error = failure([answer({"models": [entry | change]})])

    assert isinstance(error, PlatformError)
    assert "cannot be used: " in error.message
    assert "--source PATH" in error.message


def test_a_malformed_entry_beside_the_model_takes_nothing_from_it(entry: dict[str, Any]) -> None:
    wire = Wire([answer({"models": [5, entry]})])

    assert wire.platform().find("acme/demo").openapi == entry["openapi"]


@pytest.mark.parametrize("value", [{}, {"models": "none"}], ids=str)
def test_an_answer_without_a_list_says_nothing_of_the_model(value: Any) -> None:
    error = failure([answer(value)])

    assert isinstance(error, PlatformError)
    assert "holds no list of models" in error.message


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("key", "told"), [(None, "set FAL_KEY"), (KEY, "check FAL_KEY")])
def test_a_refused_and_a_missing_key_are_told_apart(
    status: int, key: str | None, told: str
) -> None:
    error = failure([answer({"error": {"message": "No access."}}, status)], key=key)

    assert isinstance(error, KeyMissingError)
    assert error.exit_status == 3
    assert told in error.message
    assert "No access." in error.message


def test_a_limit_is_waited_for_as_long_as_the_platform_says(entry: dict[str, Any]) -> None:
    wire = found(entry, answer({}, 429, Retry_After="7"), answer({}, 429, Retry_After="11"))

    assert wire.platform().find("acme/demo").model_id == "acme/demo"
    assert wire.slept == [7.0, 11.0]


def test_lasting_trouble_is_given_up_with_the_platforms_own_words() -> None:
    wire = Wire([answer({"error": {"message": "On fire"}}, 503)])

    with pytest.raises(PlatformError) as caught:
        wire.platform().find("acme/demo")
    assert caught.value.exit_status == 6
    assert "503" in caught.value.message
    assert "On fire" in caught.value.message
    assert 2 <= len(wire.requests) <= 10


def test_a_limit_that_lasts_is_given_up() -> None:
    assert "429" in failure([answer({}, 429, Retry_After="1")]).message
    assert "Retry-After: 3600" in failure([answer({}, 429, Retry_After="3600")]).message


def test_a_refusal_is_not_repeated() -> None:
    for status in (400, 401, 404, 422):
        wire = Wire([answer({}, status)])
        with pytest.raises(FalError):
            wire.platform().find("acme/demo")
        assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("trouble", "advice"),
    [
        (httpx.ConnectError("[Errno -2] no such host"), "check the network, the proxy settings"),
        (httpx.ReadTimeout("slow"), "did not answer in time (slow): try again later"),
    ],
)
def test_no_network_names_the_host_and_what_to_check(trouble: Exception, advice: str) -> None:
    error = failure([trouble], key=KEY)

    assert isinstance(error, NotAcceptedError)
    assert error.exit_status == 6
    assert "platform.test" in error.message
    assert advice in error.message


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (text("<html>Sign in</html>", kind="text/html"), "a proxy or a login page"),
        (text('{"models": [{"endpoint_id": "acme/de'), "cut off"),
        (text(""), "empty"),
        (text("[1, 2]"), "not a JSON object"),
        (text('"x"'), "not a JSON object"),
        (text("null"), "not a JSON object"),
        (text('{"models": [NaN]}'), "NaN"),
        (text("[" * 5000 + "]" * 5000), "levels deep"),
        (httpx.Response(302, headers={"location": "https://evil.test"}), "302"),
    ],
    ids=["html", "cut", "empty", "list", "text", "null", "nan", "deep", "redirect"],
)
def test_an_answer_that_is_none_is_reported_and_not_followed(
    response: httpx.Response, told: str
) -> None:
    wire = Wire([response])

    with pytest.raises(PlatformError) as caught:
        wire.platform(key=KEY).find("acme/demo")
    assert told in caught.value.message
    assert caught.value.exit_status == 6
    assert {request.url.host for request in wire.requests} == {"platform.test"}


def test_an_answer_without_an_end_is_not_read_to_it(entry: dict[str, Any]) -> None:
    error = failure([answer({"models": [entry | {"noise": "x" * (33 << 20)}]})])
    assert error.exit_status == 6
    assert "larger" in error.message


def test_many_models_are_asked_for_fifty_at_a_time(entry: dict[str, Any]) -> None:
    wire = found(entry)
    ids = ["acme/demo", *(f"acme/m{number}" for number in range(119))]
    told = dict(wire.platform().find_each(ids))

    assert list(told) == ids
    assert isinstance(told["acme/demo"], ListEntry)
    assert told["acme/m0"] is None
    asked = [request.url.params.get_list("endpoint_id") for request in wire.requests]
    assert [len(one) for one in asked] == [50, 50, 20]
    assert all(one.url.params["expand"] == "openapi-3.0" for one in wire.requests)


def test_a_list_that_is_refused_for_one_unknown_model_is_asked_for_one_by_one(
    entry: dict[str, Any],
) -> None:
    refused = answer({"error": {"message": "No endpoint found"}}, 404)
    wire = Wire([refused, answer({"models": [entry], "has_more": False}), refused])
    told = dict(wire.platform().find_each(["acme/demo", "acme/gone"]))

    assert told == {"acme/demo": told["acme/demo"], "acme/gone": None}
    assert isinstance(told["acme/demo"], ListEntry)
    assert len(wire.requests) == 3
