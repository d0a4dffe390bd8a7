"""Runs: what is left is measured, failures are kept with their reasons."""

import os
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import nullcontext
from threading import Timer
from typing import Any

import numpy as np
import pytest
import torch
from symbind_testing.refusals import error_line, refusal
from symbind_testing.sweeps import (
    TOY,
    abandon,
    listed,
    measure,
    states,
    toy_sweep,
)

from numerics.sweeps import SweepStore, result_table, run_sweep
from numerics.sweeps.workers import (
    KILLED_TWICE,
    Outcome,
    is_lost,
    opened_pool,
    outcome_of,
    processes_for,
    was_killed,
)

SETTINGS = toy_sweep(listed("n = 1")).points[0].settings


@pytest.fixture
def path(tmp_path):
    return tmp_path / "s.sqlite"


def test_every_point_is_measured_once(path):
    seen = []
    first = run_sweep(toy_sweep(), path, jobs=1, progress=lambda *now: seen.append(now))
    assert (first.done, first.failed, first.status.done) == (8, 0, 8)
    assert seen == [(done, 8) for done in range(9)]
    again = run_sweep(toy_sweep(), path, jobs=1)
    assert (again.done, again.status.done) == (0, 8)
    rows = result_table(toy_sweep(), path).column("test_error")
    alone = [outcome_of(measure, p.settings).result for p in toy_sweep().points]
    assert rows == [row["test_error"] for row in alone if row is not None]


FAILURES = {
    "refuse": "n is too small by one",
    "memory": "out of memory: Unable to allocate 1 TiB",
    "bug": "ZeroDivisionError: division by zero",
    "nan": "test_error is nan; expected a finite number",
    "list": "test_error is [1.0]; expected a number, text or None",
}


def test_failures_are_recorded_and_the_sweep_goes_on(path):
    deeds = [f"n = {i}, deed = '{deed}'" for i, deed in enumerate(FAILURES, 1)]
    sweep = toy_sweep(listed(*deeds, "n = 9"))
    summary = run_sweep(sweep, path, jobs=1)
    assert (summary.done, summary.failed) == (1, 5)
    assert [f.reason for f in summary.status.failures] == [*FAILURES.values()]


def test_failed_points_are_tried_again_only_when_asked(path, monkeypatch):
    sweep = toy_sweep(listed("n = 1", "n = 2, deed = 'bug'"))
    run_sweep(sweep, path, jobs=1)
    assert run_sweep(sweep, path, jobs=1).failed == 0
    again = run_sweep(sweep, path, jobs=1, retry_failed=True)
    assert (again.done, again.failed) == (0, 1)
    assert again.status.failures[0].attempts == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            type("OutOfMemoryError", (RuntimeError,), {})("CUDA\nout"),
            "out of memory: CUDA",
        ),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate"),
            "out of memory: DefaultCPU",
        ),
        (MemoryError(), "out of memory"),
        (RuntimeError("shape"), "RuntimeError: shape"),
        (KeyError(), "KeyError"),
        (ValueError("x" * 1000), "ValueError: x"),
    ],
)
def test_reasons_are_one_line(error, reason):
    def fail(settings):
        raise error

    outcome = outcome_of(fail, None)
    assert outcome.result is None
    assert outcome.reason is not None
    assert outcome.reason.startswith(reason)
    assert len(outcome.reason.splitlines()) == 1
    assert len(outcome.reason) <= 500


def test_numbers_of_other_libraries_are_plain_ones():
    row: Any = {"a": np.float32(0.1), "b": np.int64(3), "c": True, "d": None, "e": ""}
    result = outcome_of(lambda _: row, None).result
    assert result is not None
    assert list(result.values()) == [float(np.float32(0.1)), 3, 1, None, ""]
    assert [type(v) for v in result.values()] == [float, int, int, type(None), str]


@pytest.mark.parametrize("row", [{1: 2.0}, 3.0, None])
def test_what_is_no_row_is_a_failure(row):
    outcome = outcome_of(lambda _: row, None)
    assert "expected a row of results" in str(outcome.reason)


def test_a_point_has_one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        outcome = outcome_of(lambda _: {"threads": torch.get_num_threads()}, None)
    finally:
        torch.set_num_threads(before)
    assert outcome.result == {"threads": 1}


def test_what_another_run_is_measuring_is_left_to_it(path):
    """Until it dies: then its points are taken over."""
    sweep = toy_sweep()
    other = SweepStore(path, create=True)
    other.lay_in(sweep)
    other.begin()
    other.claim(sweep)
    summary = run_sweep(sweep, path, jobs=1)
    assert (summary.done, summary.status.running) == (7, 1)
    abandon(other)
    assert run_sweep(sweep, path, jobs=1).done == 1


def test_a_run_may_wait_for_others(path, monkeypatch):
    """It stays while they are at work, and takes over what a dead one leaves."""
    sweep = toy_sweep()
    other = SweepStore(path, create=True)
    other.lay_in(sweep)
    other.begin()
    other.claim(sweep)
    pauses = []

    def sleep(seconds):
        # Points sleep too, for no time.
        pauses.extend([seconds] if seconds else [])
        if len(pauses) == 3:
            abandon(other)

    monkeypatch.setattr("time.sleep", sleep)
    summary = run_sweep(sweep, path, jobs=1, wait_for_others=True)
    assert (summary.done, summary.status.done) == (8, 8)
    assert len(pauses) == 3


def interrupted_at(count, monkeypatch):
    """Let the user interrupt after so many points."""
    measured = []

    def interrupt(settings):
        if len(measured) == count:
            raise KeyboardInterrupt
        measured.append(settings)
        return measure(settings)

    monkeypatch.setattr(type(TOY), "measure", staticmethod(interrupt))


def test_an_interruption_gives_claims_back(path, monkeypatch):
    with monkeypatch.context() as context:
        interrupted_at(3, context)
        with pytest.raises(KeyboardInterrupt):
            run_sweep(toy_sweep(), path, jobs=1)
    assert states(path) == ["done"] * 3 + ["pending"] * 5
    assert [p.name for p in path.parent.iterdir()] == ["s.sqlite"]
    assert run_sweep(toy_sweep(), path, jobs=1).done == 5


class FakePool:
    """Four processes that finish late and are killed by some points, here."""

    die_together = True

    def __init__(self, store, deadly, twice=()):
        self.store, self.deadly, self.twice = store, deadly, twice
        self.claimed, self.again, self.futures = [], [], []

    def size(self):
        return 4

    def submit(self, measure, settings):
        self.claimed.append(states(self.store).count("running"))
        future: Future[Outcome] = Future()
        self.futures.append(future)
        if settings.n in self.deadly:
            # The news of others that died comes a little later.
            delay = 0.02 * self.deadly.index(settings.n)
            Timer(delay, future.set_exception, [BrokenExecutor()]).start()
        else:
            future.set_result(outcome_of(measure, settings))
        return future

    def alone(self, measure, settings):
        assert all(future.done() for future in self.futures)
        self.again.append(settings.n)
        if settings.n in self.twice:
            return Outcome(None, KILLED_TWICE, None)
        return outcome_of(measure, settings)

    def stop(self):
        pass


def run_with(pool, sweep, path, monkeypatch):
    monkeypatch.setattr(
        "numerics.sweeps.runner.opened_pool", lambda *_: nullcontext(pool)
    )
    return run_sweep(sweep, path)


def test_no_more_points_are_claimed_than_are_measured(path, monkeypatch):
    pool = FakePool(path, deadly=())
    run_with(pool, toy_sweep(), path, monkeypatch)
    assert pool.claimed == [1, 2, 3, 4, 1, 2, 3, 4]


def test_points_whose_process_was_killed_run_alone_once(path, monkeypatch):
    """The killer is recorded, those that died with it are done; no third attempt."""
    sweep = toy_sweep(listed(*(f"n = {n}" for n in range(1, 8))))
    pool = FakePool(path, deadly=(2, 3, 7), twice=(3,))
    summary = run_with(pool, sweep, path, monkeypatch)
    assert pool.again == [2, 3, 7]
    assert (summary.done, summary.failed) == (6, 1)
    (failure,) = summary.status.failures
    assert (failure.point, failure.reason) == ("n = 3", KILLED_TWICE)
    assert failure.attempts == 2


def test_a_lost_cluster_ends_the_run_and_keeps_what_is_done(path, monkeypatch):
    pool = FakePool(path, deadly=())
    submit = pool.submit

    def lose(measure, settings):
        future = submit(measure, settings)
        if settings.n == 16:
            future = Future()
            future.cancel()
        return future

    pool.submit = lose
    monkeypatch.setattr("numerics.sweeps.runner._LOOK_SECONDS", 0.01)
    line = error_line(lambda: run_with(pool, toy_sweep(), path, monkeypatch))
    assert line == "the cluster is gone; what was finished is kept: run again"
    assert states(path) == ["done"] * 4 + ["pending"] * 4
    assert is_lost(CancelledError())


def test_what_cannot_be_sent_to_a_process_fails_alone(path, monkeypatch):
    pool = FakePool(path, deadly=())
    submit = pool.submit

    def refuse(measure, settings):
        future = submit(measure, settings)
        if settings.seed == 1:
            future = Future()
            future.set_exception(TypeError("cannot pickle"))
        return future

    pool.submit = refuse
    summary = run_with(pool, toy_sweep(), path, monkeypatch)
    assert (summary.done, summary.failed) == (4, 4)
    assert summary.status.failures[0].reason == "TypeError: cannot pickle"


def test_a_killed_process_is_known_in_every_pool():
    killed = type("KilledWorker", (Exception,), {})
    assert was_killed(BrokenExecutor())
    assert was_killed(killed())
    assert not was_killed(ValueError())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"jobs": 0}, "jobs is 0; expected an integer of at least 1, or -1"),
        ({"jobs": True}, "jobs is True; expected"),
        ({"backend": "threads"}, "backend is 'threads'; expected one of loky, dask"),
        ({"backend": "dask"}, "scheduler is None with the backend 'dask'; expected"),
        ({"scheduler": "tcp://x"}, "scheduler is 'tcp://x' with the backend 'loky'"),
        ({"progress": 3}, "progress is 3; expected a function"),
    ],
)
def test_bad_arguments_are_refused_before_a_store_is_made(path, options, said):
    assert said in refusal(lambda: run_sweep(toy_sweep(), path, **options))
    assert not path.exists()


def test_one_job_is_this_process(path):
    with opened_pool(1, "loky", None) as pool:
        future = pool.submit(lambda _: {"pid": os.getpid()}, SETTINGS)
        assert future.result().result == {"pid": os.getpid()}
        again = pool.alone(measure, SETTINGS)
    assert again.result == outcome_of(measure, SETTINGS).result


def test_no_more_processes_are_begun_than_there_are_points():
    with opened_pool(64, "loky", None, most=2) as pool:
        assert pool.size() == 2
    assert processes_for(64, 0) == 1
