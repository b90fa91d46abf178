"""What `generate` tells: a line a skill while it runs, a summary, one JSON object when piped."""

import json
import sys
from collections import Counter
from dataclasses import dataclass, field

from fal_runtime.errors import FalError
from falsmith.generate import Action, Skill

__all__ = ["Report"]

LISTED = 12
VERBS = {"write": "wrote", "check": "differs", "dry-run": "would write"}


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

    def add(self, skill: Skill) -> None:
        """Tell one generated or compared skill."""
        status = self._status_of(skill)
        self.counts[status] += 1
        if self.as_json:
            self.skills.append(_told(skill, status, self.action))
        self._line(f"{status}: {skill.folder} ({len(skill.files)} files)")
        if self.action != "write":
            self._drift(skill)
        for oddity in skill.oddities:
            self._line(f"  note: {oddity}", to_people=True)

    def creator(self, skill: Skill) -> None:
        """Tell that the creator skill, which the others link to, was written or differs."""
        status = self._status_of(skill)
        if status != "unchanged":
            self.shared = _told(skill, status, self.action)
            self._line(f"{status}: {skill.folder} ({len(skill.files)} files)")

    def _status_of(self, skill: Skill) -> str:
        # What the user put beside the skill is told by --check; writing leaves it alone.
        kinds = {one.kind for one in skill.drift} - (set() if self.action == "check" else {"extra"})
        return VERBS[self.action] if kinds else "unchanged"

    def notice(self, text: str) -> None:
        """Tell people something that is no result."""
        self._line(f"note: {text}", to_people=True)

    def fail(self, model_id: str, error: FalError) -> None:
        """Tell one model that failed."""
        self.failures.append((model_id, error))
        if not self.as_json or not self.quiet:
            sys.stderr.write(f"error: {model_id + ': ' if model_id else ''}{error}\n")

    def finish(self) -> int:
        """Print the summary or the JSON object and return the exit status."""
        status = self._status()
        if self.as_json:
            sys.stdout.write(json.dumps(self._object(), indent=1) + "\n")
        elif len(self.failures) + self.counts.total() > 1:
            told = ", ".join(f"{count} {verb}" for verb, count in self.counts.items())
            failed = f", {len(self.failures)} failed" if self.failures else ""
            sys.stdout.write(f"{self.counts.total()} skills: {told or 'none made'}{failed}\n")
            for model_id, error in self.failures:
                sys.stdout.write(f"  failed: {model_id or 'a document'}: {error}\n")
        return status

    def _status(self) -> int:
        if len(self.failures) == 1 and not self.counts:
            return self.failures[0][1].exit_status
        return 1 if self.failures or self._differing() else 0

    def _differing(self) -> int:
        return self.counts["differs"] + (self.action == "check" and self.shared is not None)

    def _object(self) -> dict[str, object]:
        told: dict[str, object] = {} if self.shared is None else {"creator": self.shared}
        told |= {
            "skills": self.skills,
            "failed": [{"model_id": one, "error": error.as_json()} for one, error in self.failures],
        }
        if len(self.failures) == 1 and not self.counts:
            told["error"] = self.failures[0][1].as_json()
        elif self.failures:
            message = f"{len(self.failures)} of {len(self.failures) + self.counts.total()} failed"
            told["error"] = FalError("some_failed", message).as_json()
        elif self._differing():
            message = f"{self._differing()} skills are not up to date"
            told["error"] = FalError("problems_found", message).as_json()
        return told

    def _drift(self, skill: Skill) -> None:
        for one in skill.drift[:LISTED]:
            self._line(f"  {one.kind}: {one.path}")
        if len(skill.drift) > LISTED:
            self._line(f"  ... and {len(skill.drift) - LISTED} more")

    def _line(self, text: str, *, to_people: bool = False) -> None:
        if self.as_json or to_people:
            if not self.quiet:
                sys.stderr.write(text + "\n")
        else:
            sys.stdout.write(text + "\n")


def _told(skill: Skill, status: str, action: Action) -> dict[str, object]:
    told: dict[str, object] = {
        "model_id": skill.subject,
        "name": skill.name,
        "path": str(skill.folder.absolute()),
        "status": status,
        "files": len(skill.files),
        "changed": len(skill.drift),
        "oddities": list(skill.oddities),
    }
    if action != "write":
        told["drift"] = [{"kind": one.kind, "path": str(one.path)} for one in skill.drift]
    return told
