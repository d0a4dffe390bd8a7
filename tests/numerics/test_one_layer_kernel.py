"""Kernel values by overlap type against Monte Carlo on strings, and their laws."""

import numpy as np
import pytest

from numerics import Architecture, ReLU, string_gram, template_gram
from numerics.one_layer_kernel import OneLayerKernel
from numerics.overlap_gram import overlap_gram
from numerics.pattern_kernel import OverlapTypes, PatternGram, PatternKernel
from numerics.strings import pattern_strings
from symbind_theory import InputError, Template
from symbind_theory.overlaps import overlap_types

READOUTS = ("cls", "last", "mean")


def kernel(patterns, points=2**12, **parameters):
    architecture = Architecture(**parameters)
    made = OneLayerKernel(architecture, points=points)
    return made.gram([Template(t).canonical() for t in patterns])


def all_types(gram):
    kinds = [
        kind
        for i, t in enumerate(gram.patterns)
        for u in gram.patterns[i:]
        for kind in overlap_types(t, u)
    ]
    return kinds, OverlapTypes.of(kinds, gram.patterns)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(
    "parameters",
    [{}, {"identity_kq": 0.7, "identity_vo": 0.5}, {"activation": ReLU(), "beta": 2.0}],
)
def test_values_agree_with_samples_of_strings(readout, parameters):
    gram = kernel(["?a X ?b", "?a ?a ?b"], readout=readout, **parameters)
    kinds, types = all_types(gram)
    found = gram.values(types)
    # 20 types and six tests of 9: at twice the joint half-width a miss by chance is
    # rarer than one in 1e8.
    for n, kind in enumerate(kinds):
        known = string_gram(
            list(kind.strings()), gram.settings.architecture, points=2**11, seed=n
        )
        width = np.hypot(found.halfwidth[n], known.halfwidth["matrix"][0, 1])
        assert abs(found.value[n] - known.matrix[0, 1]) <= 2 * width, kind


@pytest.mark.parametrize("readout", READOUTS)
def test_a_string_with_itself_and_strings_that_share_nothing(readout):
    gram = kernel(["?a ?a", "?a ?b"], readout=readout)
    kinds, types = all_types(gram)
    value = dict(zip(kinds, gram.values(types).value, strict=True))
    known = template_gram(gram.patterns, gram.settings.architecture)
    # The series that makes the factor leaves out 1e-7 of the smallest eigenvalue.
    matrix = known.pooled_factor.T @ known.pooled_factor
    np.testing.assert_allclose(matrix, known.matrix, rtol=1e-7)
    for kind, found in value.items():
        i, j = gram.patterns.index(kind.first), gram.patterns.index(kind.second)
        if not kind.matching:
            assert found == pytest.approx(matrix[i, j], rel=1e-12)
        if i == j and kind.matching == tuple((a, a) for a in range(i + 1)):
            assert found == pytest.approx(known.matrix_self[i], rel=1e-12)
    assert (gram.excess == known.excess).all()
    assert isinstance(gram, PatternGram)
    assert isinstance(OneLayerKernel(), PatternKernel)


def test_without_attention_to_anything_values_are_exact():
    """At beta = 0 weights are uniform: C counts pairs of equal tokens."""
    gram = kernel(["?a ?b ?a", "?a ?b ?c"], beta=0.0, gamma=0.5)
    kinds, types = all_types(gram)
    found = gram.values(types)
    assert found.halfwidth.max() < 1e-12
    for kind, value in zip(kinds, found.value, strict=True):
        x, y = (s.split() for s in kind.strings())
        # [CLS] and the positions are common to all strings.
        same = 1 + sum(s == t for s in x for t in y) + 4 * 0.25
        d = [1 + sum(s == t for s in z for t in z) + 4 * 0.25 for z in (x, y)]
        dual = gram.settings.architecture.activation.dual
        known = dual(*(np.array([q / 16]) for q in (*d, same)))
        assert value == pytest.approx(known[0], rel=1e-9)


def rows(count, vocabulary, length=3, seed=0):
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, vocabulary, (3 * count, length))
    return np.unique(draws, axis=0)[:count]


@pytest.mark.parametrize(
    "readout", ["cls", "last", pytest.param("mean", marks=pytest.mark.slow)]
)
def test_the_matrix_of_crowded_strings_is_positive_semidefinite(readout):
    """Estimated type by type, and not in components, it is not."""
    strings = pattern_strings(rows(60, 5), {})
    made = OneLayerKernel(Architecture(readout=readout, beta=3.0), points=2**10)
    matrix = overlap_gram(strings, made.gram(strings.patterns)).dense()
    values = np.linalg.eigvalsh(matrix)
    assert values[0] > -1e-13 * values[-1]


def test_values_do_not_depend_on_what_else_is_asked_for():
    patterns = ["?a ?a ?b", "?a ?b ?c"]
    gram = kernel(patterns)
    kinds, types = all_types(gram)
    together = gram.values(types).value
    alone = kernel(patterns)
    few = [n for n, kind in enumerate(kinds) if kind.size == 1]
    found = alone.values(OverlapTypes.of([kinds[n] for n in few], alone.patterns))
    np.testing.assert_allclose(found.value, together[few], rtol=2e-3)
    both = alone.values(types).value
    np.testing.assert_allclose(both, together, rtol=1e-12)


def test_more_patterns_leave_the_old_ones_alone():
    gram = kernel(["?a ?a ?b", "?a ?b ?c"])
    wider = gram.extended([Template("?1 ?2 ?1")])
    n, wide = gram.factor.T @ gram.factor, wider.factor.T @ wider.factor
    np.testing.assert_allclose(wide[:2, :2], n, rtol=1e-9)
    known = template_gram(wider.patterns, gram.settings.architecture)
    width = 2 * known.halfwidth["matrix"] + 1e-12
    assert (np.abs(wide - known.matrix) <= width).all()
    assert (np.linalg.eigvalsh(wide) > 0).all()
    assert gram.extended([]) is gram


def test_a_pattern_without_wildcards_joins_with_its_known_length():
    gram = kernel(["?a X ?b", "Y ?a X"])
    wider = gram.extended([Template("Y X X")])
    assert wider.excess[2] == 0.0
    own = (wider.factor[:, 2] ** 2).sum()
    assert own == pytest.approx(wider.diagonal[2], rel=1e-6)
    with pytest.raises(InputError, match=r"regular tokens \['Z'\]"):
        gram.extended([Template("Z ?1 ?2")])


def test_equal_seeds_give_equal_bits_and_others_do_not(tmp_path):
    def values(seed, cache=None):
        made = OneLayerKernel(points=2**10, seed=seed, cache=cache)
        gram = made.gram([Template("?1 ?2")])
        return gram.values(all_types(gram)[1]).value

    assert (values(0) == values(0)).all()
    assert (values(0, tmp_path) == values(0)).all()
    assert (values(0, tmp_path) == values(0)).all()
    assert (values(0) != values(1)).any()


def test_too_many_ways_to_share_are_refused():
    pattern = Template([f"?{a}" for a in range(1, 9)])
    gram = OneLayerKernel(points=2**10).gram([pattern])
    matching = np.arange(8)[None]
    types = OverlapTypes(np.array([0]), np.array([0]), matching[:, ::-1].copy())
    with pytest.raises(InputError, match="larger vocabulary"):
        gram.values(types)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points": 10}, "points is 10"),
        ({"seed": -1}, "seed is -1"),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"architecture": Architecture(depth=2)}, "depth is 2"),
    ],
)
def test_bad_parameters(arguments, message):
    with pytest.raises(InputError, match=message):
        OneLayerKernel(**arguments)
