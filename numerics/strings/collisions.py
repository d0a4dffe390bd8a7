"""The collision graph: which strings share tokens, counted without listing pairs.

Two strings collide where they share a token that is not regular. Sets of shared tokens
are counted by an inverted index; inclusion and exclusion over the sets give, exactly,
how many strings each one collides with and how many pairs have each overlap type.

Source: the collision graph as a perturbation of an ideal classifier on templates, Guan
& Bradic, arXiv 2605.07120; the counting is symbind's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.shapes import Int64
from numerics.strings.patterns import (
    PatternedStrings,
    StringInput,
    Vocabulary,
    find_regular_tokens,
    pattern_strings,
    row_codes,
)
from numerics.strings.shared_blocks import Columns, column_pairs
from numerics.strings.shared_sets import SharedSets, sets_shared_among
from symbind_theory.overlaps import OverlapType
from symbind_theory.templates import Template

__all__ = ["CollisionGraph", "collision_graph"]


@dataclass(frozen=True)
class CollisionGraph:
    """Collisions among n distinct strings.

    Attributes:
        patterns: those that the strings have.
        strings: how many distinct strings have each pattern; shape (r,).
        edges: how many pairs have each overlap type that occurs. A pair has no
            order: the smaller of a type and its swapped twin stands for both.
        degrees: with how many others each string collides; shape (n,).
    """

    patterns: tuple[Template, ...]
    strings: Int64[np.ndarray, " r"]
    edges: dict[OverlapType, int]
    degrees: Int64[np.ndarray, " n"]

    @property
    def edge_count(self) -> int:
        """The number of pairs that collide."""
        return int(self.degrees.sum()) // 2

    @property
    def density(self) -> float:
        """The share of all pairs that collide."""
        n = len(self.degrees)
        return self.edge_count / (n * (n - 1) / 2) if n > 1 else 0.0

    def between(self, first: Template, second: Template) -> int:
        """The number of colliding pairs of two patterns.

        Args:
            first: a pattern, up to a renaming of wildcards.
            second: the other pattern, which may be the same.
        """
        wanted = {first.canonical(), second.canonical()}
        return sum(
            count
            for kind, count in self.edges.items()
            if {kind.first, kind.second} == wanted
        )


def collision_graph(
    strings: StringInput, regular_tokens: Sequence[str] | None = None
) -> CollisionGraph:
    """Count the collisions of strings; repeated strings count once.

    >>> graph = collision_graph(["u v", "v w", "x y", "x x"], regular_tokens=[])
    >>> graph.edge_count, graph.degrees.tolist()
    (2, [1, 1, 1, 1])

    Args:
        strings: text with spaces between tokens, lists of tokens, or an array of
            integer tokens of shape (n, k).
        regular_tokens: tokens that belong to the patterns; those that stand out when
            None, as the estimators have it.

    Raises:
        InputError: strings that cannot be read.
    """
    vocabulary = Vocabulary()
    tokens = vocabulary.read(strings)
    distinct = tokens[np.sort(np.unique(row_codes(tokens), return_index=True)[1])]
    names = vocabulary.names
    if regular_tokens is None:
        regular = find_regular_tokens(distinct, names)
    else:
        regular = {n: x for n, x in enumerate(names) if x in set(regular_tokens)}
    patterned = pattern_strings(distinct, regular)
    by_size = sets_shared_among(patterned)
    return CollisionGraph(
        patterns=patterned.patterns,
        strings=np.bincount(patterned.pattern, minlength=len(patterned.patterns)),
        edges=_edges(by_size, patterned),
        degrees=_degrees(by_size, len(patterned)),
    )


def _degrees(by_size: Sequence[SharedSets], n: int) -> Int64[np.ndarray, " n"]:
    """How many others share a token with each string, by inclusion and exclusion.

    |union of all N_x| = Σ_{S≠∅} (−1)^{|S|+1} |⋂_{x∈S} N_x|, over sets S of its
    tokens, with N_x the other strings that have token x.
    """
    degrees = np.zeros(n, dtype=np.int64)
    for sets in by_size:
        others = np.bincount(sets.token_set)[sets.token_set] - 1
        sign = 1 if sets.size % 2 else -1
        np.add.at(degrees, sets.string, sign * others)
    return degrees


def _edges(
    by_size: Sequence[SharedSets], strings: PatternedStrings
) -> dict[OverlapType, int]:
    """Pairs by type: Möbius inversion, from the largest sets of shared tokens down.

    A set counts every pair that shares it and perhaps more: what its supersets were
    found to have is taken off.
    """
    edges: Counter[OverlapType] = Counter()
    for sets in reversed(by_size):
        counts = _pairs_with_a_set(sets, strings)
        for larger, count in list(edges.items()):
            for kind in larger.restrictions():
                if kind.size == sets.size < larger.size:
                    counts[_unordered(kind)] -= count
        edges.update({kind: count for kind, count in counts.items() if count})
    return dict(sorted(edges.items(), key=lambda item: _key(item[0])))


def _pairs_with_a_set(
    sets: SharedSets, strings: PatternedStrings
) -> Counter[OverlapType]:
    """For each type of one size, how often two strings of that type share a set.

    Strings with one set at the same wildcards of one pattern are a column of n_c. Two
    columns c ≠ d of one set make n_c n_d pairs, and one makes n_c (n_c − 1)/2.
    """
    columns = Columns.of(sets, strings)
    n = np.asarray(columns.incidence.sum(axis=0)).ravel().astype(np.int64)
    c, d = column_pairs(columns, columns)
    c, d = c[c <= d], d[c <= d]
    pairs = np.where(c == d, n[c] * (n[c] - 1) // 2, n[c] * n[d])
    kinds = len(columns.pattern)
    codes, which = np.unique(
        columns.kind[c] * kinds + columns.kind[d], return_inverse=True
    )
    totals = np.zeros(len(codes), dtype=np.int64)
    np.add.at(totals, which, pairs)
    counts: Counter[OverlapType] = Counter()
    for code, total in zip(codes.tolist(), totals.tolist(), strict=True):
        i, j = divmod(code, kinds)
        slots = zip(columns.slots[i].tolist(), columns.slots[j].tolist(), strict=True)
        first, second = (strings.patterns[columns.pattern[k]] for k in (i, j))
        kind = OverlapType(first, second, tuple(sorted(slots)))
        counts[_unordered(kind)] += total
    return counts


def _unordered(kind: OverlapType) -> OverlapType:
    """The smaller of a type and its swapped twin."""
    return min(kind, kind.swapped(), key=_key)


def _key(
    kind: OverlapType,
) -> tuple[int, tuple[tuple[str, ...], tuple[str, ...]], tuple[tuple[int, int], ...]]:
    return kind.size, (kind.first.tokens, kind.second.tokens), kind.matching
