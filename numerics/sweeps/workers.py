"""Processes that measure points: one here, several of this machine, or a cluster's.

All three are executors of `concurrent.futures`. `joblib.Parallel` would read as many
points ahead as it has processes, and each point that is read is claimed: another run
on the store would find nothing to do where there is. Its processes (loky) are used.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

from numerics.sweeps.experiment import Measured, PointFailed
from symbind_theory.validation import InputError, one_of, shorten

__all__ = [
    "BACKENDS",
    "CLUSTER_GONE",
    "KILLED_TWICE",
    "Measure",
    "Outcome",
    "Pool",
    "check_workers",
    "is_lost",
    "opened_pool",
    "outcome_of",
    "processes_for",
    "reason_of",
    "was_killed",
]

Measure = Callable[[Any], Measured]
"""Settings of a point → a row of results (`Experiment.measure`)."""

KILLED_TWICE = "its process was killed twice, as happens where memory runs out"
"""The reason of a point that cannot be measured without its process being killed."""

CLUSTER_GONE = "the cluster is gone; what was finished is kept: run again"
"""What an error says where the connection to a cluster is lost."""

BACKENDS = ("loky", "dask")
"""Processes of this machine, or of a dask cluster."""

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_IDLE_SECONDS = 300
_ORPHAN_SECONDS = 1.0
_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Outcome:
    """What became of a point: a row of results, or the reason why there is none.

    Attributes:
        result: numbers, texts and None by the name of their column; None where the
            point has failed.
        reason: why the point has failed, in one line; None where it is done.
        seconds: how long measuring the point took; None where its process was killed.
    """

    result: dict[str, float | int | str | None] | None
    reason: str | None
    seconds: float | None


class Pool(Protocol):
    """Processes at work."""

    @property
    def die_together(self) -> bool:
        """Whether all points that are being measured are lost when one is killed."""
        ...

    def size(self) -> int:
        """How many points are measured at once, now: at least 1."""
        ...

    def submit(self, measure: Measure, settings: Any) -> Future[Outcome]:
        """Have a point measured; its future fails where its process is killed."""
        ...

    def alone(self, measure: Measure, settings: Any) -> Outcome:
        """Measure once more a point whose process was killed, beside no other."""
        ...

    def stop(self) -> None:
        """End the processes, also in the middle of a point."""
        ...


def check_workers(jobs: int, backend: str, scheduler: str | None) -> None:
    """Refuse early what `opened_pool` cannot use.

    Raises:
        InputError: no such number of processes or kind of backend, or a scheduler that
            is missing or not asked for.
    """
    one_of("backend", backend, BACKENDS)
    if isinstance(jobs, bool) or not isinstance(jobs, int) or (jobs < 1 and jobs != -1):
        raise InputError(
            f"jobs is {shorten(jobs)}; expected an integer of at least 1, or -1 for "
            "one process a core"
        )
    if (backend == "dask") != (scheduler is not None):
        given = "None" if scheduler is None else shorten(scheduler)
        raise InputError(
            f"scheduler is {given} with the backend {backend!r}; expected an address "
            "such as 'tcp://host:8786' with 'dask', and none with 'loky'"
        )


@contextlib.contextmanager
def opened_pool(
    jobs: int, backend: str, scheduler: str | None, most: int | None = None
) -> Iterator[Pool]:
    """Processes while the context is open; they end with it, whatever they are at.

    Args:
        jobs: how many points are measured at once; -1 for one a core of this machine,
            or a thread of the cluster.
        backend: "loky" or "dask".
        scheduler: the address of the cluster's scheduler.
        most: how many points there are; no more processes of this machine are begun.

    Raises:
        InputError: arguments that `check_workers` refuses, no dask, or no scheduler at
            the address.
    """
    check_workers(jobs, backend, scheduler)
    pool: Pool = _Here()
    if backend == "dask":
        pool = _Cluster(jobs, str(scheduler))
    elif jobs != 1:
        pool = _Processes(processes_for(jobs, most))
    with warnings.catch_warnings():
        # A process that has grown is replaced between two points, as it should be.
        warnings.filterwarnings("ignore", "A worker stopped while", UserWarning)
        try:
            yield pool
        finally:
            pool.stop()


def processes_for(jobs: int, most: int | None = None) -> int:
    """How many processes of this machine measure points.

    Args:
        jobs: how many are asked for; -1 for one a core.
        most: how many points there are; as many as are asked for when None.
    """
    if jobs == -1:
        from joblib import cpu_count

        jobs = cpu_count()
    return jobs if most is None else max(1, min(jobs, most))


def outcome_of(measure: Measure, settings: Any) -> Outcome:
    """Measure a point on one thread, and catch what it raises."""
    # It loads torch: in a process that measures points, or would soon.
    from numerics.averages.threads import one_thread

    begun, result, reason = time.perf_counter(), None, None
    try:
        with one_thread():
            result = _checked_row(measure(settings))
    except PointFailed as error:
        reason = error.reason
    except Exception as error:
        reason = _reason(error)
    seconds = time.perf_counter() - begun
    return Outcome(result, None if reason is None else _line(reason), seconds)


class _Here:
    """This process, one point after the other."""

    die_together = False

    def size(self) -> int:
        return 1

    def submit(self, measure: Measure, settings: Any) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_result(outcome_of(measure, settings))
        return future

    def alone(self, measure: Measure, settings: Any) -> Outcome:
        return outcome_of(measure, settings)

    def stop(self) -> None:
        pass


class _Processes:
    """Processes of this machine, made anew when one of them is killed."""

    die_together = True

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._executor: Any = None

    def size(self) -> int:
        return self._jobs

    def submit(self, measure: Measure, settings: Any) -> Future[Outcome]:
        if self._executor is None:
            self._executor = _executor(self._jobs)
        try:
            return self._executor.submit(outcome_of, measure, settings)
        except BrokenExecutor as error:
            failed: Future[Outcome] = Future()
            failed.set_exception(error)
            return failed

    def alone(self, measure: Measure, settings: Any) -> Outcome:
        self.stop()
        try:
            return self._submit_alone(measure, settings).result()
        except BrokenExecutor as error:
            # Or it could not be begun: what is sent to it cannot be read there.
            killed = type(error).__name__ == "TerminatedWorkerError"
            reason = KILLED_TWICE if killed else _reason(error.__cause__ or error)
            return Outcome(None, _line(reason), None)
        finally:
            self.stop()

    def _submit_alone(self, measure: Measure, settings: Any) -> Future[Outcome]:
        self._executor = _executor(1)
        return self._executor.submit(outcome_of, measure, settings)

    def stop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(kill_workers=True)
            self._executor = None


class _Cluster:
    """The workers of a dask cluster, which may come and go."""

    die_together = False

    def __init__(self, jobs: int, scheduler: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise InputError(
                "the backend 'dask' needs dask.distributed; expected the extra "
                "symbind[cluster] to be installed"
            ) from None
        try:
            self._client: Any = Client(
                scheduler, timeout=_CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"scheduler {shorten(scheduler)} does not answer "
                f"({_line(str(error))}); expected the address of a dask scheduler, "
                "such as 'tcp://host:8786'"
            ) from None
        self._jobs = jobs
        self._executor: Any = self._client.get_executor(pure=False)

    def size(self) -> int:
        try:
            # Without any worker now, one point waits for the first that comes.
            threads = max(1, sum(self._client.nthreads().values()))
        except OSError as error:
            raise InputError(f"{CLUSTER_GONE} ({_line(str(error))})") from None
        return threads if self._jobs == -1 else min(self._jobs, threads)

    def submit(self, measure: Measure, settings: Any) -> Future[Outcome]:
        return self._executor.submit(outcome_of, measure, settings)

    def alone(self, measure: Measure, settings: Any) -> Outcome:
        # Dask has measured it again itself, by its own rules, before it gave up.
        return Outcome(None, KILLED_TWICE, None)

    def stop(self) -> None:
        self._executor.shutdown(wait=False)
        self._client.close()


def _executor(jobs: int) -> Any:
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(
        max_workers=jobs,
        timeout=_IDLE_SECONDS,
        initializer=_begin_process,
        initargs=(os.getpid(),),
        env=dict.fromkeys(_THREADS, "1"),
    )


def _begin_process(parent: int) -> None:
    """Leave interruptions to the run, and do not outlive it when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_ORPHAN_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _checked_row(row: Any) -> dict[str, float | int | str | None]:
    """A row of results as JSON keeps it to the last bit.

    Raises:
        PointFailed: it is none.
    """
    if not isinstance(row, Mapping) or not all(isinstance(name, str) for name in row):
        raise PointFailed(f"its result is {shorten(row)}; expected a row of results")
    return {name: _checked_value(name, value) for name, value in row.items()}


def _checked_value(name: str, value: Any) -> float | int | str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        if math.isfinite(value):
            return float(value)
        raise PointFailed(f"{name} is {float(value)}; expected a finite number")
    raise PointFailed(f"{name} is {shorten(value)}; expected a number, text or None")


def _reason(error: BaseException) -> str:
    """Why a point failed; where memory ran out in the same words for all libraries."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    # torch's processor allocator raises a plain RuntimeError.
    if kinds & {"MemoryError", "OutOfMemoryError"} or "DefaultCPUAllocator" in str(
        error
    ):
        return f"out of memory: {error}" if str(error) else "out of memory"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _line(text: str, limit: int = 500) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def was_killed(error: BaseException | None) -> bool:
    """Whether a future failed since its process was killed, in any kind of pool."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"BrokenExecutor", "KilledWorker"})


def reason_of(error: BaseException) -> str:
    """Why a point failed, in one line, by the error that measuring it raised."""
    return _line(_reason(error))


def is_lost(error: BaseException | None) -> bool:
    """Whether a future failed since the cluster is gone."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"CancelledError", "CommClosedError"})
