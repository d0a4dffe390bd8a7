"""Settings in which something vanishes, is exact, or is lost in rounding."""

import math

import numpy as np
import pytest
from symbind_testing.tasks import (
    AA_AB,
    AABB_ABAB,
    ABA_ABB,
)

from numerics import (
    Architecture,
    Cosine,
    ReLU,
    template_gram,
)


def test_without_wildcards_the_diagonal_is_the_self_value():
    gram = template_gram(["X Y X", "Y Y X", "?a Y X"], max_points=64)
    diagonal = np.diagonal(gram.attention)
    np.testing.assert_allclose(diagonal[:2], gram.attention_self[:2], rtol=1e-12)
    assert gram.excess[:2].tolist() == [0, 0]
    assert gram.excess[2] > 0.01


def test_features_that_vanish_stay_zero():
    """Last readout without positions: wildcards are private, with nothing shared."""
    architecture = Architecture(gamma=0.0, readout="last")
    gram = template_gram(["?a ?b", "X ?a", "X X"], architecture, max_points=64)
    assert not gram.attention[0].any()
    assert gram.attention[2, 2] == pytest.approx(gram.attention_self[2])


@pytest.mark.parametrize(
    ("b1", "method"), [(10.0, "rqmc"), (30.0, "mc"), (100.0, "rqmc"), (1000.0, "mc")]
)
def test_a_fast_cosine_without_wildcards_is_exact(b1, method):
    """N_ii = K_self = ½(1 + cos(2 b2) e^{−2 b1² d}) and the rest is 0: λ_min = ½."""
    for seed in range(5):
        gram = template_gram(
            ["A B", "B A"],
            Architecture(activation=Cosine(b1, 0.3)),
            max_points=64,
            seed=seed,
            method=method,
        )
        assert gram.smallest_eigenvalue.contains(0.5)
        off = np.abs(np.diagonal(gram.matrix) - gram.matrix_self)
        assert (off <= np.diagonal(gram.halfwidth["matrix"])).all()


@pytest.mark.parametrize("templates", [["A ?a", "?a A"], ["A ?a ?b", "?a ?b A"]])
def test_quiet_positions_keep_their_part_of_the_gap(templates):
    """gap/γ² has a limit as γ → 0, with the same points at every γ but for rounding."""
    found = [
        template_gram(
            templates, Architecture(2.0, gamma), rel_tol=1e-9, max_points=2**12
        )
        for gamma in (1e-3, 2e-6, 9e-7, 1e-8)
    ]
    ratios = [g.gaps[0, 1] / g.architecture.gamma**2 for g in found]
    widths = [g.halfwidth["gaps"][0, 1] / g.architecture.gamma**2 for g in found]
    for ratio, width in zip(ratios[1:], widths[1:], strict=True):
        assert abs(ratio - ratios[0]) <= width + widths[0]
        assert width < 0.1 * ratio


def test_quiet_tokens_keep_their_part_of_the_gap():
    """β γ² = 2 as γ → ∞: positions alone decide, and the gap has a limit."""
    found = [
        template_gram(
            ["A ?a", "?a A"], Architecture(2 / gamma**2, gamma), max_points=2**11
        )
        for gamma in (1e3, 5e5, 9e5, 1e8)
    ]
    for gram in found[1:]:
        room = gram.halfwidth["gaps"][0, 1] + found[0].halfwidth["gaps"][0, 1]
        assert abs(gram.gaps[0, 1] - found[0].gaps[0, 1]) <= room < 0.5


def test_equal_multiplicities_give_equal_self_values():
    gram = template_gram(
        ["?a ?a X", "Y ?b ?b", "X Y Y", "?a ?b X"],
        Architecture(activation=ReLU()),
        max_points=64,
    )
    assert len(set(gram.attention_self[:3].tolist())) == 1
    assert len(set(gram.matrix_self[:3].tolist())) == 1
    assert gram.attention_self[3] < gram.attention_self[0]


def test_tiny_gaps_keep_their_relative_accuracy():
    """gap / β⁶ → (8/625) γ⁴ (1+γ²)³, far below the rounding of C's own entries."""
    for beta in (0.01, 0.003):
        gram = template_gram(
            AABB_ABAB,
            Architecture(beta=beta),
            max_points=2**12,
        )
        scale = 8 / 625 * 8 * beta**6
        width = gram.halfwidth["gaps"][0, 1] / scale
        # The next order, a relative β² ≤ 1e-4 times a moderate factor, is far below
        # the halfwidth of about 0.06.
        assert abs(gram.gaps[0, 1] / scale - 1) <= width
        assert width < 0.2


@pytest.mark.parametrize(
    ("change", "truth"),
    [
        ({"gamma": 0.0}, 0.0),
        ({"beta": 1e-8}, 4 / 128 * 1e-32),
        ({"beta": 0.0}, 0.0),
    ],
    ids=str,
)
def test_gaps_below_rounding_are_not_resolved(change, truth):
    """αβα and αββ: gap (1/128) γ² (1+γ²)² β⁴, and 0 where beta or gamma is 0."""
    gram = template_gram(ABA_ABB, Architecture(**change), max_points=256)
    assert abs(gram.gaps[0, 1] - truth) <= gram.halfwidth["gaps"][0, 1]
    assert gram.gaps[0, 1] - gram.halfwidth["gaps"][0, 1] <= 0


def test_an_activation_far_out_in_its_tail_keeps_sane_bounds():
    """cos(30 t): N is all but zero off the diagonal, λ_min cannot exceed trace / r."""
    gram = template_gram(
        AA_AB, Architecture(activation=Cosine(b1=30.0)), max_points=256
    )
    interval = gram.smallest_eigenvalue
    assert 0 <= interval.low <= interval.value <= interval.high
    assert interval.high <= np.trace(gram.matrix) / 2 + 1e-12
    assert gram.condition_number.low >= 1


def test_equivalent_templates_have_gap_zero_and_no_inverse():
    gram = template_gram(["?a X", "?b X", "?b ?b"], max_points=256)
    assert gram.gaps[0, 1] == 0
    assert gram.halfwidth["gaps"][0, 1] == 0
    assert gram.smallest_eigenvalue.low == 0
    assert gram.condition_number.high == math.inf


def test_a_constant_activation_is_singular():
    gram = template_gram(AA_AB, Architecture(activation=Cosine(b1=0)), max_points=256)
    assert gram.smallest_eigenvalue.low == 0


def log_width(interval):
    return math.log1p(interval.relative_halfwidth)


@pytest.mark.parametrize("gamma", [4.0, 16.0])
def test_a_fast_cosine_is_only_as_sure_as_all_of_attention(gamma):
    """log λ_min(N) moves by b1² times what C moves by; ReLU or a low b1 do not see it.

    All halfwidths are of one draw of points: no chance is involved, and a tenth is for
    what is not of first order.
    """

    def estimate(activation):
        architecture = Architecture(gamma=gamma, activation=activation)
        return template_gram(AA_AB, architecture, rel_tol=1e-9, max_points=2**11)

    gram = estimate(Cosine())
    of_c = log_width(gram.attention_smallest_eigenvalue)
    of_n = log_width(gram.smallest_eigenvalue)
    assert 1.5 * of_c < of_n < of_c + gram.halfwidth["attention"].max()
    for activation in (ReLU(), Cosine(b1=1 / gamma)):
        other = log_width(estimate(activation).smallest_eigenvalue)
        assert other == pytest.approx(of_c, rel=0.1)
