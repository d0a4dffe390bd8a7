"""What positions do to the logits of some rows: mask, bias, noise and turning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.averages.linalg import eigen_system
from numerics.positions import RelativePositions
from numerics.shapes import Bool, Float64, Int64

__all__ = ["PositionRows"]

# Eigenvalues of a Toeplitz matrix below this part of the largest are rounding.
_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True)
class PositionRows:
    """Rows of attention, one for each of some queries.

    Attributes:
        queries: the positions whose rows are wanted.
        visible: which keys each of them sees.
        bias: what is added to each logit after β.
        noise: Σ_g noise[g, q, p] noise[g, q', p'] is the covariance of what is drawn
            for each head and added to the logits after β.
        turns: Σ_f turns[f, q, p] turns[f, q', p'] multiplies the covariance of logits.
    """

    queries: Int64[np.ndarray, " queries"]
    visible: Bool[np.ndarray, "queries keys"]
    bias: Float64[np.ndarray, "queries keys"]
    noise: Float64[np.ndarray, "offsets queries keys"]
    turns: Float64[np.ndarray, "phases queries keys"]

    @classmethod
    def of(
        cls, keys: int, causal: bool, relative: RelativePositions | None
    ) -> PositionRows:
        """The rows of all queries.

        Args:
            keys: how many positions there are.
            causal: whether a position sees those up to itself alone.
            relative: relative positions, if there are any.
        """
        every = np.arange(keys)
        ones = np.ones((keys, keys), dtype=bool)
        offset = (every[:, None] - every).astype(float)
        bias, noise = np.zeros((keys, keys)), np.zeros((0, keys, keys))
        turns = np.ones((1, keys, keys))
        if relative is not None:
            bias = relative.bias(offset)
            offsets = np.arange(1 - keys, keys).astype(float)
            difference = offsets[:, None] - offsets
            place = (offset + keys - 1).astype(int)
            noise = _root(relative.noise(difference))[:, place]
            turns = _root(relative.turn(difference))[:, place]
        return cls(every, np.tril(ones) if causal else ones, bias, noise, turns)

    def at(self, queries: Int64[np.ndarray, " queries"]) -> PositionRows:
        """Some of the rows.

        Args:
            queries: places among these rows.
        """
        return PositionRows(
            self.queries[queries],
            self.visible[queries],
            self.bias[queries],
            self.noise[:, queries],
            self.turns[:, queries],
        )

    @property
    def centring(self) -> Float64[np.ndarray, "queries keys keys"]:
        """For each row the projection that takes off the mean of the keys it sees."""
        keys = self.visible.shape[1]
        share = self.visible / self.visible.sum(1, keepdims=True)
        return self.visible[:, :, None] * (np.eye(keys) - share[:, None, :])

    @property
    def turned(self) -> Float64[np.ndarray, "queries keys keys"]:
        """What multiplies the covariance of the logits of one row."""
        return np.einsum("fqp,fqu->qpu", self.turns, self.turns)


def _root(matrix: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "rank n"]:
    """Rows with rowsᵀ rows the matrix."""
    values, vectors = eigen_system(matrix)
    kept = values > _ROUNDING * max(values[-1], 0.0)
    return (vectors[:, kept] * np.sqrt(values[kept])).T
