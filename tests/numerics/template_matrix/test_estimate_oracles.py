"""C, self values, gaps and N against what was computed by other routes."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import t
from symbind_testing.builders.strings import twice_fresh
from symbind_testing.oracles.quadrature import same_different
from symbind_testing.oracles.tensor_rule import features
from symbind_testing.tasks import AA_AB, AABB_ABAB, LENGTH_3, LENGTH_4

from numerics import (
    GELU,
    Architecture,
    Cosine,
    CustomActivation,
    Erf,
    ReLU,
    string_gram,
    template_gram,
)
from numerics.attention.conditional_softmax import ConditionalSoftmax
from numerics.attention.string_moments import moments_of
from numerics.averages.linalg import singular_values, triangle
from numerics.mehler import kernel_factor
from numerics.template_matrix.point_groups import PointGroups
from symbind_theory import Template
from symbind_theory.separation.incidence import Incidence


@pytest.fixture(scope="module")
def reference():
    """The quadrature's values; its own error is far below every interval used."""
    fine, coarse = same_different(44), same_different(36)
    np.testing.assert_allclose(fine.attention, coarse.attention, rtol=1e-6)
    assert fine.gap == pytest.approx(coarse.gap, rel=2e-5)
    assert fine.smallest_eigenvalue == pytest.approx(
        coarse.smallest_eigenvalue, rel=2e-5
    )
    return fine


def test_published_values_lie_in_the_intervals():
    """C and d at beta = gamma = 1, known to six digits."""
    gram = template_gram(AA_AB, seed=1)
    digits = 6e-7
    truth = np.array([[0.767440, 0.735214], [0.735214, 0.711330]])
    assert (
        np.abs(gram.attention - truth) <= gram.halfwidth["attention"] + digits
    ).all()
    assert np.abs(gram.attention_self - [1.38092, 1.29164]).max() < 6e-6
    assert abs(gram.gaps[0, 1] - 0.0083425) <= gram.halfwidth["gaps"][0, 1] + 6e-8

    gram = template_gram(AABB_ABAB, seed=1, max_points=2**14)
    truth = np.array([[0.492864, 0.490225], [0.490225, 0.492864]])
    assert (
        np.abs(gram.attention - truth) <= gram.halfwidth["attention"] + digits
    ).all()
    assert np.abs(gram.attention_self - 1.13212).max() < 6e-6
    assert abs(gram.gaps[0, 1] - 0.0052775) <= gram.halfwidth["gaps"][0, 1] + 6e-8


def test_quadrature_agrees_with_the_published_values(reference):
    truth = [[0.767440, 0.735214], [0.735214, 0.711330]]
    np.testing.assert_allclose(reference.attention, truth, atol=2e-6)
    np.testing.assert_allclose(reference.attention_self, [1.38092, 1.29164], atol=2e-5)


@pytest.mark.parametrize("method", ["rqmc", "mc"])
@pytest.mark.parametrize(
    ("templates", "smallest"), [(LENGTH_3, 5.33e-6), (AA_AB, None)]
)
def test_small_eigenvalues_are_resolved(templates, smallest, method, reference):
    """Relative accuracy where entrywise noise of 1e-3 would say nothing."""
    gram = template_gram(templates, max_points=2**14, method=method)
    truth = reference.smallest_eigenvalue if smallest is None else smallest
    interval = gram.smallest_eigenvalue
    assert interval.relative_halfwidth < (0.05 if method == "mc" else 0.003)
    assert interval.low - 0.001 * truth <= truth <= interval.high + 0.001 * truth


@pytest.mark.parametrize(
    ("activation", "smallest"),
    [
        (Cosine(1.0, 0.3), 2.018e-8),
        (Cosine(0.1, 0.3), 4.925e-11),
        (Cosine(0.1, 0.0), 4.849e-12),
    ],
    ids=str,
)
def test_the_fifteen_templates_of_length_four(activation, smallest):
    """Values to 0.1 % by the deterministic rule below, as its nodes grow from 28 to 36.

    Fewer nodes mislead: 24 give 4.95e-11 and 4.86e-12 for the slow cosines.
    """
    assert len(LENGTH_4) == 15
    gram = template_gram(LENGTH_4, Architecture(activation=activation), rel_tol=0.02)
    interval = gram.smallest_eigenvalue
    assert interval.relative_halfwidth <= 0.02
    assert interval.low * 0.998 <= smallest <= interval.high * 1.002


@pytest.mark.parametrize(
    "activation", [ReLU(), Erf(), GELU(), CustomActivation(np.tanh)], ids=str
)
def test_the_fifteen_templates_by_two_routes(activation):
    """Mehler's series in factors, and eigenvalues of the entries of N.

    The entries' own rounding, a few 1e-16, is the distance allowed.
    """
    gram = template_gram(LENGTH_4, Architecture(activation=activation), rel_tol=0.02)
    interval = gram.smallest_eigenvalue
    assert interval.relative_halfwidth <= 0.05
    rounding = 15 * 16 * np.finfo(float).eps * np.abs(gram.matrix).max()
    by_entries = np.linalg.eigvalsh(gram.matrix)[0]
    assert rounding < 0.01 * interval.value
    assert 0 < gram.numerical_error < 0.01 * interval.value
    room = rounding + gram.numerical_error
    assert abs(by_entries - interval.value) <= room


@pytest.mark.slow
def test_an_independent_rule_for_the_fifteen_templates():
    """Features by tensor Gauss–Hermite on plain points: λ_min(N) for two activations.

    Each template by itself, no Laplace transform and no quasi-random points; the rule's
    12 nodes leave 1e-5 of each feature, far more than λ_min forgives for templates of
    four wildcards, so the five of length 3 stand for the fifteen.
    """
    f = features(LENGTH_3, 1.0, 1.0, 20_000, 14, seed=5)
    for activation in (Cosine(), ReLU()):
        gram = template_gram(
            LENGTH_3, Architecture(activation=activation), level=1 - 1e-6
        )
        d, groups = gram.attention_self, []
        for part in np.split(f, 20):
            flat = part.transpose(0, 2, 1).reshape(-1, len(LENGTH_3))
            c = flat.T @ flat / len(part)
            n = activation.dual(d[:, None], d[None, :], c)
            groups.append(np.linalg.eigvalsh(n)[0])
        # Averages of λ_min over groups are biased down, by far less than their spread.
        spread = np.std(groups, ddof=1) / math.sqrt(20)
        room = 6 * spread + gram.smallest_eigenvalue.halfwidth
        assert room < 0.2 * gram.smallest_eigenvalue.value
        assert abs(np.mean(groups) - gram.smallest_eigenvalue.value) <= room


@pytest.mark.parametrize("activation", [Cosine(), ReLU(), Erf(), GELU()], ids=str)
@pytest.mark.parametrize(
    "templates",
    [
        ["?a X ?a", "?a X ?b", "Y ?a ?b"],
        ["X Y", "Y X"],
        ["?a ?b ?c ?d ?a", "?a ?a ?b X X"],
    ],
    ids=str,
)
def test_plain_monte_carlo_on_strings_agrees(templates, activation):
    """Strings with fresh symbols, sampled without any inner stage.

    False alarms: two independent intervals at level 1 − 1e-6 for each entry, added.
    """
    architecture = Architecture(beta=1.2, gamma=0.7, activation=activation)
    level = 1 - 1e-6
    gram = template_gram(templates, architecture, max_points=2**12, seed=3, level=level)
    fills = twice_fresh(templates)
    strings = string_gram(fills, architecture, points=2**14, seed=4, level=level)
    r = len(templates)
    for name, matrix, own in [
        ("attention", gram.attention, gram.attention_self),
        ("matrix", gram.matrix, gram.matrix_self),
    ]:
        estimate, width = getattr(strings, name), strings.halfwidth[name]
        room = width[:r, r:] + gram.halfwidth[name]
        assert (np.abs(estimate[:r, r:] - matrix) <= room).all()
        room = np.diagonal(width)[:r] + gram.halfwidth[f"{name}_self"]
        assert (np.abs(np.diagonal(estimate)[:r] - own) <= room).all()


@pytest.mark.parametrize("method", ["rqmc", "mc"])
@pytest.mark.parametrize(
    ("beta", "gamma"), [(1.0, 1.0), (3.0, 0.5), (0.3, 2.0), (100.0, 1.0)]
)
def test_the_outer_stage_against_exact_self_values(beta, gamma, method):
    """One string has no wildcards to average: its sampled C_ii has the mean d_i.

    Before columns are brought to their known lengths; Student's t on 16 groups, three
    templates, a false alarm in 3e5 for each setting.
    """
    templates = [Template(t) for t in ("X Y X Y Z", "Y Y X Z Z", "U V W X Y")]
    architecture = Architecture(beta, gamma)
    inner = ConditionalSoftmax(templates, architecture, torch.device("cpu"))
    groups = PointGroups(inner, None, 3, method)
    groups.extend(128, lambda _: None)
    lengths = (groups.factors() ** 2).sum(1)
    strings = [Incidence(t).symbols for t in templates]
    d = moments_of(strings, architecture).squares
    error = lengths.std(0, ddof=1) / 4
    assert (np.abs(lengths.mean(0) - d) <= t.ppf(1 - 5e-7, 15) * error).all()
    assert (error < 0.05 * d).all()


@pytest.mark.parametrize(
    ("beta", "gamma"), [(100.0, 1.0), (0.1, 1000.0), (1e-9, 1e9), (140.0, 0.01)]
)
def test_extreme_scales_are_right(beta, gamma):
    """Against strings sampled without any inner stage, at level 1 − 1e-6 each."""
    texts = ["?a ?a X", "?a ?b X"]
    architecture = Architecture(beta, gamma)
    gram = template_gram(texts, architecture, max_points=2**9, level=1 - 1e-6)
    strings = ["u u X", "u v X", "p p X", "p q X"]
    plain = string_gram(strings, architecture, points=2**13, seed=2, level=1 - 1e-6)
    off = np.abs(plain.attention[:2, 2:] - gram.attention)
    assert (
        off <= plain.halfwidth["attention"][:2, 2:] + gram.halfwidth["attention"]
    ).all()
    for name in ("attention", "attention_self", "gaps", "matrix", "matrix_self"):
        assert np.isfinite(getattr(gram, name)).all()
        assert np.isfinite(gram.halfwidth[name]).all()
    interval = gram.smallest_eigenvalue
    assert 0 <= interval.low <= interval.value <= interval.high


@pytest.mark.slow
def test_the_fifteen_templates_by_a_deterministic_outer_rule():
    """A Gauss–Hermite rule over all four shared dimensions, in place of random points.

    From 32 nodes to 36 it still falls, each step by half of the one before, so what is
    left is about the last step; ten times that is allowed.
    """
    templates = [Template(t).canonical() for t in LENGTH_4]
    inner = ConditionalSoftmax(templates, Architecture(), torch.device("cpu"))
    assert inner.dimension == 4

    def factor(nodes):
        x, w = np.polynomial.hermite_e.hermegauss(nodes)
        w = w / w.sum()
        index = np.stack(np.meshgrid(*[np.arange(nodes)] * 4), -1).reshape(-1, 4)
        weight = w[index].prod(1)
        index, weight = index[weight > 1e-19], weight[weight > 1e-19]
        found = np.zeros((15, 15))
        for part, mass in zip(
            np.array_split(index, 300), np.array_split(weight, 300), strict=True
        ):
            f = inner(torch.from_numpy(x[part])).features.numpy()
            rows = (f * np.sqrt(mass)[:, None, None]).transpose(0, 2, 1)
            found = triangle(np.vstack([found, rows.reshape(-1, 15)]))
        return found

    factors = [factor(nodes) for nodes in (32, 36)]
    for activation in (Cosine(), Cosine(0.1, 0.3), Cosine(0.1, 0.0), ReLU()):
        gram = template_gram(LENGTH_4, Architecture(activation=activation))
        coarse, fine = (
            singular_values(
                kernel_factor(activation, f, gram.attention_self, 0.0, 0.0).factor
            )[-1]
            ** 2
            for f in factors
        )
        interval = gram.smallest_eigenvalue
        assert abs(coarse - fine) < 0.001 * fine
        assert interval.relative_halfwidth < 0.004
        room = 10 * abs(coarse - fine) + interval.halfwidth
        assert abs(interval.value - fine) <= room
