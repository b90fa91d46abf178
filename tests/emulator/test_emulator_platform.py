"""The Platform API: list, find, search, expand, pages, prices and refusals."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from falsmith.emulator import KEY, Emulator

ALL = ["acme/paint/turbo", "acme/studio", "workflows/acme/story/long", "acme/lost"]
Get = Callable[..., httpx.Response]


@pytest.fixture
def get(emulator: Emulator, stranger: httpx.Client) -> Get:
    """Return what asks the Platform API without a key."""

    def ask(path: str = "/v1/models", key: str | None = None, **query: Any) -> httpx.Response:
        headers = {"Authorization": f"Key {key}"} if key else {}
        url = emulator.origins.platform + path
        return stranger.get(url, params=query, headers=headers)

    return ask


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["endpoint_id"] for entry in answer.json()["models"]]


def refused(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["message"]
    return answer.status_code, error["type"]


def test_the_list_has_every_model_without_documents(get: Get) -> None:
    answer = get()
    assert ids(answer) == ALL
    assert (answer.json()["next_cursor"], answer.json()["has_more"]) == (None, False)
    assert all("openapi" not in entry for entry in answer.json()["models"])


def test_find_returns_the_ids_that_were_asked_for(get: Get) -> None:
    assert ids(get(endpoint_id="acme/studio")) == ["acme/studio"]
    assert ids(get(endpoint_id=["acme/lost", "acme/studio"])) == ["acme/studio", "acme/lost"]


def test_an_unknown_id_is_404(get: Get) -> None:
    assert refused(get(endpoint_id="no/such")) == (404, "not_found")
    assert refused(get(endpoint_id="Acme/Studio")) == (404, "not_found")


def test_expand_adds_the_document_or_its_error(get: Get) -> None:
    answer = get(endpoint_id=["acme/paint/turbo", "acme/lost"], expand="openapi-3.0")
    found, lost = answer.json()["models"]
    assert "/acme/paint/turbo" in found["openapi"]["paths"]
    assert lost["openapi"]["error"]["code"] == "expansion_failed"


def test_an_endpoint_without_a_registry_entry_has_no_metadata(get: Get) -> None:
    (entry,) = get(endpoint_id="workflows/acme/story/long").json()["models"]
    assert entry == {"endpoint_id": "workflows/acme/story/long"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "TURBO"}, ["acme/paint/turbo"]),
        ({"q": "makes things"}, ["acme/paint/turbo", "acme/studio", "acme/lost"]),
        ({"q": "nothing of this kind"}, []),
        ({"category": "text-to-image"}, ["acme/paint/turbo"]),
        ({"status": "deprecated"}, ["acme/studio"]),
        ({"q": "makes", "endpoint_id": "acme/studio"}, ["acme/studio"]),
        ({"q": "turbo", "endpoint_id": "acme/studio"}, []),
    ],
)
def test_search_narrows(get: Get, query: dict[str, str], expected: list[str]) -> None:
    assert ids(get(**query)) == expected


def test_pages_follow_the_cursor_to_the_end(get: Get) -> None:
    first = get(limit=3)
    assert first.json()["next_cursor"] == "Mg"
    assert first.json()["has_more"] is True
    last = get(limit=3, cursor="Mg")
    assert get(limit=3, cursor="Mg==").json() == last.json()
    assert ids(first) + ids(last) == ALL
    assert last.json()["has_more"] is False
    assert last.json()["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "many"},
        {"cursor": "!!"},
        {"cursor": "LTE="},
        {"expand": "openapi"},
        {"status": "all"},
        {"endpoint_id": [f"a/{number}" for number in range(51)]},
    ],
)
def test_bad_parameters_are_400(get: Get, query: dict[str, Any]) -> None:
    assert refused(get(**query)) == (400, "validation_error")


def test_is_favorited_is_null_without_a_key(get: Get) -> None:
    anonymous, known = (get(key=key).json()["models"][0]["metadata"] for key in (None, KEY))
    assert (anonymous["is_favorited"], known["is_favorited"]) == (None, False)


def test_a_wrong_key_is_401_even_where_none_is_needed(get: Get) -> None:
    assert refused(get(key="wrong:key")) == (401, "authorization_error")


def test_prices_need_a_key_and_stay_the_same(get: Get) -> None:
    path = "/v1/models/pricing"
    assert refused(get(path, endpoint_id=ALL[0])) == (401, "authorization_error")
    listed = get(path, key=KEY, endpoint_id=f"{ALL[0]},{ALL[1]}").json()
    repeated = get(path, key=KEY, endpoint_id=ALL[:2]).json()
    assert listed == repeated
    image, video = listed["prices"]
    assert (image["endpoint_id"], image["unit"], image["currency"]) == (ALL[0], "image", "USD")
    assert image["unit_price"] > 0
    assert video["unit"] == "second"


def test_prices_of_nothing_and_of_unknown_models_are_refused(get: Get) -> None:
    path = "/v1/models/pricing"
    assert refused(get(path, key=KEY)) == (400, "validation_error")
    assert refused(get(path, key=KEY, endpoint_id="no/such")) == (404, "not_found")


def test_prices_are_marked_as_invented(get: Get) -> None:
    (row,) = get("/v1/models/pricing", key=KEY, endpoint_id=ALL[0]).json()["prices"]
    assert row["invented"] is True


def test_an_estimate_multiplies_the_same_prices(
    get: Get, emulator: Emulator, client: httpx.Client
) -> None:
    url = f"{emulator.origins.platform}/v1/models/pricing/estimate"
    rows = get("/v1/models/pricing", key=KEY, endpoint_id=ALL[:2]).json()["prices"]
    prices = {row["endpoint_id"]: row["unit_price"] for row in rows}

    def estimate(kind: str, **quantities: Any) -> httpx.Response:
        asked = dict.fromkeys(ALL[:2], quantities)
        return client.post(url, json={"estimate_type": kind, "endpoints": asked})

    by_unit = estimate("unit_price", unit_quantity=50).json()
    assert by_unit["total_cost"] == pytest.approx(50 * sum(prices.values()))
    assert (by_unit["estimate_type"], by_unit["currency"]) == ("unit_price", "USD")
    by_call = estimate("historical_api_price", call_quantity=2).json()
    assert by_call["total_cost"] == pytest.approx(2 * sum(prices.values()))
    assert estimate("unit_price", unit_quantity=0).status_code == 400
    assert estimate("by_weight", unit_quantity=1).status_code == 400
    unknown = {"estimate_type": "unit_price", "endpoints": {"no/such": {"unit_quantity": 1}}}
    assert client.post(url, json=unknown).status_code == 404
    assert get("/v1/models/pricing/estimate", key=KEY).status_code == 405


def test_meta_needs_no_key(get: Get) -> None:
    assert get("/v1/meta").json() == {"webhook_ip_ranges": ["203.0.113.0/32"]}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/usage",
        "/v1/keys",
        "/v1/keys/mine",
        "/v1/assets/tags/1/assign",
        "/v1/account/focus",
    ],
)
def test_what_fal_has_and_is_not_done_is_501_and_says_what(get: Get, path: str) -> None:
    assert refused(get(path, key=KEY)) == (501, "not_implemented")
    assert path in get(path, key=KEY).json()["error"]["message"]


@pytest.mark.parametrize("path", ["/models", "/v1/nothing", "/v1/models/requests", "/v1/keys/a/b"])
def test_other_paths_are_404(get: Get, path: str) -> None:
    assert refused(get(path, key=KEY)) == (404, "not_found")
