"""The factors of a softmax's Laplace integral: one for each symbol of a string.

With S = Σ_v T_v, T_v the sum of the exponentials of the positions v of one symbol,

    E s_a = ∫ E[e^τ T_a exp(−e^τ T_v)] Π_{u≠v} E exp(−e^τ T_u) dτ,      τ = log t,

where the logits of the positions a ∈ v are μ_a + s ξ + t η_a, ξ and η_a independent
standard normals:

- s = t = 0: the logits are known; all such symbols together are one factor.
- one Gaussian moves all of v (t = 0, or v a single position): L_0 and L_1 at
  log Σ_a e^{μ_a}.
- else, with l_m the same for t alone, E_ξ Π_a l_0(τ + μ_a + sξ), and with l_1 for one
  of the positions: a product on the nodes, then the average over ξ.

Source: symbind; docs/estimation.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch

from numerics.attention.laplace_table import STEP, LaplaceTable, Window
from numerics.shapes import Float

__all__ = ["Block", "KnownBlocks", "SoftmaxBlocks", "mean_weights"]

# A Gaussian leaves [-7.5, 7.5] with probability 6e-14.
_GAUSS = 7.5
# Steps of the average over ξ in units of its deviation, where nodes are too far apart.
_FINE = 0.5


@dataclass(frozen=True, slots=True)
class Block:
    """Positions that carry one symbol, with random logits.

    Attributes:
        where: the positions.
        none: E exp(−e^τ T) at the nodes; shape (n, count).
        first: E[e^τ T_a exp(−e^τ T)] for each position, or with T in place of T_a where
            `share` divides it; shape (n, positions or 1, count).
        share: each position's part; shape (n, positions), or (n, 1) where it is 1.
    """

    where: tuple[int, ...]
    none: Float[torch.Tensor, "n count"]
    first: Float[torch.Tensor, "n parts count"]
    share: Float[torch.Tensor, "n shares"]


@dataclass(frozen=True, slots=True)
class KnownBlocks:
    """The positions whose logits are known.

    Attributes:
        where: the positions.
        share: each position's part of the sum R of their exponentials.
        none: exp(−e^τ R) at the nodes; shape (n, count).
        first: e^τ R exp(−e^τ R) at the nodes; shape (n, count).
    """

    where: tuple[int, ...]
    share: Float[torch.Tensor, "n positions"]
    none: Float[torch.Tensor, "n count"]
    first: Float[torch.Tensor, "n count"]


class SoftmaxBlocks:
    """Makes the factors, on one window and from tables built when first used.

    Args:
        window: where the integral lives.
        largest: largest log of a sum of exponentials of means in one block.
        device: where to compute.
        dtype: in which precision.
    """

    def __init__(
        self,
        window: Window,
        largest: float,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.window = window
        self._largest, self._device, self._dtype = largest, device, dtype
        self._tables: dict[tuple[float, int, float], LaplaceTable] = {}
        self._averages: dict[float, torch.Tensor] = {}

    @cached_property
    def _nodes(self) -> torch.Tensor:
        return self.window.nodes(self._device).to(self._dtype)

    def known(
        self, where: tuple[int, ...], logits: Float[torch.Tensor, "n positions"]
    ) -> KnownBlocks:
        """The factor of positions with known logits."""
        total = logits.logsumexp(1)
        # Clamped far above the 745 where exp(−x) is zero: no 0 · inf.
        rate = torch.exp(self._nodes + total[:, None]).clamp_(max=1e30)
        none = torch.exp(-rate)
        share = torch.exp(logits - total[:, None])
        return KnownBlocks(where, share, none, none * rate)

    def moved_together(
        self,
        means: Sequence[tuple[tuple[int, ...], torch.Tensor]],
        deviation: float,
    ) -> list[Block]:
        """The factors of symbols whose positions one Gaussian moves.

        Args:
            means: the positions of each symbol and their μ, of shape (n, positions).
            deviation: of the Gaussian.
        """
        totals = torch.stack([mean.logsumexp(1) for _, mean in means])
        # All at once: one long table look-up costs less than many short ones.
        found = self._table(deviation)(totals.flatten())
        none, first = (x.unflatten(0, totals.shape) for x in found)
        return [
            Block(where, l0, l1[:, None], torch.exp(mean - total[:, None]))
            for (where, mean), total, l0, l1 in zip(
                means, totals, none, first, strict=True
            )
        ]

    def moved_singly(
        self,
        where: tuple[int, ...],
        mean: Float[torch.Tensor, "n positions"],
        symbol: float,
        position: float,
    ) -> Block:
        """The factor of positions that also have Gaussians of their own.

        Args:
            where: the positions, two at least.
            mean: μ.
            symbol: s, the deviation of what moves all positions.
            position: t > 0, the deviation of what moves each by itself.
        """
        averages = self._each_with_others(mean, symbol, position)
        share = torch.ones_like(mean[:, :1])
        return Block(where, averages[:, 0], averages[:, 1:], share)

    def numbers(self, size: int, symbol: float, position: float) -> int:
        """Float64 numbers in flight for one block of so many positions."""
        if position == 0 or size == 1:
            return 2 * self.window.count
        reach = self._reach(symbol) or 0
        return (4 * size + 2) * (self.window.count + 2 * reach)

    def _each_with_others(
        self, mean: torch.Tensor, symbol: float, position: float
    ) -> torch.Tensor:
        """E_ξ of Π l_0, then of the same with l_1 at each position in turn."""
        reach = self._reach(symbol)
        if reach is not None:
            table = self._table(position, reach)
            return self._products(table, mean) @ self._average(symbol, reach)
        table = self._table(position, 0, _GAUSS * symbol)
        half = math.ceil(_GAUSS / _FINE)
        xi = torch.arange(-half, half + 1, dtype=torch.float64) * _FINE
        weights = torch.softmax(-(xi**2) / 2, dim=0)
        total = torch.zeros(())
        for x, weight in zip(xi.tolist(), weights.tolist(), strict=True):
            total = total + weight * self._products(table, mean + symbol * x)
        return total

    def _products(self, table: LaplaceTable, mean: torch.Tensor) -> torch.Tensor:
        l0, l1 = (x.unflatten(0, mean.shape) for x in table(mean.flatten()))
        rest = _products_of_others(list(l0.unbind(1)))
        # Two positions at least: no product is empty.
        factors = [(x, y) for x, y in zip(l1.unbind(1), rest.each, strict=True)]
        products = [x * y for x, y in factors if y is not None]
        return torch.stack([l0.prod(1), *products], dim=1)

    def _reach(self, symbol: float) -> int | None:
        """How many nodes ξ moves, at most; None where the nodes are too far apart.

        Sampled at half its deviation a Gaussian average of these functions, analytic
        within π/2 of the real line, errs by 4e-13.
        """
        return math.ceil(_GAUSS * symbol / STEP) if symbol >= 2 * STEP else None

    def _average(self, symbol: float, reach: int) -> torch.Tensor:
        """E_ξ as a matrix, from the widened window to the window."""
        if symbol not in self._averages:
            count = self.window.count
            steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
            taps = torch.exp(-((steps * STEP / symbol) ** 2) / 2)
            taps /= taps.sum()
            matrix = torch.zeros(count + 2 * reach, count, dtype=torch.float64)
            for column in range(count):
                matrix[column : column + 2 * reach + 1, column] = taps
            self._averages[symbol] = matrix.to(self._device, self._dtype)
        return self._averages[symbol]

    def _table(
        self, sigma: float, widened: int = 0, raised: float = 0.0
    ) -> LaplaceTable:
        key = (sigma, widened, raised)
        if key not in self._tables:
            self._tables[key] = LaplaceTable(
                sigma,
                self.window.widened(widened),
                self._largest + raised,
                self._device,
                self._dtype,
            )
        return self._tables[key]


def mean_weights(
    random: Sequence[Block],
    known: KnownBlocks | None,
    weights: Float[torch.Tensor, "n keys"],
) -> None:
    """Add E s_i to `weights`, for one row of one template."""
    rests = _products_of_others([block.none for block in random])
    alone = None if known is None else known.none
    for block, rest in zip(random, rests.each, strict=True):
        total = _integral(block.first, rest, alone)
        weights[:, list(block.where)] += block.share * total
    if known is not None:
        total = _integral(known.first[:, None], rests.all)
        weights[:, list(known.where)] += known.share * total


def _integral(
    first: torch.Tensor, *factors: torch.Tensor | None
) -> Float[torch.Tensor, "n parts"]:
    """∫ first · (product of the factors that are there) dτ."""
    present = [factor for factor in factors if factor is not None]
    if not present:
        return STEP * first.sum(-1)
    rest = present[0] if len(present) == 1 else present[0] * present[1]
    return STEP * torch.bmm(first, rest[:, :, None])[:, :, 0]


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
