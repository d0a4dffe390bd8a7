"""Mask, bias, noise and turning of rows: against covariances entry by entry."""

import numpy as np
import pytest
from symbind_testing.builders.streams import every_row

from numerics.positions import ALiBi, DistanceBias, RandomBias, Rotary

KEYS = 4


def entrywise(function):
    """A function of two offsets, at all pairs of logits (q, p), (q', p')."""
    positions = range(KEYS)
    return np.array(
        [
            [
                [[function(q - p, r - s) for s in positions] for r in positions]
                for p in positions
            ]
            for q in positions
        ]
    )


def test_a_mask_shows_what_lies_before():
    visible = every_row(KEYS, causal=True).visible
    for q in range(KEYS):
        assert visible[q].tolist() == [p <= q for p in range(KEYS)]
    assert every_row(KEYS).visible.all()


@pytest.mark.parametrize(
    "relative", [ALiBi(0.3), DistanceBias((0.0, 1.0, -2.0), (3.0, 4.0))], ids=str
)
def test_a_bias_is_that_of_query_less_key(relative):
    rows = every_row(KEYS, relative=relative)
    for q in range(KEYS):
        for p in range(KEYS):
            assert rows.bias[q, p] == relative.bias(np.array([float(q - p)]))[0]
    assert len(rows.noise) == 0
    np.testing.assert_allclose(rows.turns, 1.0, rtol=1e-14)


def test_random_biases_are_one_number_for_each_offset():
    rows = every_row(KEYS, relative=RandomBias(1.5))
    found = np.einsum("gqp,grs->qprs", rows.noise, rows.noise)
    truth = entrywise(lambda m, n: 2.25 * (m == n))
    np.testing.assert_allclose(found, truth, atol=1e-13)


def test_turning_multiplies_by_the_mean_cosine():
    rows = every_row(KEYS, relative=Rotary(4, 100.0))
    found = np.einsum("fqp,frs->qprs", rows.turns, rows.turns)
    angles = 100.0 ** (-np.arange(4) / 4)
    truth = entrywise(lambda m, n: np.cos((m - n) * angles).mean())
    np.testing.assert_allclose(found, truth, atol=1e-13)
    own = np.einsum("qpqu->qpu", truth)
    np.testing.assert_allclose(rows.turned, own, atol=1e-13)


def test_without_relative_positions_nothing_happens():
    rows = every_row(KEYS)
    assert not rows.bias.any()
    assert len(rows.noise) == 0
    np.testing.assert_array_equal(rows.turned, 1.0)


@pytest.mark.parametrize("causal", [False, True])
def test_centring_takes_off_the_mean_of_what_is_seen(causal):
    rows = every_row(KEYS, causal=causal)
    logits = np.random.default_rng(0).standard_normal((KEYS, KEYS))
    found = np.einsum("qpu,qu->qp", rows.centring, logits)
    for q in range(KEYS):
        seen = rows.visible[q]
        np.testing.assert_allclose(
            found[q, seen], logits[q, seen] - logits[q, seen].mean(), atol=1e-14
        )
        assert not found[q, ~seen].any()
    np.testing.assert_allclose(rows.centring @ rows.centring, rows.centring, atol=1e-14)


def test_some_rows_are_those_of_all():
    every = every_row(KEYS, causal=True, relative=RandomBias(0.5))
    some = np.array([3, 1])
    rows = every.at(some)
    assert rows.queries.tolist() == [3, 1]
    np.testing.assert_array_equal(rows.visible, every.visible[some])
    np.testing.assert_array_equal(rows.bias, every.bias[some])
    np.testing.assert_array_equal(rows.noise, every.noise[:, some])
    np.testing.assert_array_equal(rows.turns, every.turns[:, some])
    np.testing.assert_array_equal(rows.centring, every.centring[some])
