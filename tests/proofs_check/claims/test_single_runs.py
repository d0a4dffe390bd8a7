"""C10: dense regressions against other ways to them, and findings that can fail."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from numerics import Architecture, TransformerKernelRegressor, template_gram
from numerics.learning.curves import learning_curve, task_regression
from numerics.networks.mlp import MLP
from numerics.networks.training import Training
from proofs_check.claims import single_runs as module
from proofs_check.claims.single_runs import single_runs
from proofs_check.evidence.kernel_sets import (
    KernelSets,
    closed_form,
    draw_templates,
    regression_errors,
)
from proofs_check.evidence.mlp_data import MLPData
from proofs_check.seeds import torch_stream
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding
from symbind_theory.validation import InputError

TASK = builtin_task("same-different")
WILD = Training(30, optimiser="sgd", learning_rate=1e9)
SMALL: dict[str, Any] = {
    "mlp": MLP(width=4),
    "training": Training(steps=2),
    "runs": 256,
}
WEIGHTED = TemplateTask(["?a ?a", "?a ?b", "?a X"], [1, -1, 2], [2, 1, 1], noise=0.5)


@pytest.fixture(scope="module")
def gram():
    return template_gram(WEIGHTED.templates, Architecture(beta=2.0), rel_tol=0.05)


def judged(report: Any) -> list[Finding]:
    return [f for f in report.findings if f.outcome is not None]


def test_dense_regression_is_that_of_the_estimator():
    """The estimator reads strings; here it gets the same templates and labels."""
    model = TransformerKernelRegressor(Architecture(beta=2.0), alpha=0.01, cache=None)
    regression = task_regression(TASK, 0.01, 0.0)
    kernel = template_gram(TASK.templates, Architecture(beta=2.0))
    row = np.array([0, 1, 1, 0, 1, 1, 1])
    strings = [f"s{i} s{i}" if z == 0 else f"s{i} t{i}" for i, z in enumerate(row)]
    fitted = model.fit(strings, regression.labels[row])
    predicted = fitted.predict(["p p", "q r"])
    expected = float(regression.weights @ (predicted - regression.labels) ** 2)
    found = regression_errors(kernel, regression, row[None], np.random.default_rng(0))
    # The two estimates of N come from points of their own.
    assert found[0] == pytest.approx(expected, rel=1e-3)


def test_without_noise_every_set_has_the_closed_form(gram):
    regression = task_regression(WEIGHTED, 0.01, 0.0)
    generator = np.random.default_rng(0)
    templates = draw_templates(KernelSets(50, 12), regression, generator)
    counts = np.array([np.bincount(row, minlength=3) for row in templates], dtype=float)
    np.testing.assert_allclose(
        regression_errors(gram, regression, templates, generator),
        closed_form(gram, regression, counts),
        rtol=1e-9,
    )


def test_noise_adds_its_variance(gram):
    """One set with many draws of noise; the mean within 4 standard errors."""
    regression = task_regression(WEIGHTED, 0.01, 3.0)
    templates = np.tile([0, 0, 1, 1, 1, 2], (20_000, 1))
    found = regression_errors(gram, regression, templates, np.random.default_rng(0))
    expected = closed_form(gram, regression, np.array([[2.0, 3.0, 1.0]]))[0]
    error = found.std() / len(found) ** 0.5
    assert abs(found.mean() - expected) < 4 * error
    assert error < 0.02 * expected
    quiet = task_regression(WEIGHTED, 0.01, 0.0)
    without = closed_form(gram, quiet, np.array([[2.0, 3.0, 1.0]]))[0]
    assert expected - without > 20 * error


def test_closed_form_at_expected_counts_is_the_learning_curve(gram):
    regression = task_regression(WEIGHTED, 0.01)
    curve = learning_curve(WEIGHTED, sizes=[40], alpha=0.01, gram=gram)
    found = closed_form(gram, regression, 40 * regression.weights[None])
    assert regression.from_units(found[0]) == pytest.approx(curve.mse[0])


def test_templates_are_drawn_by_weight():
    regression = task_regression(WEIGHTED, 0.01)
    options = KernelSets(1000, 40)
    templates = draw_templates(options, regression, np.random.default_rng(0))
    shares = np.bincount(templates.ravel()) / templates.size
    # Four standard errors.
    assert np.abs(shares - [0.5, 0.25, 0.25]).max() < 4 * 0.5 / 40_000**0.5


def test_two_blocks_are_one(gram, monkeypatch):
    regression = task_regression(WEIGHTED, 0.01, 0.0)
    templates = draw_templates(KernelSets(10, 5), regression, np.random.default_rng(0))
    whole = regression_errors(gram, regression, templates, np.random.default_rng(0))
    monkeypatch.setattr("proofs_check.evidence.kernel_sets._AT_ONCE", 75)
    parts = regression_errors(gram, regression, templates, np.random.default_rng(0))
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_a_closed_form_without_noise_is_noticed(monkeypatch):
    """One that forgets σ is a tenth too low, and refuted."""
    quiet = task_regression(TASK, 1e-3, 0.0)
    monkeypatch.setattr(
        module, "closed_form", lambda gram, _, counts: closed_form(gram, quiet, counts)
    )
    report = single_runs(
        TASK,
        architecture=Architecture(beta=2.0),
        kernel_sets=KernelSets(noise=2.0),
        **SMALL,
    )
    assert [f.outcome for f in judged(report)] == [Outcome.HOLDS, Outcome.REFUTED]


@pytest.mark.parametrize("strings", [1, 8])
def test_tasks_without_noise_are_compared_set_by_set(strings):
    report = single_runs(
        TASK,
        architecture=Architecture(),
        kernel_sets=KernelSets(sets=20, strings=strings),
        **SMALL,
    )
    finding = judged(report)[1]
    assert finding.outcome is Outcome.HOLDS
    assert finding.false_alarm == 0
    careless = single_runs(
        TASK,
        architecture=Architecture(),
        kernel_sets=KernelSets(sets=20, strings=strings),
        statement="expected counts",
        **SMALL,
    )
    assert judged(careless)[1].outcome is Outcome.REFUTED


def test_the_two_sets_come_from_different_runs():
    report = single_runs(TASK, seed=5, **SMALL)
    data = MLPData.draw(TASK, module.MLPSizes(), 5)
    stack = data.trained(SMALL["mlp"], SMALL["training"], 512, 5)
    losses = data.loss(stack, data.test)
    estimate = judged(report)[0].estimate
    assert estimate is not None
    # The same runs would be at a distance far below that of independent ones.
    shuffled = module.random_permutations(2, data.vocabulary, 8, torch_stream(5, 1))
    other = data.loss(stack, module.permute(shuffled, data.test))
    expected: Any = ks_2samp(losses[:256], other[256:])
    assert estimate.value == pytest.approx(expected.statistic)


def test_few_runs_say_nothing():
    options = {**SMALL, "runs": 20}
    assert single_runs(TASK, **options).outcome is Outcome.UNDECIDED


def test_every_run_holds_where_no_run_is_below():
    """Templates of different skeletons have floor 0, which no loss is below."""
    task = TemplateTask(["?a X", "X ?a"], [1, -1])
    report = single_runs(task, statement="every run", **{**SMALL, "runs": 4})
    assert report.outcome is Outcome.HOLDS


def test_quantiles_have_their_ends():
    values = np.arange(1.0, 513.0)
    for finding, p in zip(module._quantiles("x", values), (5, 50, 95), strict=True):
        assert finding.outcome is None
        assert finding.statement == f"x, {p} % quantile"
        assert finding.estimate is not None
        assert finding.estimate.contains(5.12 * p)
        assert finding.estimate.halfwidth < 60
    few = module._quantiles("x", values[:3])[2].estimate
    assert few is not None
    assert few.high == np.inf


def test_beyond_float64_nothing_is_decided():
    report = single_runs(TASK, training=WILD, runs=2)
    assert report.outcome is Outcome.UNDECIDED
    assert "lower the learning rate" in report.evidence


def test_equal_seeds_equal_reports():
    options = {**SMALL, "runs": 10}
    one, same, other = (single_runs(TASK, seed=s, **options) for s in (0, 0, 1))
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"statement": "mean"}, "statement is 'mean'"),
        ({"runs": 1}, "runs is 1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_arguments_out_of_range(bad: dict[str, Any], message):
    with pytest.raises(InputError, match=message):
        single_runs(TASK, **bad)


@pytest.mark.parametrize(
    "bad", [{"sets": 1}, {"strings": 0}, {"alpha": 0.0}, {"noise": -1.0}]
)
def test_kernel_sets_out_of_range(bad: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(bad))):
        KernelSets(**bad)


def test_labels_that_are_tokens_are_compared_one_by_one():
    task = TemplateTask(["?a ?a", "?a ?b"], ["same", "different"])
    report = single_runs(task, **{**SMALL, "runs": 4})
    labels = {f.statement.partition(":")[0] for f in report.findings}
    assert labels == {"label same", "label different"}
