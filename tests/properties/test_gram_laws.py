"""Laws of the template matrix, on tasks drawn at random."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics import Architecture, Cosine, ReLU, template_gram
from symbind_theory.strategies import equivalent_pairs, tasks

# The laws hold at any number of points, so a few are enough.
POINTS = 64

ACTIVATIONS = st.one_of(
    st.builds(Cosine, b1=st.floats(-2, 2), b2=st.floats(-4, 4)), st.just(ReLU())
)
ARCHITECTURES = st.builds(
    Architecture,
    beta=st.floats(0, 4),
    gamma=st.floats(0, 3),
    activation=ACTIVATIONS,
)
SEEDS = st.integers(0, 2**32)


def estimate(task, architecture, seed):
    return template_gram(task.templates, architecture, max_points=POINTS, seed=seed)


@settings(max_examples=20)
@given(task=tasks(), architecture=ARCHITECTURES, seed=SEEDS)
def test_an_estimate_obeys_three_laws(task, architecture, seed):
    """One estimate serves the three: it is dear, and they are cheap."""
    gram = template_gram(
        task.templates, architecture, max_points=256, seed=seed, level=1 - 1e-9
    )
    assert_symmetric_and_positive_semi_definite(gram)
    assert_gaps_are_squared_distances(gram)
    assert_a_string_is_closer_to_itself_than_to_its_renaming(gram)


def assert_symmetric_and_positive_semi_definite(gram):
    """By construction: up to rounding, however few the points."""
    for matrix in (gram.attention, gram.matrix):
        assert np.array_equal(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix)[0] >= -1e-12 * np.trace(matrix)


def assert_gaps_are_squared_distances(gram):
    c = np.diagonal(gram.attention)
    direct = c[:, None] + c - 2 * gram.attention
    np.testing.assert_allclose(gram.gaps, direct, rtol=0, atol=1e-12 * c.max())
    assert (gram.gaps >= 0).all()
    distance = np.sqrt(gram.gaps)
    through = distance[:, :, None] + distance[None, :, :]
    assert (distance[:, None, :] <= through + 1e-12).all()


def assert_a_string_is_closer_to_itself_than_to_its_renaming(gram):
    """d_i ≥ C_ii, with equality where there is no wildcard.

    d is exact and C sampled, so up to an interval of level 1 − 1e-9 for each entry.
    """
    distance = gram.attention_self - np.diagonal(gram.attention)
    width = np.diagonal(gram.halfwidth["attention"])
    excess = gram.excess
    for i, template in enumerate(gram.templates):
        assert distance[i] >= -width[i]
        if not template.wildcards:
            assert distance[i] <= width[i]
            assert excess[i] == 0
        else:
            assert excess[i] >= 0


@settings(max_examples=15)
@given(pair=equivalent_pairs(max_length=4), architecture=ARCHITECTURES, seed=SEEDS)
def test_equivalent_templates_have_gap_zero(pair, architecture, seed):
    gram = template_gram(pair, architecture, max_points=POINTS, seed=seed)
    assert gram.gaps[0, 1] == 0
    assert np.array_equal(gram.matrix[0], gram.matrix[1])
    assert gram.smallest_eigenvalue.low == 0


@settings(max_examples=20)
@given(task=tasks(pairwise_inequivalent=True), seed=SEEDS)
def test_inequivalent_templates_have_positive_gaps(task, seed):
    """At beta = gamma = 1: no two rows of features coincide."""
    gram = estimate(task, Architecture(), seed)
    off = gram.gaps[~np.eye(len(task), dtype=bool)]
    assert (off > 1e-9).all()


@settings(max_examples=8)
@given(task=tasks(), architecture=ARCHITECTURES, seed=SEEDS)
def test_equal_seeds_give_equal_bits_and_others_do_not(task, architecture, seed):
    first = estimate(task, architecture, seed)
    again = estimate(task, architecture, seed)
    for name in ("attention", "attention_self", "gaps", "matrix", "matrix_self"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        assert np.array_equal(first.halfwidth[name], again.halfwidth[name])
    assert first.smallest_eigenvalue == again.smallest_eigenvalue
    # At beta or gamma near 0 hardly anything depends on the points, and a string by
    # itself is known without any.
    asleep = min(architecture.beta, architecture.gamma) < 0.5
    known = len(task) == 1 and not task.templates[0].wildcards
    if not (asleep or known):
        other = estimate(task, architecture, seed + 1)
        assert not np.array_equal(first.attention, other.attention)


def test_another_seed_gives_another_matrix():
    first, other = (
        template_gram(["X ?a ?b", "?a ?a X"], max_points=POINTS, seed=seed)
        for seed in (0, 1)
    )
    assert not np.array_equal(first.attention, other.attention)


@settings(max_examples=12)
@given(
    task=tasks(regular_tokens=()),
    architecture=ARCHITECTURES,
    seed=SEEDS,
    data=st.data(),
)
def test_reordering_templates_reorders_the_matrix(task, architecture, seed, data):
    """The order decides which token takes which coordinate, so not bit for bit: only
    templates without regular tokens share the points exactly."""
    order = data.draw(st.permutations(range(len(task))))
    first = estimate(task, architecture, seed)
    moved = [task.templates[i] for i in order]
    second = template_gram(moved, architecture, max_points=POINTS, seed=seed)
    permuted = first.attention[np.ix_(order, order)]
    np.testing.assert_allclose(second.attention, permuted, rtol=1e-12)
