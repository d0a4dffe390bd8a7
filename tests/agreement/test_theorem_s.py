"""Theorem S in numbers: positive definite exactly where nothing collapses."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from symbind_testing.builders.activations import Sign, Square
from symbind_testing.oracles.tensor_rule import features
from symbind_testing.tasks import SAME_DIFFERENT

from numerics import GELU, Architecture, Cosine, Erf, ReLU, template_gram
from numerics.mehler import hermite_share
from symbind_theory import Template
from symbind_theory.check_template import check
from symbind_theory.separation.theorem_s import Hypotheses, decide
from symbind_theory.tasks import TemplateTask

RNG = np.random.default_rng(310)
ACTIVATIONS = {
    "cos, b2 = 0": Cosine(1.0, 0.0),
    "cos, b2 = π/2": Cosine(1.0, math.pi / 2),
    "cos, b2 random": Cosine(*RNG.uniform(0.5, 3, 2).tolist()),
    "relu": ReLU(),
    "erf": Erf(),
    "gelu": GELU(),
    "sign": Sign(),
    "square": Square(),
}


def all_templates(length, regular_tokens=()):
    """All templates of that length, one for each class of equivalent ones."""
    symbols = [*regular_tokens, *(f"?{i}" for i in range(length))]
    everything = (Template(s) for s in product(symbols, repeat=length))
    return list(dict.fromkeys(t.canonical() for t in everything))


def random_templates(length, count):
    found = {}
    while len(found) < count:
        symbols = RNG.choice(["X", "?a", "?b", "?c"], size=length)
        found[Template(symbols.tolist()).canonical()] = True
    return list(found)


SETS = {
    "length 1": all_templates(1, ("X", "Y")),
    "length 2": all_templates(2),
    "length 2, one token": all_templates(2, ("X",)),
    "length 3": all_templates(3),
    "length 3, one token": all_templates(3, ("X",)),
    "length 5, random": random_templates(5, 8),
    "length 7, random": random_templates(7, 8),
}
SETTINGS = [tuple(RNG.uniform([0.7, 0.5], [2.5, 2]).tolist()) for _ in range(2)]


@pytest.mark.parametrize(
    ("beta", "gamma"),
    [SETTINGS[0], pytest.param(*SETTINGS[1], marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("family", SETS)
def test_c_and_n_are_positive_definite_for_inequivalent_templates(family, beta, gamma):
    """All subsets with them: leaving templates out cannot lower λ_min.

    At level 1 − 1e-6, so one false alarm in 10 000 runs for all of these together.
    """
    drawn = template_gram(
        SETS[family],
        Architecture(beta, gamma),
        rel_tol=1e-6,
        max_points=2**11,
        level=1 - 1e-6,
        seed=7,
    )
    for name, activation in ACTIVATIONS.items():
        # The features know nothing of the activation.
        architecture = Architecture(beta, gamma, activation=activation)
        gram = replace(drawn, architecture=architecture)
        assert gram.attention_smallest_eigenvalue.low > 0, name
        assert gram.smallest_eigenvalue.low > 0, name
        # On the sample itself C and N are exact Gram matrices: no error bar needed.
        share = hermite_share(activation, gram.attention, gram.attention_self)
        bound = share * gram.attention_smallest_eigenvalue.value
        assert 0 < bound <= gram.smallest_eigenvalue.value * (1 + 1e-6), name


@pytest.mark.parametrize("family", SETS)
def test_an_equivalent_template_makes_both_singular(family):
    """By tensor rule, which computes each template on its own, nothing merged."""
    templates = [t for t in SETS[family] if len(t.wildcards) <= 3]
    renamed = Template(token.replace("?", "?other") for token in templates[-1].tokens)
    f = features([*templates, renamed], 1.1, 0.9, 400, 4, seed=11)
    flat = f.transpose(0, 2, 1).reshape(-1, len(templates) + 1)
    singular = np.linalg.svd(flat, compute_uv=False)
    rounding = 100 * np.finfo(float).eps * singular[0]
    assert singular[-1] <= rounding
    assert np.linalg.svd(flat[:, :-1], compute_uv=False)[-1] > rounding
    # Any self values that do not tell the two apart will do.
    c = flat.T @ flat / len(f)
    d = np.diagonal(c) + 0.25
    # Rows of C are equal to about 1e-15, and no kernel here has a slope beyond 10.
    for name, activation in ACTIVATIONS.items():
        n = activation.dual(d[:, None], d[None, :], c)
        spectrum = np.linalg.eigvalsh(n)
        assert abs(spectrum[0]) <= 1e-13 * spectrum[-1], name
        apart = np.abs(n[-1] - n[len(templates) - 1]).max()
        assert apart <= 1e-13 * spectrum[-1], name


@pytest.mark.parametrize("identity_kq", [0.0, -0.7])
@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
@pytest.mark.parametrize("regular_tokens", [(), ("X",)], ids=["wildcards", "X"])
def test_c_is_positive_definite_under_every_readout(
    regular_tokens, readout, identity_kq
):
    """On a sample of outer points, σ_min of the features above the rule's error.

    What four more nodes change bounds the error, as it falls by half a dozen a step.
    """
    templates = all_templates(3, regular_tokens)
    beta, gamma = np.random.default_rng(8).uniform(0.7, 1.1, 2)
    coarse, fine = (
        features(templates, beta, gamma, 100, nodes, 1, readout, identity_kq)
        .transpose(0, 2, 1)
        .reshape(-1, len(templates))
        for nodes in (20, 24)
    )
    smallest = np.linalg.svd(fine, compute_uv=False)[-1]
    assert smallest > 2 * np.linalg.norm(fine - coarse, 2)


@pytest.mark.parametrize("identity_kq", [0.0, 0.8])
@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
def test_features_collapse_at_gamma_zero_as_decided(readout, identity_kq):
    """Pairs with equal features, by tensor rule; its error here is below 1e-5."""
    templates = all_templates(3, ("X",))
    f = features(templates, 0.9, 0.0, 50, 20, 3, readout, identity_kq)
    apart = np.abs(f[:, :, None] - f[:, None, :]).max((0, 3))
    pairs = np.triu(apart < 1e-4, 1)
    hypotheses = Hypotheses(
        readout=readout, gamma_is_zero=True, identity_kq=identity_kq != 0
    )
    decided = {(c.i, c.j) for c in decide(templates, hypotheses).collapses}
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(pairs)), strict=True)) == decided
    # No pair lies near the line drawn.
    assert not ((apart > 1e-5) & (apart < 1e-3)).any()


COLLAPSES = [
    # What is off, the templates, whether they collapse.
    ({"gamma": 0.0}, ["?a ?b ?a", "?a ?b ?b"], True),
    ({"gamma": 0.0}, ["?a ?a", "?a ?b"], False),
    ({"gamma": 0.0}, ["X ?a Y", "Y X ?b"], True),
    ({"gamma": 0.0}, ["?a ?a ?b ?b X", "?a ?a ?a ?b X"], False),
    ({"gamma": 0.0}, ["X ?a ?a", "?a ?a ?b"], False),
    ({"beta": 0.0}, ["?a ?a", "?a ?b"], True),
    ({"beta": 0.0}, ["X ?a", "?a ?b"], False),
    ({"beta": 0.0}, ["X ?a ?a", "?a ?b X"], True),
    ({"activation": Cosine(b1=0.0)}, ["?a ?a", "X ?b"], True),
]


@pytest.mark.parametrize(("off", "templates", "collapse"), COLLAPSES, ids=str)
def test_templates_collapse_exactly_where_it_is_decided(off, templates, collapse):
    """The estimate sees the rank of N; at level 1 − 1e-6."""
    task = TemplateTask(templates, [1, -1])
    result = check(task, Architecture(**off), max_points=2**11, level=1 - 1e-6)
    assert result.collapsed_pairs == (((0, 1),) if collapse else ())
    resolved = result.estimates.smallest_eigenvalue.low > 0
    assert resolved != collapse
    verdict = result.verdict("C3")
    assert verdict is not None
    assert verdict.outcome == ("REFUTED" if collapse else "HOLDS")
    if "gamma" in off:
        gap = result.estimates.gaps[0].estimate
        assert (gap.low > 0) != collapse
        if collapse:
            assert gap.value < 1e-20


def test_relu_stays_non_singular_where_the_cosine_collapses():
    """At beta = 0 the self values of αα and αβ differ, their features do not."""
    results = [
        check(
            SAME_DIFFERENT,
            Architecture(beta=0.0, activation=activation),
            max_points=512,
        )
        for activation in (ReLU(), Cosine())
    ]
    assert [r.exit_status for r in results] == [0, 1]
    assert results[0].estimates.smallest_eigenvalue.low > 0
    assert results[1].estimates.smallest_eigenvalue.low == 0
    assert results[0].estimates.gaps[0].estimate.value < 1e-20


def test_uniform_attention_can_make_c_singular_without_a_collapse():
    """Counts 2, 1, 0 of X lie on a line: C has rank 2, and N(cos) has rank 3."""
    templates = ["X X", "X ?a", "?a ?b"]
    gram = template_gram(templates, Architecture(beta=0.0), max_points=64)
    assert gram.attention_smallest_eigenvalue.value < 1e-15
    assert gram.smallest_eigenvalue.low > 0
    hypotheses = Hypotheses(beta_is_zero=True)
    assert decide([Template(t) for t in templates], hypotheses).outcome == "HOLDS"


@pytest.mark.parametrize("off", [{"gamma": 0.0}, {"beta": 0.0}], ids=str)
@pytest.mark.parametrize("activation", [Cosine(), ReLU()], ids=["cos", "relu"])
def test_all_pairs_of_short_templates(off, activation):
    """Rows of N that are proportional are just those of the pairs that collapse.

    Collapsed features differ by rounding and by the inner stage, below 1e-11.
    """
    templates = all_templates(3, ("X",))
    architecture = Architecture(**off, activation=activation)
    hypotheses = Hypotheses(
        activation="cosine" if isinstance(activation, Cosine) else "relu",
        beta_is_zero="beta" in off,
        gamma_is_zero="gamma" in off,
    )
    decided = {(c.i, c.j) for c in decide(templates, hypotheses).collapses}
    # Wildcards cost nothing at beta = 0; elsewhere the same points serve all templates.
    n = template_gram(templates, architecture, max_points=2**11, seed=2).matrix
    unit = n / np.linalg.norm(n, axis=1, keepdims=True)
    apart = np.linalg.norm(unit[:, None] - unit[None, :], axis=2)
    seen = {(i, j) for i, j in zip(*np.nonzero(apart < 1e-9), strict=True) if i < j}
    assert seen == decided
    assert 0 < len(decided) < len(templates) * (len(templates) - 1) // 2
