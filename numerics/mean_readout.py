"""Self values under the mean readout: sampling all rows of one string together.

K_attn(X, X) = E wᵀ K w with w the mean of the rows of softmax(β(M + aK)),
K = 1[x_i = x_j] + γ² 1[i = j], and M a Gaussian matrix whose rows and columns both have
the covariance K: M = A G Aᵀ with A Aᵀ = K. By symmetry the value depends on nothing but
how often each token occurs, so equal multiplicities share one estimate.

Source: arXiv 2310.09753 (kernel); symbind (sampler).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.shapes import Float, Float64
from numerics.string_moments import key_covariance

__all__ = ["MeanReadout"]


@dataclass(frozen=True, slots=True)
class _String:
    """One multiset of multiplicities.

    Attributes:
        covariance: K.
        root: A, columns by decreasing size.
        order: for each entry of G, which coordinate of a point it takes: the loudest
            entries take the first.
    """

    covariance: Float64[torch.Tensor, "keys keys"]
    root: Float64[torch.Tensor, "keys keys"]
    order: torch.Tensor

    @classmethod
    def of(cls, sizes: Sequence[int], gamma: float) -> _String:
        """The string in which the tokens occur so often."""
        symbols = [token for token, size in enumerate(sizes) for _ in range(size)]
        covariance = key_covariance(symbols, gamma)
        values, vectors = np.linalg.eigh(covariance)
        size = np.sqrt(np.maximum(values[::-1], 0.0))
        root = vectors[:, ::-1] * size
        loudest = np.argsort(-np.outer(size, size).ravel(), kind="stable")
        order = np.argsort(loudest, kind="stable")
        tensors = map(torch.from_numpy, (covariance, root.copy(), order))
        return cls(*tensors)


class MeanReadout:
    """E wᵀ K w of several strings, from points that serve all of them.

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
        kinds = [tuple(sorted(Counter(x).values(), reverse=True)) for x in strings]
        distinct = tuple(dict.fromkeys(kinds))
        self._of = np.array([distinct.index(kind) for kind in kinds])
        self._kinds = [_String.of(kind, architecture.gamma) for kind in distinct]
        self._beta, self._shift = architecture.beta, architecture.identity_kq
        self.dimension = len(strings[0]) ** 2
        self.strings = len(strings)

    def __call__(
        self, points: Float[torch.Tensor, "n dimension"]
    ) -> Float64[np.ndarray, " strings"]:
        """The sum over the points of wᵀ K w, for each string."""
        sums = [float(self._squares(string, points).sum()) for string in self._kinds]
        return np.array(sums)[self._of]

    def _squares(
        self, string: _String, points: Float[torch.Tensor, "n dimension"]
    ) -> Float[torch.Tensor, " n"]:
        covariance, root = string.covariance.to(points), string.root.to(points)
        normals = points[:, string.order.to(points.device)]
        logits = root @ normals.unflatten(1, root.shape) @ root.T
        logits = self._beta * (logits + self._shift * covariance)
        weights = torch.softmax(logits, dim=-1).mean(1)
        return ((weights @ covariance) * weights).sum(1)
