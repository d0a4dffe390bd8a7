"""The collision graph against a list of all pairs."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.strings.collisions import collision_graph
from symbind_theory import Template
from symbind_theory.overlaps import overlap_type, pattern_of

STRINGS = st.lists(st.tuples(*[st.sampled_from("uvwxyz")] * 4), min_size=1, max_size=12)


@settings(max_examples=40)
@given(STRINGS, st.sets(st.sampled_from("uvwxyz"), max_size=2))
def test_edges_and_degrees_are_those_of_all_pairs(strings, regular):
    graph = collision_graph(strings, sorted(regular))
    distinct = list(dict.fromkeys(strings))
    expected, degrees = Counter(), Counter()
    for (i, x), (j, y) in combinations(enumerate(distinct), 2):
        kind = overlap_type(x, y, regular)
        if kind.size:
            expected[frozenset([kind, kind.swapped()])] += 1
            degrees.update([i, j])
    found = {frozenset([k, k.swapped()]): n for k, n in graph.edges.items()}
    assert found == dict(expected)
    assert len(found) == len(graph.edges)
    assert graph.degrees.tolist() == [degrees[i] for i in range(len(distinct))]
    assert graph.edge_count == expected.total()
    assert graph.density <= 1
    counts = Counter(pattern_of(x, regular) for x in distinct)
    assert dict(zip(graph.patterns, graph.strings.tolist(), strict=True)) == counts


def test_edges_between_two_patterns():
    graph = collision_graph(["u v", "v w", "w w", "x y"], [])
    two, one = Template("?a ?b"), Template("?c ?c")
    assert graph.between(two, two) == 1
    assert graph.between(two, one) == graph.between(one, two) == 1
    assert graph.between(one, one) == 0
    assert graph.density == pytest.approx(2 / 6)


def test_a_token_of_all_strings_is_regular_unless_said_otherwise():
    strings = [f"X a{i} b{i}" for i in range(50)]
    assert collision_graph(strings).edge_count == 0
    assert collision_graph(strings, []).edge_count == 50 * 49 // 2


def test_the_expected_number_of_edges():
    """Uniform symbols: a pair shares none with probability C(V−w, w) / C(V, w)."""
    generator = np.random.default_rng(0)
    n, v = 3000, 500
    draws = np.argsort(generator.random((n, v)), axis=1)[:, :2]
    graph = collision_graph(draws, [])
    m = len(graph.degrees)
    chance = 1 - (v - 2) * (v - 3) / (v * (v - 1))
    pairs = m * (m - 1) / 2
    # Edges with one end in common are all but independent.
    assert abs(graph.edge_count - chance * pairs) < 5 * np.sqrt(chance * pairs)
