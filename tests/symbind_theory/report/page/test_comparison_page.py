"""The page of several checks as text; browsers have tests apart."""

import dataclasses
import json
import math
import re

import markupsafe
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from symbind_testing.builders.toy_result import ARCHITECTURE, toy_result
from symbind_testing.pages import without_plotly

from symbind_theory import Interval, Outcome, TemplateTask
from symbind_theory.records.learning import Curve, SampleComplexity
from symbind_theory.records.page import Provenance
from symbind_theory.report.page import page, render_comparison

CURVE = Curve((1, 10), (Interval(1, 0.5, 2), Interval(0.1, 0.05, 0.2)), 1e-3)
COMPLEXITY = SampleComplexity(7, Interval(6.5, 6, 7), 0.5, 1e-3)
LEARNS = toy_result(complexity=COMPLEXITY, curve=CURVE)
SHARP = toy_result(
    complexity=COMPLEXITY,
    curve=CURVE,
    architecture=dataclasses.replace(ARCHITECTURE, beta=4.0),
)
OTHER = toy_result(TemplateTask(["?a X", "Y ?a"], [1, 2]), c5=Outcome.REFUTED)


def test_one_task_is_drawn_once_and_every_matrix():
    text = render_comparison([("plain", LEARNS), ("sharp", SHARP)])
    assert text.count('<svg class="template"') == 2
    assert '<h2 id="tasks">The task</h2>' in text
    assert text.count('id="matrix-1"') == text.count('id="matrix-2"') == 1
    assert "What differs between the architectures" in text
    assert "<td>4.0</td>" in text


def test_different_tasks_are_all_drawn():
    text = render_comparison([("plain", LEARNS), ("other", OTHER)])
    assert text.count('<svg class="template"') == 4
    assert 'aria-label="template 1 of other"' in text
    assert '<span class="chip refuted">' in text
    assert "What differs between the architectures" not in text


def test_checks_of_one_task_share_its_drawing():
    relabelled = toy_result(TemplateTask(["?a ?a", "?a ?b"], [1, 3]))
    checks = [("plain", LEARNS), ("other", relabelled), ("sharp", SHARP)]
    text = render_comparison(checks)
    assert text.count('<svg class="template"') == 4
    assert "<h3>plain, sharp</h3>" in text
    assert "<h3>other</h3>" in text


def test_without_curves_there_is_no_chart_of_them():
    assert 'id="learning"' not in render_comparison([("a", OTHER), ("b", OTHER)])
    assert 'id="learning"' in render_comparison([("a", LEARNS), ("b", OTHER)])


def test_the_command_is_there():
    provenance = Provenance("python -m x --compare 'a b.json' <c>", {})
    text = render_comparison([("a", LEARNS), ("b", SHARP)], provenance)
    assert "python -m x --compare &#39;a b.json&#39; &lt;c&gt;" in text


@pytest.mark.parametrize("ending", ["<b>", "</script>", "'\"&"])
def test_names_stay_text(ending):
    hostile = f"x{ending}"
    task = TemplateTask([f"?a {hostile}", "?a ?b"], [1, 2], name=hostile)
    result = toy_result(task, complexity=COMPLEXITY, curve=CURVE)
    text = render_comparison([(hostile, result), (f"{hostile}2", LEARNS)])
    assert hostile not in without_plotly(text)
    assert str(markupsafe.escape(hostile)) in text


def test_it_is_small_and_the_same_each_time():
    checks = [(str(i), LEARNS) for i in range(12)]
    text = render_comparison(checks)
    assert text == render_comparison(checks)
    assert len(text.encode()) < 6_000_000


NUMBERS = st.sampled_from(
    [0.0, 5e-324, 1e-300, 1e-9, 1.0, 1 + 1e-15, 1e9, 1e300, 1.7e308]
)
WIDE = st.tuples(NUMBERS, NUMBERS, NUMBERS).map(
    lambda ends: Interval(sorted(ends)[1], sorted(ends)[0], sorted(ends)[2])
)
UNBOUNDED = st.one_of(
    WIDE,
    WIDE.map(lambda x: Interval(x.value, x.low, math.inf)),
    st.just(Interval(math.inf, 1.0, math.inf)),
)


@settings(max_examples=60)
@example(
    eigenvalues=(Interval(1.7e308, 1e9, math.inf),) * 2,
    entries=(5e-324, 0.0, 1e9),
    sign=1,
    errors=(Interval(math.inf, 1.0, math.inf),) * 2,
    complexity=SampleComplexity(None, Interval(math.inf, 1.0, math.inf), 1e-300, 1.0),
    floor=1.0,
)
@given(
    eigenvalues=st.tuples(UNBOUNDED, UNBOUNDED),
    entries=st.tuples(NUMBERS, NUMBERS, NUMBERS),
    sign=st.sampled_from([1, -1]),
    errors=st.tuples(UNBOUNDED, UNBOUNDED),
    complexity=st.builds(
        SampleComplexity,
        st.none() | st.integers(0, 10**18),
        UNBOUNDED,
        NUMBERS.filter(bool),
        NUMBERS,
    ),
    floor=NUMBERS,
)
def test_whatever_the_numbers_there_is_a_page(
    eigenvalues, entries, sign, errors, complexity, floor
):
    """Files may hold any; no chart takes a logarithm or a ratio of the wrong ones."""
    a, b, c = entries
    result = toy_result(
        eigenvalues=eigenvalues,
        complexity=complexity,
        curve=Curve((1, 10), errors, 1e-3),
    )
    square = ((a, sign * b), (sign * b, c))
    estimates = dataclasses.replace(
        result.estimates, matrix=square, attention=square, matrix_halfwidth=square
    )
    result = dataclasses.replace(result, estimates=estimates, mlp_floor=floor)
    for text in (render_comparison([("a", result), ("b", LEARNS)]), page(result)):
        for block in re.findall(r'-data">(.*?)</script>', text):
            json.loads(block, parse_constant=pytest.fail)
