"""Importance sampling by an inflated Gaussian, for averages that rare points decide.

Of g(z), z ~ N(0, I), the average is that of w g(s_1 z_1, …, s_d z_d) with the weights

    w = Π_j s_j exp(−(s_j² − 1) z_j²/2) ≤ Π_j s_j,

whatever the scales s_j ≥ 1: points lie further out, and count for less where they lie
in the middle. How far out is decided by a model of g before any point is drawn:

    x = min(1, e^L)²,     L ~ N(−m, v),     v = Σ_j v_j,

the square of a softmax weight against one other, whose logits differ by −m on average
and by variance v_j through the coordinate j. With κ_j² = s_j²/(2s_j² − 1) and

    M_p(v) = E min(1, e^L)^p = Φ(−m/√v) + e^{p²v/2 − pm} Φ((m − pv)/√v),

the second moment of one point's contribution, in units of the mean's square, is

    R = E w² x² / (E x)² = Π_j s_j κ_j · M_4(Σ_j κ_j² v_j) / M_2(v)²,

so that n independent points give x to the relative variance (R − 1)/n. At m = 0 the
plain Gaussian has R ≤ 2. As m grows its R tends to e^{4v}: x is then decided at 2√v
standard deviations, where few points lie or none, and neither the average nor its
spread over a few groups of points shows it. There the scales that minimise R are taken;
elsewhere all are 1, which changes no bit.

With u_j = 1 − κ_j², s_j κ_j = (1 − u_j)/√(1 − 2u_j), and at a minimum of R

    u_j / ((1 − u_j)(1 − 2u_j)) = λ v_j     for one λ ≥ 0, that of ∂ log M_4/∂v:

each coordinate is inflated by what x owes to it, and those that x does not depend on
cost nothing. λ = 0 is the plain Gaussian, λ = 8 the exponential e^{4L}.

Source: Hesterberg 1995 on the price of weights; symbind for the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from numerics.shapes import Float64

__all__ = ["Inflation", "inflation_for"]

# λ that are tried.
_MULTIPLIERS = np.arange(1, 321) / 40
# Points are inflated where the model asks for at least this many times the points that
# x at its best would take, and gains this much: what is unlike the model may lose some.
_RARE = 30.0
_GAIN = 3.0


@dataclass(frozen=True, slots=True)
class Inflation:
    """How points are drawn: further out than the standard normal's, with weights.

    Attributes:
        scales: s_j ≥ 1 of each coordinate; shape (d,).
        second_moment: R of the model.
    """

    scales: Float64[np.ndarray, " dimension"]
    second_moment: float

    @property
    def points_needed(self) -> int:
        """Of how many independent points the mean of x varies by its own size at most.

        Means of fewer in each group say nothing of how sure their mean is.
        """
        return math.ceil(min(self.second_moment, 2.0**62))

    @property
    def plain(self) -> bool:
        """Whether points are the standard normal's and all weights are 1."""
        return bool((self.scales == 1.0).all())

    def __call__(
        self, points: Float64[np.ndarray, "n dimension"]
    ) -> tuple[Float64[np.ndarray, "n dimension"], Float64[np.ndarray, " n"]]:
        """Points further out, and the square roots √w of their weights.

        Args:
            points: standard normal vectors.
        """
        s = self.scales
        log_w = np.log(s).sum() - points**2 @ (s**2 - 1) / 2
        return s * points, np.exp(log_w / 2)


def inflation_for(
    variances: Float64[np.ndarray, " dimension"], offset: float
) -> Inflation:
    """The inflation for softmax weights that the model describes.

    >>> inflation_for(np.array([2.0]), 0.0).plain
    True
    >>> inflation_for(np.array([2.0, 0.0]), 12.0).scales.round(1).tolist()
    [3.1, 1.0]

    Args:
        variances: v_j, what each coordinate of a point adds to the variance of a
            difference of logits, ≥ 0.
        offset: m ≥ 0, by how much the logit lies below the other's on average.
    """
    plain = Inflation(np.ones_like(variances), _second_moment(variances, 0.0, offset))
    moments = [_second_moment(variances, t, offset) for t in _MULTIPLIERS.tolist()]
    best = int(np.argmin(moments))
    if plain.second_moment < max(_RARE, _GAIN * moments[best]):
        return plain
    u = _moved(_MULTIPLIERS[best] * variances)
    return Inflation(np.sqrt((1 - u) / (1 - 2 * u)), moments[best])


def _moved(g: Float64[np.ndarray, " dimension"]) -> Float64[np.ndarray, " dimension"]:
    """u with u = g (1 − u)(1 − 2u), between 0 and 1/2."""
    b = 3 * g + 1
    return 2 * g / (b + np.sqrt(b**2 - 8 * g**2))


def _second_moment(
    variances: Float64[np.ndarray, " dimension"], multiplier: float, offset: float
) -> float:
    """R for the scales of one λ; infinite where it leaves float64."""
    u = _moved(multiplier * variances)
    price = float((np.log1p(-u) - np.log1p(-2 * u) / 2).sum())
    square = _log_moment(4, float(variances @ (1 - u)), offset)
    mean = _log_moment(2, float(variances.sum()), offset)
    with np.errstate(over="ignore"):
        return float(np.exp(price + square - 2 * mean))


def _log_moment(p: int, variance: float, offset: float) -> float:
    """log M_p."""
    if variance == 0:
        return -p * offset
    deviation = np.sqrt(variance)
    tail = log_ndtr(-offset / deviation)
    below = log_ndtr((offset - p * variance) / deviation)
    return float(np.logaddexp(tail, p**2 * variance / 2 - p * offset + below))
