"""A new pattern's row: consistent with the kernel, and covered by its halfwidth."""

import numpy as np
import pytest
from symbind_testing.builders.grams import one_layer_estimate
from symbind_testing.tasks import LENGTH_3

from numerics import Architecture
from numerics.averages.linalg import triangle
from numerics.store.value_cache import ValueCache
from numerics.strings.component_table import ComponentSettings
from numerics.strings.pairwise_components import ComponentBlock
from numerics.strings.pattern_row import BaseKernel, NewPattern, new_row, own_row
from symbind_theory import Template

PATTERNS = tuple(Template(t).canonical() for t in LENGTH_3)


def settings(architecture):
    return ComponentSettings(
        architecture=architecture,
        regular_tokens=(),
        points=2**10,
        seed=0,
        device="cpu",
        cache=ValueCache(None),
    )


def block(values):
    return ComponentBlock(values[:, :, None], 1e-6 + 0 * values[:, :, None], 0.0)


@pytest.mark.parametrize("identity_vo", [0.0, 0.8])
def test_a_known_pattern_gets_its_row_back(identity_vo):
    """However far the new points are from the kernel's: λ_min(C) is 1.2e-5, the plain
    estimate is off by 1e-2 of each entry."""
    architecture = Architecture(identity_vo=identity_vo)
    gram = one_layer_estimate(PATTERNS, architecture, max_points=2**12)
    plain = one_layer_estimate(PATTERNS, max_points=2**12).attention
    root = np.linalg.cholesky(plain).T
    stretch = np.random.default_rng(0).uniform(0.99, 1.01, root.shape[1])
    moved = root.T @ (stretch[:, None] * root)
    base = BaseKernel(
        features=triangle(gram.features[0][:, list(gram.column)]),
        attention_self=gram.attention_self,
        halfwidth=gram.halfwidth["matrix"],
        self_halfwidth=np.zeros(len(gram.templates)),
        feature_error=gram.feature_error,
        self_error=gram.self_error,
    )
    for n, pattern in enumerate(PATTERNS):
        new = NewPattern(
            pattern=pattern,
            known=PATTERNS,
            among_known=block(moved),
            towards_known=block(moved[n : n + 1]),
            with_itself=block(moved[n : n + 1, n : n + 1]),
        )
        row = new_row(new, base, settings(architecture))
        own = own_row(base, gram.factor, n)
        np.testing.assert_allclose(row.attention, own.attention, atol=1e-12)
        np.testing.assert_allclose(row.matrix, own.matrix, rtol=1e-7)
        assert row.attention_self == pytest.approx(own.attention_self, rel=1e-12)
        # What control variates moved is in the halfwidth.
        assert (row.halfwidth > 0).all()
        if not identity_vo:
            dual = architecture.activation.dual
            d = base.attention_self
            there = dual(np.full(len(d), d[n]), d, moved[n])
            assert (np.abs(there - row.matrix) <= 1.01 * row.halfwidth).all()


def test_without_wildcards_it_has_its_known_length():
    """The single string of a pattern has C_ii = d_i, whatever the points say."""
    architecture, single = Architecture(), Template("?1 ?2")
    gram = one_layer_estimate([single], architecture)
    base = BaseKernel(
        features=gram.features[0],
        attention_self=gram.attention_self,
        halfwidth=gram.halfwidth["matrix"],
        self_halfwidth=np.zeros(len(gram.templates)),
        feature_error=gram.feature_error,
        self_error=gram.self_error,
    )
    of_text = ComponentSettings(
        architecture=architecture,
        regular_tokens=("X", "Y"),
        points=2**10,
        seed=0,
        device="cpu",
        cache=ValueCache(None),
    )
    new = NewPattern(
        pattern=Template("X Y"),
        known=(single,),
        among_known=block(gram.attention),
        towards_known=block(0.5 * gram.attention),
        with_itself=block(np.array([[0.9]])),
    )
    row = new_row(new, base, of_text)
    d = one_layer_estimate(["X Y"], architecture).attention_self[0]
    assert row.apart == row.attention_self == pytest.approx(d, rel=1e-12)
    known = 0.5 * gram.attention[0] * np.sqrt(d / 0.9)
    np.testing.assert_allclose(row.attention, known, rtol=1e-9)
