"""The kernel of a deep transformer between strings against two other routes to it."""

from functools import cache
from itertools import permutations, product

import numpy as np
import pytest
from symbind_testing.oracles.deep_strings import deep_strings
from symbind_testing.oracles.plain_recursion import of_strings
from symbind_testing.refusals import refusal

from numerics import Architecture, DeepKernel, OneLayerKernel, ReLU, template_gram
from numerics.overlap_types import OverlapTypes
from numerics.strings import deep_components
from numerics.strings.overlap_gram import OverlapGram
from numerics.strings.patterns import pattern_strings
from numerics.tokens import TokenGram
from symbind_theory import Template
from symbind_theory.overlaps import overlap_types
from symbind_theory.records.architecture import KernelName

# One block with a residual connection is no longer one layer, and soon estimated.
DEEP = Architecture(residual=1.0, normalisation="pre", readout="last")
PATTERNS = tuple(Template(t) for t in ("?1 ?1", "?1 ?2", "X ?1"))


@cache
def made(
    architecture=DEEP, patterns=PATTERNS, points=2**10, kernel: KernelName = "nngp"
):
    return DeepKernel(architecture, points=points, kernel=kernel).gram(patterns)


# With a name, a, that tokens which strings share are not to get.
CORRELATED = TokenGram(
    ("X", "a"), ((1.5, 0.1), (0.1, 1.0)), (0.4, 0.0), common=0.3, self_value=0.8
)


def all_types(patterns):
    kinds = [
        kind
        for i, t in enumerate(patterns)
        for u in patterns[i:]
        for kind in overlap_types(t, u)
    ]
    return kinds, OverlapTypes.of(kinds, patterns)


@pytest.mark.parametrize(
    "parameters",
    [
        {"readout": "last", "beta": 2.0},
        pytest.param({"identity_kq": 0.5}, marks=pytest.mark.slow),
        pytest.param(
            {"identity_vo": 0.7, "activation": ReLU()}, marks=pytest.mark.slow
        ),
    ],
)
def test_one_block_has_the_values_of_the_one_layer_kernel(parameters):
    """A residual of 1e-9 changes no digit that is looked at, but goes another way."""
    types = all_types(PATTERNS)[1]
    known = (
        OneLayerKernel(Architecture(**parameters), points=2**12)
        .gram(PATTERNS)
        .values(types)
    )
    deep = Architecture(**parameters, residual=1e-9)
    found = made(deep).values(types)
    # Twice the joint halfwidth at level 0.999 of each: as good as never.
    width = 2 * np.hypot(found.halfwidth, known.halfwidth)
    assert (np.abs(found.value - known.value) <= width).all()
    assert found.halfwidth.max() < 0.05


@pytest.mark.parametrize(
    ("parameters", "patterns", "points"),
    [
        ({}, PATTERNS[:2], 2**10),
        ({"tokens": CORRELATED, "depth": 1}, PATTERNS, 2**10),
        pytest.param(
            {"tokens": CORRELATED, "activation": ReLU(), "normalisation": None},
            (Template("?1 ?2 ?2"), Template("X ?1 ?2")),
            2**12,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"depth": 3, "readout": "cls"},
            PATTERNS,
            2**12,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "residual": 0.5,
                "normalisation": "post",
                "readout": "mean",
                "activation": ReLU(),
                "identity_kq": 0.5,
            },
            (Template("?1 ?2 ?2"), Template("X ?1 ?2")),
            2**12,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_values_agree_with_one_covariance_of_concrete_strings(
    parameters, patterns, points
):
    """Strings that share tokens, without templates and without components."""
    architecture = Architecture(
        **{"depth": 2, "residual": 1.0, "normalisation": "pre", "readout": "last"}
        | parameters
    )
    kinds, types = all_types(patterns)
    found = made(architecture, patterns, points).values(types)
    for n, kind in enumerate(kinds):
        strings = [text.split() for text in kind.strings()]
        known, error = deep_strings(strings, architecture, 2000, n, regular={"X"})
        # At five standard errors of Student's t, 15 degrees of freedom, beside the
        # halfwidth, 40 values are missed by chance once in 1e3 suites.
        assert abs(found.value[n] - known[0, 1]) <= found.halfwidth[n] + 5 * error[0, 1]


TANGENT = [
    ({"residual": 1.0, "normalisation": "pre"}, PATTERNS, 2000),
    pytest.param(
        {"depth": 2, "readout": "cls", "activation": ReLU(), "identity_kq": 0.4},
        PATTERNS[:2],
        8000,
        marks=pytest.mark.slow,
    ),
    pytest.param({"beta": 1.5, "causal": True}, PATTERNS, 8000, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("parameters", "patterns", "draws"), TANGENT)
def test_tangent_values_agree_with_concrete_strings(parameters, patterns, draws):
    """All layers trained: strings that share tokens, by plain sums over their logits.

    Of one layer too, whose other kernel is not a deep one.
    """
    architecture = Architecture(**{"readout": "last"} | parameters)
    kinds, types = all_types(patterns)
    found = made(architecture, patterns, 2**10, "ntk").values(types)
    for n, kind in enumerate(kinds):
        strings = [text.split() for text in kind.strings()]
        known, error = of_strings(strings, architecture, 16, draws, n, tangent=True)
        # As above: five standard errors beside the halfwidth, 30 values.
        room = found.halfwidth[n] + 5 * error[0, 1]
        assert abs(found.value[n] - known[0, 1]) <= room, kind
        assert room < 0.3 * known[0, 1]


def test_the_tangent_kernel_of_all_strings_is_positive_semi_definite():
    strings = [f"{a} {b}" for a, b in product("abc", repeat=2)]
    kernel = DeepKernel(DEEP, points=2**10, kernel="ntk")
    matrix = gram_of(strings, kernel).dense()
    assert np.linalg.eigvalsh(matrix)[0] >= -1e-12 * np.trace(matrix)
    plain = gram_of(strings, DeepKernel(DEEP, points=2**10)).dense()
    assert (np.diagonal(matrix) > np.diagonal(plain)).all()


def test_shared_tokens_have_the_inner_products_of_symbols():
    """As plain regular tokens they would not fit, and halfwidths would be above 1."""
    deep = Architecture(
        residual=1.0, normalisation="pre", readout="last", tokens=CORRELATED
    )
    values = made(deep).values(all_types(PATTERNS)[1])
    assert values.halfwidth.max() < 0.02


def gram_of(strings, kernel):
    """The kernel matrix of strings, given as text."""
    tokens = sorted({token for string in strings for token in string.split()})
    rows = [[tokens.index(token) for token in string.split()] for string in strings]
    patterned = pattern_strings(np.array(rows), {})
    return OverlapGram.of(patterned, kernel.gram(patterned.patterns))


def test_the_kernel_matrix_of_all_strings_is_positive_semi_definite():
    """To rounding, though its values come from families of their own."""
    strings = [f"{a} {b}" for a, b in product("abcd", repeat=2)]
    matrix = gram_of(strings, DeepKernel(DEEP, points=2**10)).dense()
    assert np.linalg.eigvalsh(matrix)[0] >= -1e-12 * np.trace(matrix)


@pytest.mark.slow
def test_positive_semi_definite_where_three_tokens_are_shared():
    strings = [" ".join(s) for s in permutations("abcd", 3)]
    matrix = gram_of(strings, DeepKernel(DEEP, points=2**10)).dense()
    assert np.linalg.eigvalsh(matrix)[0] >= -1e-12 * np.trace(matrix)


def test_strings_apart_have_the_template_matrix():
    """Inside its intervals, from other runs."""
    gram = made()
    known = template_gram(PATTERNS, DEEP, max_points=2**12, seed=1)
    first, second = (place.ravel() for place in np.indices((3, 3)))
    types = OverlapTypes(first, second, np.full((9, 2), -1))
    found = gram.values(types)
    width = np.hypot(found.halfwidth, known.halfwidth["matrix"].ravel())
    assert (np.abs(found.value - known.matrix.ravel()) <= 2 * width).all()
    own = gram.base.self_halfwidth + known.halfwidth["matrix_self"]
    assert (np.abs(gram.matrix_self - known.matrix_self) <= 2 * own).all()


def test_more_shared_tokens_than_fit_are_bounded_and_said(monkeypatch, caplog):
    """The matrix stays positive semi-definite, and intervals hold what is known."""
    patterns = PATTERNS[:2]
    types = all_types(patterns)[1]
    known = made(DEEP, patterns).values(types)
    # One token is shown by 2 + 3 templates of two positions, two tokens by 7.
    monkeypatch.setattr(deep_components, "_MOST_LOGITS", 5 * 4)
    found = DeepKernel(DEEP, points=2**10).gram(patterns).values(types)
    assert "bounded and left out" in caplog.text
    crossed = (types.matching == [1, 0]).all(1)
    assert (found.value[~crossed] == known.value[~crossed]).all()
    assert (np.abs(found.value - known.value) <= found.halfwidth)[crossed].all()
    assert (found.halfwidth > 2 * known.halfwidth)[crossed].all()
    strings = [f"{a} {b}" for a, b in product("abcd", repeat=2)]
    matrix = gram_of(strings, DeepKernel(DEEP, points=2**10)).dense()
    assert np.linalg.eigvalsh(matrix)[0] >= -1e-12 * np.trace(matrix)


def test_equal_seeds_give_equal_bits_in_any_order_and_from_the_cache(tmp_path):
    types = OverlapTypes(np.array([0]), np.array([0]), np.array([[0, -1]]))

    def value(seed=0, cache=None, patterns=("?1 ?2",)):
        kernel = DeepKernel(DEEP, points=2**10, seed=seed, cache=cache)
        return kernel.gram([Template(t) for t in patterns]).values(types).value[0]

    first = value()
    assert value(cache=tmp_path) == value(cache=tmp_path) == first
    assert value(seed=1) != first
    one, other = (made(DEEP, patterns) for patterns in (PATTERNS, PATTERNS[::-1]))
    assert (one.matrix_self == other.matrix_self[::-1]).all()


@pytest.mark.slow
def test_progress_ends_where_it_said_it_would():
    seen = []
    kernel = DeepKernel(DEEP, points=2**10, cache=None)
    gram = kernel.gram([Template("?1 ?2")])
    types = OverlapTypes(np.array([0]), np.array([0]), np.array([[1, 0]]))
    gram.values(types, lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"architecture": Architecture()}, "architecture is of one layer"),
        ({"architecture": DEEP, "points": 10}, "points is 10"),
        ({"architecture": DEEP, "seed": -1}, "seed is -1"),
        ({"architecture": DEEP, "device": "tpu"}, "device is 'tpu'"),
    ],
)
def test_bad_parameters(arguments, message):
    assert message in refusal(lambda: DeepKernel(**arguments))


def test_too_many_patterns_are_refused_before_anything_is_computed(monkeypatch):
    def estimate(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("numerics.strings.deep_kernel.deep_gram", estimate)
    patterns = [Template(["?1"] * k + ["X"] * (99 - k)) for k in range(99)]
    said = refusal(lambda: DeepKernel(DEEP).gram(patterns))
    assert "99 patterns" in said
    assert "shorter strings" in said
