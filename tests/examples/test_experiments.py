"""The page of experiments is what the tables of results say, and they are of the files
that are here."""

import json

import pytest

from examples.experiment_page import PAGE, page_text
from examples.experiment_rows import curves, grouped, means, read_rows
from examples.experiments import PROFILES, RESULTS, sweep_files
from numerics.sweeps import read_sweep, saving

RECORDED = sorted(RESULTS.rglob("*.csv"))


def test_the_page_has_what_the_tables_say():
    """`python -m examples.experiments --draw` would change nothing."""
    assert page_text(RESULTS) == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_sweep_file_can_be_run(profile):
    files = sweep_files(profile)
    assert files
    for path in files:
        sweep = read_sweep(path)
        assert sweep.name == path.stem
        assert sweep.points


@pytest.mark.parametrize(
    "path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_results_on_record_are_of_the_sweep_that_is_here(path):
    """Its points, its settings, and the versions and the day beside them."""
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["profile"] == path.parent.name
    files = {file.stem: file for file in sweep_files(record["profile"])}
    sweep = read_sweep(files[path.stem])
    assert record["settings"] == json.loads(json.dumps(dict(sweep.document)))
    assert len(read_rows(path)) + record["missing"] == len(sweep.points)
    assert {"symbind", "torch", "python"} <= record["versions"].keys()
    assert record["date"]


def test_networks_with_a_learn_where_others_stay_at_the_floor():
    """aba/abb from 128 to 512 strings: every network, not only their means."""
    rows = read_rows(RESULTS / "cpu" / "aba-abb.csv")
    found = grouped(rows, ("model", "n"), "test_error")
    for n in ("128", "256", "512"):
        assert len(found["KQ", n]) >= 3
        assert max(found["KQ", n]) < 0.1
        assert min(found["plain", n]) > 0.5
    for (model, _), errors in found.items():
        assert model != "MLP" or all(abs(error - 1) < 0.05 for error in errors)


def test_a_saves_a_factor_of_more_than_ten_for_aba_abb():
    """By the interval over networks; plain ones reach the error with 4096 strings."""
    folder = RESULTS / "cpu"
    rows = read_rows(folder / "aba-abb.csv") + read_rows(folder / "aba-abb-plain.csv")
    found = saving(curves(rows, "plain"), curves(rows, "KQ"), 0.1)
    assert found.low is not None
    assert found.low > 10


def test_copying_fails_as_the_width_grows_but_with_b():
    rows = read_rows(RESULTS / "cpu" / "copying.csv")
    found = grouped(rows, ("identity_vo", "width"), "test_error")
    widths = sorted({int(row["width"]) for row in rows})
    assert min(found["False", str(widths[-1])]) > max(found["False", str(widths[0])])
    assert all(max(found["True", str(width)]) < 0.02 for width in widths)


def test_settings_with_one_value_are_those_of_every_row(tmp_path):
    """A table has columns for what differs; the rest is in the sweep beside it."""
    path = tmp_path / "x.csv"
    path.write_text("seed,test_error\n0,0.5\n", encoding="utf-8")
    grid = {"n": [64], "model": ["plain"], "seed": [0]}
    settings = {"base": {"task": "aba-abb"}, "grids": [grid]}
    record = path.with_suffix(".json")
    record.write_text(json.dumps({"settings": settings}), encoding="utf-8")
    row = {"task": "aba-abb", "n": "64", "model": "plain", "seed": "0"}
    assert read_rows(path) == [{**row, "test_error": "0.5"}]
    two = settings | {"grids": [grid, grid | {"n": [128]}]}
    record.write_text(json.dumps({"settings": two}), encoding="utf-8")
    assert "n" not in read_rows(path)[0]


ROWS = [
    {"model": "plain", "n": "8", "seed": "0", "test_error": "1.0"},
    {"model": "plain", "n": "8", "seed": "1", "test_error": "3.0"},
    {"model": "KQ", "n": "8", "seed": "0", "test_error": "0.5"},
    {"model": "KQ", "n": "16", "seed": "0", "test_error": ""},
]


def test_means_have_students_interval():
    """Two values 1 and 3: mean 2, standard error 1, t = 12.706."""
    found = means(ROWS, ("model", "n"), "test_error")
    assert found["plain", "8"].value == 2
    assert found["plain", "8"].high == pytest.approx(2 + 12.7062, rel=1e-4)
    assert found["KQ", "8"].halfwidth == 0
    assert ("KQ", "16") not in found


def test_curves_are_by_seed_and_size():
    assert curves(ROWS[:3], "plain") == {0: {8: 1.0}, 1: {8: 3.0}}
    assert grouped(ROWS, ("model",), "test_error") == {
        ("plain",): [1.0, 3.0],
        ("KQ",): [0.5],
    }
