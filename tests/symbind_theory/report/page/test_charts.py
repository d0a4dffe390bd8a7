"""The spectrum and the learning curves: marks, words, captions, tables."""

import math

import pytest
from toy_result import SAME_DIFFERENT, toy_result

from symbind_theory import Interval, TemplateTask
from symbind_theory.illustration import Variant
from symbind_theory.report.page.figures import Named
from symbind_theory.report.page.learning_chart import learning_figure
from symbind_theory.report.page.spectrum_chart import spectrum_figure
from symbind_theory.results import Curve, Samples


def traces(figure):
    return {trace["name"]: trace for trace in figure.plot["data"]}


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
    assert "Not resolved from 0, drawn open: 1" in found.caption


def test_exact_zeros_are_said_and_not_drawn():
    exact = Interval(0.0, 0.0, 0.0)
    found = spectrum_figure([with_eigenvalues(Interval(4.0, 3.0, 6.0), exact, exact)])
    assert traces(found)["mine"]["y"] == [4.0]
    assert "Exactly 0, not on the axis, by equivalent templates: 2" in found.caption
    assert len(found.table.rows) == 3
    assert spectrum_figure([with_eigenvalues(exact)]).words.startswith("No eigenvalue")


def test_only_several_checks_have_a_legend():
    one = with_eigenvalues(Interval(4.0, 3.0, 6.0))
    assert spectrum_figure([one]).plot["layout"]["showlegend"] is False
    assert spectrum_figure([one, one]).plot["layout"]["showlegend"] is True


def curve(*errors):
    sizes = tuple(10**i for i in range(len(errors)))
    return Curve(sizes, tuple(Interval(e, e / 2, 2 * e) for e in errors), 1e-3)


def samples(n, target=0.01):
    value = math.inf if n is None else float(n)
    return Samples(n, Interval(value, 0.0, math.inf), target, 1e-3)


def drawn_learning(checks, variants=()):
    figure = learning_figure(checks, variants)
    assert figure is not None
    return figure


def learner(n: int | None = 50, task=SAME_DIFFERENT, target=0.01):
    result = toy_result(task, samples=samples(n, target), curve=curve(1.0, 0.1, 0.001))
    return Named("mine", result)


def test_curves_the_floor_the_target_and_where_it_is_met():
    variant = Variant(
        "a = 2", 2.0, 0.0, Interval(1, 1, 1), samples(20), curve(1.0, 0.05)
    )
    found = drawn_learning([learner()], [variant])
    drawn = traces(found)
    assert drawn["mine"]["x"] == [1, 10, 100]
    assert drawn["mine"]["y"] == [1.0, 0.1, 0.001]
    assert drawn["a = 2"]["y"] == [1.0, 0.05]
    assert set(drawn["MLP floor 1"]["y"]) == {1.0}
    assert set(drawn["target 0.01"]["y"]) == {0.01}
    assert drawn["enough strings"]["x"] == [50, 20]
    assert "mine reaches 0.01 at 50 strings; a = 2 reaches" in found.words
    assert "MLPs stay above 1" in found.words
    assert drawn["mine"]["line"]["dash"] != drawn["a = 2"]["line"]["dash"]
    low, high = found.plot["layout"]["yaxis"]["range"]
    assert 10**low < 0.01 < 1 < 10**high


def test_a_floor_of_zero_is_said():
    found = drawn_learning([learner(task=TemplateTask(["?a ?a", "X ?b"], [1, -1]))])
    assert "An MLP floor of 0 is not on the axis." in found.caption
    assert not any(name.startswith("MLP") for name in traces(found))


def test_a_target_that_is_never_met_has_no_mark():
    found = drawn_learning([learner(n=None)])
    assert traces(found)["enough strings"]["x"] == []
    assert "mine reaches 0.01 at no number of strings" in found.words


def test_without_a_curve_there_is_no_figure():
    symbolic = TemplateTask(["?a ?a", "?a ?b"], ["same", "different"])
    assert learning_figure([Named("mine", toy_result(symbolic))]) is None


def test_different_targets_are_all_marked():
    found = traces(drawn_learning([learner(), learner(target=0.5)]))
    assert {"target 0.01", "target 0.5"} <= set(found)


def test_names_are_escaped():
    named = Named("<b>&", learner().result)
    assert "&lt;b&gt;&amp;" in traces(drawn_learning([named]))
    assert "&lt;b&gt;&amp;" in traces(spectrum_figure([named]))
