"""`falsmith generate`: skills from model IDs, or from all that a search finds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from fal_runtime.errors import FalError, UsageError
from fal_runtime.text import one_line
from falsmith.catalog.query import Query
from falsmith.catalog.saved import DocumentFile
from falsmith.cli.collection import check_collection, collected, named_models
from falsmith.cli.generation import FoundModel, Plan, run_plan
from falsmith.cli.options import (
    chosen_folder,
    default_folder,
    folder_options,
    json_option,
    notice,
    open_source,
    quiet_option,
    source_options,
)
from falsmith.cli.program import internal_error
from falsmith.cli.report import Report
from falsmith.cli.search import explain_nothing, print_matches
from falsmith.documents import CollectionDocuments, Documents, skill_documents
from falsmith.errors import (
    DocumentError,
    ModelNotFoundError,
    TargetError,
)
from falsmith.filters import FILTERS
from falsmith.generate import Action, made_with, unknown_options
from falsmith.hosts import DEFAULT_FOLDER
from falsmith.names import check_model_id, skill_name
from falsmith.render import DEFAULT_LICENSE, Mode, Options
from falsmith.skill.installed import find
from falsmith.skill.provenance import PROVENANCE, collection_subject, read_provenance
from falsmith.skill.tree import is_temporary
from falsmith.sources import SearchableSource

__all__ = ["generate"]

# The Agent Skills specification, "description".
DESCRIPTION_LIMIT = 1024
# A licence's name or the name of its file, which is all that the specification asks for.
LICENSE_LIMIT = 200
EXAMPLES = """\b
Examples:
  falsmith generate -m fal-ai/flux/dev
  falsmith generate -m fal-ai/flux/dev -m fal-ai/whisper --lazy --agent codex
  falsmith generate -m fal-ai/flux/dev --public --check
  falsmith generate -s "image to video"
  falsmith generate -c text-to-speech --all --offline -o skills
  falsmith generate --collection voices -m fal-ai/kokoro/american-english -m fal-ai/dia-tts
"""


def _refuse(words: tuple[str, ...]) -> None:
    """Say how a model is named to those who name it by itself, as most would at first."""
    if words:
        named = " ".join(f"-m {word}" for word in words)
        raise click.UsageError(f"unexpected extra argument; a model is named by -m: {named}")


@click.command(epilog=EXAMPLES)
@click.argument(
    "words", nargs=-1, metavar="", expose_value=False, callback=lambda *given: _refuse(given[-1])
)
@click.option(
    "-m", "--model-id", "model_ids", multiple=True, metavar="ID", help="A model; repeatable."
)
@click.option("-s", "--search", "text", metavar="TEXT", help="List the models that fit.")
@click.option("-c", "--category", metavar="CATEGORY", help="List the models of this category.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Generate every match. Without -s and -c: every model, which needs --source, --offline or "
    "--yes.",
)
@click.option("--yes", is_flag=True, help="With --all alone: every model of the live platform.")
@folder_options(str(DEFAULT_FOLDER))
@click.option("-n", "--name", metavar="NAME", help="The skill's name; one model only.")
@click.option(
    "--lazy/--full",
    "-l/ ",
    default=None,
    help="A short SKILL.md and the rest in a YAML reference, or all in SKILL.md.",
)
@click.option(
    "--standalone/--linked",
    default=None,
    help="The runtime is copied into the skill, or linked from fal-skill-creator beside it.",
)
@click.option(
    "--collection",
    metavar="NAME",
    help="One skill for all the models; its script takes -m SHORT-NAME. -m SHORT-NAME=ID chooses "
    "another short name than the ID's.",
)
@click.option(
    "--default-model",
    metavar="ID",
    help="The model of a collection that is called where none is named, by ID or short name.",
)
@click.option("--public", is_flag=True, help="As --standalone, and no symbolic link anywhere.")
@click.option(
    "--description",
    metavar="TEXT",
    help="The skill's description; of one model or of a collection.",
)
@click.option(
    "--license",
    "licence",
    metavar="TEXT",
    help=f"The skill's licence [default: {DEFAULT_LICENSE}].",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; exit 1 where a skill is not up to date. Without -m: each of the folder.",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; list what would be written.")
@click.option("--force", is_flag=True, help="Overwrite edited files and folders that are not ours.")
@click.option("-k", "--api-key", metavar="KEY", help="Refused; set FAL_KEY.")
@source_options
@json_option
@quiet_option
def generate(
    model_ids: tuple[str, ...],
    text: str | None,
    category: str | None,
    everything: bool,
    yes: bool,
    output: Path | None,
    agent: str | None,
    name: str | None,
    lazy: bool | None,
    standalone: bool | None,
    collection: str | None,
    default_model: str | None,
    public: bool,
    description: str | None,
    licence: str | None,
    check: bool,
    dry_run: bool,
    force: bool,
    api_key: str | None,
    source: str | None,
    offline: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make agent skills from fal.ai model IDs, or from all that a search finds.

    With -s or -c the matches are listed and nothing is written, unless --all is given.

    Each model becomes a folder with SKILL.md, a wrapper script and the runtime that calls the
    model: links to the one in the fal-skill-creator skill beside it, or copies. Only files that
    differ are written, and none that you edited. A skill that is there keeps how it was made where
    you give no other option. With --collection all the models share one skill. Exit status: 0 done,
    1 differences or some of several models failed, 2 bad usage, 3 key refused, 6 no network or
    platform trouble, 9 trouble with files on this machine.
    """
    named = named_models(model_ids, collection=collection is not None)
    ids = tuple(named)
    query = None if text is None and category is None else Query(text or "", category)
    chosen = everything or query is not None
    installed = check and not ids and not chosen
    single = name is not None or (description is not None and collection is None)
    check_collection(collection, default_model, name, lazy)
    if not installed:
        _check_usage(ids, chosen, single, check, dry_run)
    elif single or collection or public or (lazy, standalone, licence) != (None, None, None):
        raise UsageError(
            "usage",
            "--check alone compares each skill with the options that it was made with: drop the "
            "others, or name models with -m ID",
        )
    if public and standalone is False:
        raise UsageError("usage", "--public and --linked exclude each other: drop one of them")
    _check_length("--description", description, DESCRIPTION_LIMIT)
    _check_length("--license", licence, LICENSE_LIMIT)
    whole = query is None or not (query.words or query.category)
    if everything and whole and not (source or offline or yes):
        raise UsageError(
            "usage",
            "--all alone means a whole source: name it with --source PATH or --offline, or take "
            "the whole live platform with --yes",
        )
    folder = chosen_folder(output, agent) or default_folder()
    opened = open_source(source, offline=offline, key=api_key)
    if query is not None and not everything:
        count = print_matches(opened, query, None, as_json=as_json)
        if count and not quiet:
            fit = "model fits" if count == 1 else "models fit"
            notice(f"{count} {fit} and nothing was written: --all generates what fits")
        return 0
    # A collection's SKILL.md is short, with or without --lazy.
    short = lazy if collection is None else None
    given = _given(
        short, standalone, public, collection if name is None else name, description, licence
    )
    options = replace(Options(), **given)
    action: Action = "check" if check else "dry-run" if dry_run else "write"
    found: Iterable[FoundModel]
    if installed:
        # The creator skill is compared as well where skills link to it.
        found = skills = _installed(opened, folder)
        linked = any(one.options is None or one.options.mode == "default" for one in skills)
        options = Options("default" if linked else "standalone")
    elif everything:
        found = _all(opened.all()) if query is None else _matching(opened, query)
    else:
        found = (_found(opened, model_id) for model_id in ids)
    if collection is not None:
        found = collected(
            found, named, collection, folder, default_model, everything=everything, quiet=quiet
        )
    if not installed:
        found = _as_made(found, given, folder, quiet=quiet)
    report = Report(action, as_json=as_json, quiet=quiet)
    run_plan(found, Plan(options, folder, action, force), report, many=everything)
    return report.finish()


def _check_usage(
    ids: Sequence[str], everything: bool, single: bool, check: bool, dry_run: bool
) -> None:
    """Refuse contradicting options, and malformed IDs before anything is asked."""
    if bool(ids) == everything:
        raise UsageError("usage", "name models with -m ID, or choose them with -s, -c or --all")
    if single and (everything or len(ids) > 1):
        raise UsageError("usage", "--name and --description are for one model: name one with -m")
    if check and dry_run:
        raise UsageError("usage", "--check and --dry-run exclude each other: drop one of them")
    for model_id in ids:
        check_model_id(model_id)


def _check_length(option: str, text: str | None, limit: int) -> None:
    if text is None:
        return
    import yaml

    # As the readers of front matter will find it: some characters are replaced there or left out.
    length = len(yaml.safe_load(FILTERS["front_matter"](one_line(text))).strip())
    if not 1 <= length <= limit:
        raise UsageError("usage", f"{option} has {length} characters, 1 to {limit} are allowed")


def _found(source: SearchableSource, model_id: str) -> FoundModel:
    try:
        return FoundModel(model_id, source.documents(model_id))
    except FalError as error:
        return FoundModel(model_id, error)


def _installed(source: SearchableSource, folder: Path) -> list[FoundModel]:
    """Return each skill of falsmith in `folder`, to be made with the options it was made with."""
    skills = [one for one in find([folder]) if isinstance(one, TargetError) or one.folder != folder]
    if not skills:
        raise UsageError(
            "usage",
            f"no skill of falsmith stands in {folder}: name models with -m ID, or the folder that "
            "holds the skills with --output",
        )
    found = []
    for skill in skills:
        if isinstance(skill, TargetError):
            found.append(FoundModel("", skill))
        elif skill.models:
            subject = skill.model_id or collection_subject(skill.folder.name)
            try:
                options = made_with(skill.folder, skill.model_id, skill.options)
                if options is None:
                    raise unknown_options(skill.folder)
                models = {name: source.documents(one.id) for name, one in skill.models.items()}
                found.append(FoundModel(subject, skill_documents(models, skill.default), options))
            except FalError as error:
                found.append(FoundModel(subject, error))
    return found


def _given(
    lazy: bool | None,
    standalone: bool | None,
    public: bool,
    name: str | None,
    description: str | None,
    licence: str | None,
) -> dict[str, Any]:
    """Return the fields of Options that the command line names."""
    mode: Mode | None = "public" if public else None
    if mode is None and standalone is not None:
        mode = "standalone" if standalone else "default"
    fields = {
        "mode": mode,
        "lazy": lazy,
        "name": name,
        "description": description,
        "license": licence,
    }
    return {field: value for field, value in fields.items() if value is not None}


def _as_made(
    found: Iterable[FoundModel], given: Mapping[str, Any], folder: Path, *, quiet: bool
) -> Iterator[FoundModel]:
    """Yield each model with the options that its skill in `folder` was made with.

    Those that are `given` go first; what was kept is said once for all skills alike.
    """
    if not folder.is_dir():
        yield from found
        return
    said: set[str] = set()
    names: dict[str, list[str]] | None = None
    for one in found:
        name = given.get("name")
        try:
            name = name or skill_name(check_model_id(one.model_id))
        except FalError:
            # It becomes a failure where it is made.
            yield one
            continue
        if "name" not in given and not (folder / name).exists():
            names = _names_by_model(folder) if names is None else names
            others = names.get(one.model_id, [])
            if len(others) != 1:
                yield one
                continue
            name = others[0]
        before = read_provenance(folder / name)
        ours = before is not None and before.subject == one.model_id
        own_id = None if isinstance(one.documents, CollectionDocuments) else one.model_id
        made = made_with(folder / name, own_id, before.options) if before and ours else None
        if made is None:
            yield one
            continue
        text = _kept(made, given)
        if text and text not in said and not quiet:
            notice(text)
        said.add(text)
        yield one._replace(options=replace(made, **given))


def _names_by_model(folder: Path) -> dict[str, list[str]]:
    """Return the names of the skills in `folder` by the model that each was made for."""
    names: dict[str, list[str]] = {}
    for record in sorted(folder.glob(f"*/{PROVENANCE}")):
        place = record.parents[len(PROVENANCE.parts) - 1]
        before = None if is_temporary(place.name) else read_provenance(place)
        if before is not None:
            names.setdefault(before.subject, []).append(place.name)
    return names


def _kept(made: Options, given: Mapping[str, Any]) -> str:
    """Return what to say of the options that a skill keeps and a new one would not have."""
    opposites = {
        "lazy": ("lazy", "--full"),
        "mode": (made.mode, "--linked"),
        "name": (f"the name {made.name}", "--name"),
        "description": ("its description", "--description"),
        "license": ("its licence", "--license"),
    }
    kept = [
        words
        for field, words in opposites.items()
        if field not in given and getattr(made, field) != getattr(Options(), field)
    ]
    if not kept:
        return ""
    verb = "changes it" if len(kept) == 1 else "change it"
    return (
        f"kept: {', '.join(what for what, _ in kept)}, as it was made; "
        f"{', '.join(option for _, option in kept)} {verb}"
    )


def _all(models: Iterator[Documents | DocumentFile | DocumentError]) -> Iterator[FoundModel]:
    """Yield every model; a source that ends early is one more failure, and loses no other."""
    try:
        for one in models:
            yield FoundModel(one.model_id, one)
    except FalError as error:
        yield FoundModel("", error)
    except Exception as error:
        yield FoundModel("", internal_error(error))


def _matching(source: SearchableSource, query: Query) -> Iterator[FoundModel]:
    matches = _all(source.matching(query))
    first = next(matches, None)
    if first is None:
        explain_nothing(source, query)
        nothing = ModelNotFoundError("no model fits: take other words or another category")
        first = FoundModel("", nothing)
    yield first
    yield from matches
