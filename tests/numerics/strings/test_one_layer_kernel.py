"""Kernel values by overlap type against Monte Carlo on strings, and their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.oracles.two_symbols import sharing, two_symbols

from numerics import Architecture, ReLU, string_gram, template_gram
from numerics.overlap_types import OverlapTypes
from numerics.protocols import PatternGram, PatternKernel
from numerics.strings.component_table import ComponentTable
from numerics.strings.one_layer_kernel import OneLayerKernel
from numerics.strings.overlap_gram import OverlapGram
from numerics.strings.patterns import pattern_strings
from numerics.strings.scaled_components import component_scales
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


@pytest.mark.parametrize(
    "readout", ["cls", "last", pytest.param("mean", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "parameters",
    [{}, {"identity_kq": 0.7, "identity_vo": 0.5}, {"activation": ReLU(), "beta": 2.0}],
)
def test_values_agree_with_the_sampled_gram(readout, parameters):
    gram = kernel(["?a X ?b", "?a ?a ?b"], readout=readout, **parameters)
    kinds, types = all_types(gram)
    found = gram.values(types)
    # 20 types and six tests of 9: at twice the joint halfwidth a miss by chance is
    # rarer than one in 1e8.
    for n, kind in enumerate(kinds):
        known = string_gram(
            list(kind.strings()), gram.settings.architecture, points=2**11, seed=n
        )
        width = np.hypot(found.halfwidth[n], known.halfwidth["matrix"][0, 1])
        assert abs(found.value[n] - known.matrix[0, 1]) <= 2 * width, kind


def with_itself(gram):
    """The overlap types of a string of each pattern with itself, and with no other."""
    counts = np.array([len(t.wildcards) for t in gram.patterns])
    slots, places = np.arange(counts.max()), np.arange(len(counts))
    return OverlapTypes(places, places, np.where(slots < counts[:, None], slots, -1))


@pytest.mark.parametrize("identity_kq", [0.0, 6.0, 10.0])
def test_intervals_hold_what_scaling_moves(identity_kq):
    """Against exact integrals, last readout.

    Scaling moves values by what the squares of a string's components miss, which for
    rare points is hundreds of times the halfwidth of some components. At twice the
    halfwidth a miss by chance is rarer than one in 1e8.
    """
    gram = kernel(["?a ?a", "?a ?b"], 2**10, readout="last", identity_kq=identity_kq)
    kinds, types = all_types(gram)
    found = gram.values(types)
    for kind, value, width in zip(kinds, found.value, found.halfwidth, strict=True):
        x, y = (tuple(string.split()) for string in kind.strings())
        d, e, c = (
            np.array([sharing(*pair, identity_kq)]) for pair in ((x, x), (y, y), (x, y))
        )
        (exact,) = gram.settings.architecture.activation.dual(d, e, c)
        assert abs(value - exact) <= 2 * width + 1e-14, kind


def test_the_mean_readout_knows_its_self_values_to_a_halfwidth():
    """Different rows of one symbol are sampled; the exact value is an integral."""
    gram = kernel(["?a ?a"], readout="mean")
    found = gram.values(with_itself(gram))
    d = two_symbols("mean", 0.0).self_values[:1]
    truth = gram.settings.architecture.activation.dual(d, d, d)
    assert 0 < found.halfwidth[0] < 1e-3
    assert np.abs(found.value - truth) <= found.halfwidth
    later = gram.rows().values(gram.patterns, with_itself(gram))
    assert later.halfwidth[0] == found.halfwidth[0]


@pytest.mark.parametrize("readout", ["cls", "last"])
def test_one_row_has_self_values_without_points(readout):
    gram = kernel(["?a ?a", "?a ?b"], readout=readout)
    assert not gram.values(with_itself(gram)).halfwidth.any()


@pytest.mark.parametrize("readout", READOUTS)
def test_a_string_with_itself_and_strings_that_share_nothing(readout):
    gram = kernel(["?a ?a", "?a ?b"], readout=readout)
    kinds, types = all_types(gram)
    value = dict(zip(kinds, gram.values(types).value, strict=True))
    known = template_gram(gram.patterns, gram.settings.architecture)
    # The series that makes the factor leaves out 1e-7 of the smallest eigenvalue.
    matrix = known.factor.T @ known.factor
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
    # The rough rule of components is exact to 1e-6, and says so.
    assert found.halfwidth.max() < 1e-5
    for n, kind in enumerate(kinds):
        x, y = (s.split() for s in kind.strings())
        # [CLS] and the positions are common to all strings.
        same = 1 + sum(s == t for s in x for t in y) + 4 * 0.25
        d = [1 + sum(s == t for s in z for t in z) + 4 * 0.25 for z in (x, y)]
        dual = gram.settings.architecture.activation.dual
        known = dual(*(np.array([q / 16]) for q in (*d, same)))
        assert abs(found.value[n] - known[0]) <= found.halfwidth[n] + 1e-12


def rows(count, vocabulary, length=3, seed=0):
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, vocabulary, (3 * count, length))
    return np.unique(draws, axis=0)[:count]


@pytest.mark.parametrize(
    "readout",
    ["cls", *(pytest.param(name, marks=pytest.mark.slow) for name in ("last", "mean"))],
)
def test_the_matrix_of_crowded_strings_is_positive_semidefinite(readout):
    """Estimated type by type, and not in components, it is not."""
    strings = pattern_strings(rows(60, 5), {})
    made = OneLayerKernel(Architecture(readout=readout, beta=3.0), points=2**10)
    matrix = OverlapGram.of(strings, made.gram(strings.patterns)).dense()
    values = np.linalg.eigvalsh(matrix)
    assert values[0] > -1e-13 * values[-1]


@pytest.mark.parametrize(
    "patterns", [["?a ?a ?b", "?a ?b ?c"], ["?a ?b ?c ?d"], ["X ?a ?b ?c", "?a ?b X X"]]
)
def test_values_do_not_depend_on_what_is_asked_for_when(patterns):
    """Few points at small beta: components exceed what they add up to."""
    parameters = {"points": 2**10, "beta": 0.5}
    gram = kernel(patterns, **parameters)
    kinds, types = all_types(gram)
    together = gram.values(types)
    alone = kernel(patterns, **parameters)
    for size in range(1, 1 + max(kind.size for kind in kinds)):
        some = [n for n, kind in enumerate(kinds) if kind.size == size]
        asked = OverlapTypes.of([kinds[n] for n in some], alone.patterns)
        found = alone.values(asked)
        np.testing.assert_allclose(found.value, together.value[some], rtol=1e-12)
        np.testing.assert_allclose(
            found.halfwidth, together.halfwidth[some], rtol=1e-6, atol=1e-14
        )


def test_components_add_up_to_the_known_kernel_of_a_string_with_itself():
    """Without positions cls cannot tell a string from its tokens in another order."""
    gram = kernel(["?a ?b"], points=2**10, gamma=0.0)
    kind = next(k for k in all_types(gram)[0] if k.matching == ((0, 1), (1, 0)))
    value = gram.values(OverlapTypes.of([kind], gram.patterns)).value
    np.testing.assert_allclose(value, gram.matrix_self[:1], rtol=1e-12)


@given(
    known=st.floats(0, 1),
    squares=st.lists(st.floats(1e-9, 1), min_size=1, max_size=4),
)
def test_scaled_components_fill_what_is_known_and_never_exceed_it(known, squares):
    wildcards = np.array([len(squares)])
    by_size = {n + 1: np.array([x]) for n, x in enumerate(squares)}
    scales = component_scales(np.array([known]), wildcards, by_size)
    filled = sum(scales[n][0] ** 2 * x[0] for n, x in by_size.items())
    assert filled == pytest.approx(known, abs=1e-12)
    # Lower components keep their length where there is room.
    for level in range(1, len(squares)):
        room = known - sum(squares[:level])
        assert room > -1e-12 or scales[level][0] < 1.0
        assert room < 1e-12 or scales[level][0] == 1.0
    # A level that is not there yet changes nothing in those below.
    fewer = {n: x for n, x in by_size.items() if n < len(squares)}
    before = component_scales(np.array([known]), wildcards, fewer)
    assert all(before[n] == scales[n] for n in fewer)


def test_halfwidths_are_those_of_the_components():
    """Sixteen times the points: values move by more than N is uncertain."""
    patterns = ["?a ?a ?b", "?a ?b ?c"]
    rough, fine = kernel(patterns, points=2**10), kernel(patterns, points=2**14)
    kinds, types = all_types(rough)
    first, second = rough.values(types), fine.values(types)
    moved = np.abs(first.value - second.value)
    # Twice the joint halfwidth at level 0.999: as good as never.
    assert (moved <= 2 * np.hypot(first.halfwidth, second.halfwidth) + 1e-12).all()
    sharing = [n for n, kind in enumerate(kinds) if kind.size == 1]
    n = template_gram(rough.patterns, rough.settings.architecture).halfwidth["matrix"]
    assert first.halfwidth[sharing].min() > 3 * n.max()
    assert first.halfwidth[sharing].max() > 2 * second.halfwidth[sharing].max()


def test_equal_seeds_give_equal_bits_and_others_do_not(tmp_path):
    def values(seed, cache=None):
        made = OneLayerKernel(points=2**10, seed=seed, cache=cache)
        gram = made.gram([Template("?1 ?2")])
        return gram.values(all_types(gram)[1]).value

    assert (values(0) == values(0)).all()
    assert (values(0, tmp_path) == values(0)).all()
    assert (values(0, tmp_path) == values(0)).all()
    assert (values(0) != values(1)).any()


@pytest.mark.parametrize(("wildcards", "announced"), [(2, False), (7, True)])
def test_a_long_estimate_is_announced_before_it_begins(
    wildcards, announced, monkeypatch, caplog
):
    def estimate(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ComponentTable, "_estimate", estimate)
    gram = OneLayerKernel().gram([Template([f"?{a + 1}" for a in range(wildcards)])])
    matching = np.arange(wildcards)[None, ::-1].copy()
    with pytest.raises(KeyboardInterrupt):
        gram.values(OverlapTypes(np.array([0]), np.array([0]), matching))
    assert ("a long estimate" in caplog.text) == announced


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
