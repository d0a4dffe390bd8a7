"""How long the rest of a sweep takes, by the operations of its points."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from numerics.sweeps.points import Point
from numerics.sweeps.store import StoredPoint, SweepStore, check_unchanged
from numerics.sweeps.store_file import has_begun
from numerics.sweeps.sweep_file import Sweep

__all__ = ["RunPlan", "plan_run", "seconds_left", "seconds_per_operation"]

# Long enough for a few hundred products of this size, short for who waits.
_SIZE = 256
_MEASURED_SECONDS = 0.1


@dataclass(frozen=True)
class RunPlan:
    """What a run has before it.

    Attributes:
        total: how many points the sweep has.
        done: how many points are finished.
        failed: how many points have failed and are not tried again.
        to_do: how many points are left, or are being measured by other runs.
        seconds: about how long the points to do take one process; None where it
            cannot be said.
        measured: whether `seconds` is by the pace of points that are finished. If not,
            it is by that of a product of matrices on this machine, which few
            experiments reach.
    """

    total: int
    done: int
    failed: int
    to_do: int
    seconds: float | None
    measured: bool


def plan_run(
    sweep: Sweep, store: str | os.PathLike[str], *, retry_failed: bool = False
) -> RunPlan:
    """Say what a run would have to do.

    Args:
        sweep: the sweep to be run.
        store: the path of its store, which need not be there.
        retry_failed: whether points that have failed are to be tried again.

    Raises:
        InputError: a file that is no store, or one of other points.
    """
    stored: Mapping[str, StoredPoint] = {}
    if has_begun(Path(store)):
        with SweepStore(store) as opened:
            check_unchanged(sweep, opened)
            stored = opened.points()
    states = [stored[p.id].state if p.id in stored else "" for p in sweep.points]
    finished = {"done"} if retry_failed else {"done", "failed"}
    pairs = zip(sweep.points, states, strict=True)
    left = [point for point, state in pairs if state not in finished]
    pace = seconds_per_operation(sweep, stored)
    seconds = seconds_left(sweep, left, pace or _of_products()) if left else 0.0
    failed = 0 if retry_failed else states.count("failed")
    return RunPlan(
        total=len(states),
        done=states.count("done"),
        failed=failed,
        to_do=len(left),
        seconds=seconds,
        measured=pace is not None,
    )


def seconds_per_operation(
    sweep: Sweep, stored: Mapping[str, StoredPoint]
) -> float | None:
    """The pace of the points that are done; None where none is.

    The ratio of sums: long points count for more, as they do in what is left.
    """
    operations = seconds = 0.0
    for point in sweep.points:
        kept = stored.get(point.id)
        if kept is not None and kept.state == "done" and kept.seconds is not None:
            operations += _operations(sweep, point)
            seconds += kept.seconds
    return seconds / operations if operations > 0 and seconds > 0 else None


def seconds_left(
    sweep: Sweep, points: Iterable[Point], pace: float | None
) -> float | None:
    """What points take one process; None where the pace is not known.

    Args:
        sweep: its experiment says how many operations a point takes.
        points: the points that are left.
        pace: seconds that an operation takes.
    """
    if pace is None:
        return None
    seconds = pace * sum(_operations(sweep, point) for point in points)
    return seconds if math.isfinite(seconds) else None


def _operations(sweep: Sweep, point: Point) -> float:
    """The operations of a point; infinite where they are no number of float64."""
    try:
        return float(sweep.experiment.operations(point.settings))
    except OverflowError:
        return math.inf


def _of_products() -> float:
    """Seconds an operation of a product of two matrices, on one thread of this machine.

    The quickest of many counts: the others waited for whatever else is running.
    """
    matrix = np.full((_SIZE, _SIZE), 0.5)
    quickest, begun = math.inf, time.perf_counter()
    with threadpool_limits(1):
        while (before := time.perf_counter()) - begun < _MEASURED_SECONDS:
            np.dot(matrix, matrix)
            quickest = min(quickest, time.perf_counter() - before)
    return quickest / (2 * _SIZE**3)
