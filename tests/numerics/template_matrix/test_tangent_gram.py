"""The matrix of the tangent kernel against exact values, plain Monte Carlo and laws.

Intervals of entries are taken at level 1 − 1e-6, of 3000 entries in all: one false
alarm in 300. Seeds are fixed.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit
from symbind_testing.builders.activations import ScaledReLU
from symbind_testing.builders.deep_architectures import DEEP
from symbind_testing.builders.statistics import smallest_eigenvalue
from symbind_testing.oracles.plain_recursion import sampled
from symbind_testing.oracles.two_positions import exact
from symbind_testing.refusals import refusal
from symbind_testing.tasks import AA_AB, AABB_ABAB, ABA_ABB

from numerics import (
    GELU,
    Architecture,
    Cosine,
    CustomActivation,
    Erf,
    ReLU,
    relative_eigenvalue,
    tangent_gram,
    template_gram,
)
from numerics.positions import ALiBi, RandomBias, Rotary
from numerics.template_matrix.estimate import gram_of
from numerics.tokens import TokenGram

RELU = ReLU()
SEVEN = ["?a ?a", "?a ?b", "x ?a", "?a x", "x x", "x y", "y ?a"]
LEVEL = 1 - 1e-6
DEPTH_2 = Architecture(depth=2, residual=1.0, normalisation="pre", activation=Erf())


def estimate(templates, architecture, points=1024, **options):
    """As many points as are allowed, at the level of this file."""
    options = {"rel_tol": 1e-9, "level": LEVEL, **options}
    return tangent_gram(templates, architecture, max_points=points, **options)


def assert_covers(architecture, points=1024, width_at_most=0.2):
    """Every entry of seven templates, and λ_min; intervals that say something."""
    gram, truth = estimate(SEVEN, architecture, points), exact(SEVEN, architecture)
    for value, name, known in (
        (gram.matrix, "matrix", truth.tangent),
        (gram.matrix_self, "matrix_self", truth.tangent_self),
        (gram.attention, "attention", truth.attention),
    ):
        width, size = gram.halfwidth[name], np.abs(known).max()
        assert (np.abs(value - known) <= width + 1e-14 * size).all(), name
        assert width.max() < width_at_most * size, name
    found, value = gram.smallest_eigenvalue, smallest_eigenvalue(truth.tangent)
    room = 1e-13 * np.trace(truth.tangent)
    assert found.low - room <= value <= found.high + room


@pytest.mark.parametrize("name", ["pre", "causal"])
def test_several_blocks_agree_with_two_positions(name):
    assert_covers(DEEP[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_every_switch_agrees_with_two_positions(name):
    """Four blocks without normalisation: logits of thousands, few draws that count."""
    assert_covers(DEEP[name], 4096, 1.0 if name == "residual" else 0.2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("normalisation", "final"),
    [(None, False), (None, True), ("pre", False), ("pre", True), ("post", False)],
)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_depths_and_normalisations_agree_with_two_positions(
    depth, normalisation, final
):
    """With a, b, a residual, and a mask where the depth is odd.

    A fourth block would be one more between the first and the last: the eigenvalues
    below, and the switches above, have four.
    """
    assert_covers(
        Architecture(
            1.2,
            0.8,
            "last" if depth % 2 else "mean",
            GELU(),
            0.4,
            -0.3,
            depth=depth,
            residual=0.7,
            normalisation=normalisation,
            final_normalisation=final,
            causal=bool(depth % 2),
        )
    )


@pytest.mark.parametrize(
    ("options", "truth"),
    [
        ({"depth": 1}, 1.56e-3),
        pytest.param({"depth": 4}, 1.49e-3, marks=pytest.mark.slow),
        ({"depth": 1, "residual": 1.0, "normalisation": "pre"}, 3.50e-4),
        pytest.param(
            {"depth": 4, "residual": 1.0, "normalisation": "pre"},
            5.65e-4,
            marks=pytest.mark.slow,
        ),
    ],
    ids=["1", "4", "pre 1", "pre 4"],
)
def test_known_ratios_of_eigenvalue_and_excess(options, truth):
    """λ_min(Θ)/e of αα/αβ read at the last of two positions, to three digits."""
    architecture = Architecture(readout="last", activation=ScaledReLU(), **options)
    exactly = exact(AA_AB, architecture)
    scale = np.sqrt(exactly.tangent_self - np.diagonal(exactly.tangent))
    known = smallest_eigenvalue(exactly.tangent / np.outer(scale, scale))
    assert known == pytest.approx(truth, rel=0.004)
    gram = estimate(AA_AB, architecture, level=0.999)
    found = relative_eigenvalue(gram, alpha=1e-12)
    assert found.contains(known)
    assert found.relative_halfwidth < 0.05


PLAIN = {
    "one layer, cls": (ABA_ABB, Architecture(activation=Erf())),
    "cosine, no residual": (AA_AB, Architecture(depth=2)),
    "pre, a": (AA_AB, replace(DEPTH_2, identity_kq=0.5)),
    "post, causal": (
        ("?a ?b ?a", "x ?a ?a"),
        Architecture(
            1.3,
            readout="last",
            depth=2,
            residual=0.7,
            normalisation="post",
            activation=GELU(),
            causal=True,
        ),
    ),
    "ALiBi": (AA_AB, replace(DEPTH_2, relative=ALiBi(0.4))),
    "random bias": (AA_AB, replace(DEPTH_2, relative=RandomBias(0.8))),
}
RUNS = 12


def assert_as_plain_sums(templates, architecture, points):
    """Plain Monte Carlo by the formula as it is written, to its standard errors."""
    gram = estimate(templates, architecture)
    found = sampled(templates, architecture, RUNS, points, tangent=True)
    quantile = stdtrit(RUNS - 1, (1 + LEVEL) / 2)
    for name, (mean, error) in zip(("matrix", "matrix_self"), found, strict=True):
        off = np.abs(mean - getattr(gram, name))
        assert (off <= quantile * error + gram.halfwidth[name]).all(), name
        assert quantile * error.max() < 0.2 * np.abs(mean).max()


@pytest.mark.parametrize("name", ["cosine, no residual"])
def test_three_positions_agree_with_plain_sums(name):
    assert_as_plain_sums(*PLAIN[name], points=512)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_more_positions_agree_with_plain_sums(name):
    assert_as_plain_sums(*PLAIN[name], points=4096)


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(Architecture(), id="1"),
        pytest.param(DEPTH_2, id="2", marks=pytest.mark.slow),
    ],
)
def test_the_tangent_kernel_is_no_less_than_the_other(architecture):
    """Θ − N is a sum of other parameters' Gram matrices; the attention is the same."""
    trained = estimate(AABB_ABAB, architecture, 256)
    plain = template_gram(AABB_ABAB, architecture, 1e-9, 256, level=LEVEL)
    more = trained.matrix - plain.matrix
    room = trained.halfwidth["matrix"].max() + plain.halfwidth["matrix"].max()
    assert np.linalg.eigvalsh(more)[0] > -2 * room
    assert trained.smallest_eigenvalue.value > plain.smallest_eigenvalue.value
    off = np.abs(trained.attention - plain.attention)
    width = trained.halfwidth["attention"] + plain.halfwidth["attention"]
    assert (off <= width).all()
    assert (trained.kernel, plain.kernel) == ("ntk", "nngp")


def test_equivalent_templates_have_equal_rows():
    gram = estimate(["?a ?a", "?b ?b", "?a ?b"], Architecture(), 256)
    np.testing.assert_array_equal(gram.matrix[0], gram.matrix[1])
    assert gram.smallest_eigenvalue.high == 0


def test_strings_without_wildcards_have_no_excess():
    gram = estimate(["x y", "x ?a"], DEPTH_2, 256)
    assert gram.excess[0] == 0 < gram.excess[1]


@pytest.mark.slow
@pytest.mark.parametrize("activation", [Cosine(), ReLU()], ids=["cos", "relu"])
def test_many_templates_take_the_other_ways(activation):
    """More sites than series and products are factorised for: entries are the same."""
    architecture = replace(DEPTH_2, depth=1, activation=activation)
    many = [f"x{i} ?a ?b" for i in range(11)]
    few = estimate(many[:2], architecture, 64)
    found = estimate(many, architecture, 64)
    off = np.abs(found.matrix[:2, :2] - few.matrix)
    width = few.halfwidth["matrix"] + found.halfwidth["matrix"][:2, :2]
    assert (off <= width).all()


@pytest.mark.parametrize("beta", [1e4, 1e6, 1e75])
def test_logits_too_steep_for_the_points_are_refused(beta):
    """β² E J J' grows as β, from the 1/β of all points where two logits are alike.

    Where none may lie there the spread of runs says nothing. A hard maximum gave 5 for
    a string with itself, ± 1e-7, for all β from 1e6 on.
    """
    architecture = Architecture(beta=beta, readout="last")
    message = refusal(lambda: tangent_gram(AA_AB, architecture, max_points=512))
    assert message.startswith("max_points is 512 with the tangent kernel")


def test_steep_logits_are_known_from_points_enough():
    architecture = Architecture(beta=50.0, readout="last")
    gram, truth = estimate(AA_AB, architecture), exact(AA_AB, architecture)
    off = np.abs(gram.matrix_self - truth.tangent_self)
    assert (off <= gram.halfwidth["matrix_self"]).all()


class Unsloped:
    """A ReLU with closed forms for φ and for its dual alone."""

    name, constant = "unsloped", False
    dual, hermite, quadrature_error = RELU.dual, RELU.hermite, RELU.quadrature_error


@pytest.mark.parametrize("depth", [1, 2])
def test_kinks_without_a_slope_are_in_every_halfwidth(depth):
    """Series of 256 orders miss 2 % of E φ'(u)²: intervals of 1e-5 were wrong."""
    known = Architecture(depth=depth, residual=depth - 1.0, activation=ReLU())
    truth = exact(["?a", "x"], known)
    for activation in (CustomActivation(lambda t: np.maximum(t, 0)), Unsloped()):
        gram = estimate(["?a", "x"], replace(known, activation=activation))
        for name, value in (
            ("matrix", truth.tangent),
            ("matrix_self", truth.tangent_self),
        ):
            off = np.abs(getattr(gram, name) - value)
            assert (off <= gram.halfwidth[name]).all(), name


def test_smooth_activations_of_ones_own_stay_sharp():
    architecture = Architecture(readout="last", activation=CustomActivation(np.tanh))
    gram = tangent_gram(AA_AB, architecture, max_points=4096)
    assert gram.smallest_eigenvalue.relative_halfwidth < 0.02
    assert (gram.halfwidth["matrix_self"] < 1e-3 * gram.matrix_self).all()


@pytest.mark.parametrize("depth", [1, 2])
def test_jumps_have_no_tangent_kernel(depth):
    """E φ'(u)² is infinite."""
    architecture = Architecture(depth=depth, activation=CustomActivation(np.sign))
    message = refusal(lambda: tangent_gram(AA_AB, architecture))
    assert message.startswith("activation is 'custom' with the tangent kernel")


def test_rotary_positions_are_refused():
    message = refusal(lambda: estimate(AA_AB, replace(DEPTH_2, relative=Rotary())))
    assert message.startswith("relative is rotary with the tangent kernel; expected")


def test_embeddings_that_are_not_independent_are_refused():
    """Trained by rows or through what they have in common: two kernels."""
    correlated = replace(DEPTH_2, tokens=TokenGram.equicorrelated(["X"], 0.3))
    message = refusal(lambda: estimate(AA_AB, correlated))
    assert message.startswith("tokens is a Gram matrix with the tangent kernel")


def test_other_kernels_are_refused():
    other: Any = "nngg"
    message = refusal(lambda: gram_of(other, AA_AB))
    assert message.startswith("kernel is 'nngg'")
