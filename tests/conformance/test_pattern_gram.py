"""The laws of a kernel between strings of patterns, and one fault for each law."""

from functools import cache
from itertools import permutations

import numpy as np
import pytest
from symbind_testing.broken_matrices import BROKEN_GRAMS
from symbind_testing.builders.toy_kernel import ToyKernel

from numerics import Architecture, DeepKernel
from numerics.overlap_types import OverlapTypes
from numerics.protocols import PatternGram, PatternKernel, PatternRows
from numerics.strings.one_layer_kernel import OneLayerKernel
from symbind_theory import Template
from symbind_theory.overlaps import overlap_types

PATTERNS = tuple(Template(t).canonical() for t in ("?a ?a", "?a ?b", "X X"))
MORE = tuple(Template(t).canonical() for t in ("X ?a", "?a X"))
# One block with a residual connection: of many layers as far as this kernel goes.
DEEP = Architecture(residual=1.0, normalisation="pre", readout="last")
KERNELS = {
    "one layer": OneLayerKernel(points=2**10, cache=None),
    "one layer, mean readout": OneLayerKernel(
        Architecture(beta=2.0, readout="mean"), points=2**10, cache=None
    ),
    "deep": DeepKernel(DEEP, points=2**10),
    "deep, nothing kept": DeepKernel(DEEP, points=2**10, cache=None),
    "toy": ToyKernel(),
}


def kernels_and_laws():
    """All of them; slow where a deep kernel is estimated again and again."""
    return [
        pytest.param(
            kernel,
            law,
            marks=pytest.mark.slow
            if kernel == "deep, nothing kept"
            or (kernel == "deep" and law.startswith("rows do not"))
            else (),
        )
        for kernel in KERNELS
        for law in LAWS
    ]


@cache
def made(name):
    # The one-layer kernel has the regular tokens of its first patterns only.
    return KERNELS[name].gram(PATTERNS)


def every_type(gram):
    patterns = gram.patterns
    kinds = [k for t in patterns for u in patterns for k in overlap_types(t, u)]
    return OverlapTypes.of(kinds, patterns)


def subset(types, chosen):
    return OverlapTypes(
        types.first[chosen], types.second[chosen], types.matching[chosen]
    )


def patterns_in_order(gram):
    """Their numbers are used in overlap types."""
    assert gram.patterns == PATTERNS


def self_values_by_the_excess(gram):
    """K_self = diag N + excess, by definition."""
    apart = (gram.factor**2).sum(0)
    np.testing.assert_allclose(gram.matrix_self, apart + gram.excess, rtol=1e-7)


def excess_not_negative(gram):
    """A string is at least as close to itself as to a renaming, which may be itself."""
    wild = np.array([bool(t.wildcards) for t in gram.patterns])
    assert (gram.excess > -1e-12).all()
    np.testing.assert_allclose(gram.excess[~wild], 0, atol=1e-12)


def apart_as_the_factor(gram):
    """Strings that share no symbol have N = GᵀG."""
    types = every_type(gram)
    apart = subset(types, (types.matching < 0).all(1))
    n = gram.factor.T @ gram.factor
    value = gram.values(apart).value
    np.testing.assert_allclose(value, n[apart.first, apart.second], rtol=1e-7)


def itself_as_the_self_value(gram):
    """The type of a string with itself has K_self."""
    types = every_type(gram)
    counts = np.array([len(t.wildcards) for t in gram.patterns])
    same = subset(types, types.same_strings(counts))
    assert len(same) == (counts > 0).sum()
    value = gram.values(same).value
    np.testing.assert_allclose(value, gram.matrix_self[same.first], rtol=1e-12)


def symmetric(gram):
    """A kernel does not know which string comes first."""
    types = every_type(gram)
    back = np.full_like(types.matching, -1)
    for row, matching in zip(back, types.matching, strict=True):
        for a, b in enumerate(matching):
            if b >= 0:
                row[b] = a
    swapped = OverlapTypes(types.second, types.first, back)
    np.testing.assert_allclose(
        gram.values(swapped).value, gram.values(types).value, rtol=1e-12
    )


def values_of_their_own(gram):
    """All values are of one kernel, those asked for at different times included."""
    types = every_type(gram)
    together = gram.values(types)
    some = np.arange(len(types)) % 2 == 0
    alone = gram.values(subset(types, some))
    np.testing.assert_allclose(alone.value, together.value[some], rtol=1e-12)
    assert (together.halfwidth >= 0).all()


def positive_semi_definite(gram):
    """The kernel matrix of all strings of three symbols is a Gram matrix."""
    strings = [
        (i, symbols)
        for i, t in enumerate(gram.patterns)
        for symbols in permutations(range(3), len(t.wildcards))
    ]
    slots = max(len(t.wildcards) for t in gram.patterns)
    pairs = [(one, other) for one in strings for other in strings]
    matching = np.full((len(pairs), slots), -1)
    for row, ((_, x), (_, y)) in zip(matching, pairs, strict=True):
        row[: len(x)] = [y.index(a) if a in y else -1 for a in x]
    first, second = (np.array([pair[k][0] for pair in pairs]) for k in (0, 1))
    value = gram.values(OverlapTypes(first, second, matching)).value
    matrix = value.reshape(len(strings), len(strings))
    assert np.linalg.eigvalsh(matrix)[0] >= -1e-9 * np.trace(matrix)


def rows_of_its_own(gram):
    """A row of one of its own patterns has the values of the kernel itself."""
    rows, types = gram.rows(), every_type(gram)
    assert rows.patterns == gram.patterns
    n = rows.matrix(gram.patterns)
    np.testing.assert_allclose(n, gram.factor.T @ gram.factor, rtol=1e-7)
    found = rows.values(gram.patterns, types)
    np.testing.assert_allclose(found.value, gram.values(types).value, rtol=1e-7)


def types_between(patterns, others):
    """Every type of a pattern and one of the others."""
    kinds = [k for t in patterns for u in others for k in overlap_types(t, u)]
    types = OverlapTypes.of(kinds, (*patterns, *others))
    return OverlapTypes(types.first, types.second - len(patterns), types.matching)


def rows_by_themselves(gram):
    """A value is the same to the last bit in whatever company it is asked for."""
    together = gram.rows()
    n, types = together.matrix(MORE), types_between(MORE, gram.patterns)
    value = together.values(MORE, types).value
    alone = gram.rows()
    for i, pattern in reversed(list(enumerate(MORE))):
        assert (alone.matrix([pattern])[0] == n[i]).all()
        its = np.flatnonzero(types.first == i)
        for m in reversed(its):
            one = subset(types, np.array([m]))
            one = OverlapTypes(one.first * 0, one.second, one.matching)
            assert alone.values([pattern], one).value[0] == value[m]


def rows_without_a_past(gram):
    """A value is the same to the last bit whatever was asked before."""
    rows, types = gram.rows(), types_between(MORE, gram.patterns)
    n, found = rows.matrix(MORE[:1]), rows.values(MORE, types)
    rows.matrix(MORE)
    assert (rows.matrix(MORE[:1]) == n).all()
    assert (rows.values(MORE, types).value == found.value).all()
    assert (found.halfwidth >= 0).all()


LAWS = {
    "patterns keep their order": patterns_in_order,
    "self values are N's diagonal and the excess": self_values_by_the_excess,
    "the excess is not negative": excess_not_negative,
    "strings apart have N": apart_as_the_factor,
    "a string with itself has the self value": itself_as_the_self_value,
    "both orders of two strings agree": symmetric,
    "values do not depend on their company": values_of_their_own,
    "the kernel is positive semi-definite": positive_semi_definite,
    "rows of its own patterns are its own": rows_of_its_own,
    "rows do not depend on their company": rows_by_themselves,
    "rows do not depend on what was asked before": rows_without_a_past,
}


@pytest.mark.parametrize(("kernel", "law"), kernels_and_laws())
def test_law(kernel, law):
    LAWS[law](made(kernel))


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_meets_the_protocols(kernel):
    assert isinstance(KERNELS[kernel], PatternKernel)
    assert isinstance(made(kernel), PatternGram)
    assert isinstance(made(kernel).rows(), PatternRows)


def test_every_law_has_a_fault():
    assert BROKEN_GRAMS.keys() == LAWS.keys()


@pytest.mark.parametrize("law", LAWS)
def test_a_broken_kernel_breaks_its_law(law):
    """A law that no fault can break says nothing."""
    LAWS[law](made("toy"))
    with pytest.raises(AssertionError):
        LAWS[law](BROKEN_GRAMS[law](made("toy")))
