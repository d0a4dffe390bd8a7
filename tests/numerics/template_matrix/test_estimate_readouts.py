"""The template matrix for every readout and both identities, against other routes."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.builders.grams import one_layer_estimate
from symbind_testing.builders.strings import twice_fresh
from symbind_testing.oracles.tensor_rule import features
from symbind_testing.tasks import AA_AB, AABB_ABAB

from numerics import Architecture, Cosine, ReLU, gap_bounds, string_gram
from numerics.attention.string_moments import mean_features, moments_of
from numerics.averages.linalg import singular_values
from symbind_theory import Template
from symbind_theory.separation.incidence import READOUTS, Incidence
from symbind_theory.separation.leading_gaps import leading_gap
from symbind_theory.strategies import tasks

IDENTITIES = [(0.0, 0.0), (1.7, 0.0), (-0.9, 0.8), (0.0, 1.3)]


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(("identity_kq", "identity_vo"), IDENTITIES)
@pytest.mark.parametrize(
    "templates",
    [["?a X ?a", "?a X ?b", "Y ?a ?b"], ["X Y", "Y X", "?a X"], AABB_ABAB],
    ids=str,
)
def test_strings_sampled_without_an_inner_stage_agree(
    templates, identity_kq, identity_vo, readout
):
    """Two independent intervals at level 1 − 1e-6 for each entry, added."""
    architecture = Architecture(
        1.2, 0.7, readout, identity_kq=identity_kq, identity_vo=identity_vo
    )
    level = 1 - 1e-6
    gram = one_layer_estimate(templates, architecture, max_points=2**10, level=level)
    strings = twice_fresh(templates)
    plain = string_gram(strings, architecture, points=2**13, seed=4, level=level)
    assert_same_entries(plain, gram, ("attention", "matrix"))
    if (identity_kq, identity_vo) == IDENTITIES[2]:
        # The features know nothing of the activation.
        architecture = replace(architecture, activation=ReLU())
        gram = replace(gram, architecture=architecture)
        plain = string_gram(strings, architecture, points=2**13, seed=4, level=level)
        assert_same_entries(plain, gram, ("matrix",))


def assert_same_entries(plain, gram, names):
    r = len(gram.templates)
    for name in names:
        estimate, width = getattr(plain, name), plain.halfwidth[name]
        room = width[:r, r:] + gram.halfwidth[name]
        assert (np.abs(estimate[:r, r:] - getattr(gram, name)) <= room).all()
        own = f"{name}_self"
        room = np.diagonal(width)[:r] + gram.halfwidth[own]
        assert (np.abs(np.diagonal(estimate)[:r] - getattr(gram, own)) <= room).all()


@pytest.mark.parametrize(
    "identity_kq", [0.0, pytest.param(2.0, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("readout", ["last", "mean"])
def test_an_independent_rule_for_small_eigenvalues(readout, identity_kq):
    """Features by tensor Gauss–Hermite on plain points: no transform, no tables."""
    templates = ["?a ?a ?b", "?a ?b ?a", "?a ?b ?b"]
    beta, gamma, count = 0.5, 0.8, 4000
    f = features(templates, beta, gamma, count, 9, 5, readout, identity_kq)
    architecture = Architecture(beta, gamma, readout, identity_kq=identity_kq)
    gram = one_layer_estimate(templates, architecture, level=1 - 1e-6)

    def eigenvalue(part):
        rows = part.transpose(0, 2, 1).reshape(-1, len(templates))
        return singular_values(rows)[-1] ** 2 / len(part)

    groups = np.split(f, 20)
    without = [np.concatenate(groups[:i] + groups[i + 1 :]) for i in range(20)]
    found = np.array([eigenvalue(part) for part in without])
    error = math.sqrt(19 / 20 * ((found - found.mean()) ** 2).sum())
    smallest = gram.attention_smallest_eigenvalue
    room = 6 * error + smallest.halfwidth
    assert room < 0.1 * smallest.value
    assert abs(eigenvalue(f) - smallest.value) <= room


# Independent of the inner stage: strings, and the tensor rule, agree with the theory's
# λ_min 3.1e-4 → 2.8e-3 and condition number 1470 → 150 within their digits.
def test_the_identity_repairs_the_last_readout():
    """Nine times λ_min and a tenth of the condition number at a = 2; worse at a = 6."""
    plain, repaired, too_much = (
        one_layer_estimate(AA_AB, Architecture(readout="last", identity_kq=a))
        for a in (0.0, 2.0, 6.0)
    )
    smallest = [g.smallest_eigenvalue for g in (plain, repaired, too_much)]
    assert smallest[0].low - 5e-6 < 3.1e-4 < smallest[0].high + 5e-6
    assert smallest[1].low - 5e-5 < 2.8e-3 < smallest[1].high + 5e-5
    assert smallest[1].low > 9 * smallest[0].high
    assert smallest[2].high < smallest[0].low
    assert plain.condition_number.low - 5 < 1470 < plain.condition_number.high + 5
    assert repaired.condition_number.low - 5 < 150 < repaired.condition_number.high + 5


def test_under_cls_the_identity_only_reweights_the_appended_token():
    """At β = γ = 1, gap(a = 4) is under 2 % of gap(0)."""
    for templates in (AA_AB, AABB_ABAB):
        gaps = [
            one_layer_estimate(templates, Architecture(identity_kq=a), max_points=2**13)
            for a in (0.0, 4.0)
        ]
        high = gaps[1].gaps[0, 1] + gaps[1].halfwidth["gaps"][0, 1]
        assert high < 0.02 * (gaps[0].gaps[0, 1] - gaps[0].halfwidth["gaps"][0, 1])


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
def test_b_adds_nothing_where_multiplicities_agree(beta):
    """ααββ / αβαβ under cls: E f_i = E f_j, so the gap keeps its value at every b."""
    plain, added = (
        one_layer_estimate(
            AABB_ABAB, Architecture(beta=beta, identity_vo=b), max_points=256
        )
        for b in (0.0, 3.0)
    )
    np.testing.assert_allclose(added.gaps, plain.gaps, rtol=1e-12)
    assert added.attention[0, 0] > 2 * plain.attention[0, 0]


def test_b_multiplies_the_leading_gap_of_same_and_different():
    """(1 + b²) c β⁴ under cls, c exact; the next order is a relative β²."""
    for b in (0.5, 2.0):
        leading = leading_gap(AA_AB[0], AA_AB[1], identity_vo=b)
        ratios = []
        for beta in (0.02, 0.01):
            architecture = Architecture(beta=beta, identity_vo=b)
            gram = one_layer_estimate(
                AA_AB, architecture, rel_tol=1e-9, max_points=2**13
            )
            scale = leading.at(1.0, identity_vo=b) * beta**4
            ratios.append(gram.gaps[0, 1] / scale)
            width = gram.halfwidth["gaps"][0, 1] / scale
        limit = (4 * ratios[1] - ratios[0]) / 3
        assert abs(limit - 1) <= 5 * width + abs(limit - ratios[1])
        assert 5 * width + abs(limit - ratios[1]) < 0.05


@pytest.mark.parametrize("readout", READOUTS)
def test_b_adds_the_products_of_means(readout):
    """C_b − C = b² E f_i · E f_j with E f sampled: products of two independent halves.

    Each entry within 6 standard errors of the 64 products.
    """
    templates = ["?a ?a X", "X ?a ?b", "?a X ?a"]
    architecture = Architecture(1.0, 0.8, readout, identity_kq=0.4)
    b = 1.5
    with_b = Architecture(1.0, 0.8, readout, identity_kq=0.4, identity_vo=b)
    added = (
        one_layer_estimate(templates, with_b, max_points=256).attention
        - one_layer_estimate(templates, architecture, max_points=256).attention
    )
    f = features(templates, 1.0, 0.8, 8192, 5, 3, readout, 0.4)
    means = f.reshape(128, 64, *f.shape[1:]).mean(1)
    products = b**2 * np.einsum("nic,njc->nij", means[:64], means[64:])
    error = products.std(0, ddof=1) / 8
    assert (np.abs(products.mean(0) - added) <= 6 * error + 1e-3).all()
    assert (6 * error < 0.3 * added).all()


def test_the_biased_square_of_means_would_be_seen():
    """The control: plain squares of sampled means exceed the exact ones."""
    f = features(["?a ?a X"], 1.0, 0.8, 2048, 5, 3)
    strings = [Incidence(Template("?a ?a X")).symbols]
    found = moments_of(strings, Architecture(1.0, 0.8))
    exact = mean_features(strings, found.weights, ("X", "[CLS]"), 0.8)
    square = float((exact**2).sum())
    means = f.reshape(256, 8, *f.shape[1:]).mean(1)[:, 0]
    biased = (means**2).sum(1)
    error = biased.std(ddof=1) / 16
    assert biased.mean() - square > 6 * error


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("identity_vo", [0.0, 0.7])
def test_gap_bounds_for_every_readout(readout, identity_vo):
    """Bernstein's bounds hold the jackknife's value, and resolve it at last."""
    architecture = Architecture(2.0, 1.0, readout, identity_vo=identity_vo)
    bounds = gap_bounds(AA_AB, architecture, points=2**13)
    gram = one_layer_estimate(AA_AB, architecture)
    gap, width = gram.gaps[0, 1], gram.halfwidth["gaps"][0, 1]
    assert bounds.low[0, 1] - width <= gap <= bounds.high[0, 1] + width


@settings(max_examples=20)
@given(
    task=tasks(max_length=4),
    readout=st.sampled_from(READOUTS),
    a=st.floats(-2, 2),
    b=st.floats(-2, 2),
)
def test_laws_of_the_gram_matrix(task, readout, a, b):
    """C ≽ 0, d ≥ C_ii, equal for templates without wildcards; gaps are distances."""
    architecture = Architecture(0.8, 0.9, readout, Cosine(), a, b)
    gram = one_layer_estimate(task.templates, architecture, max_points=64, method="mc")
    scale = np.trace(gram.attention)
    assert np.linalg.eigvalsh(gram.attention)[0] > -1e-13 * scale
    diagonal = np.diagonal(gram.attention)
    room = gram.halfwidth["attention_self"] + np.diagonal(gram.halfwidth["attention"])
    assert (diagonal <= gram.attention_self + room).all()
    for i, template in enumerate(task.templates):
        if not template.wildcards:
            assert gram.excess[i] == 0
            assert diagonal[i] == pytest.approx(gram.attention_self[i], rel=1e-12)
    gaps = diagonal[:, None] + diagonal - 2 * gram.attention
    np.testing.assert_allclose(gram.gaps, gaps, atol=1e-12 * scale)


@pytest.mark.parametrize("readout", READOUTS)
def test_renaming_templates_and_order_change_nothing(readout):
    architecture = Architecture(readout=readout, identity_kq=0.5, identity_vo=0.5)
    first = one_layer_estimate(["?a X ?b", "?a ?a X"], architecture, max_points=256)
    second = one_layer_estimate(["?u X ?v", "?z ?z X"], architecture, max_points=256)
    assert (first.matrix == second.matrix).all()


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("templates", [["?a"], ["X"], ["?a", "X"]], ids=str)
def test_one_token(templates, readout):
    """Softmax over one key: f is γ at the position, and 1 at the regular token."""
    gram = one_layer_estimate(
        templates, Architecture(gamma=0.5, readout=readout), max_points=64
    )
    expected = [[0.25 + (x == y != "?a") for y in templates] for x in templates]
    np.testing.assert_allclose(gram.attention, expected, rtol=1e-11)
    np.testing.assert_allclose(gram.attention_self, 1.25, rtol=1e-11)


def test_equal_multiplicities_share_their_sampled_self_values():
    """Bit for bit under the mean readout, so that noise in d cannot tell them apart."""
    templates = ["?a ?a ?b X", "?a X ?b ?b", "?a ?b X ?c"]
    architecture = Architecture(readout="mean", activation=ReLU())
    gram = one_layer_estimate(templates, architecture, max_points=64)
    assert gram.attention_self[0] == gram.attention_self[1]
    assert gram.halfwidth["attention_self"][0] > 1e-6
    # Rows of different symbols are independent: nothing is left to sample.
    assert gram.halfwidth["attention_self"][2] < 1e-11


@pytest.mark.parametrize("readout", READOUTS)
def test_single_precision_keeps_its_promise(readout):
    """Within the intervals that say what it costs, which are the wider ones."""
    architecture = Architecture(readout=readout, identity_kq=1.0)
    double, single = (
        one_layer_estimate(AA_AB, architecture, max_points=2**11, precision=p)
        for p in ("float64", "float32")
    )
    for name, width in single.halfwidth.items():
        drawn = double.halfwidth[name]
        assert (np.abs(getattr(single, name) - getattr(double, name)) <= width).all()
        assert (width >= drawn * (1 - 1e-3)).all()
    assert single.feature_error > 1e-6 > double.feature_error
    assert single.smallest_eigenvalue.low > 0
    assert single.smallest_eigenvalue.contains(double.smallest_eigenvalue.value)
    assert (single.precision, double.precision) == ("float32", "float64")


@pytest.mark.slow
@pytest.mark.parametrize(("readout", "a"), list(product(["last", "mean"], [0.0, 1.5])))
def test_coverage_over_two_hundred_seeds(readout, a):
    """λ_min at level 0.9 misses 20 of 200 on average, 39 or more once in 10 000."""
    architecture = Architecture(readout=readout, identity_kq=a, activation=ReLU())
    truth = one_layer_estimate(AA_AB, architecture, rel_tol=1e-4, seed=10_000)
    misses = 0
    for seed in range(200):
        gram = one_layer_estimate(
            AA_AB, architecture, max_points=2**10, seed=seed, level=0.9
        )
        misses += not gram.smallest_eigenvalue.contains(truth.smallest_eigenvalue.value)
    assert misses < 39
