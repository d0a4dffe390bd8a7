"""Independent replications of one estimate, spread over what there is.

Each replication has a seed of its own and runs on one thread, so its bits do not depend
on where it runs nor on how many run beside it. They are spread over threads of this
process, or wherever `joblib.parallel_config` says, such as over a dask cluster.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch

from numerics.averages.threads import one_thread

__all__ = ["map_replications"]

# So many numbers take some ten milliseconds, as starting threads does.
_WORTH_A_THREAD = 2**20

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_replications(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    device: torch.device,
    numbers: int,
) -> Iterator[Result]:
    """`function` of each item, in order, as they are done.

    Args:
        function: what to do for one replication; it and the items must be picklable for
            joblib to send them to other processes.
        items: one for each replication.
        device: where the function computes; an accelerator takes one at a time.
        numbers: how many numbers one item goes through: few are not worth a thread.
    """
    before = torch.get_num_threads()
    try:
        if device.type == "cpu":
            yield from _spread(function, items, numbers >= _WORTH_A_THREAD)
        else:
            yield from map(function, items)
    finally:
        # Threads of one process share this setting and may restore it out of order.
        torch.set_num_threads(before)


def _spread(
    function: Callable[[Item], Result], items: Sequence[Item], worth_a_thread: bool
) -> Iterator[Result]:
    alone = _OnOneThread(function)
    backend, jobs = _active_backend()
    if backend == "ThreadingBackend":
        if jobs == 1 and worth_a_thread:
            # What joblib says where nobody has said anything.
            jobs = os.cpu_count() or 1
        yield from _on_threads(alone, items, jobs)
    else:
        import joblib

        found: Any = joblib.Parallel()(joblib.delayed(alone)(item) for item in items)
        yield from found


def _active_backend() -> tuple[str, int]:
    """The name of joblib's backend and its number of workers."""
    try:
        from joblib.parallel import get_active_backend
    except ModuleNotFoundError:
        return "ThreadingBackend", 1
    active: Any = get_active_backend(prefer="threads")
    backend, jobs = active
    return type(backend).__name__, backend.effective_n_jobs(jobs)


def _on_threads(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int
) -> Iterator[Result]:
    """`map` on threads of the standard library, which waits for them when one fails.

    joblib leaves them running, and torch aborts a process that exits meanwhile.
    """
    if jobs == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(min(jobs, len(items))) as threads:
        yield from threads.map(function, items)


class _OnOneThread:
    """A function that computes on one thread: more would change rounding."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, item: Any) -> Any:
        with one_thread():
            return self._function(item)
