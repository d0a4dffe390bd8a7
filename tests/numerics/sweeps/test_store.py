"""Stores: what is finished stays, claims count while their run lives, bad files."""

import os
import re
import sqlite3

import pytest
from symbind_testing.refusals import error_line
from symbind_testing.sweeps import GRID, Toy, abandon, listed, states, toy_sweep

from numerics.sweeps import SweepStore, accept_changes, parse_sweep, run_sweep
from numerics.sweeps.experiment import Presets
from numerics.sweeps.store import stored_points
from symbind_theory import InputError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "s.sqlite"


def opened(path, sweep):
    """A run that has begun on a store."""
    store = SweepStore(path, create=True)
    store.lay_in(sweep)
    store.begin()
    return store


def test_points_are_claimed_in_file_order(path):
    sweep = toy_sweep()
    with opened(path, sweep) as store:
        claimed = [store.claim(sweep) for _ in range(9)]
    assert claimed == [*(point.id for point in sweep.points), None]


def test_each_transaction_reaches_the_disk(path):
    with opened(path, toy_sweep()) as store, store._file.reading() as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)


def test_two_runs_claim_different_points(path):
    sweep = toy_sweep()
    with opened(path, sweep) as one, opened(path, sweep) as other:
        ids = [run.claim(sweep) for _ in range(4) for run in (one, other)]
        assert sorted(ids, key=str) == sorted(point.id for point in sweep.points)
        assert one.claim(sweep) is None
        assert (one.others_at_work(), other.others_at_work()) == (4, 4)


def test_claims_of_a_dead_run_go_to_the_next(path):
    """To one that begins, and to one that has nothing left to do."""
    sweep = toy_sweep(listed("n = 1", "n = 2"))
    dead, alive = opened(path, sweep), opened(path, sweep)
    first, second = dead.claim(sweep), alive.claim(sweep)
    assert alive.claim(sweep) is None
    abandon(dead)
    assert (first, alive.claim(sweep)) == (sweep.points[0].id, first)
    abandon(alive)
    assert states(path) == ["pending", "pending"]
    with opened(path, sweep) as store:
        assert [store.claim(sweep) for _ in range(2)] == [first, second]
        assert [p.attempts for p in store.points().values()] == [3, 2]


def test_a_run_that_ends_gives_its_claims_back(path):
    """And takes away what dead ones have left."""
    sweep = toy_sweep()
    path.with_name("s.sqlite.run-dead.lock").touch()
    with opened(path, sweep) as store:
        store.claim(sweep)
        assert store.points()[sweep.points[0].id].state == "running"
    assert set(states(path)) == {"pending"}
    assert [p.name for p in path.parent.iterdir()] == ["s.sqlite"]


def test_results_keep_their_bits_and_order(path):
    sweep = toy_sweep(listed("n = 1"))
    result = {"b": 0.1 + 0.2, "a": 5e-324, "c": None, "d": 'é"', "e": -0.0, "f": 2**60}
    with opened(path, sweep) as store:
        id = store.claim(sweep)
        assert id is not None
        store.finish(id, result, None, 0.25)
    with SweepStore(path) as store:
        kept = store.points()[id]
    assert kept.result is not None
    assert repr(dict(kept.result)) == repr(result)
    assert (kept.state, kept.seconds, kept.version) == ("done", 0.25, "0.1.0")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", str(kept.finished))


def test_a_point_that_another_run_has_taken_over_is_not_recorded(path):
    """A run that was taken for dead cannot write over what its heir does."""
    sweep = toy_sweep(listed("n = 1"))
    slow = opened(path, sweep)
    id = slow.claim(sweep)
    assert id is not None
    assert slow._lock is not None
    slow._lock.release()
    with opened(path, sweep) as heir:
        assert heir.claim(sweep) == id
        slow.finish(id, {"x": 1}, None, 1.0)
        assert heir.points()[id].state == "running"
        heir.finish(id, {"x": 2}, None, 1.0)
    slow.finish(id, {"x": 1}, None, 1.0)
    assert slow.points()[id].result == {"x": 2}
    slow.close()


CHANGED = {
    "values": (
        GRID.replace("[8, 16]", "[8, 32]"),
        "grid.n was [8, 16], is [8, 32]; points that still match: 4, new: 4, no longer "
        "asked for: 4",
    ),
    "fewer": (
        GRID.replace("[8, 16]", "[8]"),
        "grid.n was [8, 16], is [8]; points that still match: 4, new: 0, no longer "
        "asked for: 4",
    ),
    "base": (
        GRID.replace("rate = 0.5", "rate = 0.25"),
        "base.rate was 0.5, is 0.25; points that still match: 0, new: 8, no",
    ),
    "field": (
        GRID.replace("rate = 0.5", "pause = 0.0"),
        "base.pause was not given, is 0.0, base.rate was 0.5, is not given; points",
    ),
    "list": (
        GRID + "[[points]]\nn = 1\n",
        "points[1].n was not given, is 1; points that still match: 8, new: 1, no",
    ),
    "many": (
        listed("n = 8, seed = 1", "n = 9", base="pause = 0.0"),
        "points[1].n was not given, is 8, points[1].seed was not given, is 1 and 5 "
        "changes more; points that still match: 0",
    ),
}


@pytest.mark.parametrize(("text", "said"), CHANGED.values(), ids=CHANGED)
def test_a_changed_sweep_is_refused_and_says_what_differs(path, text, said):
    with opened(path, toy_sweep()):
        pass
    line = error_line(lambda: run_sweep(toy_sweep(text), path, jobs=1))
    assert said in line
    assert "s.sqlite" in line
    assert "--changed" in line


def test_an_experiment_that_changed_says_so(path):
    """The file is the same and its presets mean something else."""
    with opened(path, toy_sweep()):
        pass

    class Changed(Toy):
        @property
        def presets(self) -> Presets:
            return {"model": {"KQ": {"depth": 5}, "plain": {}}}

    sweep = parse_sweep(GRID, {"toy": Changed()})
    line = error_line(lambda: run_sweep(sweep, path, jobs=1))
    assert "the settings or presets of the experiment 'toy' were others; points" in line


def test_what_matches_is_kept_when_changes_are_accepted(path):
    run_sweep(toy_sweep(), path, jobs=1)
    changed = toy_sweep(GRID.replace("[8, 16]", "[32, 16]"))
    accept_changes(changed, path)
    assert states(path) == ["pending"] * 4 + ["done"] * 8
    summary = run_sweep(changed, path, jobs=1)
    assert (summary.done, summary.status.done, summary.status.dropped) == (4, 8, 4)
    line = error_line(lambda: run_sweep(toy_sweep(listed("n = 3")), path, jobs=1))
    assert "still match: 0, new: 1, no longer asked for: 8;" in line
    back = toy_sweep()
    accept_changes(back, path)
    assert run_sweep(back, path, jobs=1).done == 0


def test_order_and_description_may_change(path):
    run_sweep(toy_sweep(), path, jobs=1)
    text = GRID.replace("[8, 16]", "[16, 8]").replace('"small"', '"smaller"')
    assert run_sweep(toy_sweep(text), path, jobs=1).done == 0
    with SweepStore(path) as store:
        assert [p.settings["n"] for p in store.points().values()] == [16] * 4 + [8] * 4


def test_a_run_stops_where_another_changes_the_sweep(path):
    sweep = toy_sweep()
    with opened(path, sweep) as store:
        store.claim(sweep)
        accept_changes(toy_sweep(listed("n = 3")), path)
        with pytest.raises(InputError, match="another run has changed the points"):
            store.claim(sweep)


def test_a_store_of_another_format_is_refused(path):
    with opened(path, toy_sweep()):
        pass
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET value = '2' WHERE key = 'format'")
    database.close()
    line = error_line(lambda: SweepStore(path))
    assert "has the format 2; expected 1" in line


def test_other_files_are_no_stores(path):
    path.write_text("name,score\n" * 100)
    assert "is no store of a sweep (file is not a database)" in error_line(
        lambda: SweepStore(path, create=True)
    )
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE points (x)")
    database.close()
    assert "is no store of a sweep; expected" in error_line(
        lambda: SweepStore(path, create=True)
    )
    assert "is missing; expected" in error_line(lambda: SweepStore(path.with_name("x")))
    folder = path.parent / "no" / "s.sqlite"
    line = error_line(lambda: SweepStore(folder, create=True))
    assert "could not be used: unable to open database file" in line


def test_an_empty_file_is_a_new_store(path):
    """A run that was killed while it made its store leaves one."""
    path.touch()
    assert run_sweep(toy_sweep(), path, jobs=1).done == 8


def full_after(path, points, monkeypatch):
    """Let the disk be full after so many points have been recorded."""
    finish, recorded = SweepStore.finish, []

    def limited(store, id, result, reason, seconds):
        if len(recorded) == points:
            with store._file.reading() as database:
                pages = database.execute("PRAGMA page_count").fetchone()[0]
                database.execute(f"PRAGMA max_page_count = {pages}")
            result = {"x": "x" * 2**16}
        finish(store, id, result, reason, seconds)
        recorded.append(id)

    monkeypatch.setattr(SweepStore, "finish", limited)


def test_a_full_disk_is_one_line_and_keeps_what_is_finished(path, monkeypatch):
    with monkeypatch.context() as context:
        full_after(path, 3, context)
        line = error_line(lambda: run_sweep(toy_sweep(), path, jobs=1))
    assert "could not be used: database or disk is full; what was finished" in line
    assert states(path) == ["done"] * 3 + ["pending"] * 5
    assert run_sweep(toy_sweep(), path, jobs=1).done == 5


def test_a_store_that_cannot_be_written_is_one_line(path, monkeypatch):
    """Also where the tests run as root, which writes everything."""
    run_sweep(toy_sweep(listed("n = 1")), path, jobs=1)
    connect = sqlite3.connect

    def read_only(file, **options):
        return connect(f"file:{file}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    line = error_line(
        lambda: run_sweep(toy_sweep(listed("n = 1")), path, jobs=1, retry_failed=True)
    )
    assert "attempt to write a readonly database; what was finished" in line


def test_a_link_is_the_store_that_it_leads_to(path):
    """Two runs see each other by either name."""
    sweep, link = toy_sweep(), path.with_name("link.sqlite")
    link.symlink_to(path)
    with opened(path, sweep) as one, opened(link, sweep) as other:
        first, second = one.claim(sweep), other.claim(sweep)
        assert (one.others_at_work(), other.others_at_work()) == (1, 1)
        assert first != second


def test_a_name_that_sqlite_keeps_in_memory_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_sweep(toy_sweep(), ":memory:", jobs=1).done == 8
    assert states(tmp_path / ":memory:") == ["done"] * 8


def test_another_order_of_the_points_stops_no_run(path):
    sweep, other = toy_sweep(), toy_sweep(GRID.replace("[8, 16]", "[16, 8]"))
    with opened(path, sweep) as one, opened(path, other) as two:
        runs = [(one, sweep), (two, other)] * 4
        ids = [run.claim(its_sweep) for run, its_sweep in runs]
    assert sorted(ids, key=str) == sorted(point.id for point in sweep.points)


def test_a_damaged_cell_is_one_line(path):
    run_sweep(toy_sweep(), path, jobs=1)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET value = '{\"a' WHERE key = 'document'")
    database.close()
    line = error_line(lambda: run_sweep(toy_sweep(listed("n = 3")), path, jobs=1))
    assert "s.sqlite' is damaged: the sweep is '{\"a'; expected" in line


def test_a_store_in_a_folder_that_cannot_be_written_is_read(path, monkeypatch):
    """As on a disk that is mounted to be read; nothing is laid beside the file."""
    run_sweep(toy_sweep(), path, jobs=1)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with SweepStore(path) as store:
        assert len(store.points()) == 8
        assert [p.name for p in path.parent.iterdir()] == ["s.sqlite"]
        with pytest.raises(InputError, match="attempt to write a readonly database"):
            store.lay_in(toy_sweep(listed("n = 3")))


def test_asking_writes_nothing_to_an_empty_file(path):
    path.touch()
    assert stored_points(path) == {}
    assert path.read_bytes() == b""


def test_an_empty_database_of_another_program_is_no_store(path):
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA application_id = 7")
    database.close()
    before = path.read_bytes()
    for use in (stored_points, lambda path: run_sweep(toy_sweep(), path, jobs=1)):
        assert "is no store of a sweep; expected" in error_line(lambda u=use: u(path))
    assert path.read_bytes() == before


def test_a_store_that_is_held_says_what_to_do(path, monkeypatch):
    run_sweep(toy_sweep(), path, jobs=1)
    monkeypatch.setattr("numerics.sweeps.store_file._BUSY_SECONDS", 0.01)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    line = error_line(lambda: run_sweep(toy_sweep(), path, jobs=1))
    holder.close()
    assert "database is locked for 0 s by another program; what was" in line
    assert line.endswith("; run again when that has ended")
