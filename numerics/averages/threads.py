"""One thread for small work.

OpenMP shares out each operation among all of a library's threads, and they wait for
each other by spinning. A factorisation of a small matrix takes some microseconds, so
that on a machine that does other things too nearly all of its time goes into waiting
for a thread that has no core: a hundred times the work, thousands of times over. And
sums that are shared out are rounded in another order. What runs side by side here are
independent replications (`replications`), each on one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, or in a function with this as its decorator, torch uses one thread.

    Torch keeps this number for each thread of the process; the calling thread's own is
    put back at the end, also when it ends by an error.

    >>> @one_thread()
    ... def threads():
    ...     return torch.get_num_threads()
    >>> threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
