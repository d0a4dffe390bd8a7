"""Self values under the mean readout: sampling all rows of one string together.

K_attn(X, X) = k⁻² Σ_{q, q'} E s_q K s_q' with s_q the rows of softmax(β(M + aK)),
K = 1[x_i = x_j] + γ² 1[i = j], and M a Gaussian matrix whose rows and columns both have
the covariance K: M = A G Aᵀ with A Aᵀ = K. Only pairs q ≠ q' that carry one symbol are
sampled, as the others are known (`string_moments`). By symmetry the value depends on
nothing but how often each token occurs, so equal multiplicities share one estimate.

Source: arXiv 2310.09753 (kernel); symbind (sampler).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.attention.string_moments import key_covariance, ordered
from numerics.shapes import Float, Float64

__all__ = ["MeanReadout"]


@dataclass(frozen=True, slots=True)
class _String:
    """One multiset of multiplicities.

    Attributes:
        covariance: K.
        root: A, columns by decreasing size.
        together: 1 for each pair of different rows of one symbol, else 0.
        order: for each entry of G, which coordinate of a point it takes: the loudest
            entries take the first.
    """

    covariance: Float64[torch.Tensor, "keys keys"]
    root: Float64[torch.Tensor, "keys keys"]
    together: Float64[torch.Tensor, "keys keys"]
    order: torch.Tensor

    @classmethod
    def of(cls, symbols: Sequence[int], gamma: float) -> _String:
        """K of a string, its root A, and which pairs of rows are to be sampled.

        With K = V diag(λ) Vᵀ, λ decreasing, A = V diag(√λ): an entry G[i, j] counts by
        √(λ_i λ_j) in M.
        """
        together = key_covariance(symbols, 0.0) - np.eye(len(symbols))
        covariance = key_covariance(symbols, gamma)
        values, vectors = np.linalg.eigh(covariance)
        size = np.sqrt(np.maximum(values[::-1], 0.0))
        root = vectors[:, ::-1] * size
        loudest = np.argsort(-np.outer(size, size).ravel(), kind="stable")
        return cls(
            covariance=torch.from_numpy(covariance),
            root=torch.from_numpy(root.copy()),
            together=torch.from_numpy(together),
            order=torch.from_numpy(np.argsort(loudest, kind="stable")),
        )


class MeanReadout:
    """What is left to sample of K_attn(X, X), from points that serve all strings.

    Args:
        strings: strings of one length; only the equality of symbols matters.
        architecture: the transformer, of depth 1.

    Attributes:
        dimension: standard normals in one point.
        strings: how many strings.
    """

    def __init__(
        self, strings: Sequence[Sequence[Hashable]], architecture: Architecture
    ) -> None:
        kinds = [ordered(x) for x in strings]
        distinct = tuple(dict.fromkeys(kinds))
        self._of = np.array([distinct.index(kind) for kind in kinds])
        self._kinds = [_String.of(kind, architecture.gamma) for kind in distinct]
        self._beta, self._shift = architecture.beta, architecture.identity_kq
        self.dimension = len(strings[0]) ** 2
        self.strings = len(strings)

    def __call__(
        self, points: Float[torch.Tensor, "n dimension"]
    ) -> Float64[np.ndarray, " strings"]:
        """For each string the sum over the points of k⁻² Σ s_q K s_q'."""
        sums = [float(self._squares(string, points).sum()) for string in self._kinds]
        return np.array(sums)[self._of]

    def _squares(
        self, string: _String, points: Float[torch.Tensor, "n dimension"]
    ) -> Float[torch.Tensor, " n"]:
        covariance, root = string.covariance.to(points), string.root.to(points)
        normals = points[:, string.order.to(points.device)]
        logits = root @ normals.unflatten(1, root.shape) @ root.T
        logits = self._beta * (logits + self._shift * covariance)
        weights = torch.softmax(logits, dim=-1)
        products = weights @ covariance @ weights.transpose(1, 2)
        together = string.together.to(points)
        return (products * together).sum((1, 2)) / len(together) ** 2
