"""Rows of the deep kernel for patterns that the kernel does not have."""

from functools import cache

import numpy as np
import pytest

from numerics import Architecture, DeepKernel
from numerics.overlap_types import OverlapTypes
from symbind_theory import Template
from symbind_theory.overlaps import overlap_types

KERNEL = DeepKernel(
    Architecture(residual=1.0, normalisation="pre", readout="last"),
    points=2**10,
)
OWN = (Template("?1 ?2"), Template("X ?1"))
NEW = Template("?1 ?1")


@cache
def gram(patterns=OWN):
    return KERNEL.gram(patterns)


def between(first, second):
    """Every type of two patterns, the one and only ones of their sides."""
    kinds = list(overlap_types(first, second))
    types = OverlapTypes.of(kinds, (first, second))
    return OverlapTypes(types.first, types.second - 1, types.matching)


def test_a_new_pattern_has_the_values_of_a_kernel_that_knows_it():
    rows = gram().rows()
    types = between(NEW, OWN[0])
    found = rows.values([NEW], types)
    joint = gram((NEW, *OWN))
    kinds = OverlapTypes(types.first, types.second + 1, types.matching)
    known = joint.values(kinds)
    width = np.hypot(found.halfwidth, known.halfwidth)
    assert (np.abs(found.value - known.value) <= 2 * width).all()
    apart = rows.matrix([NEW])[0]
    n = (joint.factor.T @ joint.factor)[0, 1:]
    assert np.abs(apart - n).max() <= 2 * width.max()


def test_strings_apart_have_the_row_itself():
    rows = gram().rows()
    value = rows.values([NEW], between(NEW, OWN[0])).value
    assert value[0] == rows.matrix([NEW])[0, 0]


def test_a_row_lies_in_the_span_of_the_kernels_own():
    """So that small eigenvalues of N do not blow up what is not consistent with it."""
    joint = gram((NEW, *OWN))
    rows = joint.rows()
    other = Template("?1 X")
    row, n = rows.matrix([other])[0], joint.factor.T @ joint.factor
    found = KERNEL.gram((other,))
    length = row @ np.linalg.solve(n, row)
    assert length <= (found.factor**2).sum() * 1.01


def test_rows_of_no_pattern_have_no_entries():
    rows = gram().rows()
    assert rows.matrix([]).shape == (0, 2)
    none = np.zeros(0, dtype=np.int64)
    types = OverlapTypes(none, none, np.zeros((0, 2), dtype=np.int64))
    assert rows.values([NEW], types).value.shape == (0,)


def test_progress_ends_where_it_said_it_would():
    seen = []
    kernel = DeepKernel(KERNEL.architecture, points=2**10, cache=None)
    kernel.gram(OWN).rows().matrix([NEW], lambda *steps: seen.append(steps))
    assert seen[-1] == (32, 32)


@pytest.mark.slow
def test_nothing_kept_changes_no_bit():
    """What the cache gives is what is computed."""
    kernel = DeepKernel(KERNEL.architecture, points=2**10, cache=None)
    types = between(NEW, OWN[0])
    one, other = (made.gram(OWN).rows() for made in (kernel, KERNEL))
    assert (one.values([NEW], types).value == other.values([NEW], types).value).all()
