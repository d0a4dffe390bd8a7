"""The kernel of concrete strings."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.oracles.brute_force_kernel import brute_force_kernel

from numerics import Architecture, ReLU, string_gram
from symbind_theory import InputError
from symbind_theory.separation.incidence import READOUTS

STRINGS = st.integers(1, 4).flatmap(
    lambda k: st.lists(
        st.lists(st.sampled_from("uvwx"), min_size=k, max_size=k),
        min_size=1,
        max_size=4,
    )
)


@settings(max_examples=25)
@given(strings=STRINGS, names=st.permutations("uvwxyz"))
def test_renaming_tokens_changes_no_bit(strings, names):
    renaming = dict(zip("uvwxyz", names, strict=True))
    renamed = [[renaming[t] for t in string] for string in strings]
    first, second = (string_gram(s, points=64, seed=2) for s in (strings, renamed))
    assert np.array_equal(first.attention, second.attention)
    assert np.array_equal(first.matrix, second.matrix)


@settings(max_examples=25)
@given(strings=STRINGS, seed=st.integers(0, 5))
def test_the_attention_kernel_is_a_gram_matrix(strings, seed):
    """Symmetric and positive semi-definite up to the rounding of one GEMM."""
    attention = string_gram(strings, points=64, seed=seed).attention
    assert np.array_equal(attention, attention.T)
    assert np.linalg.eigvalsh(attention)[0] >= -1e-13 * np.trace(attention)


def test_at_beta_zero_the_kernel_is_a_count():
    """Uniform attention: K_attn = (shared token pairs + γ² K) / K²."""
    gram = string_gram(["u u v", "u v w"], Architecture(beta=0.0, gamma=0.5), points=64)
    counts = np.array([[2 * 2 + 1 + 1, 2 + 1 + 1], [2 + 1 + 1, 4]])
    np.testing.assert_allclose(gram.attention, (counts + 0.25 * 4) / 16, rtol=1e-12)


def test_a_permutation_of_positions_is_not_a_symmetry_of_pairs():
    """Mutant of the law: permuting one string's positions changes the kernel."""
    gram = string_gram(["u u v", "v u u"], points=2**12, level=1 - 1e-9)
    width = gram.halfwidth["attention"]
    difference = gram.attention[0, 0] - gram.attention[0, 1]
    assert difference > width[0, 0] + width[0, 1]


def test_progress_ends_with_all_points():
    steps = []
    string_gram(["u v"], points=128, progress=lambda *step: steps.append(step))
    assert [done for done, _ in steps] == list(range(8, 129, 8))
    assert {total for _, total in steps} == {128}


def test_chunks_change_nothing(monkeypatch):
    whole = string_gram(["u v", "v v"], points=512)
    # The function of that name hides the module as an attribute of the package.
    module = sys.modules["numerics.strings.sampled_gram"]
    monkeypatch.setattr(module, "chunk_numbers", lambda _: 50)
    cut = string_gram(["u v", "v v"], points=512)
    np.testing.assert_allclose(cut.attention, whole.attention, rtol=1e-13)


def test_seeds():
    first, second = (string_gram(["u v"], points=64, seed=9) for _ in range(2))
    assert np.array_equal(first.attention, second.attention)
    other = string_gram(["u v"], points=64, seed=10)
    assert not np.array_equal(first.attention, other.attention)


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        ([], "strings is empty"),
        (["u", "u v"], r"strings have lengths \[1, 2\]"),
        (["?a"], "string contains the wildcard"),
        (["[CLS]"], r"string contains \[CLS\]"),
    ],
)
def test_bad_strings_are_named(strings, message):
    with pytest.raises(InputError, match=f"^{message}"):
        string_gram(strings)


def test_relu_of_equal_strings_has_no_nan():
    gram = string_gram(["u v", "u v"], Architecture(activation=ReLU()), points=64)
    assert np.isfinite(gram.matrix).all()


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (1.4, 0.0), (-0.7, 0.9)])
def test_one_gaussian_matrix_for_all_rows_agrees(readout, a, b):
    """Ten entries within six standard errors of the oracle and the interval at 1e-6.

    Tokens in one string alone, in two, twice in one, and last in different strings.
    """
    architecture = Architecture(1.3, 0.8, readout, ReLU(), a, b)
    strings = ["u u v", "v w u", "x w y", "z z z"]
    expected, error = brute_force_kernel(
        [s.split() for s in strings], architecture, 6000
    )
    gram = string_gram(strings, architecture, points=2**12, seed=8, level=1 - 1e-6)
    room = 6 * error + gram.halfwidth["attention"]
    assert (np.abs(gram.attention - expected) <= room).all()
    assert (room < 0.2 * expected).all()


def test_slabs_change_nothing(monkeypatch):
    strings = [f"{x} {y} u" for x in "uvw" for y in "uvxyz"]
    whole = string_gram(strings, points=64)
    monkeypatch.setattr(sys.modules["numerics.strings.sampled_gram"], "_SLAB", 4)
    cut = string_gram(strings, points=64)
    np.testing.assert_allclose(cut.attention, whole.attention, rtol=1e-13)
    assert np.array_equal(cut.attention, cut.attention.T)


def test_single_precision_is_within_its_rounding():
    strings = [f"{x} {y} u" for x in "uvw" for y in "uvxyz"]
    for readout in READOUTS:
        architecture = Architecture(readout=readout, identity_kq=1.0, identity_vo=0.5)
        double, single = (
            string_gram(strings, architecture, points=128, precision=precision)
            for precision in ("float64", "float32")
        )
        off = np.abs(single.attention / double.attention - 1).max()
        assert 1e-9 < off <= single.rounding
        assert double.rounding < 1e-8 < single.rounding


def test_arrays_of_integers():
    tokens = np.array([[5, 5, 2], [2, 9, 5]], dtype=np.int32)
    by_number, by_name = (
        string_gram(x, points=64) for x in (tokens, ["u u v", "v w u"])
    )
    assert np.array_equal(by_number.matrix, by_name.matrix)


@pytest.mark.parametrize("shape", [(3,), (0, 2), (2, 0), (2, 2, 2)])
def test_arrays_of_other_shapes_are_named(shape):
    with pytest.raises(InputError, match=r"^strings is an array of shape \("):
        string_gram(np.zeros(shape, dtype=np.int64))
