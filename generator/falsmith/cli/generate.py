"""`falsmith generate`: skills from model IDs."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from fal_runtime.errors import FalError, UsageError
from falsmith.cli.folders import chosen_folder, folder_options
from falsmith.cli.options import json_option, open_source, quiet_option, source_options
from falsmith.cli.report import Report
from falsmith.documents import Documents
from falsmith.errors import SkillNameError
from falsmith.generate import Action, Skill, share_runtime
from falsmith.generate import generate as generate_skill
from falsmith.hosts import DEFAULT_FOLDER
from falsmith.names import check_model_id, skill_name
from falsmith.render import DEFAULT_LICENSE, Mode, Options
from falsmith.sources import Live, Source
from falsmith.text import one_line

__all__ = ["generate"]

# The Agent Skills specification, "description".
DESCRIPTION_LIMIT = 1024
EXAMPLES = """\b
Examples:
  falsmith generate -m fal-ai/flux/dev
  falsmith generate -m fal-ai/flux/dev -m fal-ai/whisper --lazy --agent codex
  falsmith generate -m fal-ai/flux/dev --public --check
  falsmith generate --offline --all -o skills
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "-m", "--model-id", "model_ids", multiple=True, metavar="ID", help="A model; repeatable."
)
@click.option(
    "--all", "everything", is_flag=True, help="Every model of --source PATH or --offline."
)
@folder_options(str(DEFAULT_FOLDER))
@click.option("-n", "--name", metavar="NAME", help="The skill's name; one model only.")
@click.option("-l", "--lazy", is_flag=True, help="A short SKILL.md; the rest in a YAML reference.")
@click.option("--standalone", is_flag=True, help="The runtime is copied into the skill.")
@click.option("--public", is_flag=True, help="As --standalone, and no symbolic link anywhere.")
@click.option("--description", metavar="TEXT", help="The skill's description; one model only.")
@click.option(
    "--license", "licence", default=DEFAULT_LICENSE, show_default=True, help="The skill's licence."
)
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 where the skill is not up to date."
)
@click.option("--dry-run", is_flag=True, help="Write nothing; tell what would be written.")
@click.option("--force", is_flag=True, help="Overwrite edited files and folders that are not ours.")
@source_options
@json_option
@quiet_option
def generate(
    model_ids: tuple[str, ...],
    everything: bool,
    output: Path | None,
    agent: str | None,
    name: str | None,
    lazy: bool,
    standalone: bool,
    public: bool,
    description: str | None,
    licence: str,
    check: bool,
    dry_run: bool,
    force: bool,
    source: str | None,
    offline: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make agent skills from fal.ai model IDs.

    Each model becomes a folder with SKILL.md, a wrapper script and the runtime that calls the
    model: links to the one in the fal-skill-creator skill beside it, or copies. Only files that
    differ are written, and none that you edited. Exit status: 0 done, 1 differences or some of
    several models failed, 2 bad usage, 3 key refused, 6 no network or platform trouble, 9 trouble
    with files on this machine.
    """
    ids = tuple(dict.fromkeys(model_ids))
    _check_usage(ids, everything, name is not None or description is not None, check, dry_run)
    _check_description(description)
    opened = open_source(source, offline=offline)
    if everything and isinstance(opened, Live):
        raise UsageError("usage", "--all needs --source PATH or --offline: it means a whole source")
    mode: Mode = "public" if public else "standalone" if standalone else "default"
    plan = Plan(
        Options(mode, lazy, name, description, licence),
        chosen_folder(output, agent) or DEFAULT_FOLDER,
        "check" if check else "dry-run" if dry_run else "write",
        force,
    )
    report = Report(plan.action, as_json=as_json or not sys.stdout.isatty(), quiet=quiet)
    found = _all(opened) if everything else _each(opened, ids)
    _run(found, plan, report)
    return report.finish()


@dataclass(frozen=True, slots=True)
class Plan:
    """What the options ask for, the same for every model of a run."""

    options: Options
    output: Path
    action: Action
    force: bool


def _check_usage(
    ids: Sequence[str], everything: bool, single: bool, check: bool, dry_run: bool
) -> None:
    """Refuse contradicting options, and malformed IDs before anything is asked."""
    if bool(ids) == everything:
        raise UsageError("usage", "name models with -m ID, or take a whole source with --all")
    if single and (everything or len(ids) > 1):
        raise UsageError("usage", "--name and --description are for one model: name one with -m")
    if check and dry_run:
        raise UsageError("usage", "--check and --dry-run exclude each other: drop one of them")
    for model_id in ids:
        check_model_id(model_id)


def _check_description(description: str | None) -> None:
    length = len(one_line(description)) if description is not None else 1
    if not 1 <= length <= DESCRIPTION_LIMIT:
        raise UsageError(
            "usage", f"--description has {length} characters, 1 to {DESCRIPTION_LIMIT} are allowed"
        )


Found = tuple[str, Documents | FalError]


def _each(source: Source, ids: Sequence[str]) -> Iterator[Found]:
    for model_id in ids:
        try:
            yield model_id, source.documents(model_id)
        except FalError as error:
            yield model_id, error


def _all(source: Source) -> Iterator[Found]:
    for one in source.all():
        yield (one.model_id, one) if isinstance(one, Documents) else ("", one)


def _run(found: Iterator[Found], plan: Plan, report: Report) -> None:
    """Generate each model; one failure never stops the rest."""
    names: dict[str, str] = {}
    shared: Plan | None = None
    for model_id, documents in found:
        try:
            if isinstance(documents, FalError):
                raise documents
            if shared is None:
                # Whatever is wrong with the first model shows before anything is written.
                _one(documents, replace(plan, action="dry-run"), dict(names))
                shared = _with_runtime(plan, report)
            report.add(_one(documents, shared, names))
        except FalError as error:
            report.fail(model_id, error)


def _with_runtime(plan: Plan, report: Report) -> Plan:
    """Put the runtime where the skills link to, or have them carry copies of it."""
    if plan.options.mode != "default":
        return plan
    creator = share_runtime(plan.output, action=plan.action, force=plan.force)
    if creator is None:
        report.notice("links cannot be made here: each skill carries a copy of the runtime")
        return replace(plan, options=replace(plan.options, mode="standalone"))
    if creator.drift:
        report.add(creator)
    return plan


def _one(documents: Documents, plan: Plan, names: dict[str, str]) -> Skill:
    """Generate one model, unless its name belongs to another model of this run."""
    named = plan.options.name
    name = skill_name(check_model_id(documents.model_id)) if named is None else named
    taken = names.setdefault(name, documents.model_id)
    if taken != documents.model_id:
        raise SkillNameError(
            f"{taken} and {documents.model_id} would both become the skill {name}: "
            f"generate one of them alone with --name NAME"
        )
    return generate_skill(
        documents, plan.options, plan.output, action=plan.action, force=plan.force
    )
