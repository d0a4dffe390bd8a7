"""A run is alive as long as something holds its lock, and no longer."""

import sys

import pytest
from symbind_testing.refusals import refusal

from numerics.sweeps.run_locks import (
    RunLock,
    _tried,
    clear_dead_locks,
    is_alive,
    new_run,
)


def test_a_run_is_alive_until_it_is_released(tmp_path):
    store, run = tmp_path / "s.sqlite", new_run()
    assert not is_alive(store, run)
    lock = RunLock(store, run)
    assert is_alive(store, run)
    lock.release()
    assert not is_alive(store, run)
    assert list(tmp_path.iterdir()) == []


def test_asking_makes_no_file(tmp_path):
    assert not is_alive(tmp_path / "s.sqlite", "nobody")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["s.sqlite", "s[1]*.sqlite"])
def test_only_locks_of_the_dead_are_cleared(tmp_path, name):
    """Also where the store's name means something to the shell; others' stay."""
    store = tmp_path / name
    alive = RunLock(store, "alive")
    (tmp_path / f"{name}.run-dead.lock").touch()
    (tmp_path / "other.sqlite.run-dead.lock").touch()
    clear_dead_locks(store)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "other.sqlite.run-dead.lock",
        f"{name}.run-alive.lock",
    ]
    assert is_alive(store, "alive")
    alive.release()


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    line = refusal(lambda: RunLock(tmp_path / "file" / "s.sqlite", "run"))
    assert "could not be taken" in line


@pytest.mark.skipif(sys.platform == "win32", reason="locks are not shared there")
def test_a_dead_run_is_dead_while_others_ask(tmp_path):
    """Who asks does not pass for the run that is asked about."""
    store = tmp_path / "s.sqlite"
    path = tmp_path / "s.sqlite.run-dead.lock"
    path.touch()
    with _tried(path) as free, _tried(path) as free_too:
        assert (free, free_too, is_alive(store, "dead")) == (True, True, False)
