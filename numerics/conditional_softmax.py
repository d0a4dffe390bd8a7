"""The inner stage: softmax weights averaged over a template's wildcards, exactly.

Given the shared randomness (positions, regular tokens) the wildcards' logits are
independent Gaussians. With S the softmax denominator, 1/S = ∫₀^∞ e^{−tS} dt turns
E[softmax] into a one-dimensional integral over τ = log t of products of

    L_m(y) = E[e^{m(y + σg)} exp(−e^{y + σg})],   g ~ N(0, 1),   m = 0, 1,

one factor for each wildcard: cost linear in the wildcards instead of exponential. The
integrand is analytic in a strip of half-width π/2, so the trapezoid rule with step h
errs by about e^{−π²/h}.

Source: symbind; the integral representation is classical.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch

from numerics.laplace_table import LaplaceTable
from numerics.principal_directions import principal_directions
from numerics.shapes import Float64
from symbind_theory.templates import CLS, Template
from symbind_theory.validation import InputError

__all__ = ["MAX_LOGIT_SCALE", "ConditionalFeatures", "ConditionalSoftmax"]

MAX_LOGIT_SCALE = 150.0
"""Largest σ = β√(1+γ²) for which the tables below were verified."""


@dataclass(frozen=True, slots=True)
class ConditionalFeatures:
    """What the inner stage returns for n outer points and r templates.

    Attributes:
        features: f_i at each point: regular tokens' coordinates (`[CLS]` first), then
            positions' times γ; shape (n, r, T + K).
        defect: the largest |Σ_i E s_i − 1|, zero up to the stage's own error.
    """

    features: Float64[torch.Tensor, "n r coordinates"]
    defect: float


class ConditionalSoftmax:
    """Features f_i of templates under the cls readout, at given outer points.

    Args:
        templates: distinct templates of one length k.
        beta: inverse temperature, ≥ 0.
        gamma: position scale, ≥ 0.
        device: where to compute.

    Raises:
        InputError: β√(1+γ²) above `MAX_LOGIT_SCALE`.
    """

    def __init__(
        self,
        templates: Sequence[Template],
        beta: float,
        gamma: float,
        device: torch.device,
    ) -> None:
        self.beta, self.gamma, self.device = beta, gamma, device
        self.sigma = beta * math.sqrt(1 + gamma**2)
        if self.sigma > MAX_LOGIT_SCALE:
            raise InputError(
                f"beta*sqrt(1 + gamma^2) is {self.sigma:g}; expected at most "
                f"{MAX_LOGIT_SCALE:g}, the largest logit scale this version integrates"
            )
        self.keys = templates[0].length + 1
        self.tokens = tuple(
            dict.fromkeys([CLS, *(x for t in templates for x in t.regular_tokens)])
        )
        self.templates = tuple(templates)

    @property
    def dimension(self) -> int:
        """Standard normals in one outer point."""
        return self.directions.shape[1]

    @cached_property
    def directions(self) -> Float64[torch.Tensor, "coordinates dimension"]:
        """From outer points to positions and tokens; see `principal_directions`."""
        basis = principal_directions(self.templates, self.tokens, self.gamma)
        return torch.from_numpy(basis).to(self.device)

    @cached_property
    def table(self) -> LaplaceTable:
        """The tables of L_m, built when first used."""
        return LaplaceTable(self.sigma, self.keys, self.device)

    @cached_property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The distinct sets of positions occupied by one wildcard."""
        return tuple(
            dict.fromkeys(
                b for t in self.templates for b in t.wildcard_positions.values()
            )
        )

    @property
    def numbers_per_point(self) -> int:
        """Float64 numbers held for one outer point, for sizing chunks."""
        widest = max(len(t.wildcards) for t in self.templates)
        in_flight = 2 * len(self.blocks) + 3 * widest + 8
        coordinates = len(self.directions)
        return in_flight * self.table.count + 4 * len(self.templates) * coordinates

    def __call__(
        self, points: Float64[torch.Tensor, "n dimension"]
    ) -> ConditionalFeatures:
        """Average over the wildcards at each outer point.

        Args:
            points: standard normals, one column for each direction.
        """
        shared = self.sigma * points @ self.directions.T
        position, token = self.gamma * shared[:, : self.keys], shared[:, self.keys :]
        # Only differences matter: centring keeps every exponential within range.
        position = position - position.amax(1, keepdim=True)
        blocks = {b: _Block.at(b, position, self.table) for b in self.blocks}
        weights = points.new_zeros(len(points), len(self.templates), self.keys)
        known: dict[tuple[object, ...], _Known] = {}
        for i, template in enumerate(self.templates):
            wild = [blocks[b] for b in template.wildcard_positions.values()]
            key = tuple(self._regular(template))
            if key not in known:
                regular = [
                    _Block.known(where, position[:, list(where)] + token[:, [column]])
                    for where, column in key
                ]
                known[key] = _Known.of(regular, self.table)
            self._average(wild, known[key], weights[:, i])
        features = torch.cat([self._token_weights(weights), self.gamma * weights], -1)
        defect = float((weights.sum(-1) - 1).abs().max())
        return ConditionalFeatures(features, defect)

    def _regular(self, template: Template) -> list[tuple[tuple[int, ...], int]]:
        """Positions and column in `tokens` of each regular token, `[CLS]` included."""
        where = {CLS: (self.keys - 1,), **template.regular_positions}
        return [(positions, self.tokens.index(x)) for x, positions in where.items()]

    def _token_weights(
        self, weights: Float64[torch.Tensor, "n r keys"]
    ) -> Float64[torch.Tensor, "n r tokens"]:
        """The weight of each regular token: the sum over its positions."""
        totals = weights.new_zeros(*weights.shape[:2], len(self.tokens))
        for i, template in enumerate(self.templates):
            for where, column in self._regular(template):
                totals[:, i, column] = weights[:, i, list(where)].sum(-1)
        return totals

    def _average(
        self,
        wild: list[_Block],
        known: _Known,
        weights: Float64[torch.Tensor, "n keys"],
    ) -> None:
        """Write E s_i into `weights`, for one template."""
        rests = _products_of_others([block.laplace[0] for block in wild])
        totals = [
            _dot(block.laplace[1], rest, known.alone)
            for block, rest in zip(wild, rests.each, strict=True)
        ]
        together = _dot(known.density, rests.all)
        totals += [torch.exp(b.total - known.total) * together for b in known.blocks]
        for block, total in zip([*wild, *known.blocks], totals, strict=True):
            mean = self.table.step * total
            weights[:, list(block.where)] = block.share * mean[:, None]


def _dot(*factors: torch.Tensor | None) -> torch.Tensor:
    """Row sums of the product of the factors that are there."""
    present = [factor for factor in factors if factor is not None]
    return torch.einsum(",".join(["nj"] * len(present)) + "->n", present)


@dataclass(frozen=True, slots=True)
class _Block:
    """Positions that carry one symbol.

    Attributes:
        where: the positions.
        total: log of the sum of the exponentials, the symbol's own term left out for a
            wildcard and included for a regular token; shape (n,).
        share: each position's part of that sum; shape (n, positions).
        laplace: L_0 and L_1 for a wildcard, empty for a regular token.
    """

    where: tuple[int, ...]
    total: torch.Tensor
    share: torch.Tensor
    laplace: tuple[torch.Tensor, ...] = ()

    @classmethod
    def known(cls, where: tuple[int, ...], logits: torch.Tensor) -> _Block:
        """The block of a regular token, from its logits."""
        total = logits.logsumexp(1)
        return cls(where, total, torch.exp(logits - total[:, None]))

    @classmethod
    def at(
        cls, where: tuple[int, ...], position: torch.Tensor, table: LaplaceTable
    ) -> _Block:
        """The block of a wildcard, with its Laplace factors."""
        block = cls.known(where, position[:, list(where)])
        return cls(where, block.total, block.share, table(block.total))


@dataclass(frozen=True, slots=True)
class _Known:
    """The regular tokens of one template, `[CLS]` among them.

    Attributes:
        blocks: one for each token.
        total: log R, the sum of all their exponentials; shape (n,).
        alone: exp(−e^τ R) at the nodes; shape (n, count).
        density: e^τ R exp(−e^τ R) at the nodes; shape (n, count).
    """

    blocks: list[_Block]
    total: torch.Tensor
    alone: torch.Tensor
    density: torch.Tensor

    @classmethod
    def of(cls, blocks: list[_Block], table: LaplaceTable) -> _Known:
        """Gather the blocks and evaluate both at the table's nodes."""
        total = torch.stack([block.total for block in blocks]).logsumexp(0)
        # Clamped far above the 745 where exp(−x) is zero: no 0 · inf.
        rate = torch.exp(table.nodes + total[:, None]).clamp_(max=1e100)
        alone = torch.exp(-rate)
        return cls(blocks, total, alone, alone * rate)


@dataclass(frozen=True, slots=True)
class _Products:
    """Products of factors: `each` leaves one factor out, `all` leaves out none."""

    each: list[torch.Tensor | None]
    all: torch.Tensor | None


def _products_of_others(factors: list[torch.Tensor]) -> _Products:
    """Prefix times suffix products: linear work, no division by small factors.

    The empty product is None.
    """
    before = list(accumulate([None, *factors], _times))
    after = list(accumulate([None, *reversed(factors)], _times))[-2::-1]
    each = [_times(p, q) for p, q in zip(before[:-1], after, strict=True)]
    return _Products(each, before[-1])


def _times(p: torch.Tensor | None, q: torch.Tensor | None) -> torch.Tensor | None:
    if p is None or q is None:
        return p if q is None else q
    return p * q
