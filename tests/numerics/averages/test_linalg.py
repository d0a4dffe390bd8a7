"""Triangular factors and singular values are those of the matrix, of any shape."""

import numpy as np
import pytest

from numerics.averages.linalg import (
    eigen_system,
    product,
    singular_system,
    singular_values,
    solutions,
    triangle,
)


@pytest.mark.parametrize("shape", [(40, 5), (5, 5), (3, 5), (1, 1)])
def test_they_are_those_of_the_matrix(shape):
    """R keeps RᵀR; values are as many as columns, 0 where there are fewer rows."""
    rows = np.random.default_rng(0).standard_normal(shape)
    r = triangle(rows)
    assert r.shape == (min(shape), shape[1])
    assert (np.tril(r, -1) == 0).all()
    np.testing.assert_allclose(r.T @ r, rows.T @ rows, atol=1e-12)
    found = singular_values(rows)
    np.testing.assert_allclose(
        found**2, np.linalg.eigvalsh(rows.T @ rows)[::-1], atol=1e-12
    )
    assert (found[min(shape) :] == 0).all()


def test_small_singular_values_keep_their_digits():
    """From the factor, never from RᵀR, whose rounding is 1e-16 of the largest."""
    left, right = (
        np.linalg.qr(np.random.default_rng(seed).standard_normal((n, 2)))[0]
        for seed, n in ((1, 30), (2, 2))
    )
    found = singular_values(left * np.array([1.0, 1e-11]) @ right.T)
    assert found[1] == pytest.approx(1e-11, rel=1e-4)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 0)])
def test_a_singular_system_makes_up_the_matrix(shape):
    matrix = np.random.default_rng(3).standard_normal(shape)
    left, values, right = singular_system(matrix)
    assert left.shape == (shape[0],) * 2
    assert right.shape == (shape[1],) * 2
    n = len(values)
    assert n == min(shape)
    np.testing.assert_allclose((left[:, :n] * values) @ right[:n], matrix, atol=1e-13)
    for basis in (left, right):
        np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-13)
    np.testing.assert_allclose(values, singular_values(matrix)[:n], atol=1e-13)


def test_an_eigen_system_makes_up_the_matrix():
    root = np.random.default_rng(4).standard_normal((5, 5))
    matrix = root + root.T
    values, vectors = eigen_system(matrix)
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose((vectors * values) @ vectors.T, matrix, atol=1e-13)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(5), atol=1e-13)


def test_solutions_solve_each_system():
    rng = np.random.default_rng(4)
    matrices = rng.standard_normal((5, 3, 3)) + 3 * np.eye(3)
    right = rng.standard_normal((5, 3, 2))
    found = solutions(matrices, right)
    np.testing.assert_allclose(matrices @ found, right, atol=1e-12)


def test_a_product_is_the_product():
    left, right = np.random.default_rng(4).normal(size=(2, 7, 5))
    known = np.einsum("ik,jk->ij", left, right)
    found = product(left, right.T)
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-14)
