"""The bound written out string by string, against simulations, and its limits."""

from itertools import permutations, product

import numpy as np
import pytest
from symbind_testing.builders.toy_kernel import ToyKernel, dense, entry
from symbind_testing.refusals import refusal
from symbind_testing.tasks import COPY

from numerics import Architecture, OneLayerKernel, learning_curve
from numerics.learning.collision_bound import diversity_bound
from symbind_theory import InputError, TemplateTask

TASK = TemplateTask(["?a ?a ?b", "?a ?b ?b"], [1, -1])


def filled(template, tokens):
    """A string of the template with these tokens for its wildcards, in order."""
    return template.substitute(
        dict(zip(template.wildcards, tokens, strict=False))
    ).split()


def largest_change(first, second):
    """Over all strings of the two templates from four tokens."""
    apart = entry(filled(first, "mn"), filled(second, "pq"))
    images = list(permutations("uvwx", 2))
    pairs = product(images, repeat=2)
    return max(
        abs(entry(filled(first, a), filled(second, b)) - apart) for a, b in pairs
    )


def largest_changes(task):
    """Of every two templates."""
    return np.array(
        [[largest_change(t, u) for u in task.templates] for t in task.templates]
    )


@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("diversity", [1.5, 30.0, 1e4])
def test_it_is_the_formula_written_out_over_strings(diversity, noise):
    """With unequal counts, and templates of one wildcard and of two."""
    n, alpha, counts = 8, 0.3, (2, 6)
    task = TemplateTask(["?a ?a ?a", "?a ?b ?b"], [2, -0.5], weights=[0.25, 0.75])
    which = np.repeat([0, 1], counts)
    strings = [
        filled(task.templates[i], [f"a{m}", f"b{m}"]) for m, i in enumerate(which)
    ]
    fresh = [["p", "p", "p"], ["p", "q", "q"]]
    y, eye = np.array([2.0, -0.5]), np.eye(n)
    k = dense(fresh, strings)
    h = np.linalg.solve(dense(strings) + alpha * eye, k.T).T
    missed = h @ y[which] - y
    closed = [0.25, 0.75] @ (missed**2 + noise**2 * (h**2).sum(1))
    change = largest_changes(task)
    moved = 0.0
    for template, weight in enumerate([0.25, 0.75]):
        for i in which:
            p = min(1.0, (1, 2)[i] / diversity)
            terms = [change[i, j] * abs(h[template, m]) for m, j in enumerate(which)]
            moved += weight * (p * sum(x**2 for x in terms) + p**2 * sum(terms) ** 2)
    apart = dense(fresh, [["r", "r", "r"], ["r", "s", "s"]])[np.ix_(which, which)]
    seen = y[which] @ np.linalg.solve(apart + alpha * eye, y[which]) / alpha
    found = diversity_bound(task, n, diversity, noise, alpha=alpha, kernel=ToyKernel())
    expected = moved**0.5 * (seen + noise**2 / alpha**2) ** 0.5
    assert found.closed_form == pytest.approx(closed, rel=1e-9)
    assert found.collisions == pytest.approx(expected, rel=1e-9)
    assert found.mse == pytest.approx((closed**0.5 + expected) ** 2, rel=1e-9)


@pytest.mark.parametrize("vocabulary", [4, 40, 400, 4000, 40_000])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_error_of_simulations_is_below(vocabulary, noise):
    """Four standard errors below. From 400 tokens on it is below the error of 0."""
    n, alpha = 20, 0.5
    rho = vocabulary / 2
    bound = diversity_bound(TASK, n, rho, noise, alpha=alpha, kernel=ToyKernel())
    generator, errors = np.random.default_rng(0), []
    fresh = vocabulary + np.array([[0, 0, 1], [0, 1, 1]])
    y = np.repeat([1.0, -1.0], n // 2)
    for _ in range(200):
        a = generator.integers(0, vocabulary, n)
        b = (a + generator.integers(1, vocabulary, n)) % vocabulary
        strings = np.column_stack([a, np.where(y > 0, a, b), b])
        seen = y + noise * generator.standard_normal(n)
        weights = np.linalg.solve(dense(strings) + alpha * np.eye(n), seen)
        found = dense(fresh, strings) @ weights
        errors.append(np.mean((found - [1.0, -1.0]) ** 2))
    error = np.std(errors, ddof=1) / np.sqrt(len(errors))
    assert np.mean(errors) - 4 * error <= bound.mse
    assert bound.closed_form <= bound.mse
    assert (bound.mse < 1) == (vocabulary >= 400)


@pytest.mark.parametrize("vocabulary", [5, 30, 1000])
def test_the_steps_of_the_proof_hold_in_simulations(vocabulary):
    """E |S h|² is below its bound, and |R y|² and |S h|² below theirs in every draw."""
    n, alpha, p = 12, 0.2, min(1.0, 4 / vocabulary)
    generator = np.random.default_rng(1)
    y = np.repeat([1.0, -1.0], n // 2)
    which = np.repeat([0, 1], n // 2)
    N = dense([["p", "p", "q"], ["p", "q", "q"]], [["r", "r", "s"], ["r", "s", "s"]])
    change = largest_changes(TASK)
    apart = N[np.ix_(which, which)]
    d = dense([["p", "p", "q"], ["p", "q", "q"]]).diagonal()[which]
    free = apart + np.diag(d - apart.diagonal())
    h = np.linalg.solve(free + alpha * np.eye(n), apart[:, 0])
    most = y @ np.linalg.solve(apart + alpha * np.eye(n), y) / alpha
    squares = []
    for _ in range(300):
        a = generator.integers(0, vocabulary, n)
        b = (a + generator.integers(1, vocabulary, n)) % vocabulary
        K = dense(np.column_stack([a, np.where(y > 0, a, b), b]))
        assert np.linalg.eigvalsh(K - apart)[0] > -1e-9
        assert np.sum(np.linalg.solve(K + alpha * np.eye(n), y) ** 2) <= most
        squares.append(np.sum(((K - free) @ h) ** 2))
    terms = change[np.ix_(which, which)] * np.abs(h)
    bound = p * (terms**2).sum() + p**2 * (terms.sum(1) ** 2).sum()
    error = np.std(squares, ddof=1) / np.sqrt(len(squares))
    assert np.mean(squares) - 4 * error <= bound


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


def test_noise_is_the_tasks_unless_given():
    noisy, kernel = TASK.with_noise(0.3), ToyKernel()
    own = diversity_bound(noisy, 50, 1e3, kernel=kernel)
    assert own == diversity_bound(TASK, 50, 1e3, 0.3, kernel=kernel)
    assert own.noise == 0.3
    assert diversity_bound(noisy, 50, 1e3, 0.0, kernel=kernel).noise == 0.0


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
        diversity_bound(COPY, 5, 3.0)


def test_a_kernel_of_another_architecture_is_refused():
    """It would win silently, and the bound be of another transformer."""
    fast, kernel = Architecture(beta=2.0), OneLayerKernel(points=1024)
    message = refusal(lambda: diversity_bound(TASK, 5, 3.0, 0.0, fast, kernel=kernel))
    assert message == (
        "kernel is of an architecture with beta 1.0; expected beta 2.0, as passed"
    )
    toy = ToyKernel()
    message = refusal(lambda: diversity_bound(TASK, 5, 3.0, 0.0, fast, kernel=toy))
    assert message.startswith("the architecture of kernel is not known; expected Arch")


def test_a_kernel_of_the_architecture_passed_is_taken():
    kernel = OneLayerKernel(points=1024, cache=None)
    both = diversity_bound(TASK, 5, 3.0, 0.0, Architecture(), kernel=kernel)
    assert both == diversity_bound(TASK, 5, 3.0, kernel=kernel)
