"""Progress on a terminal, for whoever was given no callback.

What computes reports to a callback and prints nothing. What draws lies with the
reports; it is loaded when it is first asked for, and nothing else here knows of it.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from numerics.protocols import Progress

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["terminal_progress"]


@contextmanager
def terminal_progress(
    description: str, unit: str, console: Console | None = None
) -> Iterator[Progress]:
    """A callback that draws a bar on the standard error where that is a terminal.

    The bar appears when work has taken a second, with the time that is left. Only the
    main thread of the main process draws: searches over parameters spread fits over
    others.

    Args:
        description: of the work.
        unit: what is counted.
        console: where to draw; the standard error when None.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or multiprocessing.current_process().name != "MainProcess":
        yield lambda done, total: None
        return
    from symbind_theory.report.progress import progress_bar

    with progress_bar(description, console, unit) as advance:
        yield advance
