"""The spectrum and the learning curves: marks, words, captions, tables."""

import math

import pytest
from symbind_testing.builders.toy_result import toy_result
from symbind_testing.pages import traces
from symbind_testing.tasks import SAME_DIFFERENT, SAME_DIFFERENT_IN_WORDS, ZERO_FLOOR

from symbind_theory import Interval
from symbind_theory.records.learning import (
    Curve,
    FiniteDiversity,
    SampleComplexity,
)
from symbind_theory.records.page import Variant
from symbind_theory.report.page.figures import (
    Named,
    dark_template,
    light_template,
    log_axis,
)
from symbind_theory.report.page.learning_chart import learning_figure
from symbind_theory.report.page.spectrum_chart import spectrum_figure


def with_eigenvalues(*found, task=SAME_DIFFERENT):
    return Named("mine", toy_result(task, eigenvalues=found))


def test_eigenvalues_stand_with_their_intervals():
    found = spectrum_figure(
        [with_eigenvalues(Interval(4.0, 3.0, 6.0), Interval(0.5, 0.25, 1.0))]
    )
    trace = traces(found)["mine"]
    assert (trace["x"], trace["y"]) == ([1, 2], [4.0, 0.5])
    assert trace["error_y"]["array"] == [2.0, 0.5]
    assert trace["error_y"]["arrayminus"] == [1.0, 0.25]
    assert trace["marker"]["symbol"] == ["circle", "circle"]
    assert found.caption == "Each with its interval at level 0.999."
    assert found.words.startswith("Eigenvalues of N from 4 down to 0.5")
    assert found.table.rows[1] == ("mine", "2", "0.5", "[0.25, 1]")


def test_what_is_not_resolved_reaches_below_the_axis_and_is_said():
    found = spectrum_figure(
        [with_eigenvalues(Interval(4.0, 3.0, 6.0), Interval(1e-9, 0.0, 1e-8))]
    )
    trace = traces(found)["mine"]
    assert trace["marker"]["symbol"] == ["circle", "circle-open"]
    assert trace["error_y"]["arrayminus"][1] == pytest.approx(0.9e-9)
    axis = found.plot["layout"]["yaxis"]
    assert axis["type"] == "log"
    room = 0.05 * (10 + math.log10(6))
    assert axis["range"] == pytest.approx([-10 - room, math.log10(6) + room])
    assert "Not resolved from 0, drawn open: 1" in found.caption


def test_exact_zeros_are_said_and_not_drawn():
    exact = Interval(0.0, 0.0, 0.0)
    found = spectrum_figure([with_eigenvalues(Interval(4.0, 3.0, 6.0), exact, exact)])
    assert traces(found)["mine"]["y"] == [4.0]
    assert "Exactly 0, by equivalent templates, not on the axis: 2." in found.caption
    assert len(found.table.rows) == 3
    assert spectrum_figure([with_eigenvalues(exact)]).words.startswith("No eigenvalue")


def test_a_wide_interval_is_drawn_to_its_ends():
    found = spectrum_figure(
        [with_eigenvalues(Interval(1e-3, 1e-6, 1.0), Interval(1e-3, 1e-4, math.inf))]
    )
    error = traces(found)["mine"]["error_y"]
    assert error["arrayminus"] == pytest.approx([1e-3 - 1e-6, 1e-3 - 1e-4])
    assert error["array"] == pytest.approx([1 - 1e-3, 1 - 1e-3])


def test_an_estimate_of_zero_is_not_called_exact():
    found = spectrum_figure(
        [with_eigenvalues(Interval(4.0, 3.0, 6.0), Interval(0.0, 0.0, 1e-27))]
    )
    assert "Estimated as 0, not on the axis: 1." in found.caption
    assert "Exactly" not in found.caption


@pytest.mark.parametrize(
    ("low", "high", "tick"),
    [(0.0, 0.0, "D2"), (-3.0, -2.9, "D2"), (-3.0, 2.0, 1), (-30.0, 2.0, 5)],
)
def test_a_log_axis_has_a_decade_and_few_ticks(low, high, tick):
    axis = log_axis("x", low, high)
    assert axis["dtick"] == tick
    bottom, top = axis["range"]
    assert bottom < low <= high < top
    assert top - bottom == pytest.approx(1.1 * max(1, high - low))


def test_only_several_checks_have_a_legend():
    one = with_eigenvalues(Interval(4.0, 3.0, 6.0))
    assert spectrum_figure([one]).plot["layout"]["showlegend"] is False
    assert spectrum_figure([one, one]).plot["layout"]["showlegend"] is True


def curve(*errors):
    sizes = tuple(10**i for i in range(len(errors)))
    return Curve(sizes, tuple(Interval(e, e / 2, 2 * e) for e in errors), 1e-3)


def complexity(n, target=0.01):
    value = math.inf if n is None else float(n)
    return SampleComplexity(n, Interval(value, 0.0, math.inf), target, 1e-3)


def drawn_learning(checks, variants=()):
    figure = learning_figure(checks, variants)
    assert figure is not None
    return figure


def learner(n: int | None = 50, task=SAME_DIFFERENT, target=0.01):
    result = toy_result(
        task, complexity=complexity(n, target), curve=curve(1.0, 0.1, 0.001)
    )
    return Named("mine", result)


def diamonds(trace):
    """The points of a curve that are marked."""
    return [
        (x, y)
        for x, y, size in zip(
            trace["x"], trace["y"], trace["marker"]["size"], strict=True
        )
        if size
    ]


def test_curves_the_floor_the_target_and_where_it_is_met():
    one = Interval(1, 1, 1)
    variant = Variant("a = 2", 2.0, 0.0, one, complexity(5, 0.05), curve(1.0, 0.02))
    found = drawn_learning([learner()], [variant])
    drawn = traces(found)
    assert drawn["mine"]["x"] == [1, 10, 50, 100]
    assert drawn["mine"]["y"] == [1.0, 0.1, 0.01, 0.001]
    assert drawn["a = 2"]["y"] == [1.0, 0.05, 0.02]
    assert diamonds(drawn["mine"]) == [(50, 0.01)]
    assert diamonds(drawn["a = 2"]) == [(5, 0.05)]
    assert drawn["mine"]["text"][2].startswith("50 strings for 0.01<br>")
    assert set(drawn["MLP floor 1"]["y"]) == {1.0}
    assert set(drawn["target 0.01"]["y"]) == {0.01}
    assert set(drawn["target 0.05"]["y"]) == {0.05}
    assert "mine reaches 0.01 at 50 strings; a = 2 reaches" in found.words
    assert "MLPs stay above 1" in found.words
    assert drawn["mine"]["line"]["dash"] != drawn["a = 2"]["line"]["dash"]
    axes = found.plot["layout"]
    assert axes["xaxis"]["type"] == axes["yaxis"]["type"] == "log"
    low, high = axes["yaxis"]["range"]
    assert 10**low < 0.01 < 1 < 10**high


def test_a_crossing_between_sizes_is_marked_where_it_is():
    result = toy_result(
        complexity=SampleComplexity(51, Interval(50.25, 49.5, 52.0), 0.01, 1e-3),
        curve=curve(1.0, 0.1, 0.001),
    )
    trace = traces(drawn_learning([Named("mine", result)]))["mine"]
    assert diamonds(trace) == [(50.25, 0.01)]
    assert trace["text"][2] == "51 strings for 0.01<br>[50, 52]"


@pytest.mark.parametrize("target", [1e-300, 5e-324, 1e300])
def test_a_target_far_from_the_curves_is_said_and_not_shown(target):
    found = drawn_learning([learner(n=None, target=target)])
    low, high = found.plot["layout"]["yaxis"]["range"]
    assert -8 < low < high < 5
    assert f"Beyond the axis: target {target:g}." in found.caption


def test_a_floor_of_zero_is_said():
    found = drawn_learning([learner(task=ZERO_FLOOR)])
    assert "An MLP floor of 0 is not on the axis." in found.caption
    assert not any(name.startswith("MLP") for name in traces(found))


def test_a_target_that_is_never_met_has_no_mark():
    found = drawn_learning([learner(n=None)])
    assert diamonds(traces(found)["mine"]) == []
    assert "mine reaches 0.01 at no number of strings" in found.words


def test_without_a_curve_there_is_no_figure():
    assert learning_figure([Named("mine", toy_result(SAME_DIFFERENT_IN_WORDS))]) is None


def test_different_targets_are_all_marked():
    found = traces(drawn_learning([learner(), learner(target=0.5)]))
    assert {"target 0.01", "target 0.5"} <= set(found)


def with_shared_symbols(name="mine"):
    errors = (Interval(0.2, 0.1, 0.4), Interval(0.05, 0.0, math.inf))
    shared = FiniteDiversity(
        vocabulary=30,
        diversity=Interval(15, 15, 15),
        sizes=(50, 1000),
        mse=errors,
        method=("simulation", "first order"),
        apart=errors,
    )
    result = toy_result(
        complexity=complexity(50), curve=curve(1.0, 0.1, 0.001), diversity=shared
    )
    return Named(name, result)


def test_errors_with_shared_symbols_stand_beside_the_curve():
    found = drawn_learning([with_shared_symbols()])
    trace = traces(found)["error with shared symbols"]
    assert (trace["x"], trace["y"]) == ([50, 1000], [0.2, 0.05])
    assert trace["mode"] == "markers"
    low, high = (10**end for end in found.plot["layout"]["yaxis"]["range"])
    error = trace["error_y"]
    assert error["array"][0] == pytest.approx(0.2)
    assert error["arrayminus"][0] == pytest.approx(0.1)
    # Intervals end where the axis does, about: what is 0 or infinite is not on it.
    assert low <= 0.05 - error["arrayminus"][1] < 10 * low
    assert high / 10 < 0.05 + error["array"][1] <= high
    assert found.plot["layout"]["xaxis"]["range"][1] > 3
    assert "draw on 30 symbols and share them, by first order and" in found.caption
    assert "error with shared symbols is 0.05 after 1000 strings" in found.words
    assert found.table.rows[-2:] == (
        ("error with shared symbols (simulation)", "50", "0.2", "[0.1, 0.4]"),
        ("error with shared symbols (first order)", "1000", "0.05", "[0, ∞]"),
    )
    assert found.entries == len(found.plot["data"])


def test_among_several_checks_shared_symbols_are_named_after_theirs():
    found = traces(drawn_learning([with_shared_symbols(), with_shared_symbols("b")]))
    assert {"mine, shared symbols", "b, shared symbols"} <= set(found)
    assert not any("shared" in name for name in traces(drawn_learning([learner()])))


def test_light_and_dark_differ_wherever_colours_are_named():
    light, dark = (t()["layout"] for t in (light_template, dark_template))
    assert not set(light["colorway"]) & set(dark["colorway"])
    assert light["font"]["color"] != dark["font"]["color"]
    assert light["hoverlabel"]["bgcolor"] != dark["hoverlabel"]["bgcolor"]
    for axis in ("xaxis", "yaxis"):
        assert light[axis]["gridcolor"] != dark[axis]["gridcolor"]


def test_names_are_escaped_and_quotes_kept():
    """Plotly shows the entity of a quote as it is."""
    named = Named("<b>&'\"", learner().result)
    assert "&lt;b&gt;&amp;'\"" in traces(drawn_learning([named]))
    assert "&lt;b&gt;&amp;'\"" in traces(spectrum_figure([named]))
