"""What shared tokens add to the kernel of many strings, as B M Bᵀ.

Strings that have one set of tokens at the same wildcards of the same pattern are alike
as far as the set goes: they share a column of the incidence B. M has a block for each
set, with the Möbius term of every pair of its columns:

    M_S = Σ_{T⊆S} (−1)^{|S|−|T|} K(pair that shares T).

The distinct pairs of columns are few: each term is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
import scipy.sparse as sp

from numerics.overlap_types import OverlapTypes, TypeValues
from numerics.protocols import Progress
from numerics.shapes import Float64, Int64
from numerics.strings.patterns import PatternedStrings, row_codes
from numerics.strings.shared_sets import SharedSets

__all__ = ["Columns", "OverlapValues", "SharedBlocks", "column_pairs"]

OverlapValues = Callable[[OverlapTypes, Progress | None], TypeValues]
"""The values of overlap types; the second argument is called with the progress."""


@dataclass(frozen=True)
class SharedBlocks:
    """B M Bᵀ between strings on the left and on the right.

    Attributes:
        left: B of the left strings; shape (n, a).
        blocks: M; shape (a, b).
        right: B of the right strings; shape (m, b).
        tokens: the token of each left column that stands for a single one, −1 for
            others; shape (a,).
        error: the largest halfwidth of the kernel values in M, at level 0.999.
    """

    left: sp.csr_array
    blocks: sp.csr_array
    right: sp.csr_array
    tokens: Int64[np.ndarray, " a"]
    error: float

    @classmethod
    def of(
        cls,
        left: PatternedStrings,
        right: PatternedStrings,
        by_size: Sequence[tuple[SharedSets, SharedSets]],
        values: OverlapValues,
        progress: Progress | None = None,
    ) -> SharedBlocks:
        """Both incidences and the blocks between them.

        Args:
            left: strings with the patterns that the values number first.
            right: strings with those numbered second; the same object as `left` for a
                symmetric matrix.
            by_size: the sets that both sides have.
            values: the kernel's values of overlap types.
            progress: called with the progress of the kernel's estimate.
        """
        columns = [(Columns.of(a, left), Columns.of(b, right)) for a, b in by_size]
        pairs = [column_pairs(a, b) for a, b in columns]
        types = [
            _kind_pairs(a, b, pair, symmetric=left is right)
            for (a, b), pair in zip(columns, pairs, strict=True)
        ]
        widest = max((len(t.wildcards) for t in left.patterns), default=0)
        needed = [
            _overlap_types(a, b, kind_pairs.distinct, widest)
            for (a, b), kind_pairs in zip(columns, types, strict=True)
        ]
        terms, error = _moebius(needed, values, progress)
        blocks = [
            _Block(
                height=a.count,
                width=b.count,
                rows=rows,
                columns=others,
                entries=term[kind_pairs.which],
            )
            for (a, b), (rows, others), term, kind_pairs in zip(
                columns, pairs, terms, types, strict=True
            )
        ]
        return cls(
            left=_side_by_side([a.incidence for a, _ in columns], len(left)),
            blocks=_along_diagonal(blocks),
            right=_side_by_side([b.incidence for _, b in columns], len(right)),
            tokens=_single_tokens(by_size, [a for a, _ in columns]),
            error=error,
        )


@dataclass(frozen=True)
class Columns:
    """The columns of B of one size: sets with the wildcards that carry them.

    Attributes:
        incidence: B; shape (n, count).
        token_set: which set each column stands for, increasing; shape (count,).
        kind: which pattern and wildcards each column has; shape (count,).
        pattern: the pattern of each kind; shape (kinds,).
        slots: the wildcards of each kind; shape (kinds, s).
    """

    incidence: sp.csr_array
    token_set: Int64[np.ndarray, " count"]
    kind: Int64[np.ndarray, " count"]
    pattern: Int64[np.ndarray, " kinds"]
    slots: Int64[np.ndarray, "kinds s"]

    @property
    def count(self) -> int:
        """The number of columns."""
        return len(self.kind)

    @classmethod
    def of(cls, sets: SharedSets, strings: PatternedStrings) -> Columns:
        """Strings with one set, one pattern and the same wildcards share a column."""
        shown = np.column_stack([strings.pattern[sets.string], sets.slots])
        kinds, kind = _unique_rows(shown)
        codes = sets.token_set * len(kinds) + kind
        found, column = np.unique(codes, return_inverse=True)
        incidence = sp.csr_array(
            (np.ones(len(sets)), (sets.string, column)),
            shape=(len(strings), len(found)),
        )
        token_set, kind = np.divmod(found, len(kinds))
        return cls(
            incidence=incidence,
            token_set=token_set,
            kind=kind,
            pattern=kinds[:, 0],
            slots=kinds[:, 1:],
        )


def _unique_rows(
    rows: Int64[np.ndarray, "n columns"],
) -> tuple[Int64[np.ndarray, "m columns"], Int64[np.ndarray, " n"]]:
    """The distinct rows, and which of them each row is."""
    codes = row_codes(rows)
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    return rows[first], inverse


def column_pairs(
    left: Columns, right: Columns
) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]]:
    """All pairs of columns that have one set."""
    start = np.searchsorted(right.token_set, left.token_set, side="left")
    stop = np.searchsorted(right.token_set, left.token_set, side="right")
    partners = stop - start
    rows = np.repeat(np.arange(left.count), partners)
    ends = np.cumsum(partners)
    within = np.arange(len(rows)) - np.repeat(ends - partners, partners)
    return rows, np.repeat(start, partners) + within


@dataclass(frozen=True)
class _KindPairs:
    """Distinct pairs of kinds, and which of them each pair of columns is.

    Attributes:
        distinct: numbers of the left and of the right kind; shape (t, 2).
        which: shape (p,).
    """

    distinct: Int64[np.ndarray, "t 2"]
    which: Int64[np.ndarray, " p"]


def _kind_pairs(
    left: Columns,
    right: Columns,
    pairs: tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]],
    symmetric: bool,
) -> _KindPairs:
    a, b = left.kind[pairs[0]], right.kind[pairs[1]]
    if symmetric:
        # One value for both orders, so that M is symmetric to the last bit.
        a, b = np.minimum(a, b), np.maximum(a, b)
    codes, which = np.unique(a * len(right.pattern) + b, return_inverse=True)
    return _KindPairs(
        np.column_stack(np.divmod(codes, max(len(right.pattern), 1))), which
    )


def _overlap_types(
    left: Columns, right: Columns, kinds: Int64[np.ndarray, "t 2"], wide: int
) -> OverlapTypes:
    """The types of pairs that share a set and nothing else."""
    a, b = kinds.T
    matching = np.full((len(kinds), wide), -1, dtype=np.int64)
    np.put_along_axis(matching, left.slots[a], right.slots[b], axis=1)
    return OverlapTypes(left.pattern[a], right.pattern[b], matching)


def _moebius(
    by_size: Sequence[OverlapTypes], values: OverlapValues, progress: Progress | None
) -> tuple[list[Float64[np.ndarray, " t"]], float]:
    """M_S of the types of each size, and the largest halfwidth of K in them.

    M_S = Σ_{T⊆S} (−1)^{|S|−|T|} K(pair that shares T), by Möbius inversion.
    """
    if not by_size:
        return [], 0.0
    rows, signs, restrictions = [], [], []
    start = 0
    for types in by_size:
        size = int((types.matching[:1] >= 0).sum())
        slots = np.nonzero(types.matching >= 0)[1].reshape(len(types), size)
        subsets = (combinations(range(size), kept) for kept in range(size + 1))
        for kept in map(list, chain.from_iterable(subsets)):
            matching = np.full_like(types.matching, -1)
            chosen = slots[:, kept]
            partners = np.take_along_axis(types.matching, chosen, axis=1)
            np.put_along_axis(matching, chosen, partners, axis=1)
            rows.append(np.arange(start, start + len(types)))
            signs.append(np.full(len(types), (-1.0) ** (size - len(kept))))
            restrictions.append(np.column_stack([types.first, types.second, matching]))
        start += len(types)
    distinct, which = _unique_rows(np.concatenate(restrictions))
    first, second, matching = distinct[:, 0], distinct[:, 1], distinct[:, 2:]
    kernel = values(OverlapTypes(first, second, matching), progress)
    terms = np.zeros(start)
    np.add.at(terms, np.concatenate(rows), np.concatenate(signs) * kernel.value[which])
    ends = np.cumsum([len(types) for types in by_size])[:-1]
    return np.split(terms, ends), float(kernel.halfwidth.max())


def _single_tokens(
    by_size: Sequence[tuple[SharedSets, SharedSets]], columns: Sequence[Columns]
) -> Int64[np.ndarray, " a"]:
    found = [np.empty(0, dtype=np.int64)]
    for (sets, _), column in zip(by_size, columns, strict=True):
        tokens = np.full(column.count, -1, dtype=np.int64)
        if sets.size == 1:
            tokens = sets.tokens[column.token_set, 0]
        found.append(tokens)
    return np.concatenate(found)


def _side_by_side(matrices: Sequence[sp.csr_array], rows: int) -> sp.csr_array:
    if not matrices:
        return sp.csr_array((rows, 0))
    return sp.csr_array(sp.hstack(matrices, format="csr"))


@dataclass(frozen=True, slots=True)
class _Block:
    """M of one size, by its entries."""

    height: int
    width: int
    rows: Int64[np.ndarray, " p"]
    columns: Int64[np.ndarray, " p"]
    entries: Float64[np.ndarray, " p"]


def _along_diagonal(blocks: Sequence[_Block]) -> sp.csr_array:
    height = width = 0
    rows, columns, entries = [], [], []
    for block in blocks:
        rows.append(block.rows + height)
        columns.append(block.columns + width)
        entries.append(block.entries)
        height, width = height + block.height, width + block.width
    if not blocks:
        return sp.csr_array((0, 0))
    coordinates = np.concatenate(rows), np.concatenate(columns)
    return sp.csr_array((np.concatenate(entries), coordinates), shape=(height, width))
