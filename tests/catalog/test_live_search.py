"""A live search that finds nothing as it stands: asked again for less, in a few requests."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fal_runtime.config import load_config
from falsmith.catalog.query import Match, Query
from falsmith.documents import Documents
from falsmith.platform import Platform
from falsmith.sources import Live

MakeEntry = Callable[..., dict[str, Any]]
Ask = Callable[[str], list[Match]]


class NamePlatform:
    """Finds every word of a search in names and summaries, as it stands, and notes each search."""

    def __init__(self, models: list[dict[str, Any]]) -> None:
        self.models = models
        self.searches: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        self.searches.append(asked.get("q", ""))
        known = [one for one in self.models if asked.get("endpoint_id") in (None, _id(one))]
        found = [one for one in known if _fits(one, asked.get("q", ""))]
        return httpx.Response(200, json={"models": found, "next_cursor": None})

    def live(self) -> Live:
        client = httpx.Client(transport=httpx.MockTransport(self.answer))
        return Live(Platform(client, load_config(None, {})))


def _id(one: dict[str, Any]) -> str:
    return str(one["endpoint_id"])


def _fits(one: dict[str, Any], text: str) -> bool:
    told = f"{_id(one)} {one['metadata'].get('description', '')}"
    return all(word in told for word in text.split())


@pytest.fixture
def platform(make_entry: MakeEntry) -> NamePlatform:
    return NamePlatform(
        [
            make_entry("acme/avatar", description="Makes a portrait speak"),
            make_entry("acme/rembg", description="Cuts out what stands in front"),
            make_entry("acme/bicycle", description="Paints a red bicycle"),
        ]
    )


def found(platform: NamePlatform, text: str) -> list[tuple[str, tuple[str, ...]]]:
    matches = platform.live().search(Query(text))
    return [(one.model_id, one.missing) for one in matches if isinstance(one, Match)]


def test_a_search_that_finds_something_is_one_request(platform: NamePlatform) -> None:
    assert found(platform, "red bicycle") == [("acme/bicycle", ())]
    assert platform.searches == ["red bicycle"]


def test_a_task_of_which_few_are_found_is_asked_for_by_its_other_names_too(
    platform: NamePlatform,
) -> None:
    platform.models[2]["metadata"]["description"] = "Paints a talking head"
    assert found(platform, "talking head") == [("acme/avatar", ()), ("acme/bicycle", ())]
    assert platform.searches == ["talking head", "avatar"]


def test_what_the_platform_finds_by_rules_of_its_own_stays(platform: NamePlatform) -> None:
    platform.models[2]["metadata"]["description"] = "bicycles"
    assert found(platform, "cycles") == [("acme/bicycle", ())]


def test_words_that_say_nothing_do_not_empty_the_result(platform: NamePlatform) -> None:
    assert found(platform, "give me a red bicycle, please") == [("acme/bicycle", ())]
    assert len(platform.searches) == 2


@pytest.mark.parametrize(
    ("text", "model_id"),
    [("talking head", "acme/avatar"), ("remove the background", "acme/rembg")],
)
def test_a_task_is_asked_for_by_its_other_names(
    platform: NamePlatform, text: str, model_id: str
) -> None:
    platform.models[1]["metadata"]["description"] = "background removal"
    assert found(platform, text) == [(model_id, ())]


def test_the_closest_say_what_they_lack(platform: NamePlatform) -> None:
    assert found(platform, "yellow bicycle") == [("acme/bicycle", ("yellow",))]


def test_no_search_is_more_than_a_few_requests(platform: NamePlatform) -> None:
    words = "zeppelin zither zirconium zodiac zone zoom zucchini"
    assert found(platform, words) == []
    assert len(platform.searches) == 5


def test_what_lacks_no_word_is_what_fits(platform: NamePlatform) -> None:
    def made(text: str) -> list[str]:
        matching = platform.live().matching(Query(text))
        return [one.model_id for one in matching if isinstance(one, Documents)]

    assert made("give me a red bicycle, please") == ["acme/bicycle"]
    assert made("yellow bicycle") == []
