"""The average over counts to second order, against the sum over all counts."""

import numpy as np
import pytest

from numerics import template_gram
from numerics.learning import random_counts
from numerics.learning.many_strings import error_over_many
from numerics.learning.random_counts import error_over_counts
from numerics.learning.ridge_law import Regression

GRAMS = {
    "wildcards": template_gram(["?a ?a", "?a ?b"], max_points=2**10),
    # Strings of their own have no excess but the ridge: e differs by a factor of 300.
    "one string": template_gram(["?a ?a", "a b"], max_points=2**10),
    "skeletons": template_gram(["a ?b", "b ?a"], max_points=2**10),
}


@pytest.mark.parametrize("gram", GRAMS.values(), ids=GRAMS.keys())
@pytest.mark.parametrize("noise", [0.0, 0.3, 3.0])
@pytest.mark.parametrize(
    ("labels", "weights", "n"),
    [
        ([1, -1], [0.5, 0.5], 1000),
        ([1, 1], [0.9, 0.1], 5000),
        ([0, 1], [0.1, 0.9], 5000),
    ],
    ids=str,
)
def test_the_interval_has_the_sum_over_all_counts(
    gram, noise, labels, weights, n, monkeypatch
):
    """Both are exact but for orders beyond the second, which the interval bounds."""
    monkeypatch.setattr(random_counts, "_MOST_SUMMED", 10**4)
    setting = Regression(np.array(labels, float), np.array(weights), 1e-3, noise)
    exact = error_over_counts(gram, setting, n)
    assert exact.halfwidth == 0
    found = error_over_many(gram, setting, n)
    assert found.contains(exact.value)
    # Without the second order it would not.
    assert not found.contains(1.0)


def test_templates_without_strings_change_nothing():
    gram = template_gram(["?a ?a", "?a ?b", "a b"], max_points=2**10)
    labels = np.array([1.0, -1.0, 0.5])
    setting = Regression(labels, np.array([0.4, 0.6, 0.0]), 1e-3, 0.2)
    two = Regression(labels[:2], np.array([0.4, 0.6]), 1e-3, 0.2)
    found, expected = (
        error_over_many(gram, setting, 5000),
        error_over_many(GRAMS["wildcards"], two, 5000),
    )
    # Points of other templates differ: to what 2^10 of them leave.
    assert found.value - 1 == pytest.approx(expected.value - 1, rel=0.02)


def test_no_error_is_multiplied_by_nothing():
    setting = Regression(np.zeros(2), np.array([0.5, 0.5]), 1e-3)
    factor = error_over_many(GRAMS["wildcards"], setting, 10**4)
    assert (factor.low, factor.value, factor.high) == (1, 1, 1)
