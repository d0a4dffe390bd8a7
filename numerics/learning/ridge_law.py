"""Ridge regression on template data in closed form.

(K + λI)α = y on strings of which n_i come from template i and no two share a symbol:
with e_i = K_self,i − N_ii + λ and Λ = diag(n_i / e_i) the expected prediction on fresh
symbols misses the labels by (I + NΛ)⁻¹ y, and label noise of standard deviation σ adds
σ² Σ_j H_ij² / n_j with H = NΛ(I + NΛ)⁻¹. Templates with n_i = 0 are predicted too.

With N = GᵀG and B = G Λ^½ = U diag(s) Vᵀ on the templates that occur,

    (I + NΛ)⁻¹ y = Λ^{−½} V diag(1/(1 + s²)) Vᵀ Λ^½ y,
    H = Gᵀ U diag(s/(1 + s²)) Vᵀ Λ^½:

one decomposition for all multiples of the n_i, accurate for eigenvalues far below the
rounding of N.

Without noise, with n_i = n μ_i and one e for all templates, the error is

    Σ_i μ_i [(I + NΛ)⁻¹ y]_i² = Σ_k (e / (e + σ_k))² c_k² / n,

σ_k the eigenvalues of D^½ N D^½ with D = diag(n_i), c_k the parts of D^½ y along its
eigenvectors: it grows with λ. Where the e_i differ, a larger λ makes them more alike
and may lower the error.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numerics.averages.linalg import singular_system
from numerics.shapes import Float64
from symbind_theory.interval import Interval
from symbind_theory.validation import InputError

__all__ = ["Regression", "error_law"]

# The square of more would leave float64.
_MOST_NOISE = 1e100


@dataclass(frozen=True, slots=True)
class Regression:
    """What is learned, and how.

    Attributes:
        labels: y, one for each template.
        weights: μ, the probabilities of the templates in the test error.
        alpha: ridge λ > 0.
        noise: standard deviation of the training labels' noise, ≥ 0.
        unit: what labels and noise were divided by; errors are in its square.
    """

    labels: Float64[np.ndarray, " r"]
    weights: Float64[np.ndarray, " r"]
    alpha: float
    noise: float = 0.0
    unit: float = 1.0

    @classmethod
    def scaled(
        cls,
        labels: Float64[np.ndarray, " r"],
        weights: Float64[np.ndarray, " r"],
        alpha: float,
        noise: float,
    ) -> Regression:
        """The regression in units of the largest label: squares stay within float64.

        Raises:
            InputError: noise beyond 1e100 times the largest label.
        """
        unit = float(np.abs(labels).max())
        # What underflows float64's normal numbers has no unit of its own.
        unit = unit if unit > np.finfo(np.float64).tiny else 1.0
        if noise / unit > _MOST_NOISE:
            raise InputError(
                f"noise is {noise:g}; expected at most {_MOST_NOISE:g} times the "
                f"largest label, {unit:g}"
            )
        return cls(
            labels=labels / unit,
            weights=weights,
            alpha=alpha,
            noise=noise / unit,
            unit=unit,
        )

    def in_units(self, error: float) -> float:
        """A squared error as a multiple of the unit's square."""
        return error / self.unit / self.unit

    def from_units(self, error: float) -> float:
        """The other way round; infinite beyond float64."""
        return error * self.unit * self.unit

    def interval_from_units(self, interval: Interval) -> Interval:
        """An interval of squared errors the other way round."""
        ends = (interval.value, interval.low, interval.high)
        value, low, high = map(self.from_units, ends)
        return Interval(value, low, high, interval.level)


def error_law(
    factor: Float64[np.ndarray, "rows r"],
    excess: Float64[np.ndarray, " r"],
    regression: Regression,
    counts: Float64[np.ndarray, " r"],
) -> Callable[[float], float]:
    """The expected squared error on unseen symbols, as a function of a scale.

    Args:
        factor: G with N = GᵀG.
        excess: K_self − diag N ≥ 0.
        regression: labels, weights, ridge and noise.
        counts: n_i ≥ 0 at scale 1, real numbers.

    Returns:
        scale ↦ Σ_i μ_i [(missed_i)² + variance_i] after scale · n_i strings of each
        template, against the noiseless label.
    """
    labels, weights = regression.labels, regression.weights
    seen = counts > 0
    e = excess[seen] + regression.alpha
    root = np.sqrt(counts[seen] / e)
    left, singular, right = singular_system(factor[:, seen] * root)
    rank = len(singular)
    padded = np.zeros(len(right))
    padded[:rank] = singular
    reach = factor.T @ left[:, :rank]
    scaled = root * labels[seen]
    part = right @ scaled

    def error(scale: float) -> float:
        missed = labels.copy()
        missed[seen] = (part / (1 + scale * padded**2)) @ right / root
        gain = np.sqrt(scale) * singular / (1 + scale * singular**2)
        transfer = (reach * gain) @ right[:rank]
        unseen = transfer[~seen] @ scaled * np.sqrt(scale)
        missed[~seen] = labels[~seen] - unseen
        variance = regression.noise**2 * (transfer**2 / e).sum(1)
        return float(weights @ (missed**2 + variance))

    return error
