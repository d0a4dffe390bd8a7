"""A user's own activation, by Gauss–Hermite quadrature with its error.

Source: Gauss–Hermite rules; Mehler's formula for the dual.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.special import roots_hermitenorm

from numerics.activations import Matrix, Series, Vector
from numerics.shapes import Float64
from symbind_theory.validation import InputError, positive_integer, shorten

__all__ = ["CustomActivation"]

# Orders up to which two rules are compared; higher ones are damped by the kernel.
_COMPARED = 64


@dataclass(frozen=True, slots=True)
class CustomActivation:
    """φ given as a function of arrays.

    Coefficients come from a rule of 2·`nodes` nodes; `quadrature_error` estimates their
    error from two coarser rules. For an analytic φ that is close to rounding; a kink or
    a jump leaves 1e-1 to 1e-4, which widens every interval and may leave small
    eigenvalues unresolved. It is an estimate and no bound: for a φ with jumps prefer
    closed forms of your own (`Activation`).

    >>> import numpy as np
    >>> smooth = CustomActivation(np.tanh)
    >>> kink = CustomActivation(np.abs)
    >>> smooth.quadrature_error(np.ones(1)) < 1e-6 < kink.quadrature_error(np.ones(1))
    True

    Attributes:
        function: φ on float64 arrays, elementwise, finite.
        name: shown in reports.
        nodes: half the size of the rule that coefficients come from, from 8 to 256.

    Raises:
        InputError: `nodes` out of range, or a function that does not return one finite
            number for each argument.
    """

    function: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    name: str = "custom"
    nodes: int = 128

    def __post_init__(self) -> None:
        if positive_integer("nodes", self.nodes, low=8) > 256:
            raise InputError(f"nodes is {self.nodes}; expected at most 256")
        self._values(np.linspace(-40.0, 40.0, 9))

    @property
    def constant(self) -> bool:
        """Whether φ takes one value on the nodes of its rule."""
        values = self._values(_rule(2 * self.nodes)[0])
        return bool(np.ptp(values) == 0)

    def dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """Σ_n of coefficients at x times those at y times (c / √(xy))ⁿ."""
        correlation = np.clip(c / np.sqrt(x * y), -1.0, 1.0)
        first, second = (
            self.hermite(v.ravel(), 2 * self.nodes).reshape(-1, *v.shape)
            for v in (np.asarray(x), np.asarray(y))
        )
        power, total = np.ones_like(correlation), np.zeros_like(correlation)
        for one, other in zip(first, second, strict=True):
            total = total + one * other * power
            power = power * correlation
        return total

    def hermite(self, d: Vector, orders: int) -> Series:
        """The coefficients that the finer rule gives; 0 from its degree on."""
        return self._coefficients(d, orders, 2 * self.nodes)

    def quadrature_error(self, d: Vector) -> float:
        """Twice the largest distance, over d, of two coarser rules from it."""
        orders = min(_COMPARED, self.nodes)
        fine = self._coefficients(d, orders, 2 * self.nodes)
        coarser = (self.nodes, 3 * self.nodes // 2)
        apart = [fine - self._coefficients(d, orders, nodes) for nodes in coarser]
        return float(2 * np.sqrt((np.array(apart) ** 2).sum(1)).max())

    def _coefficients(self, d: Vector, orders: int, nodes: int) -> Series:
        places, polynomials = _rule(nodes)
        values = self._values(places[:, None] * np.sqrt(d))
        # One product for each d, so that it rounds alike in whatever company.
        columns = np.ascontiguousarray(values.T)[:, :, None]
        known = (polynomials[:orders] @ columns)[:, :, 0].T
        return np.concatenate([known, np.zeros((orders - len(known), len(d)))])

    def _values(self, t: np.ndarray) -> np.ndarray:
        values = np.asarray(self.function(t), dtype=np.float64)
        if values.shape != t.shape or not np.isfinite(values).all():
            raise InputError(
                f"function {shorten(self.function)} of an array of shape {t.shape} "
                f"gave shape {values.shape}; expected one finite number for each entry"
            )
        return values


@lru_cache(maxsize=8)
def _rule(
    nodes: int,
) -> tuple[Float64[np.ndarray, " nodes"], Float64[np.ndarray, "nodes nodes"]]:
    """Nodes, and He_n / √n! there times the weights, for every n below `nodes`."""
    places, weights = roots_hermitenorm(nodes)
    weights = weights / weights.sum()
    rows = [np.ones_like(places), places]
    for n in range(1, nodes - 1):
        ahead = places * rows[-1] - math.sqrt(n) * rows[-2]
        rows.append(ahead / math.sqrt(n + 1))
    return places, np.stack(rows) * weights
