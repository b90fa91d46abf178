"""One run of `falsmith generate`: many models, one plan; a failure never stops the rest."""

import gc
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from fal_runtime.errors import FalError
from falsmith.catalog.saved import DocumentFile
from falsmith.cli.program import internal_error
from falsmith.cli.report import Report, Row, row
from falsmith.documents import CollectionDocuments, Documents
from falsmith.errors import SkillNameError
from falsmith.generate import Action, parse_skill, render_skill, share_runtime, write_skill
from falsmith.names import check_model_id, skill_name
from falsmith.render import Options
from falsmith.skill.write import remove_leftovers

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.context import BaseContext

__all__ = ["FoundModel", "Plan", "run_plan"]

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH = 24
# Below this, starting processes costs more than they save.
WORTHWHILE = 100


class FoundModel(NamedTuple):
    """A model to make a skill of, or why it has no documents; with options of its own if any.

    Of a collection `model_id` is its subject.
    """

    model_id: str
    documents: Documents | DocumentFile | CollectionDocuments | FalError
    options: Options | None = None


class WorkItem(NamedTuple):
    """One model whose skill is to be made, as it travels to the process that makes it."""

    model_id: str
    documents: Documents | DocumentFile | CollectionDocuments
    options: Options


class Failure(NamedTuple):
    """An error as it travels between processes."""

    model_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What the options ask for, the same for every model of a run that has none of its own."""

    options: Options
    output: Path
    action: Action
    force: bool


def run_plan(found: Iterable[FoundModel], plan: Plan, report: Report, *, many: bool) -> None:
    """Generate each model that was found; `many` uses every core.

    Raises:
        TargetError: The creator skill, which the others are to link to, is in the way.

    """
    if plan.action == "write":
        remove_leftovers(plan.output)
    items = _each_name_once(found, plan.options)
    if plan.options.mode == "default":
        # Before a model can be made, no creator skill is written.
        first = _first_sound(items, plan, report)
        if first is None:
            return
        items = chain([first], items)
        creator = share_runtime(plan.output, action=plan.action, force=plan.force)
        if creator is None:
            report.notice("links cannot be made here: each skill carries a copy of the runtime")
            items = map(_with_copies, items)
        else:
            report.creator(row(creator, plan.action))
    # Models of a network come one by one, those of a whole source all at once.
    work = partial(_make, plan)
    for made in in_parallel(work, items) if many else one_by_one(work, items):
        _add(made, report)


def _each_name_once(found: Iterable[FoundModel], options: Options) -> Iterator[WorkItem | Failure]:
    """Yield what was found; a model whose skill would have another's name becomes a failure."""
    names: dict[str, str] = {}
    for model_id, documents, own in found:
        try:
            if isinstance(documents, FalError):
                raise documents
            item = WorkItem(model_id, documents, own or options)
            name = item.options.name or skill_name(check_model_id(model_id))
            if names.setdefault(name, model_id) != model_id:
                raise _taken(name, names[name], model_id)
        except FalError as error:
            yield Failure(model_id, error.code, error.message)
        else:
            yield item


def _taken(name: str, taken: str, model_id: str) -> SkillNameError:
    return SkillNameError(
        f"{taken} and {model_id} would both become the skill {name}: "
        "generate one of them alone with --name NAME",
        "name_in_use",
    )


def _first_sound(
    items: Iterator[WorkItem | Failure], plan: Plan, report: Report
) -> WorkItem | Failure | None:
    """Return the first model that can be made and links; those before it are done with."""
    trial = plan if plan.action == "check" else replace(plan, action="dry-run")
    for item in items:
        if isinstance(item, WorkItem) and item.options.mode != "default":
            for made in _make(plan, [item]):
                _add(made, report)
            continue
        (tried,) = _make(trial, [item])
        if not isinstance(tried, Failure):
            return item
        _add(tried, report)
    return None


def _with_copies(item: WorkItem | Failure) -> WorkItem | Failure:
    if isinstance(item, Failure) or item.options.mode != "default":
        return item
    return item._replace(options=replace(item.options, mode="standalone"))


def _make(plan: Plan, items: Sequence[WorkItem | Failure]) -> list[Row | Failure]:
    """Generate a batch of models, in whichever process, one step of all before the next of any.

    What a processor does again at once, it does faster.
    """
    made: dict[int, Row | Failure] = {}
    for step in zip_longest(*(_steps(plan, item) for item in items)):
        made |= {place: one for place, one in enumerate(step) if one is not None}
    return [made[place] for place in range(len(items))]


def _steps(plan: Plan, item: WorkItem | Failure) -> Iterator[Row | Failure | None]:
    """Generate one model; yield None after each step, and at the end what came of it."""
    if isinstance(item, Failure):
        yield item
        return
    try:
        documents = item.documents.read()
        yield None
        parsed = parse_skill(documents, item.options)
        yield None
        made = render_skill(parsed, item.options, plan.output)
        yield None
        mode = item.options.mode
        skill = write_skill(made, mode, action=plan.action, force=plan.force)
        yield row(skill, plan.action)
    except FalError as error:
        yield Failure(item.model_id, error.code, error.message)
    except Exception as error:
        # A document that nobody foresaw is one failure of many.
        unforeseen = internal_error(error)
        yield Failure(item.model_id, unforeseen.code, unforeseen.message)


def _add(made: Row | Failure, report: Report) -> None:
    if isinstance(made, Failure):
        report.fail(made.model_id, FalError(made.code, made.message))
    else:
        report.add(made)


def one_by_one(
    work: Callable[[list[Item]], list[Result]], items: Iterable[Item]
) -> Iterator[Result]:
    """Yield what `work` makes of each item before the next is asked for."""
    for one in items:
        yield from work([one])


def in_parallel(
    work: Callable[[list[Item]], list[Result]], items: Iterable[Item]
) -> Iterator[Result]:
    """Yield what `work` makes of the items, in order; it must be importable by its name.

    Few of the items are in memory at a time.
    """
    source = iter(items)
    first = list(islice(source, WORTHWHILE))
    cores = os.cpu_count() or 1
    if len(first) < WORTHWHILE or cores == 1:
        yield from one_by_one(work, chain(first, source))
        return
    # Who makes a few skills does not wait for the import.
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(cores, mp_context=_context(), initializer=_begin) as pool:
        waiting: deque[Future[list[Result]]] = deque()
        for batch in _batches(first, source):
            waiting.append(pool.submit(work, batch))
            if len(waiting) > 2 * cores:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _begin() -> None:
    """Prepare a process: Ctrl-C is the first one's to answer, which then ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What passes through are trees without circles: they go when nobody refers to them.
    gc.disable()
    Thread(target=_end_with_the_first, daemon=True).start()


def _end_with_the_first() -> None:
    """Wait for the process that gives the work to end, however it does, and end with it."""
    import multiprocessing.connection

    first = multiprocessing.parent_process()
    if first is not None:
        multiprocessing.connection.wait([first.sentinel])
        os._exit(1)


def _batches(first: list[Item], source: Iterator[Item]) -> Iterator[list[Item]]:
    for start in range(0, len(first), BATCH):
        yield first[start : start + BATCH]
    while batch := list(islice(source, BATCH)):
        yield batch


def _context() -> "BaseContext":
    """Return how processes start: by fork where that is safe and quick, on Linux."""
    import multiprocessing

    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context(
        "fork" if methods[0] in ("fork", "forkserver") else methods[0]
    )
