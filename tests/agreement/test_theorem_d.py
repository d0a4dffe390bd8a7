"""Theorem D in numbers: the recursion over blocks by plain Monte Carlo.

An error of a mean over replications is judged by Student's t at 1e-6 a comparison;
fewer than a hundred are made here, a false alarm in ten thousand runs.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student
from symbind_testing.oracles.depth_recursion import deep_matrix
from symbind_testing.oracles.two_positions import exact

from numerics import Architecture, Cosine, Erf, ReLU, template_gram
from numerics.architecture import Block
from numerics.positions import Rotary
from symbind_theory import Outcome, Template
from symbind_theory.separation import decide
from symbind_theory.separation.deep_bounds import (
    MlpMoments,
    depth_bound,
    first_temperature,
)

REPLICATIONS = 20
# A mean lies beyond this many standard errors with probability 1e-6.
FAR = float(student.ppf(1 - 5e-7, REPLICATIONS - 1))
SAME_DIFFERENT = ("?a ?a", "?a ?b")


def parsed(texts):
    return [Template(text) for text in texts]


def replicated(texts, architecture, statistic, draws=4000):
    """Mean and standard error of a statistic of N over independent runs."""
    found = np.array(
        [
            statistic(*deep_matrix(parsed(texts), architecture, draws, seed))
            for seed in range(REPLICATIONS)
        ]
    )
    return found.mean(0), found.std(0, ddof=1) / math.sqrt(REPLICATIONS)


def smallest(matrix, _):
    return np.linalg.eigvalsh(matrix)[0]


def apart(matrix, own):
    """N_ii + N_jj − 2 N_ij of the first two, and the difference of self values."""
    gap = matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1]
    return np.array([gap, own[0] - own[1]])


@pytest.mark.slow
def test_the_recursion_has_the_value_of_quadrature():
    """αα/αβ with [CLS], β = γ = 1, two blocks, by deterministic quadrature."""
    architecture = Architecture(depth=2, activation=Cosine(1.0, 0.3))
    value, error = replicated(SAME_DIFFERENT, architecture, smallest, 10000)
    assert abs(value - 1.596831e-4) < FAR * error
    assert error < 0.05 * 1.596831e-4


def test_one_block_is_one_layer():
    """Under last and cls, s = 0: N of the paper's architecture."""
    for readout in ("cls", "last"):
        architecture = Architecture(readout=readout, activation=Erf())
        gram = template_gram(SAME_DIFFERENT, architecture)
        value, error = replicated(SAME_DIFFERENT, architecture, lambda n, _: n)
        slack = FAR * error + gram.halfwidth["matrix"]
        assert (np.abs(value - gram.matrix) < slack).all()


UNIFORM = [
    # Residual and b; templates with equal rows, and templates that b alone tells apart.
    (1.0, 0.0, ("X ?a ?a ?b ?b", "X ?a ?b ?a ?b")),
    (0.7, 0.4, ("X ?a ?a ?b ?b", "X ?a ?b ?a ?b")),
    (0.7, 0.0, ("?a ?a ?a ?b ?b ?b", "?a ?a ?a ?a ?b ?c")),
    (0.0, 0.4, ("X ?a ?a ?a ?b ?b ?b", "?a ?a ?a ?a ?b ?c X")),
]


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
@pytest.mark.parametrize("normalisation", [None, "pre", "post"])
@pytest.mark.parametrize(("residual", "b", "texts"), UNIFORM, ids=str)
def test_uniform_attention_merges_what_is_said(
    readout, normalisation, residual, b, texts
):
    """Exact: without β the recursion is deterministic. The third row is any other."""
    architecture = Architecture(
        beta=0.0,
        readout=readout,
        activation=Cosine(1.3, 0.2),
        depth=3,
        residual=residual,
        identity_vo=b,
        normalisation=normalisation,
    )
    decision = decide(texts, architecture.record())
    assert decision.outcome is Outcome.REFUTED
    others = [*texts, "X Y ?a", "?a"]
    matrix, own = deep_matrix(parsed(others), architecture)
    assert np.allclose(matrix[0], matrix[1], rtol=1e-12)
    assert own[0] == pytest.approx(own[1], rel=1e-12)


def test_b_shows_multiplicities_to_uniform_attention():
    """So it is right that nothing is said of those with equal Σ n_v² under b."""
    texts = ("?a ?a ?a ?b ?b ?b", "?a ?a ?a ?a ?b ?c")
    architecture = Architecture(
        beta=0.0, readout="last", activation=ReLU(), depth=3, residual=1.0
    )
    plain, _ = deep_matrix(parsed(texts), architecture)
    assert np.allclose(plain[0], plain[1], rtol=1e-12)
    blocks = (Block(identity_vo=1.0),) * 3
    with_b, _ = deep_matrix(
        parsed(texts),
        Architecture(
            beta=0.0,
            readout="last",
            activation=ReLU(),
            depth=3,
            residual=1.0,
            blocks=blocks,
        ),
    )
    assert not np.allclose(with_b[0], with_b[1], rtol=1e-3)


DEEP = {
    "plain": {"activation": ReLU()},
    "pre": {"activation": ReLU(), "residual": 1.0, "normalisation": "pre"},
    "post, b": {
        "activation": Erf(),
        "residual": 0.5,
        "identity_vo": 0.7,
        "normalisation": "post",
    },
}


@pytest.mark.parametrize("readout", ["cls", "mean"])
@pytest.mark.parametrize("case", DEEP)
def test_without_positions_permuted_templates_are_one(readout, case):
    """αβα/αββ at depth 2; with positions they are two, and so are αα/αβ."""
    texts = ("X ?a ?b ?a", "?a X ?b ?b")
    changes = DEEP[case] | {"readout": readout, "depth": 2, "identity_kq": 0.5}
    blind = Architecture(gamma=0.0, beta=2.0, **changes)
    assert decide(texts, blind.record()).outcome is Outcome.REFUTED
    value, error = replicated(texts, blind, apart, 2000)
    assert (np.abs(value) < FAR * error).all()
    seeing = Architecture(gamma=1.0, beta=2.0, **changes)
    value, error = replicated(texts, seeing, apart, 2000)
    assert value[0] > FAR * error[0]


POSITIVE = {
    "several lengths": (("?a", "?a ?a", "?a ?b"), {"activation": ReLU()}),
    "later uniform": (
        SAME_DIFFERENT,
        {"blocks": (Block(), Block(beta=0.0)), "activation": ReLU()},
    ),
    "constant with residual": (
        SAME_DIFFERENT,
        {"activation": Cosine(0.0), "residual": 1.0},
    ),
    "causal": (SAME_DIFFERENT, {"activation": ReLU(), "causal": True}),
    "pre": (SAME_DIFFERENT, DEEP["pre"]),
    "post": (SAME_DIFFERENT, DEEP["post, b"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
@pytest.mark.parametrize("case", POSITIVE)
def test_what_holds_has_a_positive_smallest_eigenvalue(readout, case):
    texts, changes = POSITIVE[case]
    architecture = Architecture(beta=2.0, readout=readout, depth=2, **changes)
    assert decide(texts, architecture.record()).outcome is Outcome.HOLDS
    value, error = replicated(texts, architecture, smallest, 8000)
    assert value > FAR * error


@pytest.mark.slow
def test_residuals_carry_what_cls_saw_without_positions():
    texts = ("?a ?a", "?a ?b", "X ?a")
    architecture = Architecture(
        beta=2.0, gamma=0.0, depth=2, residual=1.0, activation=ReLU()
    )
    assert decide(texts, architecture.record()).outcome is Outcome.HOLDS
    value, error = replicated(texts, architecture, smallest, 8000)
    assert value > FAR * error


RELU = MlpMoments(slope=0.5, power=0.5)
FLAT = {"activation": Cosine(1e-3, 0.3), "residual": 1.0}
BOUNDED = {
    # Without and with what an MLP adds: E φ'(√v g) = ½ for a ReLU, E φ(g)² = ½.
    "plain": ({"activation": ReLU(), "residual": 0.8, "depth": 2}, None),
    "with MLPs": ({"activation": ReLU(), "residual": 0.8, "depth": 2}, RELU),
    "b first": ({"blocks": (Block(identity_vo=-1.0),), **FLAT}, None),
    "pre": ({"normalisation": "pre", "depth": 2, **FLAT}, None),
    "pre with MLPs": (
        {"normalisation": "pre", "activation": ReLU(), "residual": 1.0},
        RELU,
    ),
    "post": (
        {"normalisation": "post", "activation": ReLU(), "residual": 1.0, "depth": 2},
        RELU,
    ),
    "pre, final": (
        {
            "normalisation": "pre",
            "activation": ReLU(),
            "residual": 1.0,
            "depth": 2,
            "final_normalisation": True,
        },
        RELU,
    ),
}


def first_smallest(architecture):
    """λ_min(C) of the one layer that the bound stands on."""
    record = architecture.record()
    one = Architecture(
        beta=first_temperature(record),
        gamma=architecture.gamma,
        readout=architecture.readout,
    )
    return template_gram(SAME_DIFFERENT, one).attention_smallest_eigenvalue


@pytest.mark.parametrize("readout", ["cls", "last"])
@pytest.mark.parametrize("case", BOUNDED)
def test_the_smallest_eigenvalue_is_above_its_bound(readout, case):
    changes, moments = BOUNDED[case]
    architecture = Architecture(readout=readout, gamma=1.5, **changes)
    bound = depth_bound(architecture.record(), first_smallest(architecture), moments)
    assert bound.low > 0
    value, error = replicated(SAME_DIFFERENT, architecture, smallest)
    assert value > bound.low - FAR * error


@pytest.mark.slow
def test_the_mean_readout_needs_no_share_of_positions_for_residuals_alone():
    """The averaged C¹ is what residuals carry: sharp where MLPs add nothing."""
    architecture = Architecture(readout="mean", depth=1, **FLAT)
    bound = depth_bound(architecture.record(), first_smallest(architecture))
    value, error = replicated(SAME_DIFFERENT, architecture, smallest, 40000)
    assert value == pytest.approx(bound.value, abs=FAR * error)
    assert FAR * error < 0.5 * bound.value


@pytest.mark.slow
def test_a_later_b_may_undo_the_residual():
    """s I + b S̄ with b = −s and uniform weights averages to nothing.

    s^{2(2L−1)} λ_min(C¹), true where b = 0, is then beyond λ_min(N); 0 is not.
    """
    blocks = (Block(), Block(beta=0.0, identity_vo=-2.0))
    changes = FLAT | {"residual": 2.0, "depth": 2, "readout": "mean"}
    architecture = Architecture(**changes, blocks=blocks)
    first = first_smallest(architecture)
    value, error = replicated(SAME_DIFFERENT, architecture, smallest)
    without = depth_bound(Architecture(**changes).record(), first)
    assert without.low == pytest.approx(2**6 * first.low)
    assert value + FAR * error < without.low
    assert depth_bound(architecture.record(), first).high == 0.0


@pytest.mark.slow
def test_under_pre_the_first_attention_is_divided_by_its_self_values():
    """λ_min(C) of one layer at β/(1+γ²) is beyond λ_min(N), a (1+γ²)-th of it not."""
    architecture = Architecture(gamma=2.0, normalisation="pre", **FLAT)
    first = first_smallest(architecture)
    value, error = replicated(SAME_DIFFERENT, architecture, smallest, 20000)
    assert value + FAR * error < first.low
    bound = depth_bound(architecture.record(), first)
    assert bound.value == pytest.approx(first.value / 5)
    assert value == pytest.approx(bound.value, abs=FAR * error)


COLLAPSED = {
    "no positions": (("?a ?b", "x ?a", "?a x"), {"gamma": 0.0}),
    "uniform": (("?a ?b", "?a ?a", "x ?a"), {"beta": 0.0, "depth": 1}),
    "forgets": (
        ("?a ?b", "x ?a"),
        {"activation": Cosine(b1=0.0), "blocks": (Block(residual=1.0), Block())},
    ),
    "one wildcard alone": (("?a ?a", "?a ?b"), {"gamma": 0.0, "depth": 1}),
}


@pytest.mark.parametrize("case", COLLAPSED)
def test_what_collapses_has_a_singular_tangent_kernel(case):
    """By exact values: rows of Θ are equal or proportional where those of N are."""
    texts, changes = COLLAPSED[case]
    settings = {"readout": "mean", "depth": 2, "residual": 0.0} | changes
    architecture = Architecture(**settings)
    seeing = Architecture(readout="mean", depth=settings["depth"])
    for outcome, network in ((Outcome.REFUTED, architecture), (Outcome.HOLDS, seeing)):
        decision = decide(texts, network.record(), "ntk")
        assert decision.outcome is outcome
        assert "tangent kernel" in decision.reason
        matrix = exact(texts, network).tangent
        least = np.linalg.eigvalsh(matrix)[0]
        assert (least < 1e-12 * np.trace(matrix)) == (outcome is Outcome.REFUTED)


ROTARY = {
    "cls": ("x ?a ?a ?b", "x ?a ?b ?b"),
    "last": ("x ?a ?b", "?a x ?b"),
}


@pytest.mark.parametrize("readout", ROTARY)
def test_rotary_positions_alone_merge_what_is_said(readout):
    """By estimates, with b and a residual; with γ = 1 the two are apart."""
    blind = Architecture(
        beta=2.0,
        gamma=0.0,
        readout=readout,
        residual=0.5,
        activation=ReLU(),
        identity_vo=0.3,
        relative=Rotary(2, 10.0),
    )
    texts = ROTARY[readout]
    assert decide(texts, blind.record()).outcome is Outcome.REFUTED
    gram = template_gram(texts, blind, 1e-9, 2**10)
    assert gram.gaps[0, 1] <= gram.halfwidth["gaps"][0, 1]
    own = gram.halfwidth["matrix_self"].sum()
    assert abs(gram.matrix_self[0] - gram.matrix_self[1]) <= own
    seeing = template_gram(texts, replace(blind, gamma=1.0), 1e-9, 2**10)
    assert seeing.gaps[0, 1] > 2 * seeing.halfwidth["gaps"][0, 1]
