"""Estimators with the kernel of a deep transformer, on a finite vocabulary."""

import numpy as np
import pytest
from symbind_testing.tasks import AABB_ABAB, SAME_DIFFERENT, same_different

from numerics import (
    Architecture,
    DeepKernel,
    TransformerKernelClassifier,
    TransformerKernelRegressor,
    learning_curve,
    perturbed_curve,
    template_gram,
)
from numerics.estimators.unseen_error import fresh_error
from symbind_theory import TemplateTask

DEEP = Architecture(
    depth=3, residual=1.0, normalisation="pre", readout="last", identity_kq=2.0
)


def model(architecture=DEEP, alpha=0.05, points=2**10):
    return TransformerKernelRegressor(architecture, alpha, points=points, progress=None)


def sample(task, count, vocabulary, seed=0):
    return task.sample(count, [f"v{i}" for i in range(vocabulary)], seed)


def test_same_and_different_symbols_that_were_never_seen():
    """Training strings share tokens, among them two at once."""
    drawn = sample(SAME_DIFFERENT, 300, 60)
    fitted = model().fit(list(drawn.strings), [float(y) for y in drawn.labels])
    predicted = fitted.predict(["new new", "new other", "v1 new", "new v1"])
    assert (np.sign(predicted) == [1, -1, -1, -1]).all()
    assert fitted.residual_ < 1e-8
    assert 0 < fitted.kernel_error_ < 0.05


def test_classes_of_symbols_that_were_never_seen():
    drawn = sample(SAME_DIFFERENT, 200, 60)
    names = ["same" if float(y) > 0 else "other" for y in drawn.labels]
    model = TransformerKernelClassifier(DEEP, 0.05, points=2**10, progress=None)
    fitted = model.fit(list(drawn.strings), names)
    assert fitted.predict(["new new", "new other"]).tolist() == ["same", "other"]


def test_a_ridge_below_the_kernels_error_is_warned_of(caplog):
    drawn = sample(SAME_DIFFERENT, 50, 20)
    labels = [float(y) for y in drawn.labels]
    model(alpha=1e-4).fit(list(drawn.strings), labels)
    assert "raise alpha or points" in caplog.text


def test_the_error_is_that_of_the_learning_curve():
    """Without shared tokens the curve is exact; few collisions do not change it."""
    task, count = same_different(), 300
    gram = template_gram(task.templates, DEEP, max_points=2**12)
    known = learning_curve(task, None, [count], 0.05, counts="random", gram=gram)
    errors = [
        fresh_error(model(), task, sample(task, count, 10**5, seed))
        for seed in range(8)
    ]
    spread = np.std(errors, ddof=1) / np.sqrt(8)
    # Six standard errors, and a part in a hundred for the points.
    assert np.mean(errors) == pytest.approx(known.mse[0], abs=6 * spread, rel=0.01)


@pytest.mark.slow
def test_collisions_move_the_error_as_the_first_order_says():
    """A string in thirty shares a token, and the error is lower by a tenth."""
    task, count, vocabulary = same_different(), 300, 20_000
    found = perturbed_curve(task, vocabulary, DEEP, [count], 0.05)
    errors = [
        fresh_error(model(points=2**13), task, sample(task, count, vocabulary, seed))
        for seed in range(40)
    ]
    spread = np.std(errors, ddof=1) / np.sqrt(40)
    # Four standard errors, and a part in a hundred for the second order.
    assert np.mean(errors) == pytest.approx(found.mse[0], abs=4 * spread, rel=0.01)
    assert np.mean(errors) < found.without[0] - 4 * spread


@pytest.mark.slow
def test_four_tokens_in_two_orders():
    """Templates that differ by order alone, with strings that share two tokens."""
    task = TemplateTask(AABB_ABAB, [1, -1])
    drawn = sample(task, 400, 50)
    labels = [float(y) for y in drawn.labels]
    deep = Architecture(depth=2, residual=0.5, normalisation="pre", beta=2.0)
    fitted = model(architecture=deep, alpha=1e-2).fit(list(drawn.strings), labels)
    predicted = fitted.predict(["p p q q", "p q p q"])
    assert predicted[0] > predicted[1]


def test_all_layers_are_trained_by_the_tangent_kernel():
    """By its name as by the kernel itself, and not as the readout alone is."""
    strings = [f"t{i} t{i}" for i in range(20)] + [f"u{i} v{i}" for i in range(20)]
    labels = [1.0] * 20 + [-1.0] * 20
    deep = Architecture(residual=1.0, normalisation="pre", readout="last")
    points = {"points": 2**10, "progress": None}
    named, plain = (
        TransformerKernelRegressor(deep, kernel=kernel, **points).fit(strings, labels)
        for kernel in ("ntk", None)
    )
    given = TransformerKernelRegressor(
        kernel=DeepKernel(deep, 2**10, kernel="ntk"), progress=None
    ).fit(strings, labels)
    asked = ["p p", "p q"]
    np.testing.assert_array_equal(named.predict(asked), given.predict(asked))
    same, other = named.predict(asked)
    assert same > other
    assert np.abs(named.predict(asked) - plain.predict(asked)).max() > 1e-3
