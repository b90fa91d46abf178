"""`falsmith generate --collection`: which models it takes, by which names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from fal_runtime.errors import FalError, UsageError
from falsmith.cli.generation import FoundModel
from falsmith.cli.options import notice
from falsmith.collection import check_collection_name
from falsmith.documents import CollectionDocuments, Documents
from falsmith.errors import PlatformError, SkillNameError
from falsmith.names import check_short_name, short_name
from falsmith.skill.provenance import collection_subject, read_provenance

__all__ = ["check_collection", "collected", "named_models"]


def named_models(model_ids: Sequence[str], *, collection: bool) -> dict[str, str]:
    """Return the IDs, each with the short name that the user gave it, '' for the ID's own."""
    named: dict[str, str] = {}
    for text in model_ids:
        short, separator, model_id = text.partition("=")
        if not separator or "://" in short:
            named.setdefault(text, "")
            continue
        if not collection:
            raise UsageError("usage", f"-m {text}: a short name is for --collection, write -m ID")
        if named.get(model_id, short) not in ("", short):
            raise UsageError(
                "usage", f"-m {text}: this model is {named[model_id]} already, drop one"
            )
        named[model_id] = check_short_name(short)
    return named


def check_collection(
    collection: str | None, default_model: str | None, name: str | None, lazy: bool | None
) -> None:
    """Refuse what a collection does not take, and what only a collection takes."""
    if collection is None:
        if default_model is not None:
            message = "--default-model is for a collection: name it with --collection"
            raise UsageError("usage", message)
        return
    if name is not None:
        raise UsageError("usage", "--collection gives the skill its name: drop --name")
    if lazy is False:
        message = "a collection's SKILL.md is short, with a reference a model: drop --full"
        raise UsageError("usage", message)
    check_collection_name(collection)


def collected(
    found: Iterable[FoundModel],
    named: Mapping[str, str],
    collection: str,
    folder: Path,
    default_model: str | None,
    *,
    everything: bool,
    quiet: bool,
) -> Iterator[FoundModel]:
    """Yield the collection of all that was found, and what is not to be had as a failure.

    Without a model that was named there is no collection: one failure tells all that are not to be
    had. One of a search is left out. A model that was in the collection before keeps its short
    name, with what the user set for it; one that is in it no more is told.
    """
    subject = collection_subject(collection)
    before = read_provenance(folder / collection)
    ours = before is not None and before.subject == subject
    known = {one.id: short for short, one in before.models.items()} if before and ours else {}
    models: dict[str, Documents] = {}
    failed: list[FalError] = []
    for one in found:
        try:
            if isinstance(one.documents, FalError):
                raise one.documents
            if isinstance(one.documents, CollectionDocuments):
                continue
            model_id = one.model_id
            short = named.get(model_id) or known.get(model_id) or short_name(model_id)
            if check_short_name(short) in models:
                raise _clash(short, models[short].model_id, model_id)
            models[short] = one.documents.read()
        except FalError as error:
            if everything:
                yield FoundModel(one.model_id, error)
                continue
            failed.append(error)
            if isinstance(error, PlatformError):
                # Not of this model alone: who asks for the others waits for the same.
                break
    if failed:
        message = " ".join(dict.fromkeys(f"{error.message.rstrip('.')}." for error in failed))
        yield FoundModel(subject, FalError(failed[0].code, message))
    if failed or not models:
        return
    gone = [f"-m {short}={model_id}" for model_id, short in known.items() if short not in models]
    if gone and not quiet:
        notice(f"not in the collection any more; to have all, add {' '.join(gone)}")
    try:
        default = _default(models, default_model) or (before.default if before else None)
        documents = CollectionDocuments(models, default if default in models else None)
        yield FoundModel(subject, documents)
    except FalError as error:
        yield FoundModel(subject, error)


def _clash(short: str, first: str, second: str) -> SkillNameError:
    return SkillNameError(
        f"{first} and {second} would both be {short} in the collection: name its models with -m, "
        f"one of them with a short name of its own, -m NAME={second}",
        "name_in_use",
    )


def _default(models: Mapping[str, Documents], named: str | None) -> str | None:
    """Return the short name of the model that is to be the default."""
    if named is None:
        return None
    found = [short for short, one in models.items() if named in (short, one.model_id)]
    if not found:
        names = ", ".join(models)
        raise UsageError("usage", f"--default-model {named} is none of the collection: {names}")
    return found[0]
