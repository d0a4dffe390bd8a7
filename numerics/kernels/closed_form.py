"""The template matrix of a kernel in closed form: no sampling, only rounding.

A kernel that depends only on which tokens are equal has N_ij = K(X_i, Y_j), with X_i
and Y_j strings of templates i and j that share no symbol. Evaluated on one string X_i
and one Y_j for each template, that is N itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from numerics.protocols import TemplateMatrix
from numerics.shapes import Float64, Int64
from numerics.template_matrix.bounded import BoundedMatrix, weyl_interval
from symbind_theory.laws.arguments import regular_tokens_of
from symbind_theory.templates import Template

__all__ = ["StringKernel", "closed_matrix", "fresh_strings", "parallel_rows"]

StringKernel = Callable[
    [Int64[np.ndarray, "n k"], Int64[np.ndarray, "m k"]], Float64[np.ndarray, "n m"]
]
"""K between n and m strings of tokens given as numbers, by equality of tokens alone."""

# A closed form takes a few dozen operations a layer or step, each off by at most 2e-16
# of numbers that do not exceed the self values; measured against 50 digits: 1e-15.
_ROUNDING = 1e-13
# Rows that a symmetry makes parallel pass through the same operations: they differ by a
# few units in the last place, where rows that only come close would differ by more.
_UNITS = 64 * float(np.finfo(np.float64).eps)


def fresh_strings(
    templates: Sequence[Template], count: int = 2
) -> Int64[np.ndarray, "count r k"]:
    """Strings of each template in which no two share a symbol.

    Regular tokens have the same numbers in all of them.

    >>> fresh_strings([Template("X ?a"), Template("?a ?a")]).tolist()
    [[[0, 1], [2, 2]], [[0, 3], [4, 4]]]

    Args:
        templates: templates of one length.
        count: strings of each.
    """
    number = {token: i for i, token in enumerate(regular_tokens_of(templates))}
    strings = np.empty((count, len(templates), templates[0].length), dtype=np.int64)
    fresh = len(number)
    for copy in strings:
        for row, template in zip(copy, templates, strict=True):
            for token, positions in template.regular_positions.items():
                row[list(positions)] = number[token]
            for positions in template.wildcard_positions.values():
                row[list(positions)] = fresh
                fresh += 1
    return strings


def closed_matrix(kernel: StringKernel, templates: Sequence[Template]) -> BoundedMatrix:
    """N of a kernel in closed form, known to within rounding.

    Args:
        kernel: symmetric and positive semi-definite, a function of equalities.
        templates: templates of one length.
    """
    one, other = fresh_strings(templates)
    matrix, matrix_self = kernel(one, other), np.diagonal(kernel(one, one)).copy()
    entry = _ROUNDING * float(np.abs(matrix).max())
    return BoundedMatrix(
        templates=tuple(templates),
        architecture=None,
        matrix=matrix,
        matrix_self=matrix_self,
        halfwidth=np.full_like(matrix, entry),
        self_halfwidth=np.full_like(matrix_self, _ROUNDING * matrix_self.max()),
        entry_level=1.0,
        smallest_eigenvalue=weyl_interval(
            float(np.linalg.eigvalsh(matrix)[0]), len(matrix) * entry, level=1.0
        ),
    )


def parallel_rows(gram: TemplateMatrix) -> tuple[tuple[int, int], ...]:
    """Pairs of rows of N equal or proportional to the last few bits; i < j, from 0."""
    length = np.linalg.norm(gram.matrix, axis=1, keepdims=True)
    unit = gram.matrix / np.where(length > 0, length, 1.0)
    return tuple(
        (i, j)
        for i, j in combinations(range(len(unit)), 2)
        if np.linalg.norm(unit[i] - unit[j]) <= _UNITS
    )
