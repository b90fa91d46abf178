"""What `generate` prints: a line a skill while it runs, a summary, one JSON object when piped."""

import json
import os
import sys
from collections import Counter
from dataclasses import dataclass, field

from fal_runtime.errors import FalError
from fal_runtime.text import printable_lines
from falsmith.cli.options import first_lines
from falsmith.cli.program import program
from falsmith.generate import Action, GeneratedSkill
from falsmith.skill.provenance import is_collection
from falsmith.text import counted

__all__ = ["Report", "Row", "row"]

# A list of so many skills is laid out to be read.
FEW = 12
VERBS = {"write": "wrote", "check": "differs", "dry-run": "would write"}


@dataclass(frozen=True, slots=True)
class Row:
    """What is printed of one skill: plain values, which travel fast between processes."""

    subject: str
    models: tuple[tuple[str, str], ...]
    name: str
    folder: str
    status: str
    files: int
    changed: int
    drift: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def row(skill: GeneratedSkill, action: Action) -> Row:
    """Return what is printed of a skill; its differences only where nothing was written."""
    # What the user put beside the skill is a difference for --check; writing leaves it alone.
    drift = [one for one in skill.drift if action == "check" or one.kind != "extra"]
    return Row(
        subject=skill.subject,
        models=tuple(skill.models.items()) if "" not in skill.models else (),
        name=skill.name,
        folder=str(skill.folder),
        status=VERBS[action] if drift else "unchanged",
        files=len(skill.files),
        changed=len(drift),
        drift=tuple((one.kind, str(one.path)) for one in drift if action != "write"),
        warnings=skill.warnings,
    )


@dataclass(slots=True)
class Report:
    """Collects results as they come; people read stderr progress, programs one object on stdout."""

    action: Action
    as_json: bool
    quiet: bool
    skills: list[dict[str, object]] = field(default_factory=list)
    failures: list[tuple[str, FalError]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    shared: dict[str, object] | None = None

    def add(self, made: Row) -> None:
        """Add one generated or compared skill."""
        self.counts[made.status] += 1
        if self.as_json:
            self.skills.append(_as_json(made, self.action))
        self._line(f"{made.status}: {made.folder} ({made.files} files)")
        self._drift(made)
        for warning in made.warnings:
            self._line(f"  note: {warning}", to_people=True)

    def creator(self, made: Row) -> None:
        """Add the creator skill, which the others link to, where it was written or differs."""
        if made.status != "unchanged":
            self.shared = _as_json(made, self.action)
            self._line(f"{made.status}: {made.folder} ({made.files} files)")
            self._drift(made)

    def notice(self, text: str) -> None:
        """Print something for people that is no result."""
        self._line(f"note: {text}", to_people=True)

    def fail(self, model_id: str, error: FalError) -> None:
        """Add one model that failed."""
        self.failures.append((model_id, error))
        if not self.as_json or not self.quiet:
            sys.stderr.write(printable_lines(f"error: {_described(model_id, error)}\n"))

    def finish(self) -> int:
        """Print the summary or the JSON object and return the exit status."""
        status = self._status()
        if self.as_json:
            # The encoder that indents takes as long for a thousand skills as fifty of them take.
            indent = 1 if len(self.skills) <= FEW else None
            sys.stdout.write(json.dumps(self._object(), indent=indent) + "\n")
        elif len(self.failures) + self.counts.total() > 1:
            counts = ", ".join(f"{count} {verb}" for verb, count in self.counts.items())
            failed = f", {len(self.failures)} failed" if self.failures else ""
            made = counted(self.counts.total(), "skill")
            sys.stdout.write(f"{made}: {counts or 'none made'}{failed}\n")
            for model_id, error in self.failures:
                sys.stdout.write(printable_lines(f"  failed: {_described(model_id, error)}\n"))
        return status

    def _status(self) -> int:
        if len(self.failures) == 1 and not self.counts:
            return self.failures[0][1].exit_status
        return 1 if self.failures or self._differing() else 0

    def _differing(self) -> int:
        return self.counts["differs"] + (self.action == "check" and self.shared is not None)

    def _object(self) -> dict[str, object]:
        answer: dict[str, object] = {} if self.shared is None else {"creator": self.shared}
        answer |= {
            "skills": self.skills,
            "failed": [
                {"model_id": None if is_collection(one) else one, "error": program().error(error)}
                for one, error in self.failures
            ],
        }
        if len(self.failures) == 1 and not self.counts:
            answer["error"] = program().error(self.failures[0][1])
        elif self.failures:
            message = f"{len(self.failures)} of {len(self.failures) + self.counts.total()} failed"
            answer["error"] = program().error(FalError("some_failed", message))
        elif self._differing():
            verb = "is" if self._differing() == 1 else "are"
            message = f"{counted(self._differing(), 'skill')} {verb} not up to date"
            answer["error"] = program().error(FalError("problems_found", message))
        return answer

    def _drift(self, made: Row) -> None:
        for line in first_lines([f"{kind}: {path}" for kind, path in made.drift]):
            self._line(line)

    def _line(self, text: str, *, to_people: bool = False) -> None:
        if self.as_json or to_people:
            if not self.quiet:
                sys.stderr.write(printable_lines(text) + "\n")
        else:
            sys.stdout.write(printable_lines(text) + "\n")


def _described(model_id: str, error: FalError) -> str:
    """Return an error that says of which model it is."""
    text = program().named(str(error))
    return text if model_id in error.message else f"{model_id}: {text}"


def _as_json(made: Row, action: Action) -> dict[str, object]:
    described: dict[str, object] = {
        "model_id": made.subject if not made.models else None,
        "name": made.name,
        "path": os.path.abspath(made.folder),  # noqa: PTH100 - links on the way stay as they are
        "status": made.status,
        "files": made.files,
        "changed": made.changed,
        "warnings": list(made.warnings),
    }
    if made.models:
        described["models"] = dict(made.models)
    if action != "write":
        described["drift"] = [{"kind": kind, "path": path} for kind, path in made.drift]
    return described
