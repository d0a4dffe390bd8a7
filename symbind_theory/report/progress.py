"""A progress bar on the standard error that appears once work passes a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["progress_bar"]

_PATIENCE_SECONDS = 1.0


@contextmanager
def progress_bar(
    description: str, console: Console | None = None, unit: str = "points"
) -> Iterator[Callable[[int, int], None]]:
    """A callback `(done, total)` that draws a bar while the context is open.

    Nothing is drawn before a second has passed, nor where the standard error is not a
    terminal, or one that cannot erase (`TERM=dumb`); the bar is removed at the end.
    """
    console = console or Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit, markup=False),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_interactive,
    )
    task = bar.add_task(description, total=None)
    begun = time.monotonic()

    def advance(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if time.monotonic() - begun > _PATIENCE_SECONDS:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()
