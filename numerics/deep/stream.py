"""The stream of a deep transformer in the limit of wide layers, as two covariances.

Between strings that share no symbol, position q of template i and q' of template j have
the covariance C_ij[q, q']; within one string of template i it is D_i[q, q']. C is a
Gram matrix and D_i ⪰ C_ii, so the stream is kept as

    a root R with C = RᵀR, whose columns are the positions of all templates, and
    the excess E_i = D_i − C_ii ⪰ 0.

Small differences between templates are small differences of columns of R, which keep
their digits however much the positions grow alike with depth; E_i is added up from
positive semi-definite terms and is never a difference of large numbers.

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.averages.linalg import eigen_system, product, triangle
from numerics.shapes import Float64, Int64
from numerics.tokens import TokenGram, token_root
from symbind_theory.separation.incidence import Incidence

__all__ = ["Stream", "stacked", "start"]

# Columns up to which a product of two roots is factorised as it is, not squared.
_FEW_COLUMNS = 64


@dataclass(frozen=True, slots=True)
class Stream:
    """C and D of r templates at K positions each.

    Attributes:
        root: R; column (i, q) belongs to position q of template i.
        excess: E_i = D_i − C_ii.
    """

    root: Float64[np.ndarray, "rows r keys"]
    excess: Float64[np.ndarray, "r keys keys"]

    @property
    def across(self) -> Float64[np.ndarray, "r keys r keys"]:
        """C_ij[q, q']."""
        return np.einsum("miq,mjp->iqjp", self.root, self.root)

    @property
    def between_strings(self) -> Float64[np.ndarray, "r keys keys"]:
        """C_ii, of two strings of one template."""
        return np.einsum("miq,mip->iqp", self.root, self.root)

    @property
    def within(self) -> Float64[np.ndarray, "r keys keys"]:
        """D_i."""
        return self.between_strings + self.excess

    @property
    def squares(self) -> Float64[np.ndarray, "r keys"]:
        """D_i[q, q], what a position's vector has as its squared length."""
        own = np.einsum("iqq->iq", self.excess)
        return (self.root**2).sum(0) + own

    def scaled(self, by: Float64[np.ndarray, "r keys"] | float) -> Stream:
        """Every position multiplied by a number of its own."""
        by = np.broadcast_to(by, self.excess.shape[:2])
        return Stream(self.root * by, self.excess * by[:, :, None] * by[:, None, :])

    @property
    def lengths(self) -> Float64[np.ndarray, "r keys"]:
        """√D_i[q, q]."""
        return np.sqrt(self.squares)

    def normalised(self) -> Stream:
        """Every position divided by its length: D_i[q, q] = 1."""
        return self.scaled(1 / self.lengths)

    def at(self, positions: Int64[np.ndarray, " some"]) -> Stream:
        """Some of the positions."""
        excess = self.excess[:, positions][:, :, positions]
        return Stream(self.root[:, :, positions], excess)

    def mixed(self, weights: Float64[np.ndarray, "r some keys"]) -> Stream:
        """Combinations of each string's positions.

        Args:
            weights: for each combination the weight of each position.
        """
        root = np.einsum("iqp,mip->miq", weights, self.root)
        excess = weights @ self.excess @ weights.transpose(0, 2, 1)
        return Stream(root, excess)

    def times(self, other: Stream) -> Stream:
        """Entry by entry the product with another stream (Schur).

        C ∘ C' has the Khatri–Rao product of both roots as its root, and the excess of
        D ∘ D' over it is E ∘ D' + C ∘ E'.
        """
        excess = self.excess * other.within + self.between_strings * other.excess
        _, r, keys = self.root.shape
        one, two = (stream.root.reshape(-1, r * keys) for stream in (self, other))
        if r * keys <= _FEW_COLUMNS:
            rows = one[:, None, :] * two[None, :, :]
            root = triangle(rows.reshape(-1, r * keys))
        else:
            values, axes = eigen_system(product(one.T, one) * product(two.T, two))
            # What rounding leaves below 0 is of the size of what it moves all others.
            root = np.sqrt(np.maximum(values, 0.0))[:, None] * axes.T
        return Stream(root.reshape(-1, r, keys), excess)


def stacked(streams: Sequence[Stream]) -> Stream:
    """The sum of independent streams."""
    rows = np.concatenate([stream.root for stream in streams])
    _, r, keys = rows.shape
    root = triangle(rows.reshape(len(rows), r * keys)).reshape(-1, r, keys)
    return Stream(root, np.sum([stream.excess for stream in streams], axis=0))


def start(
    templates: Sequence[Incidence], gamma: float, gram: TokenGram | None = None
) -> Stream:
    """The embeddings of tokens and, times γ, of positions.

    With ρ the inner product of two symbols and v that of a symbol with itself, a
    wildcard stands for the mean of symbols, of squared length ρ, between strings; and
    E_i = v − ρ where one string has one symbol twice.

    Args:
        templates: templates of one length, as the network sees them.
        gamma: position scale, ≥ 0.
        gram: inner products of tokens; None for the identity.
    """
    gram = gram or TokenGram()
    keys = templates[0].size
    tokens = [*dict.fromkeys(t for x in templates for t in x.counts), None]
    embeddings = token_root(gram, tokens)
    root = np.zeros((len(embeddings) + keys, len(templates), keys))
    excess = np.zeros((len(templates), keys, keys))
    for i, template in enumerate(templates):
        for q, token in enumerate(template.skeleton):
            root[len(embeddings) + q, i, q] = gamma
            root[: len(embeddings), i, q] = embeddings[:, tokens.index(token)]
        for block in template.blocks:
            positions = sorted(block)
            excess[np.ix_([i], positions, positions)] = gram.self_value - gram.common
    return Stream(root, excess)
