"""Figures: means with intervals, the same bytes from the same table."""

import math
import statistics
import sys
from xml.etree import ElementTree

import matplotlib
import pytest
from scipy.stats import t as student
from symbind_testing.refusals import refusal
from symbind_testing.sweeps import GRID, Toy, toy_sweep

from numerics.sweeps import (
    PlotAxes,
    Table,
    parse_sweep,
    result_table,
    run_sweep,
    write_plot,
)
from numerics.sweeps.plots import _panels, averaged_columns, plot_axes

AXES = PlotAxes("n", "error", "model")


def table_of(rows, settings=("n", "model", "seed")):
    return Table(settings, ("error",), ("symbind",), tuple(rows), 0)


ROWS = [
    {"n": n, "model": model, "seed": seed, "error": (seed + 1) ** 2 / n}
    for n in (8, 16)
    for model in ("plain", "KQ")
    for seed in (0, 1, 2)
]


def test_curves_are_means_with_intervals_of_student():
    """Against scipy's interval of a mean, at each of the places."""
    panels = _panels(table_of(ROWS), AXES)
    assert list(panels) == [""]
    plain, other = panels[""]
    assert (plain.name, other.name, plain.x) == ("plain", "KQ", [8.0, 16.0])
    for n, mean, halfwidth in zip(plain.x, plain.mean, plain.halfwidth, strict=True):
        values = [1 / n, 4 / n, 9 / n]
        scale = statistics.stdev(values) / math.sqrt(3)
        low, high = student.interval(0.95, 2, statistics.fmean(values), scale)
        assert mean == pytest.approx((low + high) / 2)
        assert halfwidth == pytest.approx((high - low) / 2)


def test_one_value_has_no_interval():
    (curve,) = _panels(table_of(ROWS[:1]), AXES)[""]
    assert (curve.mean, curve.halfwidth) == ([1 / 8], [math.inf])


def test_what_has_no_value_is_left_out():
    rows = [*ROWS[:3], {**ROWS[0], "n": 99, "error": None}]
    (curve,) = _panels(table_of(rows), AXES)[""]
    assert curve.x == [8.0]


def test_panels_are_in_the_order_of_the_table():
    panels = _panels(table_of(ROWS), PlotAxes("n", "error", "seed", "model"))
    assert [*panels] == ["plain", "KQ"]
    assert [curve.name for curve in panels["KQ"]] == ["0", "1", "2"]


def test_a_figure_averages_over_what_it_does_not_show():
    table = table_of([], settings=("n", "model", "model.depth", "models", "seed"))
    assert averaged_columns(table, AXES) == ["models", "seed"]


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_equal_tables_give_equal_files(tmp_path, ending):
    """Also where the user's own style is another, and on another day."""
    one, other = tmp_path / f"1.{ending}", tmp_path / f"2.{ending}"
    write_plot(table_of(ROWS), AXES, one, "small")
    with matplotlib.rc_context({"svg.hashsalt": "mine", "lines.linewidth": 9}):
        write_plot(table_of(ROWS), AXES, other, "small")
    assert one.read_bytes() == other.read_bytes()


def test_each_panel_has_its_axes_and_the_figure_its_names(tmp_path):
    path = tmp_path / "f.svg"
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        write_plot(
            table_of(ROWS), PlotAxes("n", "error", "seed", "model"), path, "small"
        )
    root = ElementTree.fromstring(path.read_text())
    ids = [node.get("id", "") for node in root.iter()]
    assert sum(id.startswith("axes_") for id in ids) == 2


def test_axes_are_those_of_the_experiment_unless_given():
    sweep, table = toy_sweep(), table_of(ROWS)
    assert plot_axes(sweep, table) == PlotAxes("n", "test_error", "model", None)
    assert plot_axes(sweep, table, y="steps", panels="seed") == PlotAxes(
        "n", "steps", "model", "seed"
    )

    class Silent(Toy):
        axes = None

    silent = parse_sweep(
        'name = "s"\nexperiment = "toy"\ngrid.n = [1]', {"toy": Silent()}
    )
    line = refusal(lambda: plot_axes(silent, table, x="n"))
    assert line.startswith("y is missing; expected a column")


def test_a_setting_that_does_not_vary_has_no_curves(tmp_path):
    """With one model the table has no column for it; who asks for one is told so."""
    sweep = toy_sweep(GRID.replace('["plain", "KQ"]', '["plain"]'))
    run_sweep(sweep, tmp_path / "s.sqlite", jobs=1)
    table = result_table(sweep, tmp_path / "s.sqlite")
    axes = plot_axes(sweep, table)
    assert axes == PlotAxes("n", "test_error", None, None)
    write_plot(table, axes, tmp_path / "f.svg")
    asked = plot_axes(sweep, table, by="model")
    line = refusal(lambda: write_plot(table, asked, tmp_path / "f.svg"))
    assert line.startswith("by is 'model'; expected one of n, seed, ")


BAD = {
    "column": (PlotAxes("n", "eror"), "y is 'eror'; expected one of", "mean error?"),
    "text": (PlotAxes("model", "error"), "model is 'plain' at a point; expected", ""),
    "panels": (PlotAxes("n", "error", None, "m"), "panels is 'm'; expected one", ""),
}


@pytest.mark.parametrize(("axes", "said", "end"), BAD.values(), ids=BAD)
def test_bad_columns_are_one_line(tmp_path, axes, said, end):
    line = refusal(lambda: write_plot(table_of(ROWS), axes, tmp_path / "f.svg"))
    assert line.startswith(said)
    assert line.endswith(end)
    assert list(tmp_path.iterdir()) == []


def test_bad_figures_are_one_line(tmp_path, monkeypatch):
    path = tmp_path / "f.svg"
    line = refusal(lambda: write_plot(table_of([]), AXES, path))
    assert line.startswith("no point is finished; expected")
    line = refusal(lambda: write_plot(table_of([{"error": None}]), AXES, path))
    assert line.startswith("error has no values; expected")
    line = refusal(lambda: write_plot(table_of(ROWS), AXES, tmp_path / "f.gif"))
    assert "expected a name that ends in .svg, .png or .pdf" in line
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    line = refusal(lambda: write_plot(table_of(ROWS), AXES, path))
    assert line.startswith("plots need matplotlib; expected the extra symbind[figures]")


def test_text_is_drawn_as_it_is_written(tmp_path, recwarn):
    """What means something to TeX, to matplotlib or to XML, or is in no font."""
    names = ["$x_{$", "_hidden", "a\x01b", "\u6f22"]
    rows = [{**ROWS[0], "model": name} for name in names]
    path = tmp_path / "f.svg"
    write_plot(table_of(rows), AXES, path, "$title_{\x02")
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    legend = next(n for n in root.iter() if n.get("id", "").startswith("legend_"))
    comments = path.read_text(encoding="utf-8")
    assert "_hidden" in comments
    assert len(list(legend)) > len(names)
    assert not recwarn.list


def test_tables_without_a_name_have_curves_of_their_own():
    table = table_of(
        [
            {"n": 8, "model": None, "model.depth": depth, "error": float(depth)}
            for depth in (1, 2)
        ],
        settings=("n", "model", "model.depth"),
    )
    curves = _panels(table, AXES)[""]
    assert [(c.name, c.mean) for c in curves] == [
        ("depth = 1", [1.0]),
        ("depth = 2", [2.0]),
    ]
    rows = [
        {"n": 8, "task.length": k, "task.seed": 1, "error": float(k)} for k in (3, 4)
    ]
    by_task = PlotAxes("n", "error", "task")
    curves = _panels(table_of(rows, ("n", "task.length")), by_task)[""]
    assert [curve.name for curve in curves] == ["length = 3", "length = 4"]


def test_an_axis_that_does_not_vary_is_said_with_what_does(tmp_path):
    sweep = toy_sweep(GRID.replace("[8, 16]", "[8]"))
    run_sweep(sweep, tmp_path / "s.sqlite", jobs=1)
    table = result_table(sweep, tmp_path / "s.sqlite")
    line = refusal(lambda: plot_axes(sweep, table))
    assert line == (
        "x is 'n', of which the finished points have no two values; expected a setting "
        "that varies, one of model.depth, seed"
    )
    assert plot_axes(sweep, table, x="seed", by="").by is None
