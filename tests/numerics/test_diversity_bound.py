"""The bound against dense machines, and its limits."""

from fractions import Fraction

import numpy as np
import pytest
from toy_kernel import ToyKernel, dense

from numerics import Architecture, learning_curve
from numerics.diversity_bound import diversity_bound
from symbind_theory import InputError, TemplateTask

TASK = TemplateTask(["?a ?a ?b", "?a ?b ?b"], [1, -1])


@pytest.mark.parametrize("vocabulary", [4, 40, 4000])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_error_of_simulations_is_below(vocabulary, noise):
    n, alpha = 20, 0.5
    exact = TASK.diversity(vocabulary)
    assert isinstance(exact, Fraction)
    rho = float(exact)
    bound = diversity_bound(TASK, n, rho, noise, alpha=alpha, kernel=ToyKernel())
    generator, errors = np.random.default_rng(0), []
    fresh = [["p", "p", "q"], ["p", "q", "q"]]
    y = np.repeat([1.0, -1.0], n // 2)
    for _ in range(200):
        a = generator.integers(0, vocabulary, n)
        b = (a + generator.integers(1, vocabulary, n)) % vocabulary
        middle = np.where(y > 0, a, b)
        strings = [list(map(str, row)) for row in zip(a, middle, b, strict=True)]
        seen = y + noise * generator.standard_normal(n)
        weights = np.linalg.solve(dense(strings) + alpha * np.eye(n), seen)
        found = dense(fresh, strings) @ weights
        errors.append(np.mean((found - [1.0, -1.0]) ** 2))
    error = np.std(errors, ddof=1) / np.sqrt(len(errors))
    assert np.mean(errors) - 4 * error <= bound.mse
    assert bound.closed_form <= bound.mse


def test_with_much_diversity_it_is_the_closed_form():
    known = learning_curve(TASK, Architecture(), [300], 0.01, noise=0.2)
    bound = diversity_bound(TASK, 300, 1e30, 0.2, alpha=0.01)
    assert bound.closed_form == pytest.approx(known.mse[0], rel=1e-6)
    assert bound.mse == pytest.approx(bound.closed_form, rel=1e-6)


def test_it_falls_with_diversity_and_rises_with_noise():
    by_rho = [
        diversity_bound(TASK, 50, rho, kernel=ToyKernel()).mse for rho in (10, 1e3, 1e6)
    ]
    assert by_rho == sorted(by_rho, reverse=True)
    by_noise = [
        diversity_bound(TASK, 50, 1e3, s, kernel=ToyKernel()).mse for s in (0.0, 0.1, 1)
    ]
    assert by_noise == sorted(by_noise)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0, "diversity": 3.0}, "n is 0"),
        ({"n": 5, "diversity": 0.0}, "diversity is 0.0"),
        ({"n": 5, "diversity": 3.0, "noise": -1.0}, "noise is -1.0"),
        ({"n": 5, "diversity": 3.0, "alpha": 0.0}, "alpha is 0.0"),
    ],
)
def test_bad_numbers(arguments, message):
    with pytest.raises(InputError, match=message):
        diversity_bound(TASK, **arguments)


def test_symbolic_labels_are_refused():
    with pytest.raises(InputError, match="symbolic"):
        diversity_bound(TemplateTask(["?a"], ["?a"]), 5, 3.0)
