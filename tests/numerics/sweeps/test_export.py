"""Tables: a row a finished point in file order, the same bytes from equal runs."""

import csv
import sys
from io import StringIO

import polars
import pytest
from symbind_testing.refusals import refusal
from symbind_testing.sweeps import GRID, Toy, listed, toy_sweep

from numerics.sweeps import (
    SweepStore,
    accept_changes,
    parse_sweep,
    result_table,
    run_sweep,
    write_table,
)
from numerics.sweeps.columns import flattened, varying

COLUMNS = ["n", "model", "model.kind", "model.depth", "seed"]
RESULTS = ["test_error", "steps", "note"]


@pytest.fixture
def path(tmp_path):
    """The store of a sweep that is done."""
    run_sweep(toy_sweep(), tmp_path / "s", jobs=1)
    return tmp_path / "s"


def test_columns_are_what_varies_then_results(path):
    table = result_table(toy_sweep(), path)
    assert table.columns == (*COLUMNS, *RESULTS, "symbind")
    assert table.column("n") == [8] * 4 + [16] * 4
    assert table.column("model") == ["plain", "plain", "KQ", "KQ"] * 2
    assert table.column("model.depth") == [1, 1, 2, 2] * 2
    assert (table.missing, {*table.column("symbind")}) == (0, {"0.1.0"})


def test_csv_reads_back_to_the_last_bit(path, tmp_path):
    table = result_table(toy_sweep(), path)
    write_table(table, tmp_path / "t.csv")
    head, *rows = csv.reader(StringIO((tmp_path / "t.csv").read_text()))
    assert head == [*table.columns]
    for cells, row in zip(rows, table.rows, strict=True):
        read = dict(zip(head, cells, strict=True))
        assert float(read["test_error"]) == row["test_error"]
        assert int(read["steps"]) == row["steps"]
        assert read["note"] == (row["note"] or "")
    assert "" in {row[7] for row in rows} != {""}


def test_parquet_reads_back_to_the_last_bit(path, tmp_path):
    table = result_table(toy_sweep(), path)
    write_table(table, tmp_path / "t.parquet")
    frame = polars.read_parquet(tmp_path / "t.parquet")
    assert frame.rows(named=True) == [dict(row) for row in table.rows]
    assert frame["n"].dtype == polars.Int64
    assert frame["test_error"].dtype == polars.Float64


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_equal_runs_give_equal_files(path, tmp_path, ending):
    """Whatever the order in which points were finished, and how long they took."""
    sweep = toy_sweep()
    with SweepStore(tmp_path / "other", create=True) as store:
        store.lay_in(sweep)
        store.begin()
        claimed = [store.claim(sweep) for _ in sweep.points]
        results = {id: p.result for id, p in SweepStore(path).points().items()}
        for id in map(str, reversed(claimed)):
            store.finish(id, results[id], None, 7.0)
    for name in ("s", "other"):
        write_table(result_table(sweep, tmp_path / name), tmp_path / f"{name}.{ending}")
    one, other = (tmp_path / f"{name}.{ending}" for name in ("s", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_all_columns_and_times_are_there_when_asked_for(path):
    table = result_table(toy_sweep(), path, all_columns=True, timings=True)
    fields = ["n", "model", "model.kind", "model.depth", "seed", "rate", "deed"]
    assert [*table.settings] == [*fields, "pause", "log"]
    assert table.others == ("symbind", "seconds", "finished")
    seconds = [cell for cell in table.column("seconds") if isinstance(cell, float)]
    assert len(seconds) == 8
    assert all(0 < cell < 10 for cell in seconds)


def test_points_that_are_not_asked_for_come_last_and_when_asked(path):
    fewer = toy_sweep(GRID.replace("[8, 16]", "[16, 32]"))
    accept_changes(fewer, path)
    table = result_table(fewer, path)
    assert (table.column("n"), table.missing) == ([16] * 4, 4)
    table = result_table(fewer, path, all_points=True)
    assert (table.column("n"), table.missing) == ([16] * 4 + [8] * 4, 4)


def test_failed_points_have_no_row(tmp_path):
    sweep = toy_sweep(listed("n = 1", "n = 2, deed = 'bug'", "n = 3"))
    run_sweep(sweep, tmp_path / "s", jobs=1)
    table = result_table(sweep, tmp_path / "s")
    assert (table.column("n"), table.missing) == ([1, 3], 1)


def test_a_result_with_the_name_of_a_setting_has_its_own_column(tmp_path):
    class Echo(Toy):
        measure = staticmethod(lambda settings: {"n": -settings.n, "seconds": 3})

    sweep = parse_sweep(listed("n = 1", "n = 2"), {"toy": Echo()})
    run_sweep(sweep, tmp_path / "s", jobs=1)
    table = result_table(sweep, tmp_path / "s")
    assert table.columns == ("n", "result.n", "result.seconds", "symbind")
    assert (table.column("n"), table.column("result.n")) == ([1, 2], [-1, -2])


def test_columns_of_several_kinds_become_one(tmp_path):
    """Whole numbers beside others are numbers; text beside numbers makes text."""
    values = {1: {"a": 1, "b": "x"}, 2: {"a": 0.5, "b": 2}, 3: {"a": None}}

    class Mixed(Toy):
        measure = staticmethod(lambda settings: values[settings.n])

    sweep = parse_sweep(listed("n = 1", "n = 2", "n = 3"), {"toy": Mixed()})
    run_sweep(sweep, tmp_path / "s", jobs=1)
    write_table(result_table(sweep, tmp_path / "s"), tmp_path / "t.parquet")
    frame = polars.read_parquet(tmp_path / "t.parquet")
    assert frame["a"].to_list() == [1.0, 0.5, None]
    assert frame["b"].to_list() == ["x", "2", None]


def test_nested_tables_and_lists_are_flattened():
    record = {"a": {"name": "X", "b": {"c": 1}}, "d": [1, 2.5], "e": None}
    assert flattened(record) == {"a": "X", "a.b.c": 1, "d": "[1, 2.5]", "e": None}
    assert varying([{"a": 1}, {"a": 1.0}, {"a": 1}]) == ["a"]
    assert varying([{"a": 1, "b": 2}, {"a": 1}]) == ["b"]


def test_bad_targets_are_one_line(path, tmp_path, monkeypatch):
    table = result_table(toy_sweep(), path)
    line = refusal(lambda: write_table(table, tmp_path / "t.xlsx"))
    assert "t.xlsx'; expected a name that ends in .csv or .parquet" in line
    line = refusal(lambda: write_table(table, tmp_path / "no" / "t.csv"))
    assert "the table could not be written to" in line
    monkeypatch.setitem(sys.modules, "polars", None)
    line = refusal(lambda: write_table(table, tmp_path / "t.parquet"))
    assert line.startswith("Parquet needs polars; expected the extra symbind[frames]")
    line = refusal(lambda: result_table(toy_sweep(), tmp_path / "none"))
    assert "none' is missing; expected one that `run` has begun" in line
