"""The laws of a template matrix, for each source of one, and one fault for each law."""

from functools import cache, partial

import numpy as np
import pytest
from symbind_testing.broken_matrices import BROKEN_MATRICES, Faulty
from symbind_testing.builders.statistics import smallest
from symbind_testing.builders.toy_kernel import ToyKernel

from numerics import Architecture, Cosine, ReLU, template_gram
from numerics.kernels.closed_form import closed_matrix
from numerics.kernels.equality_kernels import equality_kernel
from numerics.protocols import TemplateMatrix
from numerics.strings.one_layer_kernel import OneLayerKernel
from numerics.strings.strings_apart import pattern_matrix
from numerics.template_matrix.read_back import matrix_read_back
from symbind_theory import Template, TemplateTask, check

TEMPLATES = ("?a ?a ?b", "?a ?b ?a", "X ?a ?b", "X X Y")
ROUNDING = 1e-9


def estimate(templates, architecture=None):
    return template_gram(templates, architecture, max_points=2**10)


def closed(templates):
    return closed_matrix(partial(equality_kernel, activation=Cosine()), templates)


def blocks(templates):
    kernel = OneLayerKernel(points=2**10, cache=None)
    return pattern_matrix(kernel.gram(templates), kernel.architecture)


def toy(templates):
    return pattern_matrix(ToyKernel().gram(templates))


def read_back(templates, architecture=None):
    task = TemplateTask(templates, range(len(templates)))
    result = check(task, architecture, max_points=2**10)
    return matrix_read_back(result, architecture or Architecture())


MEAN = Architecture(beta=2.0, readout="mean", activation=ReLU())
SOURCES = {
    "estimate": estimate,
    "estimate, mean readout": partial(estimate, architecture=MEAN),
    "closed form": closed,
    "kernel between strings": blocks,
    "toy kernel between strings": toy,
    "read back": read_back,
    "read back, mean readout": partial(read_back, architecture=MEAN),
}
# The kernel of two strings does not depend on what else there is.
EXACT = ("closed form", "toy kernel between strings")


def size(factor, excess):
    return float((factor**2).sum() + excess.sum())


STATISTICS = (smallest, size)


@cache
def canonical():
    return tuple(Template(t).canonical() for t in TEMPLATES)


@cache
def made(source):
    return SOURCES[source](canonical())


def parts_of_one_size(matrix):
    """One row, one self value and one column of the factor for each template."""
    r = len(matrix.templates)
    assert matrix.matrix.shape == (r, r)
    assert matrix.matrix_self.shape == matrix.excess.shape == (r,)
    assert matrix.factor.shape[1] == r


def symmetric(matrix):
    """A kernel does not know which string comes first."""
    np.testing.assert_allclose(matrix.matrix, matrix.matrix.T, rtol=1e-12)


def factor_of_the_matrix(matrix):
    """GᵀG = N to rounding: all statistics come from G."""
    product = matrix.factor.T @ matrix.factor
    scale = np.abs(matrix.matrix).max()
    np.testing.assert_allclose(product, matrix.matrix, rtol=0, atol=ROUNDING * scale)


def excess_not_negative(matrix):
    """A string is at least as close to itself as to a renaming, which may be itself."""
    wild = np.array([bool(t.wildcards) for t in matrix.templates])
    assert (matrix.excess >= 0).all()
    assert (matrix.excess[~wild] == 0).all()


def self_values_by_the_excess(matrix):
    """K_self = diag N + excess, by definition."""
    np.testing.assert_allclose(
        matrix.matrix_self, np.diagonal(matrix.matrix) + matrix.excess, rtol=1e-7
    )


def value_of_the_statistic(matrix):
    """The interval is around the statistic of the factor and the excess."""
    for statistic in STATISTICS:
        expected = statistic(matrix.factor, matrix.excess)
        assert matrix.interval(statistic).value == pytest.approx(expected, rel=1e-12)


def level_of_each_interval(matrix):
    """The level is stated once, and holds for every interval."""
    assert 0 < matrix.level <= 1
    assert {x.level for x in matrix.intervals(together)} == {matrix.level}


def constant_is_known(matrix):
    """What N cannot change is known, unless nothing is said of any statistic."""
    found = matrix.interval(lambda factor, excess: 3.0)
    assert found.contains(3.0)
    if (found.low, found.high) != (0, np.inf):
        assert found.halfwidth <= ROUNDING


def smallest_eigenvalue_of_the_matrix(matrix):
    """The stated λ_min is that of G, and its interval meets the statistic's own."""
    stated, found = matrix.smallest_eigenvalue, matrix.interval(smallest)
    assert stated.value == pytest.approx(found.value, rel=1e-6)
    assert stated.low <= found.high
    assert found.low <= stated.high


def together(factor, excess):
    return [statistic(factor, excess) for statistic in STATISTICS]


def together_as_alone(matrix):
    """Statistics that share work are not changed by it."""
    alone = tuple(matrix.interval(statistic) for statistic in STATISTICS)
    assert matrix.intervals(together) == alone


LAWS = {
    "its parts are of one size": parts_of_one_size,
    "N is symmetric": symmetric,
    "the factor is one of N": factor_of_the_matrix,
    "the excess is not negative": excess_not_negative,
    "self values are the diagonal and the excess": self_values_by_the_excess,
    "the value is the statistic's": value_of_the_statistic,
    "the level is that of each interval": level_of_each_interval,
    "a constant is known": constant_is_known,
    "the smallest eigenvalue is that of N": smallest_eigenvalue_of_the_matrix,
    "several statistics together are those alone": together_as_alone,
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("source", SOURCES)
def test_law(source, law):
    LAWS[law](made(source))


@pytest.mark.parametrize("source", SOURCES)
def test_it_meets_the_protocol(source):
    assert isinstance(made(source), TemplateMatrix)
    assert made(source).templates == canonical()


def test_every_law_has_a_fault():
    assert BROKEN_MATRICES.keys() == LAWS.keys()


@pytest.mark.parametrize("law", LAWS)
def test_a_broken_matrix_breaks_its_law(law):
    """A law that no fault can break says nothing."""
    sound = made("toy kernel between strings")
    LAWS[law](sound)
    with pytest.raises(AssertionError):
        LAWS[law](BROKEN_MATRICES[law](sound))


@pytest.mark.parametrize("source", SOURCES)
def test_templates_in_another_order_permute_the_matrix(source):
    """Rows belong to templates and not to places."""
    order = [2, 0, 3, 1]
    moved = SOURCES[source]([canonical()[i] for i in order])
    np.testing.assert_allclose(
        moved.matrix, made(source).matrix[np.ix_(order, order)], rtol=1e-12
    )
    np.testing.assert_allclose(
        moved.matrix_self, made(source).matrix_self[order], rtol=1e-12
    )


@pytest.mark.parametrize("source", EXACT)
def test_fewer_templates_restrict_the_matrix(source):
    """An entry is a matter of two templates, where it is not sampled."""
    kept = [0, 2]
    fewer = SOURCES[source]([canonical()[i] for i in kept])
    np.testing.assert_allclose(
        fewer.matrix, made(source).matrix[np.ix_(kept, kept)], rtol=1e-12
    )


def test_what_lacks_a_part_does_not_meet_the_protocol():
    class Bare:
        templates = ()

    assert not isinstance(Bare(), TemplateMatrix)
    assert isinstance(Faulty(made("closed form")), TemplateMatrix)
