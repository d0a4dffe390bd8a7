"""Student's interval: a quantile from tables, and what it cannot be made of."""

import math

import numpy as np
import pytest
from symbind_testing.refusals import refusal

from numerics.averages import mean_interval


def test_two_values_have_the_quantile_of_one_degree_of_freedom():
    """1 and 3: mean 2, standard error 1, t = 12.7062 at 0.95 from tables."""
    found = mean_interval(np.array([1.0, 3.0]), 0.95)
    assert found.value == 2
    assert found.halfwidth == pytest.approx(12.7062, abs=1e-4)
    assert found.level == 0.95


def test_many_values_come_near_the_normal_quantile():
    values = np.tile([0.0, 1.0], 500)
    found = mean_interval(values, 0.95)
    error = values.std(ddof=1) / math.sqrt(1000)
    assert found.halfwidth / error == pytest.approx(1.9623, abs=1e-4)


@pytest.mark.parametrize("values", [[1.0], [1.0, math.nan], []])
def test_too_few_values_are_refused(values):
    line = refusal(lambda: mean_interval(np.array(values), 0.9))
    assert line.endswith("expected at least two, all finite")
