"""Attention between strings: against two positions exactly, and without a bias."""

import numpy as np
import pytest
from symbind_testing.builders.streams import (
    attended,
    averaging,
    every_row,
    incidences,
    random_stream,
)
from symbind_testing.oracles.two_positions import exact

from numerics import Architecture
from numerics.deep.across_strings import Values, attend_across
from numerics.deep.own_rules import ShiftedNets
from numerics.deep.row_averages import rows_of
from numerics.deep.shared_directions import logit_directions
from numerics.deep.stream import Stream, start

TEMPLATES = ["?a ?a", "?a ?b", "x ?a", "x y"]


def spread(draws):
    """The mean of independent draws, and seven standard errors: 1e-6 for 15 degrees."""
    draws = np.array(draws)
    return draws.mean(0), 7.5 * draws.std(0, ddof=1) / np.sqrt(len(draws))


def gram(found):
    return np.einsum("miq,mjp->iqjp", found.roots[0], found.roots[0])


@pytest.mark.parametrize("causal", [False, True])
def test_two_positions_agree_with_sigmoids(causal):
    """C of one attention of concrete templates, read at the last position."""
    stream = start(incidences(TEMPLATES, "last"), 0.7)
    positions = every_row(2, causal).at(np.array([1]))
    draws = [
        gram(attended(stream, 1.5, positions, averaging(seed=s), 0.6))[:, 0, :, 0]
        for s in range(16)
    ]
    found, room = spread(draws)
    truth = exact(
        TEMPLATES,
        Architecture(1.5, 0.7, readout="last", identity_kq=0.6, causal=causal),
    ).attention
    assert (np.abs(found - truth) <= room + 1e-9).all()
    assert room.max() < 2e-3


def test_halves_leave_no_bias():
    """K = 4: few own points, averaged over many runs, find what many points find.

    Mutant: FᵀF alone is off by ΔᵀΔ, several standard errors.
    """
    stream, positions = random_stream(2, 4, excess=4.0), every_row(4)
    rows = rows_of(stream, 2.0, 0.0, positions)
    directions = logit_directions(stream.root, 2.0, positions)

    def run(seed, shared, own):
        how = averaging(shared, seed)
        rule = ShiftedNets(3, own, how.generator, chunk=4)
        return attend_across(Values((stream,)), directions, rows, rule, how)

    few, room = spread([gram(run(s, 32, 2)) for s in range(60)])
    many, little = spread([gram(run(1000 + s, 64, 64)) for s in range(16)])
    assert (np.abs(few - many) <= room + little).all()
    found = run(0, 32, 2)
    assert 0 < found.bias < 1
    with_bias = np.trace((few - many).reshape(8, 8))
    assert abs(with_bias) < 0.01 * np.trace(many.reshape(8, 8))


@pytest.mark.parametrize("keys", [3, 5])
def test_mean_weights_are_those_of_rows(keys):
    """They add up to 1, and are 0 at hidden keys."""
    found = attended(
        random_stream(2, keys), 1.0, every_row(keys, causal=True), averaging()
    )
    np.testing.assert_allclose(found.mean.sum(-1), 1.0, rtol=1e-12)
    assert not found.mean[:, ~np.tri(keys, dtype=bool)].any()


@pytest.mark.parametrize("keys", [3, 5])
def test_strings_that_share_nothing_have_no_covariance(keys):
    """C = 0 stays 0, by a grid and by halves."""
    excess = random_stream(2, keys).excess
    stream = Stream(np.zeros((3, 2, keys)), excess)
    found = attended(stream, 1.0, every_row(keys), averaging())
    assert not found.roots[0].any()
    assert found.bias == 0
    np.testing.assert_allclose(found.mean.sum(-1), 1.0, rtol=1e-12)


def test_differences_of_templates_keep_their_digits():
    """Two templates 1e-7 and 1e-9 apart: the gap scales by 1e-4, up to sampling."""
    excess = np.broadcast_to(random_stream(1, 3).excess, (2, 3, 3)).copy()
    gaps = []
    for distance in (1e-7, 1e-9):
        root = np.random.default_rng(6).standard_normal((4, 1, 3))
        root = np.concatenate([root, root], axis=1)
        root[:, 1] += distance * np.random.default_rng(7).standard_normal((4, 3))
        found = attended(Stream(root, excess), 1.0, every_row(3), averaging(512))
        gaps.append(((found.roots[0][:, 0] - found.roots[0][:, 1]) ** 2).sum())
    assert gaps[1] / gaps[0] == pytest.approx(1e-4, rel=0.1)
