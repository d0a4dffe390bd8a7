"""How a sweep stands, before, during and after its runs."""

import json

import pytest
from symbind_testing.sweeps import GRID, abandon, listed, toy_sweep

from numerics.sweeps import SweepStore, run_sweep, sweep_status


def test_before_any_run_all_points_are_left(tmp_path):
    status = sweep_status(toy_sweep(), tmp_path / "s")
    assert (status.total, status.left, status.seconds) == (8, 8, None)
    assert list(tmp_path.iterdir()) == []


def test_only_points_of_runs_that_live_are_running(tmp_path):
    sweep = toy_sweep()
    store = SweepStore(tmp_path / "s", create=True)
    store.lay_in(sweep)
    store.begin()
    claimed = [store.claim(sweep) for _ in range(3)]
    store.finish(str(claimed[0]), {"x": 1.0}, None, 4.0)
    status = sweep_status(sweep, tmp_path / "s")
    assert (status.done, status.running, status.left) == (1, 2, 5)
    # One point of n = 8 took 4 s; three of them are open, and four of n = 16.
    assert status.seconds == pytest.approx(3 * 4.0 + 4 * 8.0)
    abandon(store)
    status = sweep_status(sweep, tmp_path / "s")
    assert (status.done, status.running, status.left) == (1, 0, 7)


def test_each_failure_has_its_point_and_reason(tmp_path):
    sweep = toy_sweep(listed("n = 1", "n = 2, deed = 'bug', model = 'KQ'"))
    run_sweep(sweep, tmp_path / "s", jobs=1)
    status = sweep_status(sweep, tmp_path / "s")
    (failure,) = status.failures
    assert failure.point == "n = 2, model = KQ, deed = bug"
    assert failure.reason == "ZeroDivisionError: division by zero"
    assert (failure.attempts, status.failed, status.finished) == (1, 1, 2)
    document = json.loads(json.dumps(status.document()))
    assert document["failures"][0]["id"] == sweep.points[1].id


def test_points_that_are_not_asked_for_are_counted_apart(tmp_path):
    run_sweep(toy_sweep(), tmp_path / "s", jobs=1)
    fewer = toy_sweep(GRID.replace("[8, 16]", "[8, 32]"))
    status = sweep_status(fewer, tmp_path / "s")
    assert (status.total, status.done, status.left, status.dropped) == (8, 4, 4, 4)


def test_failures_of_tables_without_a_name_are_told_apart(tmp_path):
    points = [f"n = 1, deed = 'bug', model = {{depth = {d}}}" for d in (1, 2)]
    named = "n = 1, deed = 'bug', model = 'KQ'"
    sweep = toy_sweep(listed(*points, named))
    run_sweep(sweep, tmp_path / "s", jobs=1)
    labels = [failure.point for failure in sweep_status(sweep, tmp_path / "s").failures]
    assert labels == ["model = depth = 1", "model = depth = 2", "model = KQ"]
