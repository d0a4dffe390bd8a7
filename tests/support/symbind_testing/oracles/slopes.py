"""E[φ'(u) φ'(v)] of a Gaussian pair, which tangent kernels need, in closed form.

By Price's theorem it is the derivative of E[φ(u) φ(v)] in the covariance of u and v.
"""

import math

import numpy as np

from numerics import GELU, Cosine, Erf, ReLU


def slope_dual(activation, x, y, c):
    """E[φ'(u) φ'(v)] for variances x, y and covariance c; arrays that broadcast.

    An activation of a test's own has a method `slope_dual`.
    """
    for kind, formula in _FORMULAS.items():
        if isinstance(activation, kind):
            return formula(activation, x, y, c)
    return activation.slope_dual(x, y, c)


def _cosine(activation, x, y, c):
    """b1² ½ [exp(−b1²(x+y−2c)/2) − cos(2 b2) exp(−b1²(x+y+2c)/2)]."""
    square, double = activation.b1**2, math.cos(2 * activation.b2)
    difference = np.exp(-square * np.maximum(x + y - 2 * c, 0.0) / 2)
    total = np.exp(-square * np.maximum(x + y + 2 * c, 0.0) / 2)
    return square * (difference - double * total) / 2


def step_dual(x, y, c):
    """(π − θ)/2π with cos θ = c/√(xy): how likely both are positive.

    θ by its tangent √(xy − c²)/c, which is exact for c = √(xy).
    """
    sine = np.sqrt(np.maximum(x * y - c**2, 0.0))
    return (math.pi - np.arctan2(sine, c)) / (2 * math.pi)


def _relu(activation, x, y, c):
    return step_dual(x, y, c)


def _erf(activation, x, y, c):
    """(4/π) / √((1 + 2x)(1 + 2y) − 4c²): E exp(−u² − v²) is a determinant."""
    return 4 / math.pi / np.sqrt((1 + 2 * x) * (1 + 2 * y) - 4 * c**2)


def _gelu(activation, x, y, c):
    """¼ + [asin(c/√(pq)) + (c + B')/R + B c/R³] / 2π, R² = pq − c², p = 1+x, q = 1+y.

    B = xy − c² + c²/p + c²/q, of which B' = −2c + 2c/p + 2c/q is the derivative.
    """
    p, q = 1 + x, 1 + y
    root = np.sqrt(p * q - c**2)
    b = x * y - c**2 + c**2 / p + c**2 / q
    rate = -2 * c + 2 * c / p + 2 * c / q
    angle = np.arcsin(c / np.sqrt(p * q))
    return 1 / 4 + (angle + (c + rate) / root + b * c / root**3) / (2 * math.pi)


_FORMULAS = {Cosine: _cosine, ReLU: _relu, Erf: _erf, GELU: _gelu}
