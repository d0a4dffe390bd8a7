"""The template matrix of a kernel between strings: its values for strings apart."""

from __future__ import annotations

from math import comb, inf

import numpy as np

from numerics.architecture import Architecture
from numerics.averages.linalg import singular_values
from numerics.overlap_types import OverlapTypes
from numerics.protocols import PatternGram
from numerics.template_matrix.bounded import BoundedMatrix, weyl_interval
from symbind_theory.interval import Interval

__all__ = ["pattern_matrix"]

# That of every halfwidth of `TypeValues`.
_LEVEL = 0.999


def pattern_matrix(
    gram: PatternGram, architecture: Architecture | None = None
) -> BoundedMatrix:
    """N of the patterns, with the halfwidths that the kernel states.

    Args:
        gram: the kernel between strings of given patterns.
        architecture: the transformer whose kernel it is; None for another kernel.
    """
    matrix = gram.factor.T @ gram.factor
    halfwidth, self_halfwidth = _halfwidths(gram)
    value = float(singular_values(gram.factor)[-1] ** 2)
    failure = comb(len(matrix) + 1, 2) * (1 - _LEVEL)
    smallest = Interval(value, 0.0, inf, _LEVEL)
    if failure < 1:
        error = float(np.linalg.norm(halfwidth, 2))
        smallest = weyl_interval(value, error, level=1 - failure)
    return BoundedMatrix(
        templates=gram.patterns,
        architecture=architecture,
        matrix=matrix,
        matrix_self=gram.matrix_self,
        halfwidth=halfwidth,
        self_halfwidth=self_halfwidth,
        entry_level=_LEVEL,
        smallest_eigenvalue=smallest,
    )


def _halfwidths(gram: PatternGram) -> tuple[np.ndarray, np.ndarray]:
    """Halfwidths of N's entries, and of the kernel of a string with itself."""
    r = len(gram.patterns)
    counts = np.array([len(t.wildcards) for t in gram.patterns])
    slots = np.arange(int(counts.max(initial=0)))
    first, second = (place.ravel() for place in np.indices((r, r)))
    apart = OverlapTypes(first, second, np.full((r * r, len(slots)), -1))
    places = np.arange(r)
    itself = np.where(slots < counts[:, None], slots, -1)
    same = OverlapTypes(places, places, itself)
    return gram.values(apart).halfwidth.reshape(r, r), gram.values(same).halfwidth
