"""Gram matrices summed in factors, and what two halves of features take off."""

import numpy as np
import pytest
import torch
from symbind_testing.builders.streams import CPU

from numerics.deep.gram_sums import IN_CACHE, GramSum


def test_many_features_add_up_in_factors():
    """More than are held at a time, in one rule: ΣFᵀF, small directions included."""
    generator = np.random.default_rng(1)
    sites, rows = 8, IN_CACHE // 16
    parts = [generator.standard_normal((rows, sites)) for _ in range(5)]
    for part in parts:
        part[:, 0] = part[:, 1] + 1e-9 * part[:, 0]
    total = GramSum(sites, CPU)
    for part in parts:
        total.add([torch.from_numpy(part)])
    root, bias = total.unbiased()
    assert bias == 0
    truth = np.linalg.svd(np.concatenate(parts), compute_uv=False)
    found = np.linalg.svd(root, compute_uv=False)
    np.testing.assert_allclose(found, truth, rtol=1e-6)
    assert truth[-1] < 1e-8 * truth[0]


def test_what_is_taken_off_is_the_difference_of_halves():
    """R'ᵀR' = FᵀF − ΔᵀΔ where that is positive semi-definite."""
    generator = np.random.default_rng(4)
    common = generator.standard_normal((40, 5))
    halves = [common + 0.1 * generator.standard_normal((40, 5)) for _ in range(2)]
    total = GramSum(5, CPU)
    for part in np.split(np.arange(40), 5):
        total.add([torch.from_numpy(half[part]) for half in halves])
    root, bias = total.unbiased()
    cross = halves[0].T @ halves[1]
    np.testing.assert_allclose(root.T @ root, (cross + cross.T) / 2, rtol=1e-10)
    mean, half = (halves[0] + halves[1]) / 2, (halves[0] - halves[1]) / 2
    largest = np.linalg.eigvals(np.linalg.solve(mean.T @ mean, half.T @ half)).real
    assert bias == pytest.approx(largest.max())


def test_a_direction_of_noise_alone_is_cut():
    """Halves that differ by more than their mean leave 0, and a bias beyond 1."""
    total = GramSum(2, CPU)
    one = torch.tensor([[1.0, 2.0], [1.0, 1.0]], dtype=torch.float64)
    other = torch.tensor([[1.0, -1.0], [1.0, -3.0]], dtype=torch.float64)
    total.add([one, other])
    root, bias = total.unbiased()
    assert bias > 1
    assert np.linalg.matrix_rank(root.T @ root, tol=1e-12) == 1
