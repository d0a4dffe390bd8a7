"""C, self values, gaps and N against oracles, and what their intervals promise."""

import math

import numpy as np
import pytest
import torch
from quadrature import same_different
from scipy.stats import binom, f, t

from numerics import Architecture, Cosine, ReLU, string_gram, template_gram
from numerics.hermite import hermite_error, hermite_share
from symbind_theory import InputError, Template

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


def within(gram, name, truth):
    return np.abs(getattr(gram, name) - truth) <= gram.halfwidth[name]


def test_published_values_lie_in_the_intervals():
    """C and d at beta = gamma = 1, known to six digits."""
    gram = template_gram(SAME_DIFFERENT, seed=1)
    digits = 6e-7
    truth = np.array([[0.767440, 0.735214], [0.735214, 0.711330]])
    assert (
        np.abs(gram.attention - truth) <= gram.halfwidth["attention"] + digits
    ).all()
    assert within(gram, "attention_self", np.array([1.38092, 1.29164])).all()
    assert abs(gram.gaps[0, 1] - 0.0083425) <= gram.halfwidth["gaps"][0, 1] + 6e-8

    gram = template_gram(["?a ?a ?b ?b", "?a ?b ?a ?b"], seed=1, max_points=2**14)
    truth = np.array([[0.492864, 0.490225], [0.490225, 0.492864]])
    assert (
        np.abs(gram.attention - truth) <= gram.halfwidth["attention"] + digits
    ).all()
    assert within(gram, "attention_self", np.array([1.13212, 1.13212])).all()
    assert abs(gram.gaps[0, 1] - 0.0052775) <= gram.halfwidth["gaps"][0, 1] + 6e-8


def test_quadrature_agrees_with_the_published_values(reference):
    truth = [[0.767440, 0.735214], [0.735214, 0.711330]]
    np.testing.assert_allclose(reference.attention, truth, atol=2e-6)
    np.testing.assert_allclose(reference.attention_self, [1.38092, 1.29164], atol=2e-5)


@pytest.mark.parametrize("level", [0.999, 0.8])
def test_coverage_over_200_seeds(reference, level):
    """Every interval covers at the stated level.

    A quantity's misses over 200 seeds are at most binomial(200, 1 − level) if its
    interval is honest; the bound is that law's quantile at 1 − 1e-6, for fourteen
    quantities.
    At level 0.8 the intervals must also miss sometimes: vacuous ones would not.
    """
    misses = {}
    of_c = np.linalg.eigvalsh(reference.attention)[0]
    share = hermite_share(Cosine(), reference.attention, reference.attention_self)
    bound = share * of_c

    def count(name, covered):
        misses[name] = misses.get(name, 0) + ~np.atleast_1d(covered)

    for seed in range(200):
        gram = template_gram(SAME_DIFFERENT, max_points=2048, seed=seed, level=level)
        count("attention", within(gram, "attention", reference.attention).ravel())
        count("self", within(gram, "attention_self", reference.attention_self))
        count("gap", within(gram, "gaps", reference.gap)[0, 1])
        count("matrix", within(gram, "matrix", reference.matrix).ravel())
        count(
            "smallest",
            gram.smallest_eigenvalue.contains(reference.smallest_eigenvalue),
        )
        count("attention smallest", gram.attention_smallest_eigenvalue.contains(of_c))
        count("bound", gram.eigenvalue_bound.contains(bound))
        count("condition", gram.condition_number.contains(reference.condition_number))
    worst = binom.ppf(1 - 1e-6, 200, 1 - level)
    for name, counts in misses.items():
        assert counts.max() <= worst, f"{name} missed {counts} of 200"
    if level == 0.8:
        least = binom.ppf(1e-6, 200, 0.1)
        assert min(int(counts.min()) for counts in misses.values()) >= least, misses


@pytest.mark.parametrize(
    ("templates", "smallest"), [(LENGTH_3, 5.33e-6), (SAME_DIFFERENT, None)]
)
def test_small_eigenvalues_are_resolved(templates, smallest, reference):
    """Relative accuracy where entrywise noise of 1e-3 would say nothing."""
    interval = template_gram(templates, max_points=2**14).smallest_eigenvalue
    truth = reference.smallest_eigenvalue if smallest is None else smallest
    assert interval.relative_half_width < 0.05
    assert interval.low - 0.001 * truth <= truth <= interval.high + 0.001 * truth


@pytest.mark.slow
@pytest.mark.parametrize(
    ("b1", "smallest"), [(1.0, 2.02e-8), (0.1, 4.96e-11)], ids=["b1=1", "b1=0.1"]
)
def test_the_fifteen_templates_of_length_four(b1, smallest):
    patterns = [[0]]
    for _ in range(3):
        patterns = [[*p, c] for p in patterns for c in range(max(p) + 2)]
    templates = [" ".join(f"?{c}" for c in p) for p in patterns]
    assert len(templates) == 15
    gram = template_gram(templates, Architecture(activation=Cosine(b1, 0.3)))
    interval = gram.smallest_eigenvalue
    assert interval.low * 0.997 <= smallest <= interval.high * 1.003
    assert interval.low > 0


@pytest.mark.parametrize("activation", [Cosine(), ReLU()])
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


def test_without_wildcards_the_self_value_is_the_diagonal():
    gram = template_gram(["X Y X", "Y Y X"], max_points=256)
    np.testing.assert_allclose(
        gram.attention_self, np.diagonal(gram.attention), rtol=1e-10
    )


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
    wide = template_gram(SAME_DIFFERENT, max_points=2**10)
    narrow = template_gram(SAME_DIFFERENT, max_points=2**14)
    # The root of 16 times the points, and the quantiles for one look and for three. The
    # ratio of two variances on 32 groups is F(31, 31): false alarms at 1e-6 a side.
    looks = t.ppf(1 - 0.001 / 2, 31) / t.ppf(1 - 0.001 / 6, 31)
    room = f.ppf(1 - 1e-6, 31, 31) ** 0.5
    ratio = wide.smallest_eigenvalue.half_width / narrow.smallest_eigenvalue.half_width
    assert 4 * looks / room < ratio < 4 * looks * room
    early = template_gram(SAME_DIFFERENT, rel_tol=0.1, max_points=2**14)
    assert early.points == 4096
    assert early.smallest_eigenvalue.relative_half_width <= 0.1


def test_points_are_nested_whatever_the_number_of_looks():
    """A run stopped early saw the first points of the longer run."""
    early = template_gram(SAME_DIFFERENT, rel_tol=0.5, max_points=2**13)
    single = template_gram(SAME_DIFFERENT, max_points=early.points)
    np.testing.assert_allclose(early.attention, single.attention, rtol=1e-12)


def test_a_cut_in_chunks_changes_nothing(monkeypatch):
    whole = template_gram(SAME_DIFFERENT, max_points=1024)
    monkeypatch.setattr("numerics.point_groups.CHUNK_NUMBERS", 20_000)
    cut = template_gram(SAME_DIFFERENT, max_points=1024)
    np.testing.assert_allclose(cut.gaps, whole.gaps, rtol=1e-10)
    np.testing.assert_allclose(cut.attention_self, whole.attention_self, rtol=1e-13)


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
    assert (gram.points, gram.seed, gram.method, gram.device) == (96, 7, "mc", "cpu")
    assert gram.templates == (Template("?a ?a"), Template("?a ?b"))
    for name in ("attention", "attention_self", "gaps", "matrix", "matrix_self"):
        assert getattr(gram, name).dtype == np.float64
        assert getattr(gram, name).shape == gram.halfwidth[name].shape


def test_progress_counts_up_to_the_total():
    seen = []
    template_gram(
        SAME_DIFFERENT,
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
        ({"method": "magic"}, "method is 'magic'; expected one of mc"),
        ({"device": "tpu"}, "device is 'tpu'; expected one of auto, cpu, cuda"),
        ({"level": 1.0}, r"level is 1.0; expected"),
        ({"architecture": Architecture(readout="mean")}, "readout is 'mean'"),
        ({"architecture": Architecture(identity_vo=1.0)}, "identity_vo is 1.0"),
        ({"architecture": Architecture(depth=2)}, "depth is 2; expected 1"),
        ({"architecture": Architecture(beta=100.0)}, "beta.* expected at most 50"),
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
    for interval in (gram.attention_smallest_eigenvalue, gram.eigenvalue_bound):
        assert (interval.low, interval.value, interval.high) == (0, 0, 0)
    assert gram.smallest_eigenvalue.low == 0


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
    assert grams[0].smallest_eigenvalue.low == 0


def test_the_bound_carries_the_inner_stage_and_rounding():
    """What re-drawing points does not show of the share of λ_min(C)."""
    activation = Cosine(2.0, 0.3)
    c, d = np.array([[0.7]]), np.array([1.2])
    error = hermite_error(activation, c, d, 1e-12)
    root = math.sqrt(hermite_share(activation, c, d))
    # |d log √share / dd| ≤ b1²/2 from either term, d itself off by a relative 2e-11.
    assert 0 < error < 2 * (2.0**2 / 2 * 1.2 * 2e-11 + 2e-12) * root * 1.01
    assert hermite_error(activation, c, d, 1e-6) > 1e3 * error
