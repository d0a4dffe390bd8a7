"""Entries that are equal: against an equivariant map of templates, entry by entry."""

import numpy as np
import pytest
from scipy.special import softmax
from symbind_testing.builders.streams import incidences

from numerics.deep.position_symmetry import PositionSymmetry
from numerics.deep.stream import start
from numerics.tokens import TokenGram

TEMPLATES = ["?a ?a ?b", "?a ?b ?b", "?a ?b ?a", "x ?a x", "x y ?a", "?a ?a ?a"]
EVERY = np.arange(4)


CORRELATED = TokenGram.from_embeddings(
    ["x", "y"], [[1.0, 0.2], [0.3, 1.1]], mean=[0.4, -0.1], self_value=0.9
)


def equivariant(gram=None):
    """Covariances of templates, after a map that treats all positions alike.

    S C Sᵀ with S = softmax(D) by rows: a permutation of positions permutes it.
    """
    stream = start(incidences(TEMPLATES), 0.8, gram)
    weights = softmax(stream.within, axis=2)
    return stream.mixed(weights)


def symmetry(alike=True):
    return PositionSymmetry.of(incidences(TEMPLATES), alike)


@pytest.mark.parametrize("gram", [None, CORRELATED], ids=["identity", "correlated"])
def test_what_is_alike_already_stays_as_it_is(gram):
    """No two entries that differ are taken for equal, whatever tokens' products are."""
    stream = equivariant(gram)
    sites = np.einsum("iqq->iq", stream.between_strings)
    found = symmetry()
    np.testing.assert_allclose(found.averaged_sites(sites, EVERY), sites, rtol=1e-14)
    rows = found.averaged_rows(stream.within, EVERY)
    np.testing.assert_allclose(rows, stream.within, rtol=1e-14)


def test_what_must_be_equal_is_made_equal():
    """All entries that an equivariant map leaves equal, up to chance coincidences."""
    noise = np.random.default_rng(0).standard_normal((6, 4, 4))
    rows = symmetry().averaged_rows(noise, EVERY)
    # ααβ and αβα are ααβ with positions in another order, as is αββ with α for β.
    first, second = rows[0], rows[2][np.ix_([0, 2, 1, 3], [0, 2, 1, 3])]
    np.testing.assert_array_equal(first, second)
    third = rows[1][np.ix_([2, 1, 0, 3], [2, 1, 0, 3])]
    np.testing.assert_array_equal(first, third)
    # Within one template: both positions of α, and their two pairs with β.
    assert first[0, 0] == first[1, 1]
    assert first[0, 2] == first[1, 2]
    assert first[2, 0] == first[2, 1]
    assert first[0, 2] != first[2, 0]
    assert first[0, 0] != first[0, 1]


def test_symbols_that_occur_as_often_are_still_two():
    """ααββ: a position of α and the other one of α are no pair of α and β."""
    templates = incidences(["?a ?a ?b ?b", "?a ?b ?a ?b"], "last")
    stream = start(templates, 0.8)
    found = PositionSymmetry.of(templates, True)
    rows = found.averaged_rows(stream.within, EVERY)
    np.testing.assert_allclose(rows, stream.within, rtol=1e-14)
    assert found.representatives(EVERY) == [0]
    back = found.spread(stream.within[:1], EVERY)
    np.testing.assert_allclose(back, stream.within, rtol=1e-14)


def test_means_are_means():
    noise = np.random.default_rng(1).standard_normal((6, 4))
    found = symmetry().averaged_sites(noise, EVERY)
    assert found.sum() == pytest.approx(noise.sum())
    # x y α has no two sites alike, nor has another template any like them.
    np.testing.assert_array_equal(found[4], noise[4])


def test_representatives_hold_all_entries():
    """ααβ, αββ and αβα are one; D of all comes back from one each."""
    stream, found = equivariant(), symmetry()
    kinds = found.representatives(EVERY)
    assert kinds == [0, 3, 4, 5]
    back = found.spread(stream.within[kinds], EVERY)
    np.testing.assert_allclose(back, stream.within, rtol=1e-14)


def test_at_the_position_that_is_read():
    """Only the last one: as many representatives as kinds of templates."""
    stream, found, last = equivariant(), symmetry(), np.array([3])
    kinds = found.representatives(last)
    back = found.spread(stream.within[kinds][:, 3:, 3:], last)
    np.testing.assert_allclose(back, stream.within[:, 3:, 3:], rtol=1e-14)


def test_positions_that_differ_are_left_alone():
    """Under a mask nothing is equal."""
    found = symmetry(alike=False)
    noise = np.random.default_rng(2).standard_normal((6, 4, 4))
    np.testing.assert_array_equal(found.averaged_rows(noise, EVERY), noise)
    assert found.representatives(EVERY) == list(range(6))
    np.testing.assert_array_equal(found.spread(noise, EVERY), noise)
