"""C, self values, gaps and N against oracles, and what their intervals promise."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from scipy.stats import f, t
from symbind_testing.quadrature import same_different
from symbind_testing.tensor_rule import features

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
from numerics.template_matrix.mehler import kernel_factor
from numerics.template_matrix.point_groups import PointGroups
from symbind_theory import InputError, Template
from symbind_theory.separation.incidence import Incidence

SAME_DIFFERENT = ["?a ?a", "?a ?b"]
LENGTH_3 = ["?a ?a ?a", "?a ?a ?b", "?a ?b ?a", "?a ?b ?b", "?a ?b ?c"]


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
    gram = template_gram(SAME_DIFFERENT, seed=1)
    digits = 6e-7
    truth = np.array([[0.767440, 0.735214], [0.735214, 0.711330]])
    assert (
        np.abs(gram.attention - truth) <= gram.halfwidth["attention"] + digits
    ).all()
    assert np.abs(gram.attention_self - [1.38092, 1.29164]).max() < 6e-6
    assert abs(gram.gaps[0, 1] - 0.0083425) <= gram.halfwidth["gaps"][0, 1] + 6e-8

    gram = template_gram(["?a ?a ?b ?b", "?a ?b ?a ?b"], seed=1, max_points=2**14)
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
    ("templates", "smallest"), [(LENGTH_3, 5.33e-6), (SAME_DIFFERENT, None)]
)
def test_small_eigenvalues_are_resolved(templates, smallest, method, reference):
    """Relative accuracy where entrywise noise of 1e-3 would say nothing."""
    gram = template_gram(templates, max_points=2**14, method=method)
    truth = reference.smallest_eigenvalue if smallest is None else smallest
    interval = gram.smallest_eigenvalue
    assert interval.relative_half_width < (0.05 if method == "mc" else 0.003)
    assert interval.low - 0.001 * truth <= truth <= interval.high + 0.001 * truth


def test_quasi_random_points_meet_the_tolerance_with_a_fraction_of_the_points():
    """1e-3 of λ_min: 16 384 points or fewer, where mc at 65 536 is far from it."""
    fast = template_gram(SAME_DIFFERENT)
    slow = template_gram(SAME_DIFFERENT, method="mc")
    assert fast.points <= 2**14
    assert fast.smallest_eigenvalue.relative_half_width <= 1e-3
    assert slow.points == 2**16
    assert slow.smallest_eigenvalue.relative_half_width > 3e-3


ALL_15 = [
    " ".join(f"?{c}" for c in (0, b, c, d))
    for b in range(2)
    for c in range(b + 2)
    for d in range(max(b, c) + 2)
]


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
    assert len(ALL_15) == 15
    gram = template_gram(ALL_15, Architecture(activation=activation), rel_tol=0.02)
    interval = gram.smallest_eigenvalue
    assert interval.relative_half_width <= 0.02
    assert interval.low * 0.998 <= smallest <= interval.high * 1.002


@pytest.mark.parametrize(
    "activation", [ReLU(), Erf(), GELU(), CustomActivation(np.tanh)], ids=str
)
def test_the_fifteen_templates_by_two_routes(activation):
    """Mehler's series in factors, and eigenvalues of the entries of N.

    The entries' own rounding, a few 1e-16, is the distance allowed.
    """
    gram = template_gram(ALL_15, Architecture(activation=activation), rel_tol=0.02)
    interval = gram.smallest_eigenvalue
    assert interval.relative_half_width <= 0.05
    rounding = 15 * 16 * np.finfo(float).eps * np.abs(gram.matrix).max()
    by_entries = np.linalg.eigvalsh(gram.matrix)[0]
    assert rounding < 0.01 * interval.value
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
        room = 6 * spread + gram.smallest_eigenvalue.half_width
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
    parsed = [Template(t) for t in templates]
    fills = [
        t.substitute({name: f"{side}{i}{name}" for name in t.wildcards})
        for side in "pq"
        for i, t in enumerate(parsed)
    ]
    strings = string_gram(fills, architecture, points=2**14, seed=4, level=level)
    r = len(parsed)
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


@pytest.mark.parametrize("b1", [10.0, 30.0, 100.0, 1000.0])
@pytest.mark.parametrize("method", ["rqmc", "mc"])
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


def test_the_error_of_a_users_quadrature_is_in_every_half_width():
    """A jump: K_self = P(√d g > 0.7), known exactly."""
    jump = CustomActivation(lambda t: (t > 0.7).astype(float))
    gram = template_gram(SAME_DIFFERENT, Architecture(activation=jump), max_points=256)
    exact = ndtr(-0.7 / np.sqrt(gram.attention_self))
    off = np.abs(gram.matrix_self - exact)
    assert off.max() > 1e-4
    assert (off <= gram.halfwidth["matrix_self"]).all()


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
            ["?a ?a ?b ?b", "?a ?b ?a ?b"],
            Architecture(beta=beta),
            max_points=2**12,
        )
        scale = 8 / 625 * 8 * beta**6
        width = gram.halfwidth["gaps"][0, 1] / scale
        # The next order, a relative β² ≤ 1e-4 times a moderate factor, is far below
        # the half-width of about 0.06.
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
    gram = template_gram(
        ["?a ?b ?a", "?a ?b ?b"], Architecture(**change), max_points=256
    )
    assert abs(gram.gaps[0, 1] - truth) <= gram.halfwidth["gaps"][0, 1]
    assert gram.gaps[0, 1] - gram.halfwidth["gaps"][0, 1] <= 0


def test_an_activation_far_out_in_its_tail_keeps_sane_bounds():
    """cos(30 t): N is all but zero off the diagonal, λ_min cannot exceed trace / r."""
    gram = template_gram(
        SAME_DIFFERENT, Architecture(activation=Cosine(b1=30.0)), max_points=256
    )
    interval = gram.smallest_eigenvalue
    assert 0 <= interval.low <= interval.value <= interval.high
    assert interval.high <= np.trace(gram.matrix) / 2 + 1e-12
    assert gram.condition_number.low >= 1


def test_more_points_narrow_the_interval_and_stop_early():
    wide, narrow = (
        template_gram(SAME_DIFFERENT, max_points=size, method="mc")
        for size in (2**10, 2**14)
    )
    # The root of 16 times the points, and the quantiles for one look and for five. The
    # ratio of two variances on 16 groups is F(15, 15): false alarms at 1e-6 a side.
    looks = t.ppf(1 - 0.001 / 2, 15) / t.ppf(1 - 0.001 / 10, 15)
    room = f.ppf(1 - 1e-6, 15, 15) ** 0.5
    ratio = wide.smallest_eigenvalue.half_width / narrow.smallest_eigenvalue.half_width
    assert 4 * looks / room < ratio < 4 * looks * room
    early = template_gram(SAME_DIFFERENT, rel_tol=0.01, max_points=2**14)
    assert early.points <= 2**12
    assert early.smallest_eigenvalue.relative_half_width <= 0.01


@pytest.mark.parametrize("method", ["rqmc", "mc"])
def test_points_are_nested_whatever_the_number_of_looks(method):
    """A run stopped early saw the first points of the longer run."""
    early = template_gram(SAME_DIFFERENT, rel_tol=0.5, max_points=2**13, method=method)
    single = template_gram(SAME_DIFFERENT, max_points=early.points, method=method)
    np.testing.assert_allclose(early.attention, single.attention, rtol=1e-12)


@pytest.mark.parametrize("method", ["rqmc", "mc"])
def test_a_cut_in_chunks_changes_nothing(monkeypatch, method):
    whole = template_gram(SAME_DIFFERENT, max_points=1024, method=method)
    monkeypatch.setattr(
        "numerics.template_matrix.point_groups.chunk_numbers", lambda _: 5_000
    )
    cut = template_gram(SAME_DIFFERENT, max_points=1024, method=method)
    np.testing.assert_allclose(cut.gaps, whole.gaps, rtol=1e-10)
    np.testing.assert_allclose(cut.attention, whole.attention, rtol=1e-13)


def test_equivalent_templates_have_gap_zero_and_no_inverse():
    gram = template_gram(["?a X", "?b X", "?b ?b"], max_points=256)
    assert gram.gaps[0, 1] == 0
    assert gram.halfwidth["gaps"][0, 1] == 0
    assert gram.smallest_eigenvalue.low == 0
    assert gram.condition_number.high == math.inf


def test_a_constant_activation_is_singular():
    gram = template_gram(
        SAME_DIFFERENT, Architecture(activation=Cosine(b1=0)), max_points=256
    )
    assert gram.smallest_eigenvalue.low == 0


def test_records_say_how_they_were_made():
    gram = template_gram(SAME_DIFFERENT, max_points=100, seed=7, device="cpu")
    assert (gram.points, gram.seed, gram.method, gram.device) == (64, 7, "rqmc", "cpu")
    plain = template_gram(SAME_DIFFERENT, max_points=100, method="mc")
    assert (plain.points, plain.method) == (96, "mc")
    assert gram.templates == (Template("?a ?a"), Template("?a ?b"))
    for name in ("attention", "attention_self", "gaps", "matrix", "matrix_self"):
        assert getattr(gram, name).dtype == np.float64
        assert getattr(gram, name).shape == gram.halfwidth[name].shape


def test_progress_counts_up_to_the_total():
    seen = []
    template_gram(
        SAME_DIFFERENT,
        rel_tol=1e-9,
        max_points=2**13,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (2**13, 2**13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"templates": []}, "templates is empty"),
        ({"templates": ["?a", "?a ?b"]}, r"templates have lengths \[1, 2\]"),
        ({"templates": ["?a " * 257]}, "templates have 257 tokens; expected at most"),
        ({"rel_tol": 0.0}, "rel_tol is 0.0; expected"),
        ({"max_points": 63}, "max_points is 63; expected"),
        ({"seed": -1}, "seed is -1; expected"),
        ({"method": "magic"}, "method is 'magic'; expected one of rqmc, mc"),
        ({"device": "tpu"}, "device is 'tpu'; expected one of auto, cpu, cuda"),
        ({"level": 1.0}, r"level is 1.0; expected"),
        ({"precision": "half"}, "precision is 'half'; expected one of float64, fl"),
        ({"architecture": Architecture(depth=2)}, "depth is 2; expected 1"),
        ({"architecture": Architecture(residual=0.5)}, "residual is 0.5; expected 0"),
        ({"architecture": Architecture(normalisation="rms")}, "normalisation is 'rms'"),
        ({"architecture": Architecture(gamma=1e3)}, "beta.* expected at most 150"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_bad_arguments_are_named(change, message):
    arguments = {"templates": SAME_DIFFERENT, "max_points": 64, **change}
    with pytest.raises(InputError, match=f"^{message}"):
        template_gram(**arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_is_refused_where_there_is_none():
    with pytest.raises(InputError, match="torch sees no CUDA device"):
        template_gram(SAME_DIFFERENT, device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu():
    cpu = template_gram(LENGTH_3, max_points=2**12, device="cpu")
    gpu = template_gram(LENGTH_3, max_points=2**12, device="cuda")
    np.testing.assert_allclose(gpu.gaps, cpu.gaps, rtol=1e-9, atol=1e-15)
    assert gpu.smallest_eigenvalue.value == pytest.approx(
        cpu.smallest_eigenvalue.value, rel=1e-5
    )


def test_equivalent_templates_make_the_smallest_eigenvalue_of_c_zero():
    gram = template_gram(["?a ?b", "?a ?a", "?x ?y"], max_points=64)
    for interval in (gram.attention_smallest_eigenvalue, gram.smallest_eigenvalue):
        assert (interval.low, interval.value, interval.high) == (0, 0, 0)


def test_the_smallest_eigenvalue_of_c_keeps_its_relative_accuracy():
    """All 52 templates of length 5 at beta = 0.5: λ_min(C) far below 1e-16.

    The rows of F are exact Gram factors, so λ_min falls in place of being noise: half
    of the points must see it within the error bar of the other half, level 1 − 1e-6.
    """
    patterns = [[0]]
    for _ in range(4):
        patterns = [[*p, c] for p in patterns for c in range(max(p) + 2)]
    templates = [" ".join(f"?{c}" for c in p) for p in patterns]
    grams = [
        template_gram(
            templates,
            Architecture(beta=0.5),
            max_points=2**10,
            seed=seed,
            level=1 - 1e-6,
        )
        for seed in (1, 2)
    ]
    first, second = (g.attention_smallest_eigenvalue for g in grams)
    assert 0 < first.value < 1e-12
    assert 0 < first.low < second.high
    assert 0 < second.low < first.high


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
    templates = [Template(t).canonical() for t in ALL_15]
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
        gram = template_gram(ALL_15, Architecture(activation=activation))
        coarse, fine = (
            singular_values(
                kernel_factor(activation, f, gram.attention_self, 0.0, 0.0).factor
            )[-1]
            ** 2
            for f in factors
        )
        interval = gram.smallest_eigenvalue
        assert abs(coarse - fine) < 0.001 * fine
        assert interval.relative_half_width < 0.004
        room = 10 * abs(coarse - fine) + interval.half_width
        assert abs(interval.value - fine) <= room


@pytest.mark.slow
def test_long_templates_with_many_wildcards():
    """128 templates of length 32 and 16 wildcards each: bounded memory, all finite."""
    rng = np.random.default_rng(32)
    templates = [
        " ".join(f"?{c}" for c in rng.permutation(np.repeat(np.arange(16), 2)))
        for _ in range(128)
    ]
    gram = template_gram(templates, max_points=64)
    assert np.isfinite(gram.matrix).all()
    assert gram.smallest_eigenvalue.value > 0
    assert (gram.gaps[~np.eye(128, dtype=bool)] > 0).all()


@pytest.mark.parametrize(
    "templates",
    [
        ["?a ?a", "?a ?b", "X ?a"],
        ["?a ?b", "?c ?a", "?a ?a"],
        ["?a ?b", "?a ?a", "?c ?a", "?b ?b", "?b ?c"],
    ],
)
def test_all_eigenvalues_are_those_of_the_matrix(templates):
    """By LAPACK from the entries; exact zeros for repeated templates.

    The factors differ from the entries by what their record bounds: by Weyl at most
    `remainder` and 2 σ δσ, times how often a template is repeated.
    """
    gram = template_gram(templates, max_points=4096)
    values = [interval.value for interval in gram.eigenvalues]
    direct = np.linalg.eigvalsh(gram.matrix)[::-1]
    found, most = gram._spectrum, np.bincount(gram.column).max()
    room = most * (found.remainder + 2 * found.largest[0] * found.error)
    np.testing.assert_allclose(values, direct, rtol=1e-12, atol=room)
    assert room < 1e-3 * values[len(set(gram.column)) - 1]
    repeated = len(templates) - len(set(gram.column))
    assert sum(interval.high == 0 for interval in gram.eigenvalues) == repeated
    assert gram.eigenvalues[-1] == gram.smallest_eigenvalue
    for interval in gram.eigenvalues[: len(templates) - repeated]:
        assert 0 < interval.low < interval.value < interval.high


def test_the_interval_of_every_eigenvalue_covers_it():
    """40 seeds at level 0.999: more than 2 misses in 120 have probability 3e-4."""
    templates = ["?a ?a", "?a ?b", "X ?a"]
    truth = [x.value for x in template_gram(templates, max_points=2**15).eigenvalues]
    grams = [template_gram(templates, max_points=512, seed=s) for s in range(1, 41)]
    missed = sum(
        not interval.contains(value)
        for gram in grams
        for interval, value in zip(gram.eigenvalues, truth, strict=True)
    )
    assert missed <= 2


def test_error_bounds_grow_with_the_repetitions():
    """m equal templates: σ grows by √m, and so does what δG adds to it."""
    gram = template_gram(["?a ?b", "?b ?c", "?d ?a"], max_points=1024)
    coarse = dataclasses.replace(gram, feature_error=1e-2)
    alone = dataclasses.replace(
        template_gram(["?a ?b"], max_points=1024), feature_error=1e-2
    )
    tripled, single = coarse.eigenvalues[0], alone.eigenvalues[0]
    assert tripled.value == pytest.approx(3 * single.value)
    assert tripled.low == pytest.approx(3 * single.low)
    assert tripled.high == pytest.approx(3 * single.high)
