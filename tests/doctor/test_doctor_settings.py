"""Where the key was found, which is never shown, and whether the addresses can be used."""

import pytest

from falsmith.doctor.settings import check_addresses, check_key

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


def test_a_missing_key_is_a_warning_that_tells_how_to_set_one() -> None:
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
