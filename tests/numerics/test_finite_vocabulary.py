"""Learning curves on a finite vocabulary against simulations and enumerations."""

from itertools import permutations

import numpy as np
import pytest
from toy_kernel import ToyKernel, entry

from numerics import Architecture, TransformerKernelRegressor, learning_curve
from numerics.finite_vocabulary import collision_moments, perturbed_curve
from symbind_theory import InputError, Template, TemplateTask

TASK = TemplateTask(["?a ?a", "?a ?b"], [1, -1])


def test_moments_are_averages_over_all_substitutions():
    patterns = [Template("?1 ?1 ?2"), Template("?1 ?2 ?2")]
    found = collision_moments(ToyKernel().gram(patterns), 5)
    strings = [
        [t.substitute({"1": x, "2": y}).split() for x, y in permutations("uvwxy", 2)]
        for t in patterns
    ]
    for i, left in enumerate(strings):
        for j, right in enumerate(strings):
            x, y = ["u", "u", "v"], ["p", "q", "q"]
            ends = (x if i == 0 else ["u", "v", "v"]), (y if j else ["p", "p", "q"])
            values = [entry(a, b) - entry(*ends) for a in left for b in right]
            apart = [not set(a) & set(b) for a in left for b in right]
            assert found.mean[i, j] == pytest.approx(np.mean(values), abs=1e-12)
            assert found.variance[i, j] == pytest.approx(np.var(values), rel=1e-9)
            assert found.chance[i, j] == pytest.approx(1 - np.mean(apart))
    assert found.neglected == pytest.approx(0.0, abs=1e-12)


def test_rare_types_are_left_out_and_their_probability_is_told():
    pattern = Template("?1 ?2 ?3")
    found = collision_moments(ToyKernel().gram([pattern]), 30)
    assert found.neglected == pytest.approx(6 / (30 * 29 * 28))


def test_without_collisions_it_is_the_learning_curve():
    known = learning_curve(TASK, sizes=[0, 50, 500], noise=0.3)
    curve = perturbed_curve(TASK, 10**12, sizes=[0, 50, 500], noise=0.3)
    np.testing.assert_allclose(curve.without, known.mse, rtol=1e-6)
    np.testing.assert_allclose(curve.mse, known.mse, rtol=1e-6)


def test_collisions_beyond_perturbation_are_not_a_number():
    curve = perturbed_curve(TASK, 8, sizes=[1, 10**4])
    assert np.isfinite(curve.mse[0])
    assert np.isnan(curve.mse[1])
    assert np.isfinite(curve.without).all()


def simulated_shifts(n, vocabulary, architecture, alpha, seeds):
    """Squared errors on fresh symbols, with half of the strings from each template."""
    generator = np.random.default_rng(0)
    half, errors = n // 2, []
    model = TransformerKernelRegressor(architecture, alpha=alpha)
    labels = np.repeat([1.0, -1.0], half)
    fresh = vocabulary + np.array([[0, 0], [1, 2]])
    for _ in range(seeds):
        same = np.repeat(generator.integers(0, vocabulary, half)[:, None], 2, axis=1)
        first = generator.integers(0, vocabulary, half)
        second = (first + generator.integers(1, vocabulary, half)) % vocabulary
        strings = np.vstack([same, np.column_stack([first, second])])
        found = model.fit(strings, labels).predict(fresh)
        errors.append(np.mean((found - [1.0, -1.0]) ** 2))
    return np.array(errors)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("times", [16, 32])
def test_simulations_move_as_the_perturbation_says(times):
    """What is left out is of relative order n w / V; four standard errors besides."""
    n, architecture, alpha = 128, Architecture(beta=2.0), 0.05
    curve = perturbed_curve(TASK, times * n, architecture, [n], alpha)
    errors = simulated_shifts(n, times * n, architecture, alpha, 1000)
    expected = curve.mse[0] - curve.without[0]
    shift = errors.mean() - curve.without[0]
    error = errors.std(ddof=1) / np.sqrt(len(errors))
    assert expected < -4 * error
    assert abs(shift - expected) <= 4 * error + 2 * 2 / times * abs(expected)


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        (TASK, {"vocabulary": 1}, "vocabulary is 1"),
        (TASK, {"vocabulary": 9, "alpha": 0.0}, "alpha is 0.0"),
        (TASK, {"vocabulary": 9, "sizes": [-1]}, "sizes is -1"),
        (TemplateTask(["?a"], ["?a"]), {"vocabulary": 9}, "symbolic labels"),
        (
            TemplateTask(["?a ?b"], [1], laws="zipf"),
            {"vocabulary": 9},
            "expected uniform",
        ),
    ],
)
def test_bad_input(task, arguments, message):
    with pytest.raises(InputError, match=message):
        perturbed_curve(task, **arguments)
