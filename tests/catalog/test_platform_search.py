"""The platform's list: followed to its end, politely, and nothing in it is lost."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.errors import FalError, KeyMissingError, NotAcceptedError
from falsmith.documents import ListEntry
from falsmith.errors import DocumentError, PlatformError
from falsmith.platform import CursorError

if TYPE_CHECKING:
    from tests.catalog.conftest import FakePlatform


def ids(found: Any) -> list[str]:
    return [item.model_id for item in found if isinstance(item, ListEntry)]


def test_cursors_are_followed_to_the_end(five: "FakePlatform") -> None:
    assert ids(five.platform().search()) == [f"acme/m{number}" for number in range(5)]
    assert five.cursors == [None, "at-2", "at-4"]


def test_the_search_is_sent_with_every_page(five: "FakePlatform") -> None:
    list(five.platform().search("a cat", "text-to-image", "deprecated"))
    sent = [
        {name: params[name] for name in ("q", "category", "status")} for params in five.requests
    ]
    assert sent == [{"q": "a cat", "category": "text-to-image", "status": "deprecated"}] * 3


def test_what_no_address_can_hold_is_not_sent(five: "FakePlatform") -> None:
    list(five.platform().search("a\udcff cat", "text\udcff"))
    assert (five.requests[0]["q"], five.requests[0]["category"]) == ("a cat", "text")


def test_nothing_is_asked_for_that_is_not_searched_for(five: "FakePlatform") -> None:
    next(five.platform().search())
    assert set(five.requests[0]) == {"limit"}


def test_documents_come_only_where_they_are_wanted(five: "FakePlatform") -> None:
    without = next(five.platform().search())
    wanted = next(five.platform().search(documents=True))
    assert isinstance(without, ListEntry) and not without.has_document
    assert isinstance(wanted, ListEntry) and wanted.has_document
    assert five.requests[1]["expand"] == "openapi-3.0"


def test_a_limit_ends_the_requests_too(five: "FakePlatform") -> None:
    assert ids(five.platform().search(limit=2)) == ["acme/m0", "acme/m1"]
    assert len(five.requests) == 1
    assert five.requests[0]["limit"] == "2"


def test_a_model_on_two_pages_comes_once(five: "FakePlatform") -> None:
    five.models.insert(2, five.models[1])
    assert ids(five.platform().search()) == [f"acme/m{number}" for number in range(5)]


@pytest.mark.parametrize(
    "broken",
    [
        7,
        None,
        [],
        {},
        {"endpoint_id": None},
        {"endpoint_id": "../x"},
        {"endpoint_id": "acme/m3", "metadata": {"price": float("nan")}},
    ],
    ids=repr,
)
def test_a_broken_entry_is_named_and_loses_no_other(five: "FakePlatform", broken: Any) -> None:
    five.models[3] = broken
    found = list(five.platform().search())
    problems = [str(item) for item in found if isinstance(item, DocumentError)]
    assert ids(found) == ["acme/m0", "acme/m1", "acme/m2", "acme/m4"]
    assert len(problems) == 1
    assert "at cursor at-2, model 2," in problems[0]


@pytest.mark.parametrize("cursor", ["at-2", "at-0"])
def test_a_page_that_repeats_a_cursor_is_an_error(five: "FakePlatform", cursor: str) -> None:
    repeated = {"models": [], "next_cursor": cursor, "has_more": True}
    five.answers = {"at-2": httpx.Response(200, json=repeated)}
    if cursor == "at-0":
        five.answers["at-0"] = httpx.Response(200, json=repeated)
    with pytest.raises(CursorError, match="circle"):
        list(five.platform().search())
    assert len(five.requests) <= 3


@pytest.mark.parametrize("size", [0, 500])
def test_a_list_without_an_end_is_left(fake: "FakePlatform", size: int) -> None:
    def endless(request: httpx.Request) -> httpx.Response:
        number = len(fake.requests)
        fake.requests.append(request.url.params)
        models = [{"endpoint_id": f"acme/m{number}-{place}"} for place in range(size)]
        answer = {"models": models, "next_cursor": f"at-{number}", "has_more": True}
        return httpx.Response(200, json=answer)

    client = httpx.Client(transport=httpx.MockTransport(endless))
    platform = fake.platform()
    pages = type(platform)(client, platform.config, platform.clock).pages()
    with pytest.raises(CursorError, match="has no end"):
        while True:
            next(pages)
    assert len(fake.requests) == (1000 if size == 0 else 101)


@pytest.mark.parametrize("cursor", [None, "", 7, "\u00e9", "x" * 5000, "\x1b[31mred", "a\nb"])
def test_a_page_that_promises_more_without_a_cursor_is_no_end(
    five: "FakePlatform", cursor: Any
) -> None:
    five.answers["at-2"] = httpx.Response(
        200, json={"models": [], "next_cursor": cursor, "has_more": True}
    )
    with pytest.raises(CursorError, match="promises more"):
        list(five.platform().search())


@pytest.mark.parametrize(
    "rest", [{}, {"next_cursor": None}, {"next_cursor": "x", "has_more": False}]
)
def test_a_page_without_more_is_the_end(fake: "FakePlatform", rest: dict[str, Any]) -> None:
    fake.answers["first"] = httpx.Response(200, json={"models": [], **rest})
    assert list(fake.platform().search()) == []
    assert len(fake.requests) == 1


def test_a_rate_limit_is_waited_for_as_long_as_it_says(five: "FakePlatform") -> None:
    five.answers["at-2"] = httpx.Response(429, headers={"retry-after": "17"})
    assert len(ids(five.platform().search())) == 5
    assert five.slept == [17.0]
    assert five.cursors == [None, "at-2", "at-2", "at-4"]


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (httpx.Response(401), KeyMissingError, "key_refused"),
        (httpx.Response(403, html="<html>"), NotAcceptedError, "network_blocked"),
        (httpx.Response(404), PlatformError, "platform_down"),
        (httpx.Response(400), PlatformError, "usage"),
        (httpx.Response(414), PlatformError, "usage"),
        (httpx.Response(200, json=[]), PlatformError, "platform_down"),
        (httpx.Response(200, json={"models": {}}), PlatformError, "platform_down"),
        (httpx.Response(200, html="<html>"), PlatformError, "platform_down"),
    ],
)
def test_a_bad_answer_is_reported_as_what_it_means(
    fake: "FakePlatform", answer: httpx.Response, error: type[FalError], code: str
) -> None:
    fake.answers["first"] = answer
    with pytest.raises(error) as raised:
        list(fake.platform().search("cat"))
    assert raised.value.code == code


def test_a_network_that_is_not_there_is_reported(fake: "FakePlatform") -> None:
    client = httpx.Client(transport=httpx.MockTransport(_refuse))
    platform = fake.platform()
    with pytest.raises(NotAcceptedError, match=r"api\.fal\.ai cannot be reached"):
        list(type(platform)(client, platform.config, platform.clock).search())


def test_a_refused_cursor_is_told_apart(five: "FakePlatform") -> None:
    five.answers["at-2"] = httpx.Response(400, json={"error": {"message": "no such page"}})
    with pytest.raises(CursorError, match="no such page"):
        list(five.platform().pages(cursor="at-2"))


def _refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)
