"""Independent replications of one estimate, spread over what there is.

Each replication has a seed of its own and runs on one thread, so its bits do not depend
on where it runs nor on how many run beside it. joblib spreads them: over threads of
this process by default, and wherever `joblib.parallel_config` says otherwise, such as
over a dask cluster. Without joblib they run one after the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

__all__ = ["map_replications"]

# A replication of so many numbers takes some ten milliseconds, as starting threads does.
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
    function: Callable[[Item], Result], items: Sequence[Item], threads: bool
) -> Iterator[Result]:
    alone = _OnOneThread(function)
    try:
        import joblib
        from joblib.parallel import get_active_backend
    except ModuleNotFoundError:
        yield from map(alone, items)
        return
    active: Any = get_active_backend(prefer="threads")
    backend, jobs = active
    if type(backend).__name__ == "ThreadingBackend" and jobs == 1:
        # What joblib says where nobody has said anything.
        jobs = min(os.cpu_count() or 1, len(items)) if threads else 1
    parallel: Any = joblib.Parallel(
        n_jobs=jobs,
        prefer="threads",
        return_as="generator" if backend.supports_return_generator else "list",
        pre_dispatch="all",
    )
    yield from parallel(joblib.delayed(alone)(item) for item in items)


class _OnOneThread:
    """A function that computes on one thread: more would change rounding."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, item: Any) -> Any:
        with _threads(1):
            return self._function(item)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
