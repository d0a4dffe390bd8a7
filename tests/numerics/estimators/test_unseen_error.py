"""The simulated error on unseen symbols, against values known otherwise."""

from itertools import islice

import numpy as np
import pytest
from symbind_testing.tasks import SAME_DIFFERENT

from numerics import Architecture, TransformerKernelRegressor, learning_curve
from numerics.estimators.unseen_error import fresh_error, simulated_error
from symbind_theory import TemplateTask
from symbind_theory.templates import fresh_tokens

ARCHITECTURE = Architecture(beta=3.0)
MODEL = TransformerKernelRegressor(ARCHITECTURE, 0.1, points=2**10, progress=None)
TOKENS = tuple(islice(fresh_tokens([]), 2000))


def test_two_tokens_teach_two_tokens_alone():
    """Four strings, each seen many times: Gauss's elimination by hand.

    Predictions for fresh symbols are N_z,x (K + α/m)⁻¹ y over the strings x.
    """
    sample = SAME_DIFFERENT.sample(400, TOKENS[:2], 1)
    model = TransformerKernelRegressor(ARCHITECTURE, 0.01, points=2**10)
    error = fresh_error(model, SAME_DIFFERENT, sample)
    strings = sorted(set(sample.strings))
    assert len(strings) == 4
    gram = model.data_.gram.dense()
    copies = np.bincount(model.data_.copy_of)
    patterns = model.data_.strings.pattern
    table = model.data_.kernel.factor.T @ model.data_.kernel.factor
    labels = np.array([1.0, -1.0])
    by_string = np.zeros(4)
    for copy_of, label in zip(model.data_.copy_of, sample.labels, strict=True):
        by_string[copy_of] = float(label)
    dual = np.linalg.solve(gram + np.diag(0.01 / copies), by_string)
    same = model.data_.kernel.patterns.index(SAME_DIFFERENT.templates[0].canonical())
    rows = table[[same, 1 - same]][:, patterns]
    expected = 0.5 * ((rows @ dual - labels) ** 2).sum()
    assert error == pytest.approx(expected, rel=1e-8)


def test_many_tokens_are_as_good_as_none_shared():
    """The closed form at n = 20, collisions in few of the sets."""
    error = simulated_error(SAME_DIFFERENT, TOKENS, 20, MODEL, sets=8)
    apart = learning_curve(SAME_DIFFERENT, ARCHITECTURE, [20], 0.1, counts="random")
    assert error.contains(apart.mse[0])
    assert error.relative_halfwidth < 0.25


def test_equal_seeds_give_equal_errors_and_sets_are_counted():
    steps = []
    first, again, other = (
        simulated_error(
            SAME_DIFFERENT,
            TOKENS[:9],
            30,
            MODEL,
            sets=2,
            seed=seed,
            progress=lambda done, total: steps.append((done, total)),
        )
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other
    assert steps[:2] == [(1, 2), (2, 2)]


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_labels_of_any_size(size):
    task = TemplateTask(SAME_DIFFERENT.templates, [size, -size])
    usual, scaled = (
        simulated_error(t, TOKENS[:9], 30, MODEL, sets=2).value
        for t in (SAME_DIFFERENT, task)
    )
    assert scaled == pytest.approx(usual * size * size)
