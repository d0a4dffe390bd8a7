"""A kernel by overlap type whose values are known: a polynomial of matching tokens.

    K(X, Y) = (c + Σ_ab w_a w_b 1[x_a = y_b] + ⟨pattern features⟩)²

is positive semi-definite, and its entries follow from the raw strings in one line.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from numerics.overlap_types import TypeValues
from symbind_theory.overlaps import OverlapType


def weights(length):
    """w, different at every position."""
    return 0.3 + 0.1 * np.arange(length)


def self_matches(tokens):
    """Which positions of one string carry the same token, as features."""
    tokens = np.asarray(tokens)
    return 0.5 * (tokens[:, None] == tokens[None, :]).ravel()


def entry(x, y):
    """K of two strings, given as sequences of tokens."""
    w = weights(len(x))
    pairs = product(range(len(x)), range(len(y)))
    shared = sum(w[a] * w[b] for a, b in pairs if x[a] == y[b])
    return (0.2 + shared + self_matches(x) @ self_matches(y)) ** 2


def dense(strings, others=None):
    """All entries."""
    left = np.array(strings)
    right = left if others is None else np.array(others)
    w = weights(left.shape[1])
    same = left[:, None, :, None] == right[None, :, None, :]
    shared = np.einsum("xyab,a,b->xy", same, w, w)
    features = (np.array([self_matches(x) for x in each]) for each in (left, right))
    inner = np.matmul(next(features), next(features).T)
    return (0.2 + shared + inner) ** 2


@dataclass(frozen=True)
class ToyGram:
    """Implements `PatternGram`."""

    patterns: tuple

    def _entry(self, i, j, matching):
        pairs = tuple((a, b) for a, b in enumerate(matching) if b >= 0)
        x, y = OverlapType(self.patterns[i], self.patterns[j], pairs).strings()
        return entry(x.split(), y.split())

    @property
    def factor(self):
        r = range(len(self.patterns))
        n = np.array([[self._entry(i, j, ()) for j in r] for i in r])
        values, basis = np.linalg.eigh(n)
        return np.sqrt(np.maximum(values, 0.0))[:, None] * basis.T

    @property
    def matrix_self(self):
        strings = [OverlapType(t, t).strings()[0].split() for t in self.patterns]
        return np.array([entry(x, x) for x in strings])

    @property
    def excess(self):
        return self.matrix_self - (self.factor**2).sum(0)

    def values(self, types, progress=None):
        rows = zip(
            types.first.tolist(),
            types.second.tolist(),
            types.matching.tolist(),
            strict=True,
        )
        found = np.array([self._entry(*row) for row in rows])
        return TypeValues(found, np.full(len(found), 1e-9))

    def rows(self):
        return ToyRows(self.patterns)


@dataclass(frozen=True)
class ToyRows:
    """Implements `PatternRows`."""

    patterns: tuple

    def matrix(self, patterns, progress=None):
        strings = [
            OverlapType(t, u, ()).strings() for t in patterns for u in self.patterns
        ]
        found = [entry(x.split(), y.split()) for x, y in strings]
        return np.array(found).reshape(len(patterns), len(self.patterns))

    def values(self, patterns, types, progress=None):
        every = ToyGram((*self.patterns, *patterns))
        shifted = replace(types, first=types.first + len(self.patterns))
        return every.values(shifted)


class ToyKernel:
    """Implements `PatternKernel`."""

    def gram(self, patterns):
        return ToyGram(tuple(patterns))
