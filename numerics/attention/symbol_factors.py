"""The factors of a softmax's Laplace integral, one for each symbol of a string.

Let T_a = e^{logit of a} at position a, T_v = Σ_{a∈v} T_a over the positions v of one
symbol, and S = Σ_v T_v. Logits of different symbols are independent, so that, by
1/S = ∫₀^∞ e^{−tS} dt and with τ = log t,

    E s_a = E[T_a / S] = ∫ B_{v,a}(τ) Π_{u≠v} B_u(τ) dτ     for a ∈ v,

    B_v(τ) = E exp(−e^τ T_v),     B_{v,a}(τ) = E[e^τ T_a exp(−e^τ T_v)].

The logit of a is μ_a + σ_ξ ξ + σ_η η_a, with one standard normal ξ for the symbol and
one, η_a, for each of its positions. A factor is one of three:

- σ_ξ = σ_η = 0, known logits. All such positions are one factor, with R = Σ_a e^{μ_a}:

      B(τ) = exp(−e^τ R),     B_a(τ) = (e^{μ_a}/R) e^τ R exp(−e^τ R).

- One Gaussian of deviation σ moves all of v: σ_η = 0, or v is a single position. With
  A = Σ_a e^{μ_a} and L_m the Laplace moments for σ (`laplace_table`),

      B_v(τ) = L_0(τ + log A),     B_{v,a}(τ) = (e^{μ_a}/A) L_1(τ + log A).

- Positions that also move singly. With l_m the same as L_m, for σ_η alone,

      B_v(τ)     = E_ξ Π_{c∈v} l_0(τ + μ_c + σ_ξ ξ),
      B_{v,a}(τ) = E_ξ l_1(τ + μ_a + σ_ξ ξ) Π_{c∈v, c≠a} l_0(τ + μ_c + σ_ξ ξ).

Source: symbind; docs/estimation.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from numerics.attention.laplace_table import LaplaceTable, Window, table_of
from numerics.attention.prefix_products import products_of_others
from numerics.shapes import Float

__all__ = [
    "KnownFactors",
    "SymbolColumns",
    "SymbolFactor",
    "SymbolFactors",
    "SymbolMeans",
]

# Steps of the sum over ξ where ξ moves logits by less than the nodes can tell.
_XI_STEP = 0.5
# Nodes that an average over ξ is taken for at a time.
_BLOCK = 48


@dataclass(frozen=True, slots=True)
class SymbolMeans:
    """What is known of the logits of one symbol.

    Attributes:
        positions: v, the positions that carry the symbol.
        mu: μ, the means of their logits.
    """

    positions: tuple[int, ...]
    mu: Float[torch.Tensor, "n positions"]


@dataclass(frozen=True, slots=True)
class SymbolColumns:
    """Where what is known of the logits of one symbol's positions stands.

    Attributes:
        positions: v, the positions that carry the symbol.
        columns: for each position its column among means that symbols have in common.
    """

    positions: tuple[int, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SymbolFactor:
    """B_v and B_{v,a} at the nodes τ.

    Attributes:
        positions: v.
        B: B_v; shape (n, count).
        B_a: B_{v,a} = share · B_a: one for each position, or one for all where they are
            proportional; shape (n, positions or 1, count).
        share: the factor of B_a for each position; shape (n, positions), or (n, 1)
            where it is 1.
    """

    positions: tuple[int, ...]
    B: Float[torch.Tensor, "n count"]
    B_a: Float[torch.Tensor, "n parts count"]
    share: Float[torch.Tensor, "n shares"]


@dataclass(frozen=True, slots=True)
class KnownFactors:
    """B and B_a at the nodes τ of positions with known logits, m times over.

    Attributes:
        positions: the positions, the same each time.
        B: B; shape (n, m, count).
        B_a: B_a = share · B_a; shape (n, m, count).
        share: shape (n, m, positions).
    """

    positions: tuple[int, ...]
    B: Float[torch.Tensor, "n m count"]
    B_a: Float[torch.Tensor, "n m count"]
    share: Float[torch.Tensor, "n m positions"]


class SymbolFactors:
    """Makes factors on the nodes of one window, from tables built when first used.

    Args:
        window: where the integral lives.
        largest: the largest log Σ_a e^{μ_a} of any symbol.
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
        self._bands: dict[float, torch.Tensor] = {}

    @cached_property
    def _tau(self) -> torch.Tensor:
        return self.window.nodes(self._device).to(self._dtype)

    @cached_property
    def _growth(self) -> torch.Tensor | None:
        """e^τ; None where it may leave the precision's numbers."""
        reach = max(-self.window.low, self.window.high)
        within = reach < 0.9 * math.log(torch.finfo(self._dtype).max)
        return torch.exp(self._tau) if within else None

    def known(
        self, positions: tuple[int, ...], mu: Float[torch.Tensor, "n m positions"]
    ) -> KnownFactors:
        """The factors of positions whose logits are known.

        Args:
            positions: the positions.
            mu: m times what their logits may be.
        """
        log_R = mu.logsumexp(2)[..., None]
        if self._growth is None:
            rate = torch.exp(self._tau + log_R)
        else:
            rate = self._growth * torch.exp(log_R)
        # Clamped far above the 745 where exp(−x) is zero: no 0 · inf.
        rate.clamp_(max=1e30)
        B = torch.exp(-rate)
        return KnownFactors(
            positions=positions, B=B, B_a=rate.mul_(B), share=torch.exp(mu - log_R)
        )

    def moved_together(
        self, symbols: Sequence[SymbolMeans], sigma: float
    ) -> list[SymbolFactor]:
        """The factors of symbols whose positions are moved by one Gaussian each.

        Args:
            symbols: at least one.
            sigma: σ, the deviation of the Gaussians.
        """
        log_A = torch.stack([means.mu.logsumexp(1) for means in symbols])
        # All at once: one long table look-up costs less than many short ones.
        L0, L1 = (
            L.unflatten(0, log_A.shape) for L in self._table(sigma)(log_A.flatten())
        )
        return [
            SymbolFactor(
                positions=means.positions,
                B=L0[i],
                B_a=L1[i][:, None],
                share=torch.exp(means.mu - log_A[i][:, None]),
            )
            for i, means in enumerate(symbols)
        ]

    def moved_singly(
        self,
        symbols: Sequence[SymbolColumns],
        mu: Float[torch.Tensor, "n columns"],
        sigma_xi: float,
        sigma_eta: float,
    ) -> list[SymbolFactor]:
        """The factors of symbols whose positions also have Gaussians of their own.

        Args:
            symbols: v, two positions at least of each, and which columns they have.
            mu: μ, the means of logits.
            sigma_xi: σ_ξ, the deviation of what moves all positions of a symbol.
            sigma_eta: σ_η > 0, the deviation of what moves each by itself.
        """
        reach = self._reach(sigma_xi)
        if reach is None:
            averages = self._sums_over_xi(symbols, mu, sigma_xi, sigma_eta)
        else:
            # Once for each column, whatever symbols have it.
            moments = _at(self._table(sigma_eta, reach), mu)
            averages = [
                self._average(_products(moments, v.columns), sigma_xi, reach)
                for v in symbols
            ]
        return [
            SymbolFactor(
                positions=v.positions,
                B=average[:, 0],
                B_a=average[:, 1:],
                share=torch.ones_like(mu[:, :1]),
            )
            for v, average in zip(symbols, averages, strict=True)
        ]

    def numbers_together(self) -> int:
        """How many numbers the factor of a symbol moved by one Gaussian takes."""
        return 2 * self.window.count

    def numbers_singly(
        self, sizes: Sequence[int], columns: int, sigma_xi: float
    ) -> int:
        """How many numbers are held while factors of `moved_singly` are made.

        Args:
            sizes: how many positions the symbols have.
            columns: how many means of logits.
            sigma_xi: σ_ξ.
        """
        wide = self.window.count + 2 * (self._reach(sigma_xi) or 0)
        made = sum(size + 1 for size in sizes) * self.window.count
        return 2 * columns * wide + 4 * max(sizes) * wide + 2 * made

    def _sums_over_xi(
        self,
        symbols: Sequence[SymbolColumns],
        mu: torch.Tensor,
        sigma_xi: float,
        sigma_eta: float,
    ) -> list[torch.Tensor]:
        """B_v, then each B_{v,a}, by the trapezoid rule in ξ."""
        gauss = self.window.rule.gauss
        table = self._table(sigma_eta, raised=gauss * sigma_xi)
        half = math.ceil(gauss / _XI_STEP)
        xi = torch.arange(-half, half + 1, dtype=torch.float64) * _XI_STEP
        weights = torch.softmax(-(xi**2) / 2, dim=0)
        totals = [torch.zeros(())] * len(symbols)
        for x, weight in zip(xi.tolist(), weights.tolist(), strict=True):
            moments = _at(table, mu + sigma_xi * x)
            totals = [
                total + weight * _products(moments, v.columns)
                for total, v in zip(totals, symbols, strict=True)
            ]
        return totals

    def _reach(self, sigma_xi: float) -> int | None:
        """By how many nodes ξ moves τ, at most; None where nodes are too far apart.

        In steps of half its deviation the average errs by up to 9e-13 in B_v and
        1.5e-11 in B_{v,a} at one τ, as these are analytic within π/2 of the real line.
        In E s_a, the sum over τ, it errs by 2e-20, as s_a is analytic in ξ within π:
        docs/estimation.md. In steps of 0.8 deviations, those of the rough rule, a
        Gaussian average of functions analytic within π/2 errs by 6e-8.
        """
        rule = self.window.rule
        if sigma_xi < rule.steps * rule.step:
            return None
        return math.ceil(rule.gauss * sigma_xi / rule.step)

    def _average(
        self,
        values: Float[torch.Tensor, "n parts wider"],
        sigma_xi: float,
        reach: int,
    ) -> Float[torch.Tensor, "n parts count"]:
        """E_ξ, from nodes of the widened window to those of the window.

        Each node has those within reach: the matrix is a band, taken in blocks.
        """
        rows, band = values.flatten(0, 1), self._band(sigma_xi, reach)
        averages = rows.new_empty(len(rows), self.window.count)
        for start in range(0, self.window.count, _BLOCK):
            stop = min(start + _BLOCK, self.window.count)
            block = band[: stop - start + 2 * reach, : stop - start]
            torch.mm(
                rows[:, start : stop + 2 * reach], block, out=averages[:, start:stop]
            )
        return averages.unflatten(0, values.shape[:2])

    def _band(self, sigma_xi: float, reach: int) -> torch.Tensor:
        """The weights of ξ, from a block of nodes widened by its reach to the block."""
        if sigma_xi not in self._bands:
            steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
            taps = torch.exp(-((steps * self.window.rule.step / sigma_xi) ** 2) / 2)
            taps /= taps.sum()
            band = torch.zeros(_BLOCK + 2 * reach, _BLOCK, dtype=torch.float64)
            for column in range(_BLOCK):
                band[column : column + 2 * reach + 1, column] = taps
            self._bands[sigma_xi] = band.to(self._device, self._dtype)
        return self._bands[sigma_xi]

    def _table(
        self, sigma: float, widened: int = 0, raised: float = 0.0
    ) -> LaplaceTable:
        """L_m of one deviation.

        Args:
            sigma: the deviation.
            widened: how many nodes more are wanted at either end of the window.
            raised: by how much offsets may exceed the largest log Σ_a e^{μ_a}.
        """
        return table_of(
            sigma,
            self.window.widened(widened),
            self._largest + raised,
            self._device,
            self._dtype,
        )


def _at(
    table: LaplaceTable, mu: Float[torch.Tensor, "n columns"]
) -> tuple[torch.Tensor, torch.Tensor]:
    """l_0 and l_1 at τ + μ; shapes (n, columns, count)."""
    l0, l1 = table(mu.flatten())
    return l0.unflatten(0, mu.shape), l1.unflatten(0, mu.shape)


def _products(
    moments: tuple[torch.Tensor, torch.Tensor], columns: Sequence[int]
) -> Float[torch.Tensor, "n parts count"]:
    """Π_c l_0(τ + μ_c), then l_1(τ + μ_a) Π_{c≠a} l_0(τ + μ_c) for each a in turn."""
    l0, l1 = ([m[:, column] for column in columns] for m in moments)
    products = l0[0].new_empty(len(l0[0]), 1 + len(columns), l0[0].shape[1])
    others = products_of_others(l0)
    assert others[0] is not None
    torch.mul(l0[0], others[0], out=products[:, 0])
    for a, (l1_a, rest) in enumerate(zip(l1, others, strict=True), start=1):
        assert rest is not None
        torch.mul(l1_a, rest, out=products[:, a])
    return products
