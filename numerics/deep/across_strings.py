"""Attention between strings that share no symbol: A(C) as a Gram matrix.

With S̄_i(G) the softmax rows of template i averaged over all but the shared part G of
their logits,

    A(C)_ij = E_G S̄_i(G) C_ij S̄_j(G)ᵀ,

the Gram matrix of the features S̄_i[q, :] R_iᵀ. G runs over scrambled Sobol' points. One
triangular factor is kept for all of them, so that small differences between templates
keep their digits. Where S̄ comes in two independent halves, features from the one times
features from the other have the mean A(C): with F the mean of both and Δ half of their
difference, A(C) = E (FᵀF − ΔᵀΔ).

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from numerics.averages.linalg import principal_axes
from numerics.deep.averaging import Averaging
from numerics.deep.own_rules import Nodes, OwnRule
from numerics.deep.row_averages import Rows, averaged_rows
from numerics.shapes import Float, Float64

__all__ = ["AcrossStrings", "attend_across"]

# Numbers that one chunk of points makes: what stays near the caches.
_IN_CACHE = 2**20
# Columns of F shorter than this, relative to the longest direction, are rounding.
_ROUNDING = 1e-13


@dataclass(frozen=True, slots=True)
class AcrossStrings:
    """What attention makes of C.

    Attributes:
        root: R' with A(C) = R'ᵀR'.
        mean: E S_i, the mean weights of each row.
        bias: the largest eigenvalue of ΔᵀΔ relative to FᵀF, what was taken off as bias
            where it is the largest part; what exceeds 1 was cut, as A(C) would not have
            been positive semi-definite.
    """

    root: Float64[np.ndarray, "sites r queries"]
    mean: Float64[np.ndarray, "r queries keys"]
    bias: float


def attend_across(
    root: Float64[np.ndarray, "rows r keys"],
    directions: Float64[np.ndarray, "directions r queries keys"],
    rows: Rows,
    rule: OwnRule,
    averaging: Averaging,
) -> AcrossStrings:
    """Average over shared logits.

    Args:
        root: R of the values.
        directions: from points to the shared logits, β included.
        rows: the logits' own part.
        rule: how it is averaged over.
        averaging: how averages over the shared part are taken.
    """
    _, r, queries, keys = directions.shape
    sites = r * queries
    device, count = averaging.device, averaging.sizes.shared
    sums = _Sums(sites, keys, device)
    features = _Features(
        torch.from_numpy(root).to(device), torch.from_numpy(directions).to(device), rows
    )
    points = averaging.shared(len(directions))
    fixed = None if rule.chunk else [features.half(nodes) for nodes in rule.draw()]
    step = _chunk(sites * (rule.count + 2 * len(root) + 3 * keys), rule)
    done = 0
    while done < count:
        now = min(step, count - done)
        halves = fixed or [features.half(nodes) for nodes in rule.draw()]
        shared = features.shared(torch.from_numpy(points.draw(now)).to(device))
        averages = [averaged_rows(shared, *half) for half in halves]
        sums.add(averages, [features(average) for average in averages])
        done += now
    factor, bias = sums.unbiased()
    return AcrossStrings(
        root=(factor / np.sqrt(count)).reshape(-1, r, queries),
        mean=sums.mean.cpu().numpy().reshape(r, queries, keys) / count,
        bias=bias,
    )


def _chunk(numbers: int, rule: OwnRule) -> int:
    """Points at a time, a power of two, each of which makes some numbers."""
    most = max(1, _IN_CACHE // numbers)
    if rule.chunk:
        most = min(most, rule.chunk)
    return 1 << (most.bit_length() - 1)


_Half = tuple[torch.Tensor, torch.Tensor]
"""log X of all rows at the nodes of a rule, and the nodes' weights."""


@dataclass(frozen=True, slots=True)
class _Features:
    """Features of all sites at points.

    Attributes:
        root: R.
        directions: from points to shared logits.
        rows: the own part.
    """

    root: Float[torch.Tensor, "rows r keys"]
    directions: Float[torch.Tensor, "directions r queries keys"]
    rows: Rows

    def half(self, nodes: Nodes) -> _Half:
        """log X at nodes, and their weights."""
        return (
            torch.from_numpy(self.rows.logits(nodes)).to(self.root.device),
            torch.from_numpy(nodes.weights).to(self.root.device),
        )

    def shared(
        self, points: Float[torch.Tensor, "n directions"]
    ) -> Float[torch.Tensor, "sites n keys"]:
        """G, each row less the largest of its keys."""
        _, r, queries, keys = self.directions.shape
        logits = (points @ self.directions.flatten(1)).reshape(-1, r * queries, keys)
        hidden = torch.from_numpy(~np.tile(self.rows.visible, (r, 1))).to(points.device)
        logits = logits.masked_fill(hidden, -torch.inf)
        shared = logits - logits.amax(-1, keepdim=True)
        return shared.transpose(0, 1).contiguous()

    def __call__(
        self, weights: Float[torch.Tensor, "sites n keys"]
    ) -> Float[torch.Tensor, "rows sites"]:
        """S̄_i[q, :] R_iᵀ: a row for each point and row of R."""
        _, r, keys = self.root.shape
        each = weights.reshape(r, -1, weights.shape[1], keys)
        features = torch.einsum("iqnp,mip->nmiq", each, self.root)
        return features.reshape(-1, len(weights))


@dataclass(slots=True)
class _Sums:
    """Running factors of ΣFᵀF and ΣΔᵀΔ, and the sum of the mean weights."""

    sites: int
    keys: int
    device: torch.device
    mean: torch.Tensor = field(init=False)
    _factors: list[torch.Tensor] = field(init=False)
    _pending: list[list[torch.Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        exact = {"dtype": torch.float64, "device": self.device}
        self.mean = torch.zeros(self.sites, self.keys, **exact)
        zero = torch.zeros(0, self.sites, **exact)
        self._factors, self._pending = [zero, zero], [[], []]

    def add(self, averages: list[torch.Tensor], features: list[torch.Tensor]) -> None:
        """Take in some points, by one rule or by two halves."""
        self.mean += torch.stack(averages).mean(0).sum(1)
        self._pending[0].append(torch.stack(features).mean(0))
        if len(features) == 2:
            self._pending[1].append((features[0] - features[1]) / 2)
        if sum(map(len, self._pending[0])) * self.sites > _IN_CACHE:
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
        takes no digits from small eigenvalues.
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
