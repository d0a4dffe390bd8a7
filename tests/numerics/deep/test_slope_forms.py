"""Forms in products of two weights: J by pairs of keys, and what multiplies them."""

import numpy as np
import pytest
from symbind_testing.builders.streams import random_stream

from numerics.deep.slope_forms import key_pairs, pair_products
from numerics.deep.stream import Stream


def jacobian(s):
    """diag(s) − s sᵀ."""
    return np.diag(s) - np.outer(s, s)


def pair_weights(s):
    first, second = key_pairs(len(s))
    return s[first] * s[second]


@pytest.mark.parametrize("keys", [1, 2, 5])
def test_pairs_count_each_two_keys_once(keys):
    first, second = key_pairs(keys)
    assert len(first) == len(second) == keys * (keys - 1) // 2
    assert (first < second).all()


@pytest.mark.parametrize("keys", [2, 3, 4])
def test_slopes_of_softmax_are_sums_over_pairs(keys):
    """Σ κ_ij ω_i'j' J_ii' J'_jj' between strings of two templates, and within one."""
    generator = np.random.default_rng(keys)
    one, other = random_stream(2, keys, seed=1), random_stream(2, keys, seed=2)
    s, t = generator.dirichlet(np.ones(keys), 2)
    found = pair_products(one, other)
    for matrices, rebuilt in (
        (
            (one.across[0][:, 1], other.across[0][:, 1]),
            found.across[0][:, 1],
        ),
        ((one.within[1], other.within[1]), found.within[1]),
    ):
        kappa, omega = matrices
        J, K = jacobian(s), jacobian(t)
        truth = np.einsum("pq,rs,pr,qs->", kappa, omega, J, K)
        value = pair_weights(s) @ rebuilt @ pair_weights(t)
        assert value == pytest.approx(truth, rel=1e-10, abs=1e-13)


def test_keys_that_are_alike_lose_no_digits():
    """Columns 1e-6 apart, then a tenth of that: M is 1e-4 of what it was."""
    base = np.random.default_rng(3).standard_normal((4, 1, 1))
    apart = np.random.default_rng(4).standard_normal((4, 2, 3))
    sizes = []
    for distance in (1e-6, 1e-7):
        root = np.broadcast_to(base, (4, 2, 3)) + distance * apart
        stream = Stream(root, np.zeros((2, 3, 3)))
        sizes.append(np.linalg.norm(pair_products(stream, stream).between_strings))
    assert sizes[1] / sizes[0] == pytest.approx(1e-4, rel=1e-6)


def test_many_pairs_are_factorised_by_their_gram_matrix():
    """Both ways to a root give one Gram matrix."""
    stream = random_stream(4, 6, seed=5)
    found = pair_products(stream, stream)
    first, second = key_pairs(6)
    contrast = np.eye(6)[first] - np.eye(6)[second]
    C = np.einsum("aq,iqjp,bp->iajb", contrast, stream.across, contrast)
    np.testing.assert_allclose(found.across, C**2, atol=1e-12 * (C**2).max())
    assert (np.linalg.eigvalsh(found.excess) > -1e-12).all()
