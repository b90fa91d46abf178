"""`falsmith emulate` as a process: what it prints, what it serves, how it ends."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from falsmith.catalog.bundled import bundled_ids
from falsmith.cli import run
from falsmith.cli.emulate import emulate

SCRIPT = "from falsmith.cli.emulate import emulate; emulate()"


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command until the block ends, then interrupt it as Ctrl-C does."""
    command = [sys.executable, "-c", SCRIPT, *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)


def test_it_prints_shell_lines_and_serves_the_bundled_models() -> None:
    with running() as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        told = dict(re.findall(r"^export (\w+)=(\S+)$", "".join(lines), re.MULTILINE))
        answer = httpx.get(f"{told['FAL_PLATFORM_URL']}/v1/models", trust_env=False)
    assert process.returncode == 0
    assert told["FAL_KEY"] == "emulator:local"
    assert [one["endpoint_id"] for one in answer.json()["models"]] == list(bundled_ids())


def test_with_json_it_prints_one_object_and_serves_a_folder(tmp_path: Path) -> None:
    (tmp_path / "broken__one.json").write_text("{")
    document = {
        "openapi": "3.0.4",
        "info": {"x-fal-metadata": {"endpointId": "acme/story"}},
        "paths": {"/acme/story": {"post": {}}},
    }
    (tmp_path / "acme__story.json").write_text(json.dumps(document))
    with running("--json", "--no-key", "--delay", "0", "--source", str(tmp_path)) as process:
        assert process.stdout is not None and process.stderr is not None
        told = json.loads(process.stdout.readline())
        answer = httpx.post(f"{told['FAL_QUEUE_URL']}/acme/story", json={}, trust_env=False)
        status = httpx.get(answer.json()["status_url"], trust_env=False)
        notices = [process.stderr.readline() for _ in range(2)]
    assert status.json()["status"] == "COMPLETED"
    assert "broken__one.json" in notices[0]
    assert notices[1].startswith("Serving 1 model at invented prices;")


def test_documents_that_cannot_be_used_are_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / f"broken__{name}.json").write_text("{")
    assert run(["emulate", "--source", str(tmp_path), "--", "true"]) == 0
    (notice,) = capfd.readouterr().err.splitlines()
    assert notice.startswith("Left out: 3 documents, the first: ")
    assert "broken__one.json" in notice


def test_a_model_that_is_not_served_is_named_once_with_where_models_come_from(
    capfd: pytest.CaptureFixture[str],
) -> None:
    child = (
        "import httpx, os\n"
        "key = {'Authorization': 'Key ' + os.environ['FAL_KEY']}\n"
        "for name in ('acme/lost', 'fal-ai/flux/schnell', 'acme/lost', 'acme/gone'):\n"
        "    url = os.environ['FAL_QUEUE_URL'] + '/' + name\n"
        "    body = {'prompt': 'x'}\n"
        "    answer = httpx.post(url, json=body, headers=key, trust_env=False)\n"
        "    print(answer.status_code)\n"
    )
    assert run(["emulate", "--", sys.executable, "-c", child]) == 0
    out, err = capfd.readouterr()
    assert out.split() == ["404", "200", "404", "404"]
    served = f"it serves {len(bundled_ids())} models. --source FOLDER "
    assert [
        (name in line, served in line)
        for name, line in zip(("acme/lost", "acme/gone"), err.splitlines(), strict=True)
    ] == [(True, True)] * 2


def test_with_tls_the_official_client_needs_the_printed_settings_only(tmp_path: Path) -> None:
    child = (
        "import fal_client\n"
        "print(fal_client.subscribe('fal-ai/flux/schnell', arguments={'prompt': 'a fox'}))\n"
    )
    command = [sys.executable, "-m", "falsmith", "emulate", "--tls", "--delay", "0.1", "--"]
    environment = {**os.environ, "HOME": str(tmp_path), "NO_PROXY": "*"}
    done = subprocess.run(
        [*command, sys.executable, "-c", child],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "'prompt': 'a fox'" in done.stdout


def test_rules_come_from_options_and_files_and_the_state_outlives_a_kill(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("# two\nsubmit:error=503:times=1\n\ncancel:error=500\n")
    options = ["--fault", f"@{tmp_path}/rules", "--fault", "status:error=405", "--json"]
    books = []
    for _ in range(2):
        with running(*options, "--state", str(tmp_path / "state")) as process:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            url, key = told["FAL_QUEUE_URL"], {"Authorization": f"Key {told['FAL_KEY']}"}
            with httpx.Client(headers=key, trust_env=False) as client:
                sent = [client.post(f"{url}/fal-ai/flux/schnell", json={"prompt": "x"})]
                sent.append(client.post(f"{url}/fal-ai/flux/schnell", json={"prompt": "x"}))
                assert client.get(sent[1].json()["status_url"]).status_code == 405
                (book,) = client.get(f"{url}/_emulator/books").json()["books"]
            # Nothing of it may need a farewell.
            process.kill()
            process.wait(timeout=20)
        assert [answer.status_code for answer in sent] == [503, 200]
        books.append((url, book["accepted"]))
    assert books == [(url, 1), (url, 2)]


def test_every_word_of_a_rule_is_listed_and_a_wrong_rule_is_one_clear_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["emulate", "--fault", "list"]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("submit", "drop", "retry-after", "no_media_generated"))
    assert run(["emulate", "--fault", "submit:explode"]) == 2
    assert "explode" in capsys.readouterr().out
    assert run(["emulate", "--fault", "@no-such-file"]) == 2


@pytest.mark.parametrize("option", [["--delay", "-1"], ["--port", "70000"]])
def test_numbers_out_of_range_are_refused(option: list[str]) -> None:
    refused = CliRunner().invoke(emulate, option)
    assert refused.exit_code == 2
    assert option[0] in refused.output


def test_a_killed_program_ends_it_with_the_status_of_a_shell() -> None:
    assert run(["emulate", "--", "sh", "-c", "kill -9 $$"]) == 137


def test_a_program_never_gets_the_users_own_key(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("FAL_KEY_VARIABLE", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_AUTH_SCHEME", "FAL_KEY"):
        monkeypatch.setenv(name, "mine")
    script = "import os; print({k: v for k, v in os.environ.items() if v == 'mine'})"
    assert run(["emulate", "--", sys.executable, "-c", script]) == 0
    assert capfd.readouterr().out == "{}\n"


def test_a_program_has_a_ledger_of_its_own_unless_one_is_named(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    script = "import os; print(os.path.isdir(p := os.environ['FAL_STATE_DIR']), p)"
    monkeypatch.delenv("FAL_STATE_DIR", raising=False)
    assert run(["emulate", "--", sys.executable, "-c", script]) == 0
    there, folder = capfd.readouterr().out.split()
    assert (there, Path(folder).exists()) == ("True", False)
    monkeypatch.setenv("FAL_STATE_DIR", str(tmp_path))
    assert run(["emulate", "--", sys.executable, "-c", script]) == 0
    assert capfd.readouterr().out == f"True {tmp_path}\n"


def test_ctrl_c_is_left_to_the_program(tmp_path: Path) -> None:
    child = (
        "import signal, sys, time\n"
        "def end(*_): print('{}', flush=True); sys.exit(130)\n"
        "signal.signal(signal.SIGINT, end)\n"
        f"open({str(tmp_path / 'ready')!r}, 'w').close()\n"
        "while True: signal.pause()\n"
    )
    command = [sys.executable, "-m", "falsmith", "emulate", "--", sys.executable, "-c", child]
    pipe = subprocess.PIPE
    os.mkfifo(tmp_path / "ready")
    with subprocess.Popen(
        command, text=True, stdout=pipe, stderr=pipe, start_new_session=True
    ) as process:
        (tmp_path / "ready").open().close()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "{}\n", "")


def test_a_program_that_is_not_there_is_one_clear_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["emulate", "--", "no-such-program"]) == 2
    captured = capsys.readouterr()
    assert "no-such-program cannot be run" in json.loads(captured.out)["error"]["message"]
    assert "Traceback" not in captured.err


def test_the_command_that_the_demo_shows_can_be_run_again(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["demo", "--output", str(tmp_path)]) == 0
    (shown,) = re.findall(r"^ *\$ falsmith (.*)$", capfd.readouterr().out, re.MULTILINE)
    words = [sys.executable if word == "python" else word for word in shlex.split(shown)]
    assert run(words) == 0
    assert json.loads(capfd.readouterr().out)["status"] == "COMPLETED"
    assert len(list((tmp_path / "output").iterdir())) == 2
