"""Estimates of time: by the pace of what is done, else by that of the machine."""

import pytest
from symbind_testing.sweeps import GRID, Toy, listed, toy_sweep

from numerics.sweeps import SweepStore, plan_run, run_sweep
from numerics.sweeps.duration import seconds_left, seconds_per_operation


def finish_one(path, sweep, seconds):
    with SweepStore(path, create=True) as store:
        store.lay_in(sweep)
        store.begin()
        id = store.claim(sweep)
        assert id is not None
        store.finish(id, {"x": 1.0}, None, seconds)


def test_the_pace_is_that_of_the_points_that_are_done(tmp_path):
    """Points of n operations each in thousands: 8 took 2 s, so that 24 take 6 s."""
    sweep = toy_sweep(listed("n = 8", "n = 16", "n = 24"))
    finish_one(tmp_path / "s", sweep, 2.0)
    plan = plan_run(sweep, tmp_path / "s")
    assert (plan.total, plan.done, plan.failed, plan.to_do) == (3, 1, 0, 2)
    assert plan.seconds == pytest.approx(10.0)
    assert plan.measured


def test_without_a_point_that_is_done_the_machine_is_measured(tmp_path):
    plan = plan_run(toy_sweep(), tmp_path / "s")
    assert (plan.total, plan.done, plan.to_do, plan.measured) == (8, 0, 8, False)
    # 96e3 operations; a core makes 1e7 to 1e13 of them in a second.
    assert plan.seconds is not None
    assert 1e-8 < plan.seconds < 1e-2
    assert not (tmp_path / "s").exists()


def test_failed_points_are_to_do_where_they_are_tried_again(tmp_path):
    sweep = toy_sweep(listed("n = 1", "n = 2, deed = 'bug'"))
    run_sweep(sweep, tmp_path / "s", jobs=1)
    plan = plan_run(sweep, tmp_path / "s")
    assert (plan.done, plan.failed, plan.to_do, plan.seconds) == (1, 1, 0, 0.0)
    again = plan_run(sweep, tmp_path / "s", retry_failed=True)
    assert (again.done, again.failed, again.to_do) == (1, 0, 1)


def test_no_pace_is_no_estimate():
    sweep = toy_sweep(GRID)
    assert seconds_per_operation(sweep, {}) is None
    assert seconds_left(sweep, sweep.points, None) is None
    assert seconds_left(sweep, sweep.points, 1e308) is None


def test_operations_beyond_all_numbers_are_no_estimate(tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "operations", staticmethod(lambda settings: 10**400))
    assert plan_run(toy_sweep(), tmp_path / "s").seconds is None
