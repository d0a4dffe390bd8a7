"""The inverted index against a list of all pairs."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.strings.patterns import pattern_strings
from numerics.strings.shared_sets import sets_shared_among, sets_shared_between

ROWS = st.lists(
    st.tuples(*[st.integers(0, 6)] * 4), min_size=1, max_size=12, unique=True
)


def patterned(rows):
    return pattern_strings(np.array(rows, dtype=np.int64), {})


def entries(sets, strings):
    """(string, set of tokens) of a sets, after a look at its numbers."""
    found = set()
    for string, number, slots in zip(
        sets.string.tolist(), sets.token_set, sets.slots, strict=True
    ):
        tokens = strings.symbols[string, slots].tolist()
        assert tokens == sets.tokens[number].tolist() == sorted(tokens)
        found.add((string, tuple(tokens)))
    assert len(found) == len(sets)
    return found


def expected(rows, others, size):
    """The sets of a row that some other row has too."""
    return {
        (i, chosen)
        for i, row in enumerate(rows)
        for chosen in combinations(sorted(set(row)), size)
        if any(set(chosen) <= set(y) for j, y in others if (j, y) != (i, row))
    }


@settings(max_examples=40)
@given(ROWS)
def test_sets_that_two_strings_have(rows):
    strings = patterned(rows)
    by_size = sets_shared_among(strings)
    for size in range(1, 5):
        found = entries(by_size[size - 1], strings) if size <= len(by_size) else set()
        assert found == expected(rows, list(enumerate(rows)), size)


@settings(max_examples=40)
@given(ROWS, ROWS)
def test_sets_that_both_sides_have(rows, others):
    left, right = patterned(rows), patterned(others)
    by_size = sets_shared_between(left, right)
    for size in range(1, 5):
        a = entries(by_size[size - 1][0], left) if size <= len(by_size) else set()
        b = entries(by_size[size - 1][1], right) if size <= len(by_size) else set()
        apart = [(None, y) for y in others], [(None, x) for x in rows]
        assert a == expected(rows, apart[0], size)
        assert b == expected(others, apart[1], size)


def test_nothing_shared():
    strings = patterned([(0, 1), (2, 3)])
    assert sets_shared_among(strings) == []
    assert sets_shared_between(strings, patterned([(4, 5)])) == []
