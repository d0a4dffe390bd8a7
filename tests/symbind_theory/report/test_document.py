"""The JSON document: strict, complete, and the same numbers as the record."""

import json
import math
from fractions import Fraction
from itertools import combinations

import pytest
import sympy
from symbind_testing.tasks import same_different

from numerics import Architecture, Cosine
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.check import CheckResult, Estimates, Gap, Headline
from symbind_theory.records.learning import Alignment, Curve, SampleComplexity
from symbind_theory.records.verdict import Verdict
from symbind_theory.report.document import as_document, to_json
from symbind_theory.tasks import TemplateTask

KEYS = {
    "task",
    "templates",
    "labels",
    "architecture",
    "equivalent_pairs",
    "overlapping_pairs",
    "mlp_floor",
    "mlp_floor_exact",
    "gaps",
    "attention",
    "matrix",
    "smallest_eigenvalue",
    "condition_number",
    "sample_complexity",
    "verdicts",
    "seed",
    "version",
}
SAME_DIFFERENT = same_different(name="same/different")


def record(
    task=SAME_DIFFERENT,
    condition=None,
    complexity=None,
    floor=None,
    alignment=None,
    curve=None,
):
    """A record whose every number is different."""
    size = range(len(task))
    entry = [[float(i + j) for j in size] for i in size]

    def rows(offset):
        return tuple(tuple(offset + x for x in row) for row in entry)

    def row(offset):
        return tuple(offset + i for i in size)

    return CheckResult(
        task=task,
        architecture=Architecture(2.0, activation=Cosine(b1=0.5)).record(),
        equivalent_pairs=task.equivalent_pairs(),
        overlapping_pairs=task.overlapping_pairs("symbols"),
        overlapping_pairs_any=task.overlapping_pairs("any"),
        collapsed_pairs=task.equivalent_pairs(),
        mlp_floor=task.mlp_floor() if floor is None else floor,
        estimates=Estimates(
            attention=rows(0.125),
            attention_halfwidth=rows(100.0),
            attention_self=row(200.0),
            matrix=rows(300.0),
            matrix_halfwidth=rows(400.0),
            matrix_self=row(500.0),
            gaps=tuple(
                Gap(i, j, Interval(i + j, 0, i + j + 1.0), j, f"gamma**{i}")
                for i, j in combinations(size, 2)
            ),
            eigenvalues=(Interval(4.5, 4.25, 4.75), Interval(0.25, 0.125, 0.5)),
            smallest_eigenvalue=Interval(0.25, 0.125, 0.5, level=0.95),
            condition_number=condition or Interval(7.0, 6.0, 8.0),
            attention_smallest_eigenvalue=Interval(0.375, 0.25, 0.5),
            level=0.95,
            points=256,
            method="mc",
            device="cpu",
        ),
        sample_complexity=complexity,
        alignment=alignment,
        learning_curve=curve,
        finite_diversity=None,
        headline=Headline("undecided", "Undecided.", "undecided", "Of nothing."),
        verdicts=(Verdict("C3", Outcome.HOLDS, "Because."),),
        seed=11,
        version="1.2.3",
    )


def read(text):
    """The document, read by a parser that refuses NaN and Infinity."""

    def refuse(name):
        raise AssertionError(f"{name} in a strict document")

    return json.loads(text, parse_constant=refuse)


def test_every_key_is_there():
    assert set(as_document(record())) >= KEYS


def test_the_text_is_the_document():
    complexity = SampleComplexity(12, Interval(11.5, 10, 13), target=0.25, alpha=0.5)
    result = record(complexity=complexity)
    assert read(to_json(result)) == json.loads(json.dumps(as_document(result)))


def test_the_numbers_are_those_of_the_record():
    complexity = SampleComplexity(12, Interval(11.5, 10, 13), target=0.25, alpha=0.5)
    result = record(complexity=complexity)
    document, estimates = read(to_json(result)), result.estimates
    for name in (
        "attention",
        "attention_halfwidth",
        "matrix",
        "matrix_halfwidth",
    ):
        assert document[name] == [list(row) for row in getattr(estimates, name)]
    for name in ("attention_self", "matrix_self"):
        assert document[name] == list(getattr(estimates, name))
    assert document["smallest_eigenvalue"] == {"value": 0.25, "low": 0.125, "high": 0.5}
    assert document["condition_number"] == {"value": 7.0, "low": 6.0, "high": 8.0}
    assert document["attention_smallest_eigenvalue"] == {
        "value": 0.375,
        "low": 0.25,
        "high": 0.5,
    }
    assert document["eigenvalues"] == [
        {"value": 4.5, "low": 4.25, "high": 4.75},
        {"value": 0.25, "low": 0.125, "high": 0.5},
    ]
    assert document["learning_curve"] is None
    curve = Curve((1, 10), (Interval(2.0, 1.0, 3.0), Interval(0.5, 0, math.inf)), 0.125)
    assert as_document(record(curve=curve))["learning_curve"] == {
        "sizes": [1, 10],
        "mse": [
            {"value": 2.0, "low": 1.0, "high": 3.0},
            {"value": 0.5, "low": 0, "high": None},
        ],
        "alpha": 0.125,
    }
    assert document["alignment"] is None
    alignment = Alignment(Interval(0.5, 0.25, 1.0), (1.5, -0.5), complexity)
    assert as_document(record(alignment=alignment))["alignment"] == {
        "energy": {"value": 0.5, "low": 0.25, "high": 1.0},
        "hardest_labels": [1.5, -0.5],
        "hardest_sample_complexity": document["sample_complexity"],
    }
    assert document["sample_complexity"] == {
        "n": 12,
        "value": 11.5,
        "low": 10,
        "high": 13,
        "target": 0.25,
        "alpha": 0.5,
    }
    assert document["verdicts"] == [
        {"claim": "C3", "verdict": "HOLDS", "evidence": "Because."}
    ]
    assert document["architecture"] == {
        "beta": 2.0,
        "gamma": 1.0,
        "readout": "cls",
        "activation": {"name": "cos", "b1": 0.5, "b2": 0.3},
        "identity_kq": 0.0,
        "identity_vo": 0.0,
        "depth": 1,
        "residual": 0.0,
        "normalisation": None,
        "final_normalisation": False,
        "causal": False,
        "blocks": [],
        "relative": None,
        "tokens": None,
    }
    assert document["level"] == 0.95
    assert (document["points"], document["method"]) == (256, "mc")
    assert (document["device"], document["seed"]) == ("cpu", 11)
    assert document["version"] == "1.2.3"


def test_the_task_is_there_as_text_and_numbers():
    task = TemplateTask(["?a X", "α ?b"], [0.5, -2], weights=[1, 3])
    document = read(to_json(record(task)))
    assert document["task"] is None
    assert document["templates"] == ["?a X", "α ?b"]
    assert document["labels"] == [0.5, -2]
    assert document["weights"] == [0.25, 0.75]
    assert read(to_json(record()))["task"] == "same/different"


def test_pairs_and_gaps_count_from_zero():
    task = TemplateTask(["?a X", "?a ?b", "?b ?a"], [1, 2, 3])
    document = read(to_json(record(task)))
    assert document["equivalent_pairs"] == [[1, 2]]
    assert [(o["i"], o["j"]) for o in document["overlapping_pairs"]] == [(1, 2)]
    assert task.match(document["overlapping_pairs"][0]["witness"]) is not None
    assert document["collapsed_pairs"] == [[1, 2]]
    loose = [(o["i"], o["j"]) for o in document["overlapping_pairs_any"]]
    assert loose == [(0, 1), (0, 2), (1, 2)]
    assert [(g["i"], g["j"]) for g in document["gaps"]] == [(0, 1), (0, 2), (1, 2)]
    assert document["gaps"][2] == {
        "i": 1,
        "j": 2,
        "order": 2,
        "coefficient": "gamma**1",
        "estimate": {"value": 3, "low": 0, "high": 4},
    }


def test_symbolic_labels_have_no_floor_and_stay_text():
    task = TemplateTask(["?a X", "?a ?b"], ["no", "?b"])
    document = read(to_json(record(task)))
    assert document["labels"] == ["no", "?b"]
    assert document["mlp_floor"] is None
    assert document["mlp_floor_exact"] is None
    assert document["sample_complexity"] is None


def test_the_floor_is_a_number_and_exact_text():
    task = TemplateTask(["?a ?a", "?a ?b"], [1, 0], weights=[1, 2])
    document = read(to_json(record(task)))
    assert document["mlp_floor"] == 2 / 9
    assert document["mlp_floor_exact"] == "2/9"


def test_an_irrational_floor_is_exact_text_too():
    task = TemplateTask(["?a ?a", "?a ?b"], [sympy.sqrt(2), 0])
    document = read(to_json(record(task)))
    assert document["mlp_floor"] == pytest.approx(0.5)
    assert sympy.simplify(sympy.sympify(document["mlp_floor_exact"])) == (
        sympy.Rational(1, 2)
    )


def test_what_is_infinite_becomes_null():
    result = record(
        condition=Interval(math.inf, 3.0, math.inf),
        complexity=SampleComplexity(
            None, Interval(math.inf, 0, math.inf), target=1, alpha=1
        ),
    )
    document = read(to_json(result))
    assert document["condition_number"] == {"value": None, "low": 3.0, "high": None}
    assert document["sample_complexity"]["n"] is None
    assert document["sample_complexity"]["high"] is None


def test_a_floor_beyond_float64_becomes_null():
    document = read(to_json(record(floor=Fraction(10**400))))
    assert document["mlp_floor"] is None
    assert document["mlp_floor_exact"] == str(10**400)


def test_the_text_is_ascii_and_reads_back_as_it_was():
    text = to_json(record(TemplateTask(["α α"], [1])))
    assert text.isascii()
    assert read(text)["templates"] == ["α α"]
