"""One run of `generate` over many models, in several processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

from falsmith.cli.generation import Found, Plan, run_plan
from falsmith.cli.report import Report
from falsmith.documents import Documents
from falsmith.errors import PlatformError
from falsmith.render import Options

MANY = 120


def test_a_source_that_ends_early_is_one_failure_and_loses_no_other(
    tmp_path: Path, model_documents: Callable[..., Documents]
) -> None:
    def found() -> Iterator[Found]:
        for number in range(MANY):
            model_id = f"acme/m{number}"
            yield model_id, model_documents({"type": "object"}, model_id=model_id)
        yield "", PlatformError("platform_down", "the list is cut off")

    report = Report("write", as_json=True, quiet=True)
    run_plan(found(), Plan(Options(), tmp_path, "write", False), report, many=True)

    assert report.counts["wrote"] == MANY
    assert [(error.code, error.message) for _, error in report.failures] == [
        ("platform_down", "the list is cut off")
    ]
    assert len(list(tmp_path.glob("acme-m*/SKILL.md"))) == MANY
