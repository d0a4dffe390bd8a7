"""How a sweep stands: what is done, what has failed and why, what is left."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from numerics.sweeps.columns import point_labels
from numerics.sweeps.duration import seconds_left, seconds_per_operation
from numerics.sweeps.store import StoredPoint, stored_points
from numerics.sweeps.sweep_file import Sweep

__all__ = ["Failure", "SweepStatus", "status_of", "sweep_status"]


@dataclass(frozen=True)
class Failure:
    """A point that has failed.

    Attributes:
        id: the id of the point.
        point: the settings of the point that vary within the sweep, such as
            "n = 3, seed = 0".
        reason: why the point has failed, in one line.
        attempts: how often runs have begun to measure the point.
    """

    id: str
    point: str
    reason: str
    attempts: int


@dataclass(frozen=True)
class SweepStatus:
    """How a sweep stands.

    Attributes:
        name: the name of the sweep.
        total: how many points are asked for.
        done: how many points are finished.
        failed: how many points have failed.
        running: how many points are being measured by runs that are alive.
        left: how many points nobody has begun, or were begun by a run that is dead.
        dropped: how many points of the store are no longer asked for.
        seconds: about how long what is running and what is left takes one process;
            None where no point is done by whose pace it could be said.
        failures: the points that have failed, in file order.
    """

    name: str
    total: int
    done: int
    failed: int
    running: int
    left: int
    dropped: int
    seconds: float | None
    failures: tuple[Failure, ...]

    @property
    def finished(self) -> int:
        """Points that no run begins: done or failed."""
        return self.done + self.failed

    def document(self) -> dict[str, Any]:
        """The same ready for JSON."""
        return asdict(self)


def sweep_status(sweep: Sweep, store: str | os.PathLike[str]) -> SweepStatus:
    """How a sweep stands by its store; where there is none, all points are left.

    Raises:
        InputError: a file that is no store.
    """
    return status_of(sweep, stored_points(store))


def status_of(sweep: Sweep, stored: Mapping[str, StoredPoint]) -> SweepStatus:
    """How a sweep stands by the points of a store."""
    labels = point_labels(sweep)
    states = {p.id: stored[p.id].state for p in sweep.points if p.id in stored}
    counts = list(states.values())
    done, failed = counts.count("done"), counts.count("failed")
    running = counts.count("running")
    open_points = [
        point
        for point in sweep.points
        if states.get(point.id) not in ("done", "failed")
    ]
    pace = seconds_per_operation(sweep, stored)
    return SweepStatus(
        name=sweep.name,
        total=len(sweep.points),
        done=done,
        failed=failed,
        running=running,
        left=len(open_points) - running,
        dropped=len(stored) - len(states),
        seconds=seconds_left(sweep, open_points, pace) if open_points else 0.0,
        failures=tuple(
            Failure(point.id, labels[point.id], kept.reason or "", kept.attempts)
            for point in sweep.points
            if (kept := stored.get(point.id)) is not None and kept.state == "failed"
        ),
    )
