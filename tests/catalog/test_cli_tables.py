"""What people see on a terminal: tables, whatever its width and the characters that it knows."""

import io
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click
import pytest

from fal_runtime.fal.protocol import ModelRequest, Price
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import open_ledger
from falsmith.catalog.bundled import bundled_documents, bundled_ids
from falsmith.cli import run
from falsmith.documents import Documents

Printed = Callable[..., str]


class Terminal(io.TextIOWrapper):
    """A terminal that knows the characters of one encoding."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Printed:
    """Return what runs a command that succeeds and returns what it shows."""

    def call(*arguments: str, encoding: str = "utf-8", columns: int = 100) -> str:
        stream = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(columns))
            patch.setattr(sys, "stdout", Terminal(stream, encoding=encoding, write_through=True))
            assert run(arguments) == 0
            return click.unstyle(stream.getvalue().decode(encoding))

    return call


def test_a_search_shows_what_each_model_is_and_what_it_does(printed: Printed) -> None:
    header, *rows = printed("search", "--offline", "flux", "schnell").splitlines()
    assert header.split() == ["model", "category", "date", "licence", "kind", "name"]
    assert rows[0].split()[:4] == [
        "fal-ai/flux/schnell",
        "text-to-image",
        "2024-11-25",
        "commercial",
    ]
    documents = bundled_documents("fal-ai/flux/schnell")
    assert documents is not None
    summary = documents.metadata["description"]
    assert rows[1].startswith("    ")
    assert summary.startswith(rows[1].strip().removesuffix("\u2026"))


def test_words_that_a_model_lacks_stand_before_its_summary(printed: Printed) -> None:
    shown = printed("search", "--offline", "whisper zeppelin").splitlines()
    assert shown[1].startswith("fal-ai/whisper")
    assert shown[2].startswith("    (without: zeppelin) ")


@pytest.mark.parametrize("columns", [20, 80])
def test_no_id_is_cut_on_a_narrow_terminal(printed: Printed, columns: int) -> None:
    shown = printed("search", "--offline", "--all", columns=columns).splitlines()
    rows = [row for row in shown[1:] if not row.startswith(" ")]
    assert {row.split()[0] for row in rows} == set(bundled_ids())


def test_a_deprecated_model_is_marked(
    printed: Printed, tmp_path: Path, make_documents: Callable[..., Documents]
) -> None:
    one = make_documents("acme/old", status="deprecated")
    entry = {"endpoint_id": "acme/old", "metadata": one.metadata, "openapi": one.openapi}
    (tmp_path / "page.json").write_text(json.dumps({"models": [entry]}))
    shown = printed("search", "--status", "all", "--source", str(tmp_path / "page.json"))
    assert "acme/old (deprecated)" in shown


def test_a_terminal_that_lacks_a_character_is_no_error(printed: Printed) -> None:
    shown = printed("search", "--offline", "fast sdxl", encoding="ascii", columns=20)
    assert "\\u2026" in shown


def test_no_field_is_cut_on_a_narrow_terminal(printed: Printed) -> None:
    shown = printed("show", "fal-ai/elevenlabs/tts/turbo-v2.5", "--offline", columns=60)
    assert "apply_text_normalization " in shown


def test_no_character_of_a_job_is_lost_on_a_narrow_terminal(
    printed: Printed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_STATE_DIR", str(tmp_path / "state"))
    model, prompt = "acme/of-many-words/v1/pro/fast/image-to-video", "0123456789" * 7
    request = ModelRequest("https://queue.fal.run/x", {}, {"prompt": prompt})
    with closing(open_ledger(os.environ, tmp_path, print)) as ledger:
        job = ledger.add(
            Job(model, CallOptions(), "accepted", request, identity="x", created=time.time())
        )
        assert ledger.claim(str(job.id)) is not None
        ledger.save(replace(job, state="saved", billable_units=12345.0))
        ledger.keep_unit_price(model, Price(0.25, "image", "USD"))
    header, *lines = printed("queue", "jobs", columns=80).splitlines()
    first, second, third = (header.index(name) for name in ("model", "prompt", "files"))
    assert lines[0].split()[:2] == [job.id, "saved"]
    assert "".join(line[first:second].strip() for line in lines) == model
    assert "".join(line[second:third].strip() for line in lines) == prompt
    # Narrower than the ID.
    assert printed("queue", "spend", columns=40).splitlines()[1].endswith("12345  3086.25 USD")


def test_a_model_is_shown_with_its_fields_and_what_it_returns(printed: Printed) -> None:
    shown = printed("show", "fal-ai/f5-tts", "--offline")
    assert shown.startswith("F5 TTS\nfal-ai/f5-tts, text-to-audio, ")
    assert "string: audio file or link" in shown
    assert "price    unknown (only the live platform says it)" in shown
    assert any(
        line.split()[:3] == ["gen_text", "string", "required"] for line in shown.splitlines()
    )
    assert "returns  audio_url (audio file)" in shown


def test_categories_are_shown_the_largest_first(printed: Printed) -> None:
    assert printed("categories", "--source", "bundled").split()[:2] == ["6", "text-to-image"]


def test_info_says_that_a_cache_was_never_complete(printed: Printed) -> None:
    shown = dict(line.split(maxsplit=1) for line in printed("catalog", "info").splitlines())
    assert (shown["models"], shown["synced"]) == ("0", "never complete")


def test_a_ledger_without_jobs_has_no_table(
    printed: Printed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAL_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("FAL_QUEUE_DIR", str(tmp_path / "queues"))
    assert (printed("queue", "status"), printed("queue", "jobs")) == ("", "")
    assert printed("queue", "spend") == "together: nothing\n"
