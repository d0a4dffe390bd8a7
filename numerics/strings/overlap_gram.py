"""Gram matrices of many strings in near-linear time and memory.

The kernel of two strings is that of their patterns, and what the tokens they share add:
by Möbius inversion over the sets of shared tokens

    K(X, Y) = N_ij + Σ_{∅≠S⊆X∩Y} M_S(X, Y),

where M_S depends on the patterns and the wildcards that carry S. With Π the incidence
of strings and patterns, B that of strings and the sets they share with others,

    K = Π GᵀG Πᵀ + B M Bᵀ + diag(rest),

M a matrix of small blocks, one for each set. Each term is positive semi-definite. A
product costs the number of shared sets, however many pairs share them: a token that
occurs everywhere costs no more than one that occurs twice.

Source: symbind; docs/learning.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import LinearOperator

from numerics.protocols import PatternGram, PatternRows, Progress
from numerics.shapes import Float64, Int64
from numerics.strings.patterns import PatternedStrings
from numerics.strings.shared_blocks import SharedBlocks
from numerics.strings.shared_sets import sets_shared_among, sets_shared_between

__all__ = ["CrossGram", "OverlapGram", "TorchGram", "indicator"]


_Triples = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class CrossGram:
    """The kernel between n strings and m others, as a product.

    The row of a string, and its product with columns, is the same to the last bit in
    whatever company the string is.

    Attributes:
        left: the pattern of each of the n strings; shape (n,).
        right: the pattern of each of the m strings; shape (m,).
        table: N between the patterns of the n and of the m strings.
        left_sets: B of the n strings, sparse.
        blocks: M, sparse.
        right_sets: B of the m strings, sparse.
        error: the largest halfwidth of the values that occur, at level 0.999.
    """

    left: Int64[np.ndarray, " n"]
    right: Int64[np.ndarray, " m"]
    table: Float64[np.ndarray, "l r"]
    left_sets: sp.csr_array
    blocks: sp.csr_array
    right_sets: sp.csr_array
    error: float

    @classmethod
    def of(
        cls,
        left: PatternedStrings,
        right: PatternedStrings,
        rows: PatternRows,
        progress: Progress | None = None,
    ) -> CrossGram:
        """The kernel between strings, such as test and training strings.

        Args:
            left: strings of any patterns.
            right: strings with the patterns of `rows`.
            rows: the kernel.
            progress: called with the progress of the kernel's estimate.
        """
        table = rows.matrix(left.patterns, progress)
        by_size = sets_shared_between(left, right)
        values = partial(rows.values, left.patterns)
        shared = SharedBlocks.of(left, right, by_size, values, progress)
        return cls(
            left=left.pattern,
            right=right.pattern,
            table=table,
            left_sets=shared.left,
            blocks=shared.blocks,
            right_sets=shared.right,
            error=shared.error,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return len(self.left), len(self.right)

    def matmat(self, vectors: Float64[np.ndarray, "m c"]) -> Float64[np.ndarray, "n c"]:
        """K times columns."""
        sums = indicator(self.right, self.table.shape[1]).T @ vectors
        # One row at a time: a product with all would round by how many there are.
        product = np.array([row @ sums for row in self.table])[self.left]
        product += self.left_sets @ (self.blocks @ (self.right_sets.T @ vectors))
        return product

    def dense(self) -> Float64[np.ndarray, "n m"]:
        """All entries."""
        shared = self.left_sets @ self.blocks @ self.right_sets.T
        return self.table[np.ix_(self.left, self.right)] + shared.toarray()


@dataclass(frozen=True)
class OverlapGram:
    """The kernel between n distinct strings and themselves, as a product.

    Attributes:
        pattern: the pattern of each string; shape (n,).
        factor: G with N = GᵀG; shape (rows, r).
        excess: K of each string with itself less N's, ≥ 0; shape (n,).
        sets: B, sparse; shape (n, b).
        blocks: M, sparse and symmetric; shape (b, b).
        tokens: the token of each column of B that stands for a single one, −1 for
            others; shape (b,).
        error: the largest halfwidth of the values that occur, at level 0.999.
    """

    pattern: Int64[np.ndarray, " n"]
    factor: Float64[np.ndarray, "rows r"]
    excess: Float64[np.ndarray, " n"]
    sets: sp.csr_array
    blocks: sp.csr_array
    tokens: Int64[np.ndarray, " b"]
    error: float

    @classmethod
    def of(
        cls,
        strings: PatternedStrings,
        gram: PatternGram,
        progress: Progress | None = None,
    ) -> OverlapGram:
        """The Gram matrix of distinct strings.

        Args:
            strings: distinct, with the patterns of `gram`.
            gram: the kernel.
            progress: called with the progress of the kernel's estimate.
        """
        by_size = [(sets, sets) for sets in sets_shared_among(strings)]
        shared = SharedBlocks.of(strings, strings, by_size, gram.values, progress)
        return cls(
            pattern=strings.pattern,
            factor=gram.factor,
            excess=gram.excess[strings.pattern],
            sets=shared.left,
            blocks=shared.blocks,
            tokens=shared.tokens,
            error=shared.error,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return len(self.pattern), len(self.pattern)

    @cached_property
    def rest(self) -> Float64[np.ndarray, " n"]:
        """What N and the shared sets leave of the diagonal, ≥ 0 up to rounding."""
        return self.excess - self.sets @ self.blocks.diagonal()

    @cached_property
    def _patterns(self) -> sp.csr_array:
        return indicator(self.pattern, self.factor.shape[1])

    @cached_property
    def _sets_transposed(self) -> sp.csr_array:
        return sp.csr_array(self.sets.T)

    def matmat(self, vectors: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "n c"]:
        """K times columns."""
        sums = self._patterns.T @ vectors
        product = (self.factor.T @ (self.factor @ sums))[self.pattern]
        product += self.rest[:, None] * vectors
        if len(self.tokens):
            product += self.sets @ (self.blocks @ (self._sets_transposed @ vectors))
        return product

    @property
    def diagonal(self) -> Float64[np.ndarray, " n"]:
        """K of each string with itself."""
        return (self.factor**2).sum(0)[self.pattern] + self.excess

    def dense(self) -> Float64[np.ndarray, "n n"]:
        """All entries."""
        table = self.factor.T @ self.factor
        shared = self.sets @ self.blocks @ self.sets.T
        full = table[np.ix_(self.pattern, self.pattern)] + shared.toarray()
        full[np.diag_indices_from(full)] += self.rest
        return full

    def operator(self) -> LinearOperator:
        """K for scipy's iterative solvers."""
        return _Operator(self)

    def to_torch(self, device: torch.device | str = "cpu") -> TorchGram:
        """K for torch."""
        return TorchGram.of(self, torch.device(device))


class _Operator(LinearOperator):
    """An `OverlapGram` as scipy wants it."""

    def __init__(self, gram: OverlapGram) -> None:
        self._gram = gram
        super().__init__(np.dtype(np.float64), gram.shape)

    def _matmat(self, X: np.ndarray) -> np.ndarray:
        return self._gram.matmat(np.asarray(X, dtype=np.float64))

    def _rmatmat(self, X: np.ndarray) -> np.ndarray:
        return self._matmat(X)


@dataclass(frozen=True)
class TorchGram:
    """The twin of `OverlapGram` for torch tensors, on any device.

    Attributes:
        pattern: the pattern of each string; shape (n,).
        factor: G with N = GᵀG.
        rest: what N and the shared sets leave of the diagonal.
        sets: rows, columns and entries of B.
        blocks: rows, columns and entries of M.
        width: the number of B's columns.
    """

    pattern: torch.Tensor
    factor: torch.Tensor
    rest: torch.Tensor
    sets: _Triples
    blocks: _Triples
    width: int

    @classmethod
    def of(cls, gram: OverlapGram, device: torch.device) -> TorchGram:
        """A copy on a device."""

        def triples(matrix: sp.csr_array) -> _Triples:
            entries = matrix.tocoo()
            rows, columns = (np.asarray(x, dtype=np.int64) for x in entries.coords)
            r, c, e = map(torch.from_numpy, (rows, columns, np.asarray(entries.data)))
            return r.to(device), c.to(device), e.to(device)

        pattern, factor, rest = (
            torch.from_numpy(x).to(device)
            for x in (gram.pattern, gram.factor, gram.rest)
        )
        return cls(
            pattern=pattern,
            factor=factor,
            rest=rest,
            sets=triples(gram.sets),
            blocks=triples(gram.blocks),
            width=len(gram.tokens),
        )

    def __matmul__(self, vectors: torch.Tensor) -> torch.Tensor:
        """K times columns, or times one vector."""
        columns = vectors if vectors.ndim == 2 else vectors[:, None]
        sums = columns.new_zeros(self.factor.shape[1], columns.shape[1])
        sums.index_add_(0, self.pattern, columns)
        product = (self.factor.T @ (self.factor @ sums))[self.pattern]
        product += self.rest[:, None] * columns
        rows, sets, ones = self.sets
        inner = _scatter(self.width, sets, rows, ones, columns)
        inner = _scatter(self.width, *self.blocks, inner)
        product += _scatter(len(columns), rows, sets, ones, inner)
        return product.reshape(vectors.shape)


def _scatter(
    height: int,
    rows: torch.Tensor,
    columns: torch.Tensor,
    entries: torch.Tensor,
    vectors: torch.Tensor,
) -> torch.Tensor:
    """A sparse matrix times columns."""
    result = vectors.new_zeros(height, vectors.shape[1])
    return result.index_add_(0, rows, entries[:, None] * vectors[columns])


def indicator(numbers: Int64[np.ndarray, " n"], count: int) -> sp.csr_array:
    """The n × count matrix with a 1 in each row, at its number."""
    n = len(numbers)
    return sp.csr_array((np.ones(n), numbers, np.arange(n + 1)), shape=(n, count))
