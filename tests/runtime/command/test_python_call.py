"""The call for Python programs: the command line's object, errors as exceptions that carry it."""

from pathlib import Path

import pytest

from fal_runtime.command import run_fal_api_job
from fal_runtime.errors import FalError, InputError, KeyMissingError, LocalError, UsageError


def test_a_dry_run_returns_the_object_and_prints_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_fal_api_job("acme/demo", {"prompt": "x"}, tmp_path, dry_run=True, wait=5)
    assert answer["status"] == "DRY_RUN"
    assert answer["platform_request"]["body"] == {"prompt": "x"}
    assert capsys.readouterr() == ("", "")


def test_an_error_is_of_its_kind_and_carries_the_object(tmp_path: Path) -> None:
    with pytest.raises(KeyMissingError) as caught:
        run_fal_api_job("acme/demo", {"prompt": "x"}, tmp_path)
    assert caught.value.outcome is not None
    assert caught.value.outcome["error"]["code"] == "key_missing"


@pytest.mark.parametrize(
    "options",
    [
        {"wiat": 5},
        {"wait": -1},
        {"wait": "soon"},
        {"output_file": "../x"},
        {"submit": True, "sync_only": True},
        {"result": "r1", "dry_run": True},
        {"priority": "high"},
        {"set": "a=1"},
        {"api_key": "KEY-123"},
    ],
)
def test_options_are_checked_as_on_the_command_line(
    tmp_path: Path, options: dict[str, object]
) -> None:
    with pytest.raises(UsageError) as caught:
        run_fal_api_job("acme/demo", {}, tmp_path, **options)
    assert "KEY-123" not in str(caught.value.outcome)


def test_a_malformed_model_id_and_an_unsendable_input_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        run_fal_api_job("../x", {}, tmp_path)
    with pytest.raises(InputError):
        run_fal_api_job("acme/demo", {"a": {1, 2}}, tmp_path, dry_run=True)


def test_every_error_can_be_caught_by_one_name(tmp_path: Path) -> None:
    with pytest.raises(FalError) as caught:
        run_fal_api_job("acme/demo", {}, tmp_path, upload=[tmp_path / "none.png"])
    assert caught.value.code == "file_missing"


@pytest.mark.usefixtures("server")
def test_a_job_is_left_and_collected_by_its_id(tmp_path: Path) -> None:
    left = run_fal_api_job("acme/demo", {"prompt": "x"}, tmp_path, submit=True)
    assert (left["status"], left["request_id"]) == ("IN_QUEUE", "r1")
    assert f"--result {left['job']}" in left["next"]
    for name in (left["job"], "r1"):
        done = run_fal_api_job("acme/demo", {}, tmp_path, result=name)
        assert (done["job"], Path(done["saved_path"]).read_text()) == (left["job"], "hello")
    (listed,) = run_fal_api_job("acme/demo", {}, tmp_path, jobs=True)["result"]
    assert (listed["job"], listed["state"]) == (left["job"], "saved")
    again = run_fal_api_job("acme/demo", {}, tmp_path, like=left["job"], dry_run=True)
    assert again["platform_request"]["body"] == {"prompt": "x"}


@pytest.mark.usefixtures("server")
def test_an_error_of_a_job_names_the_job(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ledger has no job"):
        run_fal_api_job("acme/demo", {}, tmp_path, result="nobody00")
    left = run_fal_api_job("acme/demo", {"prompt": "x"}, tmp_path, submit=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError) as caught:
        run_fal_api_job("acme/demo", {}, tmp_path / "file", result=left["job"])
    assert caught.value.outcome is not None
    assert caught.value.outcome["job"] == left["job"]
