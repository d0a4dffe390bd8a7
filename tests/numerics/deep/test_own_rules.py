"""Rules for a string's own part: exact on grids, unbiased where they are drawn."""

import math

import numpy as np
import pytest
from scipy import integrate
from scipy.special import expit, softmax
from symbind_testing.builders.streams import averaging

from numerics.deep.own_rules import ShiftedNets, TrapezoidRule, own_rule


@pytest.mark.parametrize("deviation", [0.0, 0.5, 4.0, 30.0])
@pytest.mark.parametrize("shift", [0.0, 2.0, -8.0])
def test_a_grid_integrates_sigmoids_of_its_deviation(deviation, shift):
    """E of a sigmoid: poles are π away, so the error is that of the rule, 4e-11."""
    (nodes,) = TrapezoidRule(1, deviation).draw()
    found = nodes.weights @ expit(shift + deviation * nodes.z[:, 0])

    def integrand(z):
        return expit(shift + deviation * z) * math.exp(-(z**2) / 2)

    truth = integrate.quad(integrand, -12, 12, epsabs=1e-14, limit=400, points=[0])[0]
    assert found == pytest.approx(truth / math.sqrt(2 * math.pi), abs=2e-10)


def test_a_coarser_grid_is_not_exact():
    """Mutant: the grid of another deviation."""
    (nodes,) = TrapezoidRule(1, 0.5).draw()
    (fine,) = TrapezoidRule(1, 30.0).draw()
    values = [n.weights @ expit(1.0 + 30.0 * n.z[:, 0]) for n in (nodes, fine)]
    assert abs(values[0] - values[1]) > 1e-4


def test_a_plane_grid_does_not_see_how_it_is_turned():
    """Averages of a softmax of three keys, its logits turned by any angle."""
    rule = TrapezoidRule(2, 6.0)
    (nodes,) = rule.draw()
    assert rule.count == len(nodes.z)
    basis = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]]) / np.sqrt([[2.0], [6.0]])
    found = []
    for angle in (0.0, 0.4, 1.1):
        turn = np.array(
            [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
        )
        logits = 3.0 * nodes.z @ turn @ basis + np.array([0.5, 0.0, -1.0])
        found.append(nodes.weights @ softmax(logits, axis=1))
    np.testing.assert_allclose(found, [found[0]] * 3, atol=2e-9)
    assert found[0].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("dimension", [1, 2])
def test_grids_have_the_moments_of_normals(dimension):
    (nodes,) = TrapezoidRule(dimension, 3.0).draw()
    assert nodes.weights.sum() == pytest.approx(1.0, abs=1e-14)
    np.testing.assert_allclose(nodes.weights @ nodes.z, 0.0, atol=1e-14)
    second = np.einsum("n,ni,nj->ij", nodes.weights, nodes.z, nodes.z)
    np.testing.assert_allclose(second, np.eye(dimension), atol=1e-8)


def test_halves_are_independent_and_anew_at_each_draw():
    """No point in common, and errors of both halves without correlation."""
    rule = ShiftedNets(3, 16, np.random.default_rng(1))
    errors = []
    for _ in range(400):
        halves = rule.draw()
        errors.append([(h.weights @ np.maximum(h.z, 0.0)).sum() for h in halves])
    first, second = np.array(errors).T
    assert len(np.unique(np.round(first, 12))) == 400
    # The correlation of 400 independent pairs has deviation 1/20: one in 1e6.
    assert abs(np.corrcoef(first, second)[0, 1]) < 4.9 / 20


def test_shifted_nets_are_unbiased():
    """The mean over many shifts is that of normals, within 5 standard errors."""
    rule = ShiftedNets(3, 8, np.random.default_rng(2))
    draws = np.array(
        [h.weights @ (h.z**2).sum(1) for _ in range(1000) for h in rule.draw()]
    )
    off = draws.mean() - 3.0
    assert abs(off) < 5 * draws.std() / math.sqrt(len(draws)) + 1e-3
    plain = np.random.default_rng(3).standard_normal((2000, 8, 3))
    assert draws.std() < 0.6 * (plain**2).sum(2).mean(1).std()


@pytest.mark.parametrize(
    ("dimension", "kind"), [(1, TrapezoidRule), (2, TrapezoidRule), (3, ShiftedNets)]
)
def test_few_dimensions_get_a_grid(dimension, kind):
    rule = own_rule(dimension, 2.0, averaging())
    assert isinstance(rule, kind)
    assert rule.count == len(rule.draw()[0].weights)
    assert rule.draw()[0].z.shape == (rule.count, dimension)


@pytest.mark.parametrize(("dimension", "deviation"), [(1, 1e6), (2, 40.0)])
def test_grids_that_would_be_too_fine_are_not_made(dimension, deviation):
    """A steep softmax would ask for millions of nodes: halves are drawn."""
    rule = own_rule(dimension, deviation, averaging())
    assert isinstance(rule, ShiftedNets)
    assert own_rule(dimension, 14.0, averaging()).count < 2**16


def test_equal_averagings_draw_equal_halves():
    first, second = (own_rule(3, 1.0, averaging(seed=5)).draw() for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.z, other.z)
