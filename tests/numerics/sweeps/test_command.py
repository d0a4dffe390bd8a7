"""The command line: exit statuses, and one clear line for whatever goes wrong."""

import json
import sqlite3

import pytest
from symbind_testing.sweeps import GRID, Toy, abandon, command, listed, toy_sweep

from numerics.sweeps import SweepStore, run_sweep
from numerics.sweeps.experiment import EXPERIMENTS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder with one sweep file, of an experiment that is in the table."""
    monkeypatch.setitem(EXPERIMENTS, "toy", "symbind_testing.sweeps:TOY")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text(GRID)
    return tmp_path


def test_a_sweep_from_the_run_to_the_figure(folder, capsys):
    assert command("run", "a.toml", "--jobs", "1") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("sweeps: 8 points, 0 done, 8 to do: less than 1 s")
    assert lines[1] == "sweeps: 8 of 8 points done, 8 by this run"
    assert command("run", "a.toml", "--jobs", "1") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "sweeps: 8 points, 8 done, 0 to do",
        "sweeps: 8 of 8 points done, 0 by this run",
    ]
    assert command("export", "a.toml", "--to", "t.csv") == 0
    assert capsys.readouterr().err == "sweeps: 8 points written\n"
    assert command("plot", "a.toml", "--to", "f.svg", "--panels", "model") == 0
    assert capsys.readouterr().err == "sweeps: 8 points drawn, averaged over seed\n"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["a.sqlite", "a.toml", "f.svg", "t.csv"]


def test_status_in_words_and_as_json(folder, capsys):
    (folder / "b.toml").write_text(listed("n = 1", "n = 2, deed = 'bug'"))
    assert command("status", "b.toml", "--store", "x") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "  time     not known yet"
    assert command("run", "b.toml", "--store", "x", "--jobs", "1") == 1
    error = capsys.readouterr().err.splitlines()
    reason = "n = 2, deed = bug: ZeroDivisionError: division by zero"
    assert error[-2] == "sweeps: 1 of 2 points done, 1 by this run; 1 failed"
    assert error[-1] == f"sweeps: failed: {reason}"
    assert command("status", "b.toml", "--store", "x") == 0
    words = capsys.readouterr().out
    assert words.startswith("small\n  total    2\n  done     1\n  failed   1\n")
    assert words.endswith(f"  failed   {reason}\n")
    assert command("status", "b.toml", "--store", "x", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["done"], document["failed"], document["left"]) == (1, 1, 0)


def test_points_of_another_run_are_left(folder, capsys):
    sweep = toy_sweep()
    other = SweepStore("a.sqlite", create=True)
    other.lay_in(sweep)
    other.begin()
    other.claim(sweep)
    assert command("run", "a.toml", "--jobs", "1") == 3
    last = capsys.readouterr().err.splitlines()[-1]
    assert "7 of 8 points done, 7 by this run; 1 left, which another run is" in last
    abandon(other)
    assert command("run", "a.toml", "--jobs", "1") == 0


def test_failed_points_are_tried_again_when_asked(folder):
    (folder / "b.toml").write_text(listed("n = 1, deed = 'bug'"))
    for more in ((), (), ("--retry-failed",)):
        assert command("run", "b.toml", "--jobs", "1", *more) == 1
    with SweepStore("b.sqlite") as store:
        assert [point.attempts for point in store.points().values()] == [2]


def test_a_changed_sweep_needs_a_word(folder, capsys):
    command("run", "a.toml", "--jobs", "1")
    (folder / "a.toml").write_text(GRID.replace("[8, 16]", "[8, 32]"))
    capsys.readouterr()
    assert command("run", "a.toml", "--jobs", "1") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "grid.n was [8, 16], is [8, 32]; points that still match: 4, new: 4" in line
    assert "--changed" in line
    assert command("run", "a.toml", "--jobs", "1", "--changed") == 0
    assert command("export", "a.toml", "--to", "t.csv") == 0
    assert len((folder / "t.csv").read_text().splitlines()) == 9
    assert command("export", "a.toml", "--to", "t.csv", "--all") == 0
    assert len((folder / "t.csv").read_text().splitlines()) == 13


def test_what_is_not_finished_is_said(folder, capsys):
    (folder / "b.toml").write_text(listed("n = 1", "n = 2, deed = 'bug'"))
    command("run", "b.toml", "--jobs", "1")
    capsys.readouterr()
    assert command("export", "b.toml", "--to", "t.csv", "--timings") == 0
    assert capsys.readouterr().err == "sweeps: 1 points written; 1 are not finished\n"


def test_an_interruption_is_one_line(folder, monkeypatch, capsys):
    def interrupt(settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(Toy, "measure", staticmethod(interrupt))
    assert command("run", "a.toml", "--jobs", "1") == 130
    lines = capsys.readouterr().err.splitlines()
    assert lines[1:] == [
        "sweeps: interrupted; what is finished is kept, run again to go on"
    ]


def make_text(folder):
    (folder / "bad.sqlite").write_text("text " * 1000)


def make_other_format(folder):
    run_sweep(toy_sweep(listed("n = 1")), folder / "bad.sqlite", jobs=1)
    with sqlite3.connect(folder / "bad.sqlite") as database:
        database.execute("UPDATE meta SET value = '9' WHERE key = 'format'")
    database.close()


def make_folder(folder):
    (folder / "bad.sqlite").mkdir()


def make_bad_sweep(folder):
    (folder / "a.toml").write_text(GRID.replace("seed", "sed"))


def make_nothing(folder):
    pass


BAD = {
    "no command": (make_nothing, [], "the following arguments are required: COMMAND"),
    "command": (make_nothing, ["runn"], "did you mean run?"),
    "no such command": (make_nothing, ["x"], "invalid choice: 'x' (choose from"),
    "backend": (
        make_nothing,
        ["run", "a.toml", "--backend", "loki"],
        "did you mean loky?",
    ),
    "no file": (make_nothing, ["run"], "the following arguments are required: FILE"),
    "option": (make_nothing, ["run", "a.toml", "--job", "1"], "did you mean --jobs?"),
    "jobs": (
        make_nothing,
        ["run", "a.toml", "--jobs", "0"],
        "not an integer of at least",
    ),
    "missing": (make_nothing, ["run", "b.toml"], "'b.toml' could not be read: No such"),
    "sweep": (
        make_bad_sweep,
        ["run", "a.toml"],
        "'a.toml': grid.sed is no field of the",
    ),
    "status": (make_bad_sweep, ["status", "a.toml"], "did you mean seed?"),
    "text": (make_text, ["run", "a.toml", "--store", "bad.sqlite"], "is no store of a"),
    "format": (
        make_other_format,
        ["status", "a.toml", "--store", "bad.sqlite"],
        "has the format 9",
    ),
    "folder": (
        make_folder,
        ["run", "a.toml", "--store", "bad.sqlite"],
        "unable to open",
    ),
    "no name": (
        make_nothing,
        ["run", "a.toml", "--store", ""],
        "--store is ''; expected",
    ),
    "scheduler": (
        make_nothing,
        ["run", "a.toml", "--backend", "dask"],
        "scheduler is None",
    ),
    "no store": (
        make_nothing,
        ["export", "a.toml", "--to", "t.csv"],
        "'a.sqlite' is missing",
    ),
    "ending": (make_nothing, ["export", "a.toml", "--to", "t.txt"], "ends in .csv or"),
    "the store": (
        make_nothing,
        ["export", "a.toml", "--to", "t.csv", "--store", "./t.csv"],
        "the store and the table are one file",
    ),
    "the sweep": (
        make_nothing,
        ["plot", "a.toml", "--to", "a.toml"],
        "the sweep file and the figure are one file",
    ),
    "no target": (make_nothing, ["plot", "a.toml"], "arguments are required: --to"),
    "target": (
        make_nothing,
        ["export", "a.toml", "--to", "no/t.csv"],
        "could not be writt",
    ),
}


@pytest.mark.parametrize(("make", "words", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_status_two(folder, capsys, make, words, said):
    make(folder)
    assert command(*words) == 2
    output = capsys.readouterr()
    (line,) = output.err.splitlines()
    assert line.startswith("sweeps: ")
    assert said in line
    assert output.out == ""


def test_the_processes_that_are_said_are_those_that_are_begun(folder, capsys):
    (folder / "b.toml").write_text(listed("n = 1"))
    assert command("run", "b.toml", "--jobs", "500") == 0
    assert ", 1 at once, by the pace" in capsys.readouterr().err


def test_an_empty_column_asks_for_one_curve(folder):
    assert command("run", "a.toml", "--jobs", "1") == 0
    assert command("plot", "a.toml", "--to", "f.svg", "--by", "") == 0
