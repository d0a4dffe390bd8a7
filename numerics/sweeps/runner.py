"""Runs a sweep: claims points in file order, has them measured, records each at once.

No more points are claimed than are measured at the same time, and one process alone,
the run's own, writes to the store. When a process that measures is killed, as happens
where memory runs out, nobody knows by which point: all that were being measured are
measured again, one after the other, each in a fresh process. One that is killed there
too is recorded as failed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from numerics.sweeps.experiment import check_machine
from numerics.sweeps.points import Point
from numerics.sweeps.status import SweepStatus, status_of
from numerics.sweeps.store import SweepStore, check_unchanged
from numerics.sweeps.sweep_file import Sweep
from numerics.sweeps.workers import (
    CLUSTER_GONE,
    Outcome,
    Pool,
    check_workers,
    is_lost,
    opened_pool,
    reason_of,
    was_killed,
)
from symbind_theory.validation import InputError, check_callback

if TYPE_CHECKING:
    from numerics.protocols import Progress

__all__ = ["RunSummary", "run_sweep"]

# New workers of a cluster are given points at least this soon.
_LOOK_SECONDS = 5.0
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class RunSummary:
    """What a run has done, and how the sweep stands after it.

    Attributes:
        done: how many points this run has finished.
        failed: how many points have failed in this run.
        seconds: how long the run took.
        status: how the whole sweep stands after the run.
    """

    done: int
    failed: int
    seconds: float
    status: SweepStatus


def run_sweep(
    sweep: Sweep,
    store: str | os.PathLike[str],
    *,
    jobs: int = -1,
    backend: str = "loky",
    scheduler: str | None = None,
    retry_failed: bool = False,
    wait_for_others: bool = False,
    progress: Progress | None = None,
) -> RunSummary:
    """Measure the points of a sweep that nobody has finished yet.

    It can be killed at any moment and called again: what is finished stays, and what
    was not is measured again, with the same numbers. Other processes may run the same
    sweep on the same store at the same time; they share its points.

    Args:
        sweep: the sweep to be run.
        store: the path of its store, made where it is missing, on a local disk.
        jobs: how many points are measured at once, each in a process on one thread; -1
            for one a core, or a thread of the cluster. Lower it where memory is short.
            With 1 they are measured in this process, which one that is killed for its
            memory takes with it.
        backend: "loky", processes of this machine, or "dask", those of a cluster.
        scheduler: the address of the cluster's scheduler, with "dask" alone.
        retry_failed: whether points that have failed are tried again. Choose it when
            the reason is gone.
        wait_for_others: whether to stay until the points that other runs are measuring
            are finished, and to take them over if such a run dies.
        progress: called with the points that are finished, and with all of them.

    Raises:
        InputError: arguments that cannot be used, a machine that lacks what the points
            ask for, a store that cannot be read or written, one of other points
            (`accept_changes`), or a cluster that is gone. What was finished is kept.
    """
    check_workers(jobs, backend, scheduler)
    check_callback("progress", progress)
    if backend != "dask":
        # A cluster's workers may have what this machine has not.
        check_machine(sweep.experiment, (point.settings for point in sweep.points))
    begun = time.monotonic()
    with SweepStore(store, create=True) as opened:
        check_unchanged(sweep, opened)
        opened.lay_in(sweep)
        opened.begin(retry_failed)
        before = status_of(sweep, opened.points())
        still_open = before.total - before.finished
        with opened_pool(jobs, backend, scheduler, still_open) as pool:
            run = _Run(sweep, opened, pool, progress or (lambda done, total: None))
            run.work(wait_for_others)
        opened.release()
        status = status_of(sweep, opened.points())
    return RunSummary(run.done, run.failed, time.monotonic() - begun, status)


class _Run:
    """One run on an open store."""

    def __init__(
        self, sweep: Sweep, store: SweepStore, pool: Pool, progress: Progress
    ) -> None:
        self.done = self.failed = 0
        self._measure = sweep.experiment.measure
        self._sweep, self._store, self._pool = sweep, store, pool
        self._points = {point.id: point for point in sweep.points}
        self._progress = progress
        self._before = status_of(sweep, store.points()).finished
        self._in_flight: dict[Future[Outcome], Point] = {}

    def work(self, wait_for_others: bool) -> None:
        """Measure points until none is left to claim.

        Args:
            wait_for_others: whether to stay while other runs are at work.
        """
        self._progress(self._before, len(self._points))
        while True:
            others = wait_for_others and self._store.others_at_work() > 0
            self._fill()
            if self._in_flight:
                wait(self._in_flight, _LOOK_SECONDS, FIRST_COMPLETED)
                # What was cancelled without notice counts too, unlike in `wait`.
                self._take([future for future in self._in_flight if future.done()])
            elif others or (wait_for_others and self._store.others_at_work() > 0):
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _fill(self) -> None:
        """Claim a point for each process that has none."""
        while len(self._in_flight) < self._pool.size():
            id = self._store.claim(self._sweep)
            if id is None:
                return
            point = self._points[id]
            future = self._pool.submit(self._measure, point.settings)
            self._in_flight[future] = point

    def _take(self, finished: Iterable[Future[Outcome]]) -> None:
        """Record points, and measure those again whose process was killed."""
        suspects = self._recorded(finished)
        if not suspects:
            return
        if self._pool.die_together:
            # The other points are lost too, or were finished just before.
            suspects += self._recorded(wait(self._in_flight).done)
        for point in sorted(suspects, key=lambda point: point.position):
            self._store.claim_again(point.id)
            self._record(point, self._pool.alone(self._measure, point.settings))

    def _recorded(self, finished: Iterable[Future[Outcome]]) -> list[Point]:
        """Record points; those whose process was killed are returned instead."""
        killed = []
        for future in finished:
            point = self._in_flight.pop(future)
            try:
                outcome = future.result()
            except (Exception, CancelledError) as error:
                if is_lost(error):
                    raise InputError(CLUSTER_GONE) from None
                if was_killed(error):
                    killed.append(point)
                    continue
                outcome = Outcome(None, reason_of(error), None)
            self._record(point, outcome)
        return killed

    def _record(self, point: Point, outcome: Outcome) -> None:
        self._store.finish(point.id, outcome.result, outcome.reason, outcome.seconds)
        if outcome.result is None:
            self.failed += 1
        else:
            self.done += 1
        finished = self._before + self.done + self.failed
        self._progress(min(finished, len(self._points)), len(self._points))
