"""Guaranteed intervals for inclusion probabilities: the race of `inclusion` in floats.

Arrays are float64 throughout. Importing this module imports numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from symbind_theory.laws.inclusion import check_weights

__all__ = ["enclose_by_race", "enclosed_inclusion"]


def enclosed_inclusion(
    weights: Sequence[Fraction], index: int, count: int, rel_tol: float = 1e-3
) -> tuple[float, float]:
    """An interval that contains P(t, w) for certain, rounding included.

    Args:
        weights: a_u ≥ 0, up to a common factor, at least `count` of them positive; the
            positive ones at least 1e-100 times the largest.
        index: of the token t, whose weight is positive.
        count: number of draws w ≥ 1.
        rel_tol: relative width aimed at for three and more draws; one and two have a
            closed form, whose width is that of rounding.

    Raises:
        InputError: fewer than `count` positive weights.
    """
    check_weights(weights, count)
    if count > 2:
        return enclose_by_race(weights, index, count, rel_tol)
    rate, others = _rates(weights, index)
    rates = np.concatenate([[rate], others])
    value = rate / float(rates.sum())
    if count == 2:
        # S − a_u as a sum of positive numbers, free of cancellation.
        before = np.concatenate([[0.0], np.cumsum(rates)[:-1]])
        after = np.concatenate([np.cumsum(rates[::-1])[-2::-1], [0.0]])
        value *= 1 + float(np.sum(others / (before + after)[1:]))
    # Each sum has relative error V·u, u = 2⁻⁵³; three of them and a few operations.
    return _widened(value, value, 4 * (len(rates) + 10))


def enclose_by_race(
    weights: Sequence[Fraction], index: int, count: int, rel_tol: float = 1e-3
) -> tuple[float, float]:
    """`enclosed_inclusion` by the race, for any number of draws.

    With rates scaled to a_t = 1 and G(x) the probability that fewer than w other tokens
    arrive before time x, P = ∫ e^{−x} G(x) dx. G decreases from 1, so on a grid the sum
    of (e^{−x_i} − e^{−x_{i+1}}) G(x_{i+1}) lies below P and the sum with G(x_i) above
    it, where the last piece reaches to infinity.

    The grid is refined where the two sums differ most. Numpy's exponentials are taken
    to be right to 8 units in the last place.
    """
    rate, others = _rates(weights, index)
    if not len(others):
        return 1.0, 1.0
    others = others / rate
    # e^{−30} is what an interval may lose at the far end: 1e-13, and P ≥ 1e-7 for the
    # heaviest of up to a million tokens.
    grid = np.concatenate([[0.0], 30 * 2.0 ** np.arange(-45, 1)])
    chances = _fewer_arrivals(others, grid, count)
    for goal in (0.1, 0.02, 0.7 * rel_tol, 0.5 * rel_tol, 0.3 * rel_tol):
        excess = -_masses(grid) * np.diff(chances)
        low = float(_masses(grid) @ chances[1:])
        if excess.sum() <= 0.9 * rel_tol * low:
            break
        # Σ excess_i/n_i falls below the goal with fewest cells for n_i ∝ √excess_i.
        roots = np.sqrt(np.maximum(excess, 0))
        pieces = np.ceil(roots * roots.sum() / (goal * max(low, 1e-9)))
        grid = _refined(grid, np.maximum(pieces, 1).astype(int))
        chances = _fewer_arrivals(others, grid, count)
    masses = _masses(grid)
    low = float(masses @ chances[1:])
    high = float(masses @ chances[:-1]) + float(np.exp(-grid[-1]) * chances[-1])
    # A factor of the product below errs by the exponential (8 u), by its exponent (of
    # at most 745, beyond which it is 0, with 4 roundings) and by w sums and products.
    units = len(weights) * (8 + 4 * 745 + 2 * count) + 4 * len(grid) + 200
    return _widened(low, high, units)


def _rates(weights: Sequence[Fraction], index: int) -> tuple[float, np.ndarray]:
    """Weight of the token and the positive ones of the others, the largest being 1."""
    largest = max(weights)
    others = [w for i, w in enumerate(weights) if i != index and w > 0]
    return (
        float(weights[index] / largest),
        np.array([float(weight / largest) for weight in others]),
    )


def _masses(grid: np.ndarray) -> np.ndarray:
    """e^{−x_i} − e^{−x_{i+1}} for neighbours of the grid, without cancellation."""
    return np.exp(-grid[:-1]) * -np.expm1(-np.diff(grid))


def _refined(grid: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """The grid with each cell cut into so many equal pieces."""
    cells = zip(grid[:-1], grid[1:], pieces, strict=True)
    starts = [np.linspace(a, b, n, endpoint=False) for a, b, n in cells]
    return np.unique(np.concatenate([*starts, grid[-1:]]))


# Numbers held at once while arrivals are counted: 8 MB.
_CHUNK = 1_000_000


def _fewer_arrivals(rates: np.ndarray, times: np.ndarray, count: int) -> np.ndarray:
    """For each time, the probability that fewer than `count` tokens arrived.

    The number of arrivals is a sum of independent indicators; its generating function
    Π (e^{−a_u x} + (1 − e^{−a_u x}) z) is multiplied out up to z^{w−1}.
    """
    chances = np.empty(len(times))
    tokens = min(len(rates), 4096)
    step = max(1, _CHUNK // (tokens * count))
    for start in range(0, len(times), step):
        block_of_times = times[start : start + step]
        product = np.ones((1, 1, len(block_of_times)))
        for block in np.split(rates, range(tokens, len(rates), tokens)):
            exponents = block[:, None] * block_of_times
            factors = np.stack([np.exp(-exponents), -np.expm1(-exponents)], axis=1)
            while len(factors) > 1:
                half = len(factors) // 2
                if len(factors) % 2:
                    product = _multiplied(product, factors[-1:], count)
                factors = _multiplied(factors[:half], factors[half : 2 * half], count)
            product = _multiplied(product, factors, count)
        chances[start : start + step] = product[0].sum(axis=0)
    return chances


def _multiplied(one: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """Products of polynomials (second axis: powers), cut off below power `count`."""
    size = min(one.shape[1] + other.shape[1] - 1, count)
    product = np.zeros((one.shape[0], size, one.shape[2]))
    for power in range(min(one.shape[1], size)):
        width = min(other.shape[1], size - power)
        product[:, power : power + width] += one[:, power, None] * other[:, :width]
    return product


def _widened(low: float, high: float, units: int) -> tuple[float, float]:
    """The ends moved outwards by that many roundings, and by what may underflow."""
    slack = 2 * units * 2.0**-53
    tiny = 1e-290
    return max(low * (1 - slack) - tiny, 0.0), min(high * (1 + slack) + tiny, 1.0)
