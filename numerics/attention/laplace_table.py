"""Tables for the Laplace-transform quadrature of the inner stage.

    L_m(y) = E[e^{m(y + σg)} exp(−e^{y + σg})],   g ~ N(0, 1),   m = 0, 1

on windows of equally spaced nodes. An integral built from them averages
∫ e^τ S exp(−S e^τ) dτ = Γ(1) over S > 0, and the trapezoid rule with step h misses each
of these by at most 2 |Γ(1 + iω)| (1 + …), ω = 2π/h (Poisson summation): a relative
error of 4e-13.

Source: symbind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from numerics.shapes import Float, Float64

__all__ = ["STEP", "LaplaceTable", "Window", "laplace_moments"]

# e^{-30} = 1e-13: where the integrand's exponential tails are cut.
_TAIL = 30.0
# exp(-e^{3.5}) = 4e-15: where its double-exponential tail is cut.
_EDGE = 3.5
# A Gaussian leaves [-7.5, 7.5] with probability 6e-14.
_GAUSS = 7.5
# The tables hold L_m and derivatives at this spacing; a Taylor polynomial of degree 5
# around the nearest node is off by (1/128)^6/720 times the sixth derivative: < 1e-12.
_SPACING = 1 / 64
_DEGREE = 5
# Nodes of the integral lie this many table nodes apart.
_STRIDE = 20

# Numbers that stay in a core's cache from one coefficient to the next.
_IN_CACHE = 2**16

STEP = _STRIDE * _SPACING
"""h, the distance of the nodes: 0.3125."""


@dataclass(frozen=True, slots=True)
class Window:
    """Equally spaced nodes τ on which an integral for 1/S lives.

    Attributes:
        low: the first node.
        count: how many.
    """

    low: float
    count: int

    @classmethod
    def of(cls, keys: int, sigma: float, shift: float = 0.0) -> Window:
        """The window for S a sum of exponentials.

        Args:
            keys: number of exponentials K.
            sigma: standard deviation of their logits, the largest of which is 0 on
                average.
            shift: what may besides move some of the logits up, or all of them down.
        """
        low = -(_TAIL + math.log(keys) + _GAUSS * sigma + max(shift, 0.0))
        high = _EDGE + _GAUSS * sigma - min(shift, 0.0)
        return cls(low, math.ceil((high - low) / STEP) + 1)

    def widened(self, nodes: int) -> Window:
        """The window with so many nodes more at either end."""
        return Window(self.low - nodes * STEP, self.count + 2 * nodes)

    @property
    def high(self) -> float:
        """The last node."""
        return self.low + (self.count - 1) * STEP

    def nodes(self, device: torch.device) -> Float64[torch.Tensor, " count"]:
        """τ."""
        steps = torch.arange(self.count, dtype=torch.float64, device=device)
        return self.low + STEP * steps


class LaplaceTable:
    """L_0 and L_1 on a window, for any real offset up to a largest one.

    Args:
        sigma: standard deviation of the Gaussian, ≥ 0.
        window: where the values are wanted.
        largest: largest offset.
        device: where the tables lie.
        dtype: of the tables.
    """

    def __init__(
        self,
        sigma: float,
        window: Window,
        largest: float,
        device: torch.device,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        # Below this offset L_1 vanishes on the whole window to e^{-_TAIL}.
        self._lowest = -(_TAIL + _GAUSS * sigma) - window.high
        slots = math.ceil((largest + 2 * _SPACING - self._lowest) / STEP)
        length = (slots + window.count) * _STRIDE
        grid = (window.low + self._lowest) + _SPACING * torch.arange(
            length, dtype=torch.float64
        )
        taylor = _taylor_coefficients(grid, sigma)
        # Row (phase, slot) of the strided view is one window, contiguous in memory.
        phases = taylor.unflatten(-1, (-1, _STRIDE)).transpose(-1, -2).contiguous()
        self._in_cache = _IN_CACHE if device.type == "cpu" else 2**62
        self._windows = phases.to(device, dtype).unfold(-1, window.count, 1)

    def __call__(
        self, offset: Float[torch.Tensor, " n"]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """L_0 and L_1 at `nodes + offset`: two arrays of shape (n, count).

        Absolute error below 1e-12 in float64.
        """
        place = (offset.double().clamp(min=self._lowest) - self._lowest) / _SPACING
        nearest = place.round()
        remainder = ((place - nearest) * _SPACING).unsqueeze(1).to(offset.dtype)
        index = nearest.long()
        slot, phase = index // _STRIDE, index % _STRIDE
        count = self._windows.shape[-1]
        values = remainder.new_empty(2, len(offset), count)
        at_once = max(1, self._in_cache // count)
        for start in range(0, len(offset), at_once):
            part = slice(start, start + at_once)
            rows = phase[part], slot[part]
            for windows, into in zip(self._windows, values[:, part], strict=True):
                total = windows[_DEGREE][rows]
                for coefficient in range(_DEGREE - 1, 0, -1):
                    total.mul_(remainder[part]).add_(windows[coefficient][rows])
                torch.addcmul(windows[0][rows], total, remainder[part], out=into)
        return values[0], values[1]


def laplace_moments(
    y: Float64[torch.Tensor, " size"], sigma: float, orders: int
) -> Float64[torch.Tensor, "orders size"]:
    """L_0, …, L_{orders − 1} at every y, to an absolute error below 1e-15 for m ≤ 2.

    Higher moments, of which only Taylor polynomials are made, reach m^m e^{−m}.

    Args:
        y: any real numbers.
        sigma: standard deviation of the Gaussian, ≥ 0.
        orders: how many m.
    """
    moments = _narrow if sigma < 0.5 else _wide
    return torch.cat([moments(part, sigma, orders) for part in y.split(4096)], dim=1)


def _taylor_coefficients(
    grid: Float64[torch.Tensor, " size"], sigma: float
) -> Float64[torch.Tensor, "2 degrees size"]:
    """L_m^(c)(y) / c! for m = 0, 1 at every y of the grid.

    Derivatives follow from L_m' = m L_m − L_{m+1}.
    """
    current = laplace_moments(grid, sigma, 2 + _DEGREE)
    orders = torch.arange(2 + _DEGREE, dtype=torch.float64)[:, None]
    coefficients = [current[:2]]
    for c in range(1, _DEGREE + 1):
        m = orders[: len(current) - 1]
        current = (m * current[:-1] - current[1:]) / c
        coefficients.append(current[:2])
    return torch.stack(coefficients, dim=1)


def _narrow(
    y: Float64[torch.Tensor, " size"], sigma: float, orders: int
) -> Float64[torch.Tensor, "orders size"]:
    """A sum over g in steps of 1/2: the Gaussian is the sharper factor."""
    g = torch.arange(-18, 19, dtype=torch.float64) / 2
    density = torch.exp(-(g**2) / 2) / (2 * math.sqrt(2 * math.pi))
    # exp(−e^u) is 0 from here on; beyond it e^{mu} would overflow.
    u = (y[:, None] + sigma * g).clamp(max=10.0)
    decay = torch.exp(u)
    return torch.stack([torch.exp(m * u - decay) @ density for m in range(orders)])


def _wide(
    y: Float64[torch.Tensor, " size"], sigma: float, orders: int
) -> Float64[torch.Tensor, "orders size"]:
    """One product with values at fixed u = y + σg in steps of 1/8.

    e^{mu} exp(−e^u) vanishes at both ends for m ≥ 1. For m = 0 it tends to 1 on the
    left: there the normal distribution function, whose average is known, is split off.
    """
    u = torch.arange(-320, 81, dtype=torch.float64) / 8
    values = torch.stack(
        [torch.exp(m * u - torch.exp(u)) for m in range(orders)], dim=1
    )
    values[:, 0] -= torch.special.ndtr(-u)
    gauss = torch.exp(-(((u - y[:, None]) / sigma) ** 2) / 2)
    averages = (gauss @ values / (8 * sigma * math.sqrt(2 * math.pi))).T
    averages[0] += torch.special.ndtr(-y / math.sqrt(1 + sigma**2))
    return averages
