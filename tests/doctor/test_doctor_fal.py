"""What key, addresses, the answers of fal's hosts, and their silence, mean."""

import httpx
import pytest

from falsmith.doctor.fal import check_addresses, check_hosts, check_key, check_key_at_fal

SECRET = "a1b2c3d4-secret:0f0f0f"


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"FAL_KEY": SECRET}, "found in FAL_KEY, sent as Key"),
        ({"FAL_KEY_ID": "id", "FAL_KEY_SECRET": SECRET}, "found in FAL_KEY_ID and FAL_KEY_SECRET"),
        (
            {"FAL_KEY": "other", "FAL_KEY_VARIABLE": "MATON", "MATON": SECRET},
            "found in MATON, sent as Key",
        ),
        ({"FAL_KEY": SECRET, "FAL_AUTH_SCHEME": "bearer"}, "sent as Bearer"),
    ],
)
def test_the_variable_is_named_and_the_key_is_not_shown(
    environ: dict[str, str], found: str
) -> None:
    check = check_key(environ)
    assert (check.verdict, found in check.found) == ("ok", True)
    assert SECRET not in repr(check)


def test_a_missing_key_is_a_warning_that_says_how_to_set_one() -> None:
    check = check_key({"FAL_KEY": " ", "FAL_KEY_ID": "id"})
    assert (check.verdict, check.found) == ("warning", "none is set")
    assert "FAL_KEY_VARIABLE" in check.advice


@pytest.mark.parametrize(
    "environ",
    [
        {"FAL_KEY": f"{SECRET}\n{SECRET}"},
        {"FAL_KEY": SECRET, "FAL_AUTH_SCHEME": SECRET},
        {"FAL_KEY_VARIABLE": SECRET},
        {"FAL_KEY_VARIABLE": "abcdef0123456789"},
    ],
)
def test_a_key_that_cannot_be_used_is_a_problem_and_is_not_shown(environ: dict[str, str]) -> None:
    check = check_key(environ)
    assert check.verdict == "problem"
    assert SECRET not in repr(check)
    assert environ.get("FAL_KEY_VARIABLE", "-") not in check.found.replace("FAL_KEY_VARIABLE", "")


def test_addresses_that_are_set_are_named() -> None:
    assert check_addresses({}).found == "fal's own hosts"
    check = check_addresses({"FAL_QUEUE_URL": "https://gateway.example/fal", "FAL_KEY": "a b\nc"})
    assert (check.verdict, check.found) == ("ok", "set: FAL_QUEUE_URL")


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"FAL_RUN_URL": "gopher://fal"}, "FAL_RUN_URL must be"),
        ({"FAL_QUEUE_URL": "http://fal.example"}, "plain http"),
        ({"FAL_QUEUE_POLL_INTERVAL": "often"}, "FAL_QUEUE_POLL_INTERVAL"),
    ],
)
def test_an_unusable_setting_is_a_problem(environ: dict[str, str], told: str) -> None:
    check = check_addresses(environ)
    assert (check.verdict, told in check.found) == ("problem", True)


ENVIRON = {"FAL_KEY": "a:b", "FAL_QUEUE_URL": "https://gateway.example/fal"}


def answering(
    status: int, requests: list[httpx.Request] | None = None, *, json: bool = True
) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        if requests is not None:
            requests.append(request)
        told = {"json": {"status": "NOT_FOUND"}} if json else {"html": "<p>Sign in</p>"}
        return httpx.Response(status, **told)

    return httpx.Client(transport=httpx.MockTransport(answer))


def silent(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("Name or service not known", request=request)


def test_every_host_is_asked_once_and_without_a_key() -> None:
    requests: list[httpx.Request] = []
    checks = list(check_hosts(answering(404, requests), ENVIRON))

    assert [check.name for check in checks] == [
        "host run",
        "host queue",
        "host rest",
        "host platform",
    ]
    assert {check.verdict for check in checks} == {"ok"}
    assert {str(request.url) for request in requests} == {
        "https://fal.run/",
        "https://gateway.example/fal/",
        "https://rest.fal.ai/",
        "https://api.fal.ai/",
    }
    assert all("authorization" not in request.headers for request in requests)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "ok"), (405, "ok"), (501, "ok"), (503, "warning"), (407, "problem")],
)
def test_any_answer_of_fals_own_will_do(status: int, verdict: str) -> None:
    assert {check.verdict for check in check_hosts(answering(status), {})} == {verdict}


def test_a_host_that_cannot_be_reached_is_a_problem_with_a_way_on() -> None:
    with httpx.Client(transport=httpx.MockTransport(silent)) as client:
        checks = list(check_hosts(client, {"FAL_KEY": "a b\n"}))
    assert {check.verdict for check in checks} == {"problem"}
    assert "fal.run cannot be reached" in checks[0].found
    assert "Name or service not known" in checks[0].found
    assert checks[0].advice.startswith("Check the network, the proxy")


@pytest.mark.parametrize(
    ("status", "json", "verdict"),
    [
        (404, True, "ok"),
        (401, True, "problem"),
        (403, True, "problem"),
        (404, False, "warning"),
        (302, False, "warning"),
        (200, True, "warning"),
        (429, True, "warning"),
        (500, True, "warning"),
    ],
)
def test_the_key_is_judged_by_the_status(status: int, json: bool, verdict: str) -> None:
    check = check_key_at_fal(answering(status, json=json), ENVIRON)
    assert check.verdict == verdict
    assert "a:b" not in repr(check)
    assert bool(check.advice) is (verdict != "ok")


def test_one_request_that_nobody_made_is_asked_for() -> None:
    asked: list[httpx.Request] = []
    for _ in range(2):
        check_key_at_fal(answering(404, asked), ENVIRON | {"FAL_AUTH_SCHEME": "Bearer"})

    first, second = asked
    assert (first.method, first.headers["authorization"]) == ("GET", "Bearer a:b")
    stem = "https://gateway.example/fal/fal-ai/flux/requests/"
    assert str(first.url).startswith(stem)
    assert str(first.url).endswith("/status")
    assert first.url != second.url


def test_a_key_that_could_not_be_asked_about_is_a_warning() -> None:
    with httpx.Client(transport=httpx.MockTransport(silent)) as client:
        check = check_key_at_fal(client, ENVIRON)
    assert (check.verdict, "gateway.example cannot be reached" in check.found) == ("warning", True)
