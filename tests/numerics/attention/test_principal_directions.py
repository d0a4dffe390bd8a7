"""Directions that the softmax sees: orthonormal, all of them, the loudest first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numerics.attention.principal_directions import seen_directions


def problem(seed, size, rank):
    """U = Σ MᵀM of whole numbers and of a rank at most, and positive scales."""
    generator = np.random.default_rng(seed)
    rows = generator.integers(-2, 3, (rank, size)).astype(float)
    return rows.T @ rows, generator.uniform(0.1, 2.0, size)


PROBLEMS = st.builds(
    problem, st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 4)
)


@given(PROBLEMS)
def test_variances_are_those_along_the_columns(given_problem):
    unit, scale = given_problem
    found = seen_directions(unit, scale)
    seen = unit * np.outer(scale, scale)
    along = found.basis.T @ seen @ found.basis
    room = 1e-9 * (1 + np.trace(seen))
    np.testing.assert_allclose(along, np.diag(found.variance), atol=room)
    assert (np.diff(found.variance) <= room).all()


@given(PROBLEMS)
def test_no_direction_that_is_seen_is_left_out(given_problem):
    """One for each dimension of the row space, and together all of the variance."""
    unit, scale = given_problem
    found = seen_directions(unit, scale)
    rank = np.linalg.matrix_rank(unit)
    assert found.basis.shape == (len(scale), max(rank, 1))
    total = np.trace(unit * np.outer(scale, scale))
    np.testing.assert_allclose(found.variance.sum(), total, rtol=1e-9, atol=1e-12)
    if rank:
        gram = found.basis.T @ found.basis
        np.testing.assert_allclose(gram, np.eye(rank), atol=1e-9)


def test_quiet_directions_stay():
    """However small a scale is: gaps may be as quiet."""
    found = seen_directions(np.diag([2.0, 1.0]), np.array([1.0, 1e-12]))
    np.testing.assert_allclose(found.variance, [2.0, 1e-24], rtol=1e-9)
    np.testing.assert_allclose(np.abs(found.basis), np.eye(2), atol=1e-12)


def test_where_nothing_is_seen_one_column_is_zero():
    for unit, scale in ((np.zeros((3, 3)), np.ones(3)), (np.eye(3), np.zeros(3))):
        found = seen_directions(unit, scale)
        assert found.basis.shape == (3, 1)
        assert not found.basis.any()
        assert found.variance.tolist() == [0.0]
