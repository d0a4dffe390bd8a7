"""Tables of the Laplace moments that the inner stage integrates.

    L_m(y) = E[e^{m(y + σg)} exp(−e^{y + σg})],     g ~ N(0, 1),     m = 0, 1, …

They are wanted at y = τ + log A, for nodes τ = τ_0, τ_0 + h, τ_0 + 2h, … of a window
and any real offset log A. A table has a finer grid, y_j = y_0 + jδ with δ = h/20, and
in each of its points a Taylor polynomial,

    L_0(y_j + ε) = Σ_{c≤6} L_0^(c)(y_j)/c! ε^c + O(ε⁷),     |ε| ≤ δ/2,

with derivatives from L_m' = m L_m − L_{m+1}. As L_1 = −L_0', the same polynomial has
both moments, and Horner's scheme gives its slope beside its value. An offset of jδ + ε
above the lowest one carries the nodes of the window to y_j + ε, y_{j+20} + ε,
y_{j+40} + ε, …: one ε serves all, and with j = 20 slot + phase those y lie side by side
in a table sorted by phase. A rougher rule takes every 32nd.

The integrands fall off as e^τ on the left, where they are e^τ E[T_a] − e^{2τ} E[T_a S]
+ …. So the nodes before the first one add a geometric series, Σ_{j≥1} e^{−jh} =
1/(e^h − 1) times its value, and a window begins where e^{2τ} is negligible, not e^τ.

The step h = 0.3125 is such that the trapezoid rule is exact to 4e-13: an integral built
from these moments averages ∫ e^τ S exp(−S e^τ) dτ = Γ(1) over S > 0, and by Poisson's
summation formula the rule misses each of these by 2 |Γ(1 + 2πi/h)| to leading order.

Source: symbind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch

from numerics.shapes import Float, Float64

__all__ = [
    "FINE",
    "ROUGH",
    "LaplaceTable",
    "Rule",
    "Window",
    "laplace_moments",
    "table_of",
]

# δ. The slope, of degree 5, is off by (δ/2)^6/720 times the seventh derivative of L_0:
# by less than 1e-12.
_SPACING = 1 / 64
_DEGREE = 6

# Steps in u = y + σg of the sum for wide Gaussians, a multiple of δ; narrower ones than
# this deviation are summed over g.
_U_STEP = 1 / 8
_NARROW = 0.5
# Rows of a matrix (y, u) that are held at a time.
_AT_ONCE = 4096

# Numbers that stay in a core's cache from one coefficient to the next.
_IN_CACHE = 2**15


@dataclass(frozen=True, slots=True)
class Rule:
    """How far an integral over τ is taken, and in which steps.

    Attributes:
        stride: how many table nodes apart its nodes lie.
        tail: e^{−tail} is what is left out of the integrand's exponential tails.
        edge: exp(−e^edge) is where its double-exponential tail is cut.
        gauss: standard deviations at which Gaussians are cut.
        steps: nodes in a deviation from which on an average over ξ is a sum over them.
    """

    stride: int
    tail: float
    edge: float
    gauss: float
    steps: float

    @property
    def step(self) -> float:
        """h, the distance of the nodes."""
        return self.stride * _SPACING


FINE = Rule(stride=20, tail=30.0, edge=3.5, gauss=7.5, steps=2.0)
"""Exact to 1e-12: e^{−30} = 1e-13, exp(−e^{3.5}) = 4e-15, a Gaussian leaves [−7.5, 7.5]
with probability 6e-14, and with h = 0.3125 the trapezoid rule is exact to 4e-13."""

ROUGH = Rule(stride=32, tail=15.0, edge=2.7, gauss=6.5, steps=1.25)
"""Exact to 1e-6, with 40 % of the nodes: e^{−15} = 3e-7, exp(−e^{2.7}) = 3e-7, a
Gaussian leaves [−6.5, 6.5] with probability 8e-11, and with h = 0.5 the trapezoid rule
is exact to 5e-8. For what is averaged over points to no more digits."""


@dataclass(frozen=True, slots=True)
class Window:
    """Equally spaced nodes τ on which an integral for 1/S lives.

    Attributes:
        low: the first node, τ_0.
        count: how many.
        rule: their distance, and where tails are cut.
    """

    low: float
    count: int
    rule: Rule = FINE

    @classmethod
    def of(
        cls, keys: int, sigma: float, shift: float = 0.0, rule: Rule = FINE
    ) -> Window:
        """The window for S a sum of exponentials.

        Args:
            keys: number of exponentials K.
            sigma: standard deviation of their logits, the largest of which is 0 on
                average.
            shift: what may besides move some of the logits up, or all of them down.
            rule: how exact the integral is to be.
        """
        reach = rule.gauss * sigma
        low = -(rule.tail / 2 + math.log(keys) + reach + max(shift, 0.0))
        high = rule.edge + reach - min(shift, 0.0)
        return cls(low, math.ceil((high - low) / rule.step) + 1, rule)

    def widened(self, nodes: int) -> Window:
        """The window with so many nodes more at either end."""
        low = self.low - nodes * self.rule.step
        return Window(low, self.count + 2 * nodes, self.rule)

    @property
    def before(self) -> float:
        """What all nodes before the first add to an integral, in units of its value."""
        return 1 / math.expm1(self.rule.step)

    @property
    def high(self) -> float:
        """The last node."""
        return self.low + (self.count - 1) * self.rule.step

    def nodes(self, device: torch.device) -> Float64[torch.Tensor, " count"]:
        """All nodes τ, in increasing order."""
        steps = torch.arange(self.count, dtype=torch.float64, device=device)
        return self.low + self.rule.step * steps


class LaplaceTable:
    """L_0 and L_1 on a window, for any real offset up to a largest one.

    Args:
        sigma: σ, the standard deviation of the Gaussian, ≥ 0.
        window: where the values are wanted.
        largest: the largest offset.
        device: where the tables lie.
        dtype: in which precision they are.
    """

    def __init__(
        self,
        sigma: float,
        window: Window,
        largest: float,
        device: torch.device,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        # Below this offset L_1 vanishes on the whole window to e^{-tail}.
        rule = window.rule
        self._stride = rule.stride
        self._lowest = -(rule.tail + rule.gauss * sigma) - window.high
        slots = math.ceil((largest + 2 * _SPACING - self._lowest) / rule.step)
        length = (slots + window.count) * rule.stride
        y_0 = window.low + self._lowest
        coefficients = _taylor_coefficients(y_0, length, sigma)
        # By phase: what one window reads is contiguous in memory.
        by_phase = coefficients.unflatten(-1, (-1, rule.stride)).transpose(-1, -2)
        flat = by_phase.to(device, dtype).contiguous().flatten(1)
        # Row `phase · slots of a phase + slot` of each is (−1)^c L_0^(c)/c! on the
        # window from that slot on; rows overlap in memory.
        starts = length - window.count + 1
        self._windows = [c.as_strided((starts, window.count), (1, 1)) for c in flat]
        self._slots = slots + window.count
        self._in_cache = _IN_CACHE if device.type == "cpu" else 2**62

    def __call__(
        self, offset: Float[torch.Tensor, " n"]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """L_0 and L_1 at `nodes + offset`: two arrays of shape (n, count).

        Absolute error below 1e-12 in float64, whatever the rule of the window.
        """
        steps = (offset.double().clamp(min=self._lowest) - self._lowest) / _SPACING
        j = steps.round()
        back = ((j - steps) * _SPACING).unsqueeze(1).to(offset.dtype)
        j = j.long()
        start = j % self._stride * self._slots + j // self._stride
        count = self._windows[0].shape[1]
        L = back.new_empty(2, len(offset), count)
        at_once = max(1, self._in_cache // count)
        for first in range(0, len(offset), at_once):
            part = slice(first, first + at_once)
            self._evaluate(start[part], back[part], L[0, part], L[1, part])
        return L[0], L[1]

    def _evaluate(
        self,
        start: torch.Tensor,
        back: torch.Tensor,
        L_0: torch.Tensor,
        L_1: torch.Tensor,
    ) -> None:
        """Fill in Σ_c (−1)^c L_0^(c)/c! (−ε)^c, and its slope in −ε, by Horner.

        Args:
            start: which rows of the windows.
            back: −ε.
            L_0: where the values go.
            L_1: where the slopes go, −L_0' in ε.
        """
        torch.index_select(self._windows[_DEGREE], 0, start, out=L_0)
        L_1.copy_(L_0)
        coefficient = torch.empty_like(L_0)
        for c in range(_DEGREE - 1, -1, -1):
            if c < _DEGREE - 1:
                torch.addcmul(L_0, L_1, back, out=L_1)
            torch.index_select(self._windows[c], 0, start, out=coefficient)
            torch.addcmul(coefficient, L_0, back, out=L_0)


@lru_cache(maxsize=8)
def table_of(
    sigma: float,
    window: Window,
    largest: float,
    device: torch.device,
    dtype: torch.dtype,
) -> LaplaceTable:
    """The table with these arguments, made once: it knows of no points and no seed.

    It takes longer to make than to use at some hundred points, so estimates of one
    architecture that follow each other share it. A table holds about a megabyte, and
    thirty at the largest logit scale.
    """
    return LaplaceTable(sigma, window, largest, device, dtype)


def laplace_moments(
    y: Float64[torch.Tensor, " size"], sigma: float, orders: int
) -> Float64[torch.Tensor, "orders size"]:
    """L_0, …, L_{orders − 1} at every y, to an absolute error below 1e-15 for m ≤ 2.

    Higher moments, of which only Taylor polynomials are made, reach m^m e^{−m}.

    Args:
        y: any real numbers.
        sigma: σ, the standard deviation of the Gaussian, ≥ 0.
        orders: how many m.
    """
    if sigma < _NARROW:
        parts = [_sum_over_g(part, sigma, orders) for part in y.split(_AT_ONCE)]
        return torch.cat(parts, dim=1)
    u, values = _integrands(orders)
    sums = [
        _density((part[:, None] - u) / sigma) @ values for part in y.split(_AT_ONCE)
    ]
    return _averages_over_u(torch.cat(sums), y, sigma)


def _taylor_coefficients(
    low: float, count: int, sigma: float
) -> Float64[torch.Tensor, "degrees size"]:
    """(−1)^c L_0^(c)(y) / c! at every y of the grid.

    With a_m = (−1)^{c−1} L_m^(c−1)/(c−1)! it is (a_{m+1} − m a_m)/c: each order c asks
    for one m more of the order before.
    """
    L = _moments_on_grid(low, count, sigma, 1 + _DEGREE)
    orders = torch.arange(1 + _DEGREE, dtype=torch.float64)[:, None]
    coefficients = [L[0]]
    for c in range(1, _DEGREE + 1):
        m = orders[: len(L) - 1]
        L = (L[1:] - m * L[:-1]) / c
        coefficients.append(L[0])
    return torch.stack(coefficients)


def _moments_on_grid(
    low: float, count: int, sigma: float, orders: int
) -> Float64[torch.Tensor, "orders size"]:
    """`laplace_moments` at y_j = low + jδ.

    A Gaussian of y_j − u_k depends on j and on how many u lie above u_k by one sum of
    the two alone: a Hankel matrix, of which each number is computed once.
    """
    y = low + _SPACING * torch.arange(count, dtype=torch.float64)
    if sigma < _NARROW:
        return laplace_moments(y, sigma, orders)
    u, values = _integrands(orders)
    stride = round(_U_STEP / _SPACING)
    places = torch.arange(count + stride * (len(u) - 1), dtype=torch.float64)
    density = _density((low - u[-1] + _SPACING * places) / sigma)
    hankel = density.as_strided((count, len(u)), (1, stride))
    downwards = values.flip(0)
    sums = torch.cat([rows @ downwards for rows in hankel.split(_AT_ONCE)])
    return _averages_over_u(sums, y, sigma)


def _sum_over_g(
    y: Float64[torch.Tensor, " size"], sigma: float, orders: int
) -> Float64[torch.Tensor, "orders size"]:
    """E over g in steps of 1/2: where σ is small the Gaussian is the sharper factor."""
    g = torch.arange(-18, 19, dtype=torch.float64) / 2
    # exp(−e^u) is 0 from here on; beyond it e^{mu} would overflow.
    growth = torch.exp((y[:, None] + sigma * g).clamp(max=10.0))
    value, moments = torch.exp(-growth), []
    for _ in range(orders):
        moments.append(value @ _density(g) / 2)
        value = value * growth
    return torch.stack(moments)


def _integrands(
    orders: int,
) -> tuple[Float64[torch.Tensor, " nodes"], Float64[torch.Tensor, "nodes orders"]]:
    """Nodes u in steps of 1/8, and e^{mu} exp(−e^u) there, which vanish at both ends.

    For m = 0 it tends to 1 on the left: there the normal distribution function of −u
    is split off.
    """
    u = _U_STEP * torch.arange(-320, 81, dtype=torch.float64)
    values = torch.stack(
        [torch.exp(m * u - torch.exp(u)) for m in range(orders)], dim=1
    )
    values[:, 0] -= torch.special.ndtr(-u)
    return u, values


def _averages_over_u(
    sums: Float64[torch.Tensor, "size orders"],
    y: Float64[torch.Tensor, " size"],
    sigma: float,
) -> Float64[torch.Tensor, "orders size"]:
    """E over u = y + σg by the trapezoid rule: the same u for all y.

    What was split off for m = 0 has the average of the normal distribution function of
    −y/√(1 + σ²).
    """
    averages = (sums * (_U_STEP / sigma)).T.contiguous()
    averages[0] += torch.special.ndtr(-y / math.sqrt(1 + sigma**2))
    return averages


def _density(g: torch.Tensor) -> torch.Tensor:
    """The standard normal density."""
    return torch.exp(-(g**2) / 2) / math.sqrt(2 * math.pi)
