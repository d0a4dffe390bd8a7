"""Running sums of Gram matrices, as triangular factors that keep small differences.

Where features come in two halves, of independent points and with one mean, those of the
one times those of the other have no bias: with F the mean of both and Δ half of their
difference, the sum is Σ (FᵀF − ΔᵀΔ).

Source: symbind.
"""

from __future__ import annotations

import numpy as np
import torch

from numerics.averages.linalg import principal_axes
from numerics.shapes import Float, Float64

__all__ = ["IN_CACHE", "GramSum"]

IN_CACHE = 2**20
"""Numbers that one chunk of points makes: what stays near the caches."""

# Columns of F shorter than this, relative to the longest direction, are rounding.
_ROUNDING = 1e-13


class GramSum:
    """Factors of ΣFᵀF and ΣΔᵀΔ.

    Args:
        sites: columns of all features.
        device: where they are.
    """

    def __init__(self, sites: int, device: torch.device) -> None:
        self._sites = sites
        zero = torch.zeros(0, sites, dtype=torch.float64, device=device)
        self._factors: list[torch.Tensor] = [zero, zero]
        self._pending: list[list[torch.Tensor]] = [[], []]

    def add(self, halves: list[Float[torch.Tensor, "rows sites"]]) -> None:
        """Take in the features of some points, by one rule or by two halves."""
        self._pending[0].append(torch.stack(halves).mean(0))
        if len(halves) == 2:
            self._pending[1].append((halves[0] - halves[1]) / 2)
        if sum(map(len, self._pending[0])) * self._sites > IN_CACHE:
            self._reduce()

    def _reduce(self) -> None:
        for k, pending in enumerate(self._pending):
            if pending:
                rows = torch.cat([self._factors[k], *pending])
                self._factors[k] = torch.linalg.qr(rows, mode="r").R
                pending.clear()

    def unbiased(self) -> tuple[Float64[np.ndarray, "rows sites"], float]:
        """R with RᵀR = Σ(FᵀF − ΔᵀΔ), and the largest eigenvalue of its second part.

        With F = diag(s) A the difference is Aᵀ diag(s) (1 − YᵀY) diag(s) A, which
        takes no digits from small eigenvalues. What exceeds 1 is cut: the sum is
        positive semi-definite.
        """
        self._reduce()
        factor, differences = (f.cpu().numpy() for f in self._factors)
        if not len(differences) or not factor.any():
            return factor, 0.0
        s, axes = principal_axes(factor)
        kept = s > _ROUNDING * s[0]
        scaled = s[kept, None] * axes[kept]
        share, turned = principal_axes((differences @ axes[kept].T) / s[kept])
        left = np.sqrt(np.maximum(1 - share**2, 0.0))
        return (left[:, None] * turned) @ scaled, float(share[0] ** 2)
