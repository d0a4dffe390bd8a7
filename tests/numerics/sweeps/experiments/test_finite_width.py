"""The experiment "width": features of finite networks, beside their kernel's."""

import numpy as np
import pytest
import torch

from numerics import template_gram
from numerics.networks.transformer import TransformerNetwork
from numerics.sweeps import PointFailed
from numerics.sweeps.experiments.finite_width import (
    EXPERIMENT,
    FiniteWidth,
    _mean_features,
    _smallest_eigenvalue,
    finite_network,
    finite_template_matrix,
    finite_width_error,
)
from symbind_theory import builtin_task

TASK = builtin_task("same-different")


def point(**changed) -> FiniteWidth:
    given = {
        "task": "same-different",
        "n": 24,
        "held_out": 32,
        "width": 32,
        "head_width": 8,
        "heads": 4,
        "hidden": 64,
        "substitutions": 64,
    }
    return FiniteWidth.model_validate({**given, **changed})


def network_of(settings: FiniteWidth) -> TransformerNetwork:
    return finite_network(settings, settings.strings())


def test_equal_settings_give_equal_rows():
    assert finite_width_error(point()) == finite_width_error(point())


def test_a_large_ridge_predicts_nothing():
    """Both errors tend to the mean square of the labels, 1."""
    row = finite_width_error(point(alpha=1e8))
    assert row["test_error"] == pytest.approx(1, abs=1e-6)
    assert row["kernel_error"] == pytest.approx(1, abs=1e-6)


def test_fewer_hidden_units_than_templates_leave_a_singular_matrix():
    row = finite_width_error(point(hidden=1))
    assert (row["smallest_eigenvalue"], row["smallest_eigenvalue_error"]) == (0, 0)


def test_an_eigenvalue_of_zero_is_found_without_bias():
    """Templates that are one up to renaming have one row: λ_min of N̂ is 0.

    The ratio to the standard error has 15 degrees of freedom and a deviation of about
    1.07, so that the sum over 16 networks is beyond 5 √16 once in 10⁵. Products of a
    mean with itself and no jackknife add 1.5 to each ratio.
    """
    lines = ("?a ?b -> 1", "?b ?a -> -1")
    ratios = []
    for seed in range(16):
        settings = point(task=lines, substitutions=256, seed=seed)
        value, error = _smallest_eigenvalue(
            network_of(settings), settings.template_task(), settings
        )
        ratios.append(value / error)
    assert abs(sum(ratios)) < 5 * 16**0.5


def matrices(settings: FiniteWidth, networks: int) -> np.ndarray:
    """N̂ of several networks, from the products of two halves."""
    found = []
    for seed in range(networks):
        one = settings.model_copy(update={"seed": seed})
        means = finite_template_matrix(network_of(one), TASK, one).mean(1)
        product = means[0] @ means[1].T
        found.append((product + product.T) / 2)
    return np.array(found)


def test_features_are_of_the_strings_of_a_template():
    """One substitution a group: the network's own features of that string.

    The network has room for 72 symbols and more are wanted, so that they are drawn in
    several parts.
    """
    settings = point(task=["x ?a ?b x -> 1", "?a x ?a ?b -> -1"], n=24, held_out=24)
    network = network_of(settings)
    fixed = len(settings.template_task().regular_tokens)
    task = settings.template_task()
    drawn = torch.Generator().manual_seed(3)
    for index, row in ((0, [0, 1, 2, 0]), (1, [1, 0, 1, 2])):
        assert fixed == 1
        found = _mean_features(network, task, index, 1, drawn)
        with torch.no_grad():
            wanted = network.hidden(torch.tensor([row]))[0] / 64**0.5
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-12)
    many = _mean_features(network, task, 0, 90, drawn)
    assert many.shape == (64,)


@pytest.mark.slow
def test_the_template_matrix_tends_to_n():
    """The mean over 24 networks is within 5 standard errors: once in 10⁵ beyond.

    What finite heads take from it is of the order of H^-1, about a standard
    error. Another β is refuted.
    """
    settings = point(
        width=256, head_width=16, heads=64, hidden=1024, substitutions=256, beta=4.0
    )
    found = matrices(settings, 24)
    error = found.std(0, ddof=1) / 24**0.5

    def furthest(beta: float) -> float:
        architecture = settings.model_copy(update={"beta": beta}).architecture()
        exact = template_gram(TASK.templates, architecture, rel_tol=0.02).matrix
        return float((np.abs(found.mean(0) - exact) / error).max())

    assert furthest(4.0) < 5
    assert furthest(1.0) > 15


def test_labels_that_are_tokens_have_a_reason():
    with pytest.raises(PointFailed, match="expected numbers"):
        finite_width_error(point(task="copy"))


def test_costs_grow_with_hidden_units():
    assert EXPERIMENT.operations(point(hidden=4096)) > 2 * EXPERIMENT.operations(
        point()
    )
