"""Files of checks are read back as they were written."""

import dataclasses
import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.builders.toy_result import toy_result

from numerics import Architecture, CustomActivation, ReLU
from symbind_theory import TemplateTask, builtin_task, check, load_task
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.files import parse_result
from symbind_theory.records.learning import Alignment, Curve, SampleComplexity
from symbind_theory.report.document import as_document, to_json
from symbind_theory.strategies import tasks

LAWS = Path(__file__).parents[3] / "examples" / "laws.toml"
LEVEL = 0.999


@st.composite
def intervals(draw):
    """Of non-negative quantities; the value and the ends may be infinite."""
    low, value, high = sorted(
        draw(st.lists(st.floats(0, math.inf), min_size=3, max_size=3))
    )
    return Interval(value, low, high, LEVEL)


@st.composite
def complexities(draw):
    positive = st.floats(1e-6, 1e6)
    number = draw(st.none() | st.integers(0, 10**15))
    return SampleComplexity(number, draw(intervals()), draw(positive), draw(positive))


@st.composite
def alignments(draw, size):
    labels = draw(st.lists(st.floats(-9, 9), min_size=size, max_size=size))
    return Alignment(draw(intervals()), tuple(labels), draw(complexities()))


@st.composite
def curves(draw):
    sizes = sorted(draw(st.sets(st.integers(1, 10**6), min_size=1, max_size=4)))
    mse = [draw(intervals()) for _ in sizes]
    return Curve(tuple(sizes), tuple(mse), draw(st.floats(1e-6, 1)))


@st.composite
def results(draw):
    task = draw(tasks() | tasks(symbolic=True))
    task = TemplateTask(
        task.templates,
        task.labels,
        draw(st.none() | weights(len(task))) or task.weights,
        draw(st.none() | st.text()),
        noise=0 if task.symbolic else draw(st.floats(0, 5)),
    )
    outcome = st.sampled_from(Outcome)
    return toy_result(
        task,
        draw(outcome),
        draw(outcome),
        evidence=draw(st.text()),
        condition=draw(intervals()),
        complexity=draw(st.none() | complexities()),
        alignment=draw(st.none() | alignments(len(task))),
        curve=draw(st.none() | curves()),
        leading=draw(st.sampled_from([(None, "0"), (None, None), (3, "gamma**2")])),
    )


def weights(size):
    return st.lists(st.floats(1e-9, 1), min_size=size, max_size=size)


@given(results())
def test_what_is_written_reads_back(result):
    assert as_document(parse_result(to_json(result))) == as_document(result)


def rounded(task, weights):
    """The task with labels as the decimals of a document, and with these weights."""
    return TemplateTask(
        task.templates,
        [y if isinstance(y, str) else float(y) for y in task.labels],
        weights,
        task.name,
        laws=task.laws,
        noise=task.noise,
        description=task.description,
    )


def simple(task):
    """Whether the document of a check holds all of the task."""
    return all(w.denominator <= 10**6 for w in task.weights) and (
        rounded(task, task.weights) == task
    )


@given(results())
def test_what_is_read_is_the_record(result):
    """All but what the document rounds: labels, and weights of other denominators."""
    read = parse_result(to_json(result))
    task = rounded(result.task, read.task.weights)
    assert read == dataclasses.replace(result, task=task)
    assert sum(read.task.weights) == 1
    if simple(result.task):
        assert read == result
        assert hash(read) == hash(result)


@pytest.mark.parametrize(
    ("label", "weights"), [(Fraction(1, 3), [1, 1]), (1, [9703079, 4271547])], ids=str
)
def test_what_the_document_rounds_is_unequal(label, weights):
    result = toy_result(TemplateTask(["?a ?a", "?a ?b"], [label, -1], weights))
    assert parse_result(to_json(result)) != result


REAL = {
    "defaults": (builtin_task("same-different"), Architecture()),
    "one template that is copied": (builtin_task("copy"), Architecture()),
    "symbolic": (TemplateTask(["?a X", "X ?a"], ["yes", "no"]), Architecture()),
    "singular": (TemplateTask(["?a ?b", "?b ?a"], [1, -1]), Architecture()),
    "noise and weights": (load_task(LAWS), Architecture()),
    "overlaps for any tokens": (
        TemplateTask(["?a X", "α ?b"], [0.5, -2], [1, 2]),
        Architecture(2.0, 0.5, "mean", ReLU(), identity_kq=-0.5),
    ),
    "an activation of one's own": (
        builtin_task("same-different"),
        Architecture(activation=CustomActivation(lambda t: t**3, name="cube")),
    ),
}


@pytest.mark.parametrize("case", REAL)
def test_real_checks_read_back(case):
    """A wide target, so that few strings are drawn from the law that names tokens."""
    result = check(*REAL[case], max_points=64, target=0.5)
    assert (result.finite_diversity is None) == (case != "noise and weights")
    read = parse_result(to_json(result))
    assert read == result
    assert as_document(read) == as_document(result)
    assert read.exit_status == result.exit_status


def test_an_irrational_floor_keeps_its_number_and_not_its_text():
    """√2 is never evaluated; the text becomes the float's, from then on unchanged."""
    task = TemplateTask(["?a ?a", "?a ?b"], [sympy.sqrt(sympy.sqrt(2)), 0])
    result = toy_result(task)
    written = as_document(result)
    assert written["mlp_floor_exact"] == "sqrt(2)/4"
    read = parse_result(to_json(result))
    assert read.mlp_floor == float(sympy.sqrt(2) / 4)
    again = as_document(read)
    changed = {name for name in written if written[name] != again[name]}
    assert changed == {"mlp_floor_exact"}
    assert as_document(parse_result(to_json(read))) == again


def test_a_rational_floor_is_exact():
    task = TemplateTask(["?a ?a", "?a ?b"], [1, 0], [1, 2])
    assert parse_result(to_json(toy_result(task))).mlp_floor == Fraction(2, 9)


def test_a_floor_beyond_float64_reads_back():
    result = toy_result(TemplateTask(["?a ?a", "?a ?b"], [1e300, 0]))
    read = parse_result(to_json(result))
    assert read.mlp_floor == Fraction(10**600, 4)
    document = as_document(result)
    document["mlp_floor_exact"] = "sqrt(2)*10**400"
    assert parse_result(json.dumps(document)).mlp_floor == math.inf


def test_text_of_a_floor_is_never_evaluated(tmp_path):
    trap = tmp_path / "trap"
    document = as_document(toy_result())
    document["mlp_floor_exact"] = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    assert parse_result(json.dumps(document)).mlp_floor == 1.0
    assert not trap.exists()


@pytest.mark.parametrize(
    "given_weights",
    [[1, 2], [3, 3, 1], [1, 0, 4], [1, 1e-30], [0.1, 0.2, 0.7]],
    ids=str,
)
def test_simple_weights_are_exact(given_weights):
    templates = [f"X{i} ?a" for i in range(len(given_weights))]
    task = TemplateTask(templates, list(range(len(templates))), given_weights)
    read = parse_result(to_json(toy_result(task))).task.weights
    assert [float(w) for w in read] == [float(w) for w in task.weights]
    if min(task.weights) == 0 or min(task.weights) > Fraction(1, 10**6):
        assert read == task.weights


@pytest.mark.parametrize(
    "counts",
    [
        [9703079, 4271547, 60929, 2028223],
        [2176424, 4899908, 810761, 1145982],
        [53201, 1036787, 7095777, 352980],
    ],
    ids=str,
)
def test_weights_keep_their_floats_where_a_common_factor_would_not(counts):
    """The floats do not sum to 1, and divided by their sum some round elsewhere."""
    task = TemplateTask([f"X{i}" for i in range(4)], range(4), counts)
    written = [float(w) for w in task.weights]
    total = sum(map(Fraction, written))
    assert [float(Fraction(w) / total) for w in written] != written
    read = parse_result(to_json(toy_result(task))).task.weights
    assert sum(read) == 1
    assert [float(w) for w in read] == written


def test_every_interval_has_the_level_of_the_document():
    document = as_document(toy_result())
    document["level"] = 0.75
    read = parse_result(json.dumps(document))
    estimates = read.estimates
    assert estimates.smallest_eigenvalue.level == 0.75
    assert {gap.estimate.level for gap in estimates.gaps} == {0.75}


def test_what_a_later_version_adds_is_left_alone():
    document = as_document(toy_result())
    document["added"] = {"more": [1]}
    document["gaps"][0]["added"] = None
    document["verdicts"][0]["added"] = 3
    assert as_document(parse_result(json.dumps(document))) == as_document(toy_result())


def test_noise_may_be_absent():
    document = as_document(toy_result())
    del document["noise"]
    assert parse_result(json.dumps(document)).task.noise == 0
