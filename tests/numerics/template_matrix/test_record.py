"""The record of an estimate: its entries follow from its features, computed once."""

from collections import Counter
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from symbind_testing.builders.activations import Square
from symbind_testing.builders.grams import one_layer_estimate

from numerics import Architecture, mehler
from numerics.template_matrix import identity_in_values

TEMPLATES = ("?a ?a ?b", "?a ?b ?a", "X ?a ?b")


class CountedSquare(Square):
    """The square, which counts for how many self values it is asked."""

    counts: ClassVar[Counter[int]] = Counter()

    def hermite(self, d, orders):
        self.counts[len(d)] += 1
        return super().hermite(d, orders)


def test_entries_follow_the_features_of_a_changed_record():
    """N = GᵀG, K_self and the gaps belong to the features that the record has."""
    gram = one_layer_estimate(TEMPLATES, max_points=64)
    moved = replace(
        gram,
        features=tuple(0.5 * f for f in gram.features),
        self_values=tuple(0.5 * d for d in gram.self_values),
    )
    np.testing.assert_allclose(moved.attention, 0.25 * gram.attention, rtol=1e-12)
    np.testing.assert_allclose(moved.gaps, 0.25 * gram.gaps, rtol=1e-12)
    np.testing.assert_allclose(moved.attention_self, 0.5 * gram.attention_self)
    np.testing.assert_allclose(moved.factor.T @ moved.factor, moved.matrix, rtol=1e-9)
    np.testing.assert_allclose(
        moved.matrix_self, np.diagonal(moved.matrix) + moved.excess, rtol=1e-9
    )
    assert (moved.halfwidth["attention"] < gram.halfwidth["attention"]).all()


def test_entries_are_not_given():
    """Gaps of other features than the record's own cannot be written into it."""
    gram = one_layer_estimate(TEMPLATES, max_points=64)
    with pytest.raises(ValueError, match="gaps"):
        replace(gram, gaps=np.zeros((3, 3)))


@pytest.mark.parametrize("in_cache", [2**17, 1], ids=["together", "one by one"])
@pytest.mark.parametrize(("readout", "times"), [("cls", 1), ("last", 1), ("mean", 17)])
def test_coefficients_are_computed_once_for_equal_self_values(
    readout, times, in_cache, monkeypatch
):
    """Only the mean readout has self values that depend on the points."""
    monkeypatch.setattr(mehler, "_IN_CACHE", in_cache)
    architecture = Architecture(readout=readout, activation=CountedSquare())
    CountedSquare.counts.clear()
    one_layer_estimate(TEMPLATES, architecture, max_points=64)
    assert CountedSquare.counts == {len(TEMPLATES) * times: 1}


def test_what_the_identity_adds_is_computed_once_a_look(monkeypatch):
    """It depends on no points: once for each template, not for each replicate."""
    counts = Counter()

    def counting(string, gamma):
        counts[string] += 1
        return covariance(string, gamma)

    covariance = identity_in_values.key_covariance
    monkeypatch.setattr(identity_in_values, "key_covariance", counting)
    one_layer_estimate(TEMPLATES, Architecture(identity_vo=1.0), max_points=64)
    assert sorted(counts.values()) == [1, 1, 1]
