"""Labels that are tokens: one task with numbers for each of them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from proofs_check.evidence.token_labels import one_hot, report_on_labels
from proofs_check.judgements import proved
from symbind_theory import InputError, TemplateTask, builtin_task
from symbind_theory.outcome import Outcome
from symbind_theory.strategies import tasks


@given(tasks(symbolic=True))
def test_a_template_has_1_in_the_task_of_its_label_alone(task):
    numbers = one_hot(task)
    columns = np.array([[int(y) for y in each.labels] for each in numbers.values()])
    assert (columns.sum(0) == 1).all()
    for label, each in numbers.items():
        assert [y == 1 for y in each.labels] == [str(y) == label for y in task.labels]
        assert (each.templates, each.weights, each.laws) == (
            task.templates,
            task.weights,
            task.laws,
        )


def test_a_copied_label_is_a_label_of_its_own():
    """Which variable is printed is what an MLP cannot tell: the floor says so."""
    numbers = one_hot(builtin_task("print-any-string"))
    assert list(numbers) == ["?q", "?r"]
    assert {each.mlp_floor() for each in numbers.values()} == {Fraction(1, 4)}


def test_findings_name_their_label():
    def findings(task):
        yield proved("the first label is 1", task.labels[0] == 1)

    task = TemplateTask(["X ?a", "Y ?a"], ["yes", "no"])
    report = report_on_labels("C5", task, findings)
    assert [str(f) for f in report.findings] == [
        "label yes: the first label is 1",
        "label no: the first label is 1",
    ]
    assert [f.outcome for f in report.findings] == [Outcome.HOLDS, Outcome.REFUTED]
    real = TemplateTask(["X ?a", "Y ?a"], [1, 0])
    (finding,) = report_on_labels("C5", real, findings).findings
    assert str(finding) == "the first label is 1"


def test_labels_beyond_float64_are_refused():
    huge = TemplateTask(["?a"], [1e200])
    with pytest.raises(InputError, match=r"a label is 1e\+200"):
        report_on_labels("C5", huge, lambda _: ())
