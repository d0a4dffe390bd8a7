"""C5: the error on unseen symbols against dense algebra, and how findings fail."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from symbind_testing.tasks import COPY, SAME_DIFFERENT, same_different

from numerics import (
    Architecture,
    TransformerKernelRegressor,
    learning_curve,
    template_gram,
)
from proofs_check.claims.generalisation import (
    TrainingSizes,
    generalisation,
)
from proofs_check.evidence.training_sets import fresh_sample
from proofs_check.evidence.unseen_error import fresh_error
from proofs_check.judgements import TEST_LEVEL
from symbind_theory import InputError, Outcome, TemplateTask, builtin_task

NOISY = same_different(noise=0.3)
UNEVEN = TemplateTask(["?a ?a", "?a ?b", "X ?a"], [1, -1, 0.25], [5, 3, 1], noise=0.1)
GRAM = template_gram(SAME_DIFFERENT.templates, level=TEST_LEVEL)
FAST = Architecture(beta=3.0)
FEW = TrainingSizes(few=40, few_sets=6, many=400, many_sets=4)


def outcomes(report):
    """Outcomes by the beginning of the statement; the first is only reported."""
    names = ["closed form at the counts", "closed form", "observed", "floor"]
    judged = report.findings[1:]
    return {n: f.outcome for n, f in zip(names, judged, strict=False)}


@pytest.mark.parametrize("task", [NOISY, UNEVEN])
def test_error_is_that_of_dense_algebra(task):
    """K of strings that share no symbol is N by template, and K_self on the diagonal.

    N here is an estimate with other points than the regressor's.
    """
    alpha, n = 0.01, 60
    sample = fresh_sample(task, n, seed=3)
    gram = template_gram(task.templates, seed=5)
    i = np.array(sample.template_indices)
    kernel = gram.matrix[np.ix_(i, i)] + np.diag(gram.excess[i])
    dual = np.linalg.solve(kernel + alpha * np.eye(n), np.array(sample.labels))
    missed = gram.matrix[:, i] @ dual - [float(y) for y in task.labels]
    expected = sum(
        float(w) * x**2 for w, x in zip(task.weights, missed.tolist(), strict=True)
    )
    model = TransformerKernelRegressor(alpha=alpha)
    assert fresh_error(model, task, sample) == pytest.approx(expected, rel=5e-3)


def test_without_noise_the_closed_form_is_exact_at_every_count():
    report = generalisation(SAME_DIFFERENT, target=0.5, sizes=FEW, gram=GRAM)
    assert report.outcome is Outcome.HOLDS
    difference = report.findings[1].estimate
    assert difference is not None
    # What is left is the error of N, within which the two sides' points differ.
    assert abs(difference.value) < 1e-3


@pytest.mark.parametrize(
    ("task", "options", "refuted"),
    [
        (
            SAME_DIFFERENT,
            {"gram": replace(GRAM, architecture=FAST), "architecture": FAST},
            "closed form at the counts",
        ),
        (SAME_DIFFERENT, {"target": 0.05}, "closed form"),
        (TemplateTask(["?a ?b", "?b ?a"], [1, -1]), {}, "observed"),
        (
            same_different([99, 1]),
            {"sizes": TrainingSizes(few=4, few_sets=2, many=1, many_sets=2)},
            "floor",
        ),
    ],
)
def test_every_finding_can_fail(task, options, refuted):
    gram = GRAM if task.templates == GRAM.templates else None
    settings = {"target": 0.5, "sizes": FEW, "gram": gram, **options}
    found = outcomes(generalisation(task, **settings))
    assert found[refuted] is Outcome.REFUTED


def test_noise_is_what_the_closed_form_says():
    """Where labels are noise alone, all of the error is what it adds."""
    noise = TemplateTask(SAME_DIFFERENT.templates, [0, 0], noise=1.0)
    sizes = TrainingSizes(few=40, few_sets=100, many=40, many_sets=2)
    report = generalisation(noise, target=0.9, sizes=sizes, gram=GRAM)
    found = report.findings[1].estimate
    assert found is not None
    assert found.contains(0.0)
    whole = learning_curve(noise, sizes=[40], alpha=1e-2, gram=GRAM).mse.item()
    assert found.halfwidth < 0.8 * whole


def test_collisions_are_allowed_among_the_many():
    sizes = TrainingSizes(few=20, few_sets=4, many=600, many_sets=4, vocabulary=300)
    report = generalisation(
        SAME_DIFFERENT, Architecture(beta=2.0), target=0.2, sizes=sizes, alpha=0.05
    )
    assert outcomes(report)["observed"] is Outcome.HOLDS


def test_equal_seeds_give_equal_reports():
    def run(seed):
        return generalisation(NOISY, target=0.5, sizes=FEW, gram=GRAM, seed=seed)

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.slow
def test_four_symbols_with_positions_alone():
    """Every symbol is as frequent in both templates."""
    task = builtin_task("aabb-abab")
    sizes = TrainingSizes(few=200, few_sets=24, many=8000)
    report = generalisation(task, Architecture(beta=3.0), target=0.2, sizes=sizes)
    assert report.outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 0}, "target is 0; expected"),
        ({"alpha": 0}, "alpha is 0; expected"),
        ({"seed": -1}, "seed is -1; expected"),
        (
            {"gram": template_gram(["?a ?b", "?a ?a"])},
            r"gram is of '\?a \?b' as template 1; expected '\?a \?a'",
        ),
        (
            {"gram": GRAM, "architecture": FAST},
            r"gram is of an architecture with beta 1\.0; expected beta 3\.0",
        ),
        ({"sizes": TrainingSizes(vocabulary=0)}, "vocabulary is 0; expected"),
        ({"sizes": TrainingSizes(vocabulary=["a"])}, "vocabulary"),
    ],
)
def test_bad_input(options: dict[str, Any], message):
    with pytest.raises(InputError, match=message):
        generalisation(SAME_DIFFERENT, **options)


def test_bad_tasks_and_sizes():
    with pytest.raises(InputError, match="labels are symbolic"):
        generalisation(COPY)
    for name in ("few", "few_sets", "many", "many_sets"):
        with pytest.raises(InputError, match=f"{name} is 0; expected"):
            TrainingSizes(**{name: 0})
