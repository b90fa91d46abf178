"""One run of `falsmith generate`: many models, one plan; a failure never stops the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from fal_runtime.errors import FalError
from falsmith.catalog.saved import DocumentFile
from falsmith.cli.parallel import in_parallel
from falsmith.cli.report import Report, Row, row
from falsmith.documents import Documents
from falsmith.errors import SkillNameError
from falsmith.generate import Action, generate, share_runtime
from falsmith.names import check_model_id, skill_name
from falsmith.render import Options
from falsmith.skill.write import remove_leftovers

__all__ = ["Found", "Plan", "run_plan"]

Found = tuple[str, Documents | DocumentFile | FalError]
Given = tuple[str, "Documents | DocumentFile | Failure"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the options ask for, the same for every model of a run."""

    options: Options
    output: Path
    action: Action
    force: bool


def run_plan(found: Iterator[Found], plan: Plan, report: Report, *, many: bool) -> None:
    """Generate each model that was found; `many` uses every core.

    Raises:
        TargetError: The creator skill, which the others are to link to, is in the way.

    """
    if plan.action == "write":
        remove_leftovers(plan.output)
    rest = _each_name_once(found, plan.options.name)
    if plan.options.mode == "default":
        first = _first_sound(rest, plan, report)
        if first is None:
            return
        plan, rest = _with_runtime(plan, report), chain([first], rest)
    # Models of a network come one by one, those of a whole source all at once.
    each = in_parallel if many else map
    for made in each(partial(_made, plan), rest):
        if isinstance(made, Failure):
            report.fail(made.model_id, FalError(made.code, made.message))
        else:
            report.add(made)


def _first_sound(found: Iterator[Given], plan: Plan, report: Report) -> Given | None:
    """Return the first model that can be made: before it, no creator skill is written."""
    trial: Action = "check" if plan.action == "check" else "dry-run"
    for one in found:
        tried = _made(replace(plan, action=trial), one)
        if not isinstance(tried, Failure):
            return one
        report.fail(tried.model_id, FalError(tried.code, tried.message))
    return None


def _with_runtime(plan: Plan, report: Report) -> Plan:
    """Put the runtime where the skills link to, or have them carry copies of it."""
    creator = share_runtime(plan.output, action=plan.action, force=plan.force)
    if creator is None:
        report.notice("links cannot be made here: each skill carries a copy of the runtime")
        return replace(plan, options=replace(plan.options, mode="standalone"))
    report.creator(row(creator, plan.action))
    return plan


def _each_name_once(found: Iterator[Found], chosen: str | None) -> Iterator[Given]:
    """Yield what was found; a model whose skill would have another's name becomes a failure."""
    names: dict[str, str] = {}
    for model_id, documents in found:
        try:
            if isinstance(documents, FalError):
                raise documents
            name = chosen or skill_name(check_model_id(model_id))
            if names.setdefault(name, model_id) != model_id:
                raise _taken(name, names[name], model_id)
        except FalError as error:
            yield model_id, Failure(model_id, error.code, error.message)
        else:
            yield model_id, documents


def _taken(name: str, taken: str, model_id: str) -> SkillNameError:
    return SkillNameError(
        f"{taken} and {model_id} would both become the skill {name}: "
        "generate one of them alone with --name NAME",
        "name_in_use",
    )


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it travels between processes."""

    model_id: str
    code: str
    message: str


def _made(plan: Plan, given: Given) -> Row | Failure:
    """Generate one model, in whichever process."""
    model_id, documents = given
    if isinstance(documents, Failure):
        return documents
    try:
        skill = generate(
            documents.read(), plan.options, plan.output, action=plan.action, force=plan.force
        )
        return row(skill, plan.action)
    except FalError as error:
        return Failure(model_id, error.code, error.message)
