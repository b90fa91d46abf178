from pathlib import Path

import pytest

from fal_runtime.config import load_config
from fal_runtime.errors import FalError, KeyMissingError, UsageError
from fal_runtime.settings import RateLimit


def skill(folder: Path, settings: str) -> Path:
    (folder / "queue_config.yaml").write_text(settings, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("environ", "header"),
    [
        ({"FAL_KEY": "a:b"}, "Key a:b"),
        ({"FAL_KEY": "  a:b "}, "Key a:b"),
        ({"FAL_KEY_ID": "a", "FAL_KEY_SECRET": "b"}, "Key a:b"),
        ({"FAL_KEY": "k", "FAL_KEY_ID": "a", "FAL_KEY_SECRET": "b"}, "Key k"),
        ({"FAL_KEY": "k", "FAL_KEY_VARIABLE": "MATON", "MATON": "m"}, "Key m"),
        ({"FAL_KEY": "k", "FAL_AUTH_SCHEME": "bearer"}, "Bearer k"),
    ],
)
def test_key_is_found_as_fal_s_own_clients_find_it(environ: dict[str, str], header: str) -> None:
    assert load_config(None, environ).authorization("https://fal.run/a/b") == {
        "Authorization": header
    }


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"FAL_KEY": " "},
        {"FAL_KEY_ID": "a"},
        {"FAL_KEY": "k", "FAL_KEY_VARIABLE": "ELSEWHERE"},
    ],
)
def test_missing_key_is_an_error_only_when_it_is_needed(environ: dict[str, str]) -> None:
    config = load_config(None, environ)
    with pytest.raises(KeyMissingError, match=r"\*KEY\*") as caught:
        config.required_key()
    assert caught.value.exit_status == 3


@pytest.mark.parametrize("key", ["sec\nret", "secret\n", "sec\x00ret", "sécret", "sec ret"])
def test_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(KeyMissingError) as caught:
        load_config(None, {"FAL_KEY": key})
    assert "FAL_KEY" in caught.value.message
    assert "ret" not in caught.value.message


def test_key_never_shows_in_a_representation() -> None:
    assert "secret" not in repr(load_config(None, {"FAL_KEY": "id:secret"}))


def test_key_of_the_command_line_beats_the_environment() -> None:
    config = load_config(None, {"FAL_KEY": "a"}, key="b")
    assert config.authorization("https://fal.run/a/b") == {"Authorization": "Key b"}


def test_unknown_scheme_is_refused() -> None:
    with pytest.raises(UsageError, match="FAL_AUTH_SCHEME"):
        load_config(None, {"FAL_AUTH_SCHEME": "Basic"})


def test_origins_are_fal_s_own_unless_given() -> None:
    origins = load_config(None, {}).origins
    assert (origins.run, origins.queue) == ("https://fal.run", "https://queue.fal.run")
    assert (origins.rest, origins.platform) == ("https://rest.fal.ai", "https://api.fal.ai")


def test_hosts_are_read_as_fal_s_own_clients_read_them() -> None:
    origins = load_config(None, {"FAL_RUN_HOST": "fal.example"}).origins
    assert (origins.run, origins.queue) == ("https://fal.example", "https://queue.fal.example")


def test_urls_beat_hosts_and_may_carry_a_path() -> None:
    origins = load_config(
        None,
        {"FAL_QUEUE_RUN_HOST": "other", "FAL_QUEUE_URL": "https://gateway.example/fal-ai/"},
    ).origins
    assert origins.queue == "https://gateway.example/fal-ai"


@pytest.mark.parametrize(
    "url",
    [
        "http://queue.fal.run",
        "ftp://127.0.0.1",
        "file:///etc",
        "queue.fal.run",
        "https://",
        "https://user:pw@queue.fal.run",
        "https://queue.fal.run?x=1",
        "https://queue fal.run",
        "https://[::1",
        "https://h:99999",
    ],
)
def test_origin_that_a_key_must_not_go_to_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="FAL_QUEUE_URL") as caught:
        load_config(None, {"FAL_QUEUE_URL": url})
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_plain_http_is_taken_for_this_machine(host: str) -> None:
    config = load_config(None, {"FAL_QUEUE_URL": f"http://{host}:8000/queue"})
    assert config.origins.queue == f"http://{host}:8000/queue"


def test_call_without_a_skill_uses_the_queue() -> None:
    settings = load_config(None, {}).settings
    assert not settings.sync_only
    assert (settings.poll_interval, settings.job_timeout, settings.max_download_mb) == (5, 600, 100)


def test_settings_of_a_skill_are_read(tmp_path: Path) -> None:
    written = """
poll_interval: 2
sync_only: false
model_rates:
  acme/demo: {rate_per_min: 3, burst: 1}
"""
    settings = load_config(skill(tmp_path, written), {}).settings
    assert (settings.poll_interval, settings.sync_only) == (2.0, False)
    assert settings.model_rates == {"acme/demo": RateLimit(3.0, 1)}


def test_setting_that_is_not_given_has_its_documented_value(tmp_path: Path) -> None:
    settings = load_config(skill(tmp_path, "# nothing\n"), {}).settings
    assert settings.sync_only
    assert (settings.max_concurrent, settings.global_burst) == (2, 5)


@pytest.mark.parametrize(
    ("written", "line", "name"),
    [
        ("poll_interval: 1\npol_interval: 2\n", 2, "pol_interval"),
        ("\n\npoll_interval: fast\n", 3, "poll_interval"),
        ("poll_interval: -1\n", 1, "poll_interval"),
        ("poll_interval: 0\n", 1, "poll_interval"),
        ("poll_interval: 1.0e-310\n", 1, "poll_interval"),
        ("job_timeout: 1.0e+11\n", 1, "job_timeout"),
        ("poll_interval: .nan\n", 1, "poll_interval"),
        ("poll_interval: true\n", 1, "poll_interval"),
        ("max_concurrent: 1.5\n", 1, "max_concurrent"),
        ("sync_only: 1\n", 1, "sync_only"),
        ("sync_only: false\nsync_only: true\n", 2, "sync_only"),
        ("model_rates: [1]\n", 1, "model_rates"),
        ("model_rates:\n  a/b: {burst: 1}\n", 1, "model_rates"),
        ("- a\n", 1, "`name: value` lines"),
    ],
)
def test_wrong_setting_is_reported_with_name_file_and_line(
    tmp_path: Path, written: str, line: int, name: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(skill(tmp_path, written), {})
    assert f"queue_config.yaml, line {line}: {name}" in caught.value.message


@pytest.mark.parametrize("written", ["a: [", "a: !!python/object:os.system x", "\x00"])
def test_file_that_is_no_yaml_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(FalError, match=r"queue_config\.yaml"):
        load_config(skill(tmp_path, written), {})


def test_environment_beats_the_file(tmp_path: Path) -> None:
    environ = {
        "FAL_QUEUE_POLL_INTERVAL": "0.5",
        "FAL_QUEUE_SYNC_ONLY": "False",
        "FAL_QUEUE_MAX_CONCURRENT": "7",
        "FAL_QUEUE_RATE_PER_MIN": "60",
        "FAL_QUEUE_JOB_TIMEOUT": "",
    }
    settings = load_config(skill(tmp_path, "poll_interval: 2\n"), environ).settings
    assert (settings.poll_interval, settings.sync_only) == (0.5, False)
    assert (settings.max_concurrent, settings.global_rate_per_min) == (7, 60.0)
    assert settings.job_timeout == 600


@pytest.mark.parametrize("text", ["fast", "-1", "inf", "nan", "1e-310", "1e11"])
def test_wrong_variable_is_reported_by_its_name(text: str) -> None:
    with pytest.raises(UsageError, match="FAL_QUEUE_POLL_INTERVAL"):
        load_config(None, {"FAL_QUEUE_POLL_INTERVAL": text})


@pytest.mark.parametrize(
    "text",
    ["poll_interval: 1" + "0" * 400, "poll_interval: " + "1" * 5_000, "max_concurrent: 2024-99-99"],
    ids=["beyond a float", "5,000 digits", "no such date"],
)
def test_a_setting_that_python_itself_cannot_hold_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "queue_config.yaml").write_text(f"{text}\n")

    with pytest.raises(UsageError, match=r"queue_config\.yaml"):
        load_config(tmp_path, {})
