"""Attention between strings that share no symbol: A(C) as a Gram matrix.

With S̄_i(G) the softmax rows of template i averaged over all but the shared part G of
their logits,

    A(C)_ij = E_G S̄_i(G) C_ij S̄_j(G)ᵀ,

the Gram matrix of the features S̄_i[q, :] R_iᵀ. G runs over scrambled Sobol' points. One
triangular factor is kept for all of them, so that small differences between templates
keep their digits (`gram_sums`). Several C are averaged at the same points, and forms in
products of two weights (`slope_forms`) by the averages of these products given G.

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from numerics.deep.averaging import Averaging
from numerics.deep.gram_sums import IN_CACHE, GramSum
from numerics.deep.own_rules import Nodes, OwnRule
from numerics.deep.row_averages import Rows, averaged_pairs, averaged_rows
from numerics.deep.stream import Stream
from numerics.shapes import Float, Float64

__all__ = ["AcrossStrings", "Values", "attend_across"]


@dataclass(frozen=True, slots=True)
class Values:
    """What weights are averaged around.

    Attributes:
        by_key: streams of the keys.
        by_pair: streams of pairs of keys, whose weights are products.
    """

    by_key: tuple[Stream, ...]
    by_pair: tuple[Stream, ...] = ()

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All of them, in the order of all results."""
        return (*self.by_key, *self.by_pair)

    def weights(self, by_key: torch.Tensor, by_pair: torch.Tensor | None) -> list:
        """Of each stream, those of keys or those of pairs."""
        return [by_key] * len(self.by_key) + [by_pair] * len(self.by_pair)


@dataclass(frozen=True, slots=True)
class AcrossStrings:
    """What attention makes of C, for each of the values.

    Attributes:
        roots: R' with A(C) = R'ᵀR'.
        mean: E S_i, the mean weights of each row.
        bias: the largest eigenvalue of ΔᵀΔ relative to FᵀF, what was taken off as bias
            where it is the largest part; what exceeds 1 was cut, as A(C) would not have
            been positive semi-definite.
    """

    roots: tuple[Float64[np.ndarray, "sites r queries"], ...]
    mean: Float64[np.ndarray, "r queries keys"]
    bias: float


def attend_across(
    values: Values,
    directions: Float64[np.ndarray, "directions r queries keys"],
    rows: Rows,
    rule: OwnRule,
    averaging: Averaging,
) -> AcrossStrings:
    """Average over shared logits.

    Args:
        values: what weights are averaged around; their roots alone enter.
        directions: from points to the shared logits, β included.
        rows: the logits' own part.
        rule: how it is averaged over.
        averaging: how averages over the shared part are taken.
    """
    _, r, queries, keys = directions.shape
    sites, device, count = r * queries, averaging.device, averaging.sizes.shared
    mean = torch.zeros(sites, keys, dtype=torch.float64, device=device)
    sums = [GramSum(sites, device) for _ in values.streams]
    weights = _Weights(torch.from_numpy(directions).to(device), rows, values)
    roots = [torch.from_numpy(stream.root).to(device) for stream in values.streams]
    points = averaging.shared(len(directions))
    fixed = None if rule.chunk else [weights.half(nodes) for nodes in rule.draw()]
    made = rule.count + 2 * sum(map(len, roots)) + 3 * keys
    step = _chunk(sites * made, rule)
    for _ in range(count // min(step, count)):
        halves = fixed or [weights.half(nodes) for nodes in rule.draw()]
        drawn = torch.from_numpy(points.draw(min(step, count))).to(device)
        each = weights.averaged(weights.shared(drawn), halves)
        mean += torch.stack([half[0] for half in each]).mean(0).sum(1)
        for k, total in enumerate(sums):
            total.add([_features(half[k], roots[k]) for half in each])
    found = [total.unbiased() for total in sums]
    return AcrossStrings(
        roots=tuple((f / np.sqrt(count)).reshape(-1, r, queries) for f, _ in found),
        mean=mean.cpu().numpy().reshape(r, queries, keys) / count,
        bias=max(bias for _, bias in found),
    )


def _chunk(numbers: int, rule: OwnRule) -> int:
    """Points at a time, a power of two, each of which makes some numbers."""
    most = max(1, IN_CACHE // numbers)
    if rule.chunk:
        most = min(most, rule.chunk)
    return 1 << (most.bit_length() - 1)


_Half = tuple[torch.Tensor, torch.Tensor]
"""log X of all rows at the nodes of a rule, and the nodes' weights."""


@dataclass(frozen=True, slots=True)
class _Weights:
    """Softmax weights of all sites at points.

    Attributes:
        directions: from points to shared logits.
        rows: the own part.
        values: for which they are.
    """

    directions: Float[torch.Tensor, "directions r queries keys"]
    rows: Rows
    values: Values

    def half(self, nodes: Nodes) -> _Half:
        """log X at nodes, and their weights."""
        device = self.directions.device
        return (
            torch.from_numpy(self.rows.logits(nodes)).to(device),
            torch.from_numpy(nodes.weights).to(device),
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

    def averaged(
        self, shared: Float[torch.Tensor, "sites n keys"], halves: Sequence[_Half]
    ) -> list[list[Float[torch.Tensor, "sites n weights"]]]:
        """By half, the weights of each of the values given G."""
        pairs = bool(self.values.by_pair)
        return [
            self.values.weights(
                averaged_rows(shared, *half),
                averaged_pairs(shared, *half) if pairs else None,
            )
            for half in halves
        ]


def _features(
    weights: Float[torch.Tensor, "sites n keys"],
    root: Float[torch.Tensor, "rows r keys"],
) -> Float[torch.Tensor, "features sites"]:
    """S̄_i[q, :] R_iᵀ: a row for each point and row of R."""
    _, r, keys = root.shape
    each = weights.reshape(r, -1, weights.shape[1], keys)
    features = torch.einsum("iqnp,mip->nmiq", each, root)
    return features.reshape(-1, len(weights))
