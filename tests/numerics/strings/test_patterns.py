"""Reading strings: numbers, patterns, regular tokens, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.strings.patterns import (
    Vocabulary,
    find_regular_tokens,
    pattern_strings,
    row_codes,
)
from symbind_theory import InputError
from symbind_theory.overlaps import pattern_of

STRINGS = st.lists(
    st.lists(st.sampled_from("uvwxyz"), min_size=3, max_size=3), min_size=1
)


def test_text_lists_and_integers_are_the_same_strings():
    array = np.array([[3, 4, 3], [5, 3, 10]])
    text = ["3 4 3", "5 3 10"]
    read = [Vocabulary().read(x) for x in (text, [s.split() for s in text])]
    read += [Vocabulary().read(x) for x in (array.tolist(), np.array(text))]
    assert all((tokens == read[0]).all() for tokens in read)
    vocabulary = Vocabulary(["3", "4", "5", "10"])
    assert (vocabulary.read(array) == read[0]).all()
    assert len(vocabulary) == 4


def test_new_tokens_get_new_numbers_and_copies_are_apart():
    vocabulary = Vocabulary()
    vocabulary.read(["u v"])
    copy = vocabulary.copy()
    assert copy.read(["w u"]).tolist() == [[2, 0]]
    assert vocabulary.names == ["u", "v"]
    assert (vocabulary.number("v"), vocabulary.number("w")) == (1, None)


@given(STRINGS, st.sets(st.sampled_from("uvwxyz"), max_size=2))
def test_patterns_and_symbols_put_the_string_together_again(strings, regular):
    vocabulary = Vocabulary()
    tokens = vocabulary.read(strings)
    numbers = {n: x for n, x in enumerate(vocabulary.names) if x in regular}
    found = pattern_strings(tokens, numbers)
    for string, of, symbols in zip(strings, found.pattern, found.symbols, strict=True):
        pattern = found.patterns[of]
        assert pattern == pattern_of(string, regular)
        names = [vocabulary.names[s] for s in symbols if s >= 0]
        images = dict(zip(pattern.wildcards, names, strict=True))
        assert pattern.substitute(images).split() == string
    assert list(found.patterns) == sorted(found.patterns, key=lambda t: t.tokens)


@given(
    st.lists(
        st.tuples(*[st.sampled_from([-3, 0, 1, 2**62 - 1, -(2**62)])] * 3), min_size=1
    )
)
def test_row_codes_tell_rows_apart(rows):
    codes = row_codes(np.array(rows, dtype=np.int64)).tolist()
    for x, a in zip(rows, codes, strict=True):
        for y, b in zip(rows, codes, strict=True):
            assert (x == y) == (a == b)


def test_regular_tokens_are_those_that_stand_out():
    fresh = np.arange(200).reshape(100, 2)
    with_one = np.column_stack([fresh, np.full(100, 200)])
    names = [f"t{i}" for i in range(201)]
    assert find_regular_tokens(with_one, names) == {200: "t200"}
    assert find_regular_tokens(fresh, names) == {}


def test_no_token_of_a_uniform_law_is_regular():
    generator = np.random.default_rng(0)
    for vocabulary in (8, 50, 1000, 10**5):
        tokens = np.unique(generator.integers(0, vocabulary, (1000, 4)), axis=0)
        names = [str(i) for i in range(vocabulary)]
        assert find_regular_tokens(tokens, names) == {}


def test_no_token_of_zipfs_law_is_regular():
    generator = np.random.default_rng(0)
    chances = 1 / np.arange(1, 1001)
    for count in (50, 500, 5000):
        draws = generator.choice(1000, (count, 4), p=chances / chances.sum())
        tokens = np.unique(draws, axis=0)
        assert find_regular_tokens(tokens, [str(i) for i in range(1000)]) == {}


def test_regular_tokens_that_would_make_too_many_patterns_are_not():
    generator = np.random.default_rng(0)
    tokens = np.column_stack(
        [generator.integers(0, 10, (5000, 3)), 10 + np.arange(5000)]
    )
    assert find_regular_tokens(tokens, [str(i) for i in range(5010)]) == {}


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        ([], "is empty"),
        (["u v", ""], "empty string"),
        (["u v", "u v w"], "2 and of 3 tokens; expected one length"),
        ("u v", "expected a list of strings"),
        (7, "expected a list of strings"),
        ([["u", 1.5]], "expected text or an integer"),
        ([["u", ["v"]]], "no token"),
        ([["u", True]], "expected text or an integer"),
        ([3, 4], "expected text or a list of tokens"),
        (["u ?v"], "wildcard"),
        (["u [CLS]"], "reserved"),
        (np.zeros(3, dtype=int), r"shape \(3,\); expected \(n, k\)"),
        (np.zeros((0, 3), dtype=int), "X is empty"),
        (np.zeros((2, 2)), "expected text or an integer"),
    ],
)
def test_bad_strings(strings, message):
    vocabulary = Vocabulary(["u"])
    with pytest.raises(InputError, match=message):
        vocabulary.read(strings)
    assert set(vocabulary.names) <= {"u", "v", "w"}


def test_another_length_than_before():
    with pytest.raises(InputError, match="3 tokens; expected 2"):
        Vocabulary().read(["u v w"], length=2)
