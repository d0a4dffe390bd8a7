"""Moments of softmax over two keys: sigmoids of Gaussians, by deterministic rules.

Softmax of the logits (m_1, m_2) is (½ + h/2, ½ − h/2) with h = tanh(U/2) and
U = m_1 − m_2; its derivative in U is v = (1 − h²)/4. The poles of both lie at ±iπ,
±3iπ, …, whatever the variance of U: where U varies faster than the standard normal that
it is made of, the rules below take their steps in units of U.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import erf

# Beyond nine deviations lies 1e-19 of a Gaussian, times what is at most 1.
_REACH = 9.0
# Up to this deviation nodes are spaced in the normal, beyond in the logit.
_NARROW = 2.0


@dataclass(frozen=True)
class Logit:
    """A difference of two logits, Gaussian.

    Attributes:
        mean: of the difference.
        variance: ≥ 0.
    """

    mean: float
    variance: float


@lru_cache(maxsize=200_000)
def mean_tanh(logit, refine=1):
    """E h."""
    return float(_smoothed(np.array([logit.mean]), logit.variance, refine)[0][0])


@lru_cache(maxsize=200_000)
def product_moments(first, second, covariance, refine=1):
    """(E h h', E v v') of two differences of logits that are jointly Gaussian.

    U = m + √x z and V = m' + (c/√x) z + √(y − c²/x) z', z and z' independent. Where the
    two are one variable the last root is 0 up to rounding ε under it, which moves what
    is averaged over z' by ε, not by √ε.

    Args:
        first: U.
        second: V.
        covariance: c of the two, |c| ≤ √(xy).
        refine: how many times the nodes of the plain rule, in every panel and step.
    """
    deviation = math.sqrt(first.variance)
    slope = covariance / deviation if deviation > 0 else 0.0
    own = max(0.0, second.variance - slope**2)
    z, weights = _panels(
        ((first.mean, deviation), (second.mean, slope)), nodes=12 * refine
    )
    h = np.tanh((first.mean + deviation * z) / 2)
    others = _smoothed(second.mean + slope * z, own, refine)
    return (
        float(weights @ (h * others[0])),
        float(weights @ ((1 - h**2) / 4 * others[1])),
    )


def _panels(lines, nodes):
    """Gauss-Legendre nodes for a standard normal, dense where a line crosses zero.

    Panels at the zero of m + s z have the length 2/|s|, and double away from it:
    however steep the line, poles of h are farther from a panel's middle than three
    times its half-length.
    """
    edges = [np.linspace(-_REACH, _REACH, 13)]
    for mean, slope in lines:
        if slope:
            farthest = abs(mean) + _REACH * abs(slope)
            steps = 2.0 ** np.arange(1, 2 + max(0, math.ceil(math.log2(farthest))))
            edges.append((np.concatenate([-steps, [0.0], steps]) - mean) / slope)
    edges = np.unique(np.clip(np.concatenate(edges), -_REACH, _REACH))
    x, w = _legendre(nodes)
    half = np.diff(edges)[:, None] / 2
    z = (edges[:-1, None] + half * (1 + x)).ravel()
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return z, (half * w).ravel() * density


@lru_cache
def _legendre(nodes):
    return np.polynomial.legendre.leggauss(nodes)


def _smoothed(means, variance, refine):
    """E h and E v at U ~ N(mean, variance), for an array of means.

    Narrow laws: the trapezoid rule in the normal. Wide ones: v is also the density of
    a logistic λ, so that E h = E erf((m − λ)/√2x) and E v is the density at m of λ plus
    a normal of variance x, both by the trapezoid rule in λ. Errors are
    e^{−2π (pole) / step}, 1e-17.
    """
    deviation = math.sqrt(variance)
    if deviation <= _NARROW:
        z = _grid(_REACH, 0.25 / refine)
        weights = np.exp(-(z**2) / 2)
        h = np.tanh((means[:, None] + deviation * z) / 2)
        v = (1 - h**2) / 4
    else:
        z = _grid(40.0, 0.5 / refine)
        weights = 1 / np.cosh(z / 2) ** 2
        away = (means[:, None] - z) / deviation
        h = erf(away / math.sqrt(2))
        v = np.exp(-(away**2) / 2) / (math.sqrt(2 * math.pi) * deviation)
    weights = weights / weights.sum()
    return h @ weights, v @ weights


def _grid(reach, step):
    return np.arange(-round(reach / step), round(reach / step) + 1) * step
