"""Killed runs, runs side by side and killed workers: each point once, equal numbers."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from symbind_testing.refusals import refusal
from symbind_testing.sweeps import HEAD, listed, states, toy_sweep

from numerics.sweeps import SweepStore, result_table, run_sweep, write_table
from numerics.sweeps.workers import KILLED_TWICE

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")]),
}

pytestmark = pytest.mark.slow

MANY = HEAD + f"[base]\npause = 0.05\n[grid]\nn = [1, 2, 3]\nseed = {[*range(60)]}\n"
"""180 points of 50 milliseconds."""

# Forked from a process that has loaded everything, so that kills fall on work.
KILLS = """
import os, random, signal, sys, time
from pathlib import Path
from symbind_testing.sweeps import toy_sweep
from numerics.sweeps import SweepStore, run_sweep
import numerics.averages.threads

text, store, kills = Path(sys.argv[1]).read_text(), sys.argv[2], int(sys.argv[3])
sweep, draw = toy_sweep(text), random.Random(7)

def done():
    with SweepStore(store) as opened:
        return sum(point.state == "done" for point in opened.points().values())

for kill in range(kills):
    # One run in five has two processes beside it; one of these has finished a point.
    jobs, before = (2 if kill % 5 == 4 else 1), done()
    child = os.fork()
    if child == 0:
        run_sweep(sweep, store, jobs=jobs)
        os._exit(0)
    # The others of these are killed while their processes begin.
    last = time.monotonic() + (60 if kill == 24 else 0)
    while done() == before and time.monotonic() < last:
        time.sleep(0.02)
    time.sleep(draw.uniform(0.0, 0.25))
    os.kill(child, signal.SIGKILL)
    print(os.waitpid(child, 0)[1])
"""


def record_finishes(store):
    """Let the store itself write down each point that is finished, in its order."""
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("CREATE TABLE finishes (id TEXT)")
        database.execute(
            "CREATE TRIGGER finish AFTER UPDATE ON points WHEN NEW.state = 'done' "
            "BEGIN INSERT INTO finishes VALUES (NEW.id); END"
        )


def finishes(store):
    with closing(sqlite3.connect(store)) as database:
        return [id for (id,) in database.execute("SELECT id FROM finishes")]


def table_bytes(sweep, store):
    write_table(result_table(sweep, store), store.with_suffix(".csv"))
    return store.with_suffix(".csv").read_bytes()


def test_fifty_kills_change_no_bit_and_repeat_no_point(tmp_path):
    """Each point is finished once, and the table is that of a run nobody killed.

    Forty runs measure in their own process, ten in two others: each kill leaves at most
    as many points to be begun again.
    """
    (tmp_path / "a.toml").write_text(MANY)
    store, sweep = tmp_path / "killed.sqlite", toy_sweep(MANY)
    with SweepStore(store, create=True) as made:
        made.lay_in(sweep)
    record_finishes(store)
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(tmp_path / "a.toml"), str(store), "50"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(int(signal.SIGKILL))] * 50
    before = len(finishes(store))
    # Half a quarter of a second has two points, so that kills fell in between.
    assert 20 < before < 180
    run_sweep(sweep, store, jobs=1)
    assert sorted(finishes(store)) == sorted(point.id for point in sweep.points)
    with SweepStore(store) as opened:
        attempts = [point.attempts for point in opened.points().values()]
    assert 180 < sum(attempts) <= 180 + 40 + 10 * 2
    run_sweep(sweep, tmp_path / "whole.sqlite", jobs=1)
    assert table_bytes(sweep, store) == table_bytes(sweep, tmp_path / "whole.sqlite")
    assert list(tmp_path.glob("*.lock")) == []


TOGETHER = """
import sys, time
from pathlib import Path
from symbind_testing.sweeps import toy_sweep
from numerics.sweeps import run_sweep
import numerics.averages.threads

text, store, ready, other = (Path(word) for word in sys.argv[1:])
sweep = toy_sweep(text.read_text())
ready.touch()
while not other.exists():
    time.sleep(0.01)
print(run_sweep(sweep, store, jobs=1, wait_for_others=True).done)
"""


def test_two_runs_share_the_points_of_one_store(tmp_path):
    """Both begin at once on a store that neither has made, and end with all done."""
    log = tmp_path / "log"
    text = MANY.replace("pause = 0.05", f"pause = 0.01\nlog = '{log}'")
    (tmp_path / "a.toml").write_text(text)
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER]
            + [str(tmp_path / word) for word in ("a.toml", "s.sqlite", *pair)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for pair in (("1", "2"), ("2", "1"))
    ]
    done = [int(run.communicate(timeout=60)[0]) for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sum(done) == 180
    assert min(done) > 20
    lines = log.read_text().splitlines()
    assert len(lines) == len({*lines}) == 180
    assert states(tmp_path / "s.sqlite") == ["done"] * 180


def test_a_point_that_kills_its_process_twice_is_recorded(tmp_path):
    """Those beside it are measured again, and are done."""
    pauses = [f"n = {n}, pause = 0.2" for n in (2, 3, 4, 5)]
    sweep = toy_sweep(listed("n = 1, deed = 'die'", *pauses))
    summary = run_sweep(sweep, tmp_path / "s.sqlite", jobs=2)
    assert (summary.done, summary.failed) == (4, 1)
    (failure,) = summary.status.failures
    assert (failure.reason, failure.attempts) == (KILLED_TWICE, 2)


ALONE = """
import sys
from pathlib import Path
from symbind_testing.sweeps import toy_sweep
from numerics.sweeps import run_sweep

if __name__ == "__main__":
    run_sweep(toy_sweep(Path(sys.argv[1]).read_text()), sys.argv[2], jobs=2)
"""


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps to see processes")
def test_the_workers_of_a_killed_run_end_with_it(tmp_path):
    """They would hold memory and processors while the next run wants them."""
    log = tmp_path / "log"
    (tmp_path / "run.py").write_text(ALONE)
    base = f"pause = 120.0\nlog = '{log}'"
    (tmp_path / "a.toml").write_text(listed("n = 1", "n = 2", base=base))
    words = [str(tmp_path / name) for name in ("run.py", "a.toml", "s.sqlite")]
    run = subprocess.Popen(
        [sys.executable, *words], env=ENVIRONMENT, start_new_session=True
    )

    def processes():
        # The leader of the session, its workers and what watches over them.
        listed = subprocess.run(
            ["ps", "-s", str(run.pid), "-o", "pid="],
            capture_output=True,
            text=True,
            check=False,
        )
        return {int(pid) for pid in listed.stdout.split()} - {run.pid}

    try:
        last = time.monotonic() + 60
        while not log.exists() or len(log.read_text().splitlines()) < 2:
            assert time.monotonic() < last
            time.sleep(0.1)
        assert processes()
        run.kill()
        run.wait()
        last = time.monotonic() + 15
        while processes():
            assert time.monotonic() < last
            time.sleep(0.1)
    finally:
        for pid in processes():
            os.kill(pid, signal.SIGKILL)
    assert states(tmp_path / "s.sqlite") == ["pending"] * 2


def test_a_dask_cluster_changes_no_bit(tmp_path):
    """Failures and their reasons come back from its workers too."""
    distributed = pytest.importorskip(
        "distributed", reason="needs the optional extra symbind[cluster]"
    )
    import dask.config

    points = [f"n = {n}, seed = {seed}" for n in (1, 2, 3) for seed in (0, 1)]
    sweep = toy_sweep(listed(*points, "n = 9, deed = 'refuse'"))
    here = run_sweep(sweep, tmp_path / "here.sqlite", jobs=1)
    killer = toy_sweep(listed("n = 1, deed = 'die'"))
    once = {"distributed.scheduler.allowed-failures": 0}
    with (
        dask.config.set(once),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
    ):
        away = run_sweep(
            sweep,
            tmp_path / "away.sqlite",
            backend="dask",
            scheduler=cluster.scheduler_address,
        )
        killed = run_sweep(
            killer,
            tmp_path / "killed.sqlite",
            backend="dask",
            scheduler=cluster.scheduler_address,
        )
    assert [f.reason for f in killed.status.failures] == [KILLED_TWICE]
    assert (away.done, away.failed) == (here.done, here.failed) == (6, 1)
    assert away.status.failures == here.status.failures
    tables = [table_bytes(sweep, tmp_path / f"{w}.sqlite") for w in ("here", "away")]
    assert tables[0] == tables[1]


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip(
        "distributed", reason="needs the optional extra symbind[cluster]"
    )
    monkeypatch.setattr("numerics.sweeps.workers._CONNECT_SECONDS", 0.5)
    line = refusal(
        lambda: run_sweep(
            toy_sweep(),
            tmp_path / "s.sqlite",
            backend="dask",
            scheduler="tcp://127.0.0.1:1",
        )
    )
    assert "scheduler 'tcp://127.0.0.1:1' does not answer" in line
