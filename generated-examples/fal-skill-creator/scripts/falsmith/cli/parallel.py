"""Work on many models with every core, in order, with few of them in memory at a time."""

import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from threading import Thread
from typing import TypeVar

__all__ = ["in_parallel"]

Given = TypeVar("Given")
Made = TypeVar("Made")

BATCH = 16
# Below this, starting processes costs more than they save.
WORTHWHILE = 100


def in_parallel(work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
    """Yield `work(one)` for each one given, in order; `work` must be importable by its name."""
    source = iter(given)
    first = list(islice(source, WORTHWHILE))
    cores = os.cpu_count() or 1
    if len(first) < WORTHWHILE or cores == 1:
        yield from map(work, first)
        yield from map(work, source)
        return
    with ProcessPoolExecutor(cores, mp_context=_context(), initializer=_begin) as pool:
        waiting: deque[Future[list[Made]]] = deque()
        for batch in _batches(first, source):
            waiting.append(pool.submit(_work_on, work, batch))
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
    first = multiprocessing.parent_process()
    if first is not None:
        multiprocessing.connection.wait([first.sentinel])
        os._exit(1)


def _work_on(work: Callable[[Given], Made], batch: list[Given]) -> list[Made]:
    return [work(one) for one in batch]


def _batches(first: list[Given], source: Iterator[Given]) -> Iterator[list[Given]]:
    for start in range(0, len(first), BATCH):
        yield first[start : start + BATCH]
    while batch := list(islice(source, BATCH)):
        yield batch


def _context() -> multiprocessing.context.BaseContext:
    """Return how processes start: by fork where that is safe and quick, on Linux."""
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context(
        "fork" if methods[0] in ("fork", "forkserver") else methods[0]
    )
