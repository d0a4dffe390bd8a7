"""Rules for the average over what the logits of one string have of their own.

Given what all strings share, the logits of a row are Gaussian in K − 1 dimensions, and
softmax is averaged over these. Softmax is analytic as long as imaginary parts of
logits differ by less than π, so in few dimensions the trapezoid rule converges
geometrically; in more, two halves of equally distributed points are drawn anew with
each chunk of outer points, the same for all templates. Features from one half times
features from the other have no bias; their differences tell what it is in the mean of
both.

Source: Trefethen & Weideman 2014 for the trapezoid rule; Sobol' 1967 and Matoušek 1998
for digitally shifted nets.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from numerics.deep.averaging import Averaging
from numerics.shapes import Float64

__all__ = ["Nodes", "OwnRule", "ShiftedNets", "TrapezoidRule", "own_rule"]

# Dimensions in which the trapezoid rule is the cheaper one.
_FEW = 2
# Nodes up to which it is: 2^16 in the plane reach to a deviation of 15.
_MOST_NODES = 2**16
# Gaussian mass beyond is 2e-11.
_FAR = 6.7
# Steps at most: the Gaussian itself is then integrated to 3e-11.
_LARGEST_STEP = 0.9
# The error of the rule is e^{−2π² / (step · deviation)}, so 4e-11.
_EXPONENT = 24.0
_BITS = 30


@dataclass(frozen=True, slots=True)
class Nodes:
    """Points z, approximately standard normal, with weights that sum to 1.

    Attributes:
        z: the points.
        weights: the weights.
    """

    z: Float64[np.ndarray, "nodes dimension"]
    weights: Float64[np.ndarray, " nodes"]


@dataclass(frozen=True)
class TrapezoidRule:
    """A grid that does not change from one outer point to the next.

    Args:
        dimension: of z.
        deviation: largest standard deviation of a difference of two logits.
    """

    dimension: int
    deviation: float
    chunk: None = None

    @property
    def _step(self) -> float:
        if not self.deviation:
            return _LARGEST_STEP
        return min(_LARGEST_STEP, 2 * math.pi**2 / (_EXPONENT * self.deviation))

    @property
    def affordable(self) -> bool:
        """Whether there are few nodes enough."""
        return (2 * _FAR / self._step) ** self.dimension <= _MOST_NODES

    @cached_property
    def _nodes(self) -> Nodes:
        step = self._step
        reach = math.ceil(_FAR / step)
        line = np.arange(-reach, reach + 1) * step
        mass = np.exp(-(line**2) / 2)
        grid = np.array(list(itertools.product(line, repeat=self.dimension)))
        weights = np.array(
            [math.prod(w) for w in itertools.product(mass, repeat=self.dimension)]
        )
        near = (grid**2).sum(1) <= _FAR**2
        weights = weights[near] / weights[near].sum()
        return Nodes(grid[near].reshape(len(weights), self.dimension), weights)

    @property
    def count(self) -> int:
        """How many nodes."""
        return len(self._nodes.weights)

    def draw(self) -> tuple[Nodes]:
        """The grid."""
        return (self._nodes,)


@dataclass(frozen=True)
class ShiftedNets:
    """Two independent digital shifts of one net, anew at each draw.

    Args:
        dimension: of z.
        count: points of each half, a power of two.
        generator: of the shifts.
        chunk: outer points that share a draw.
    """

    dimension: int
    count: int
    generator: np.random.Generator
    chunk: int = 32
    _net: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sequence = qmc.Sobol(
            self.dimension, scramble=True, bits=_BITS, rng=self.generator
        )
        net = (sequence.random(self.count) * 2.0**_BITS).astype(np.int64)
        object.__setattr__(self, "_net", net)

    def draw(self) -> tuple[Nodes, Nodes]:
        """Two halves."""
        first, second = (self._half() for _ in range(2))
        return first, second

    def _half(self) -> Nodes:
        shift = self.generator.integers(0, 2**_BITS, self.dimension)
        corners = (self._net ^ shift) * 0.5**_BITS
        return Nodes(
            ndtri(corners + 0.5**_BITS / 2), np.full(self.count, 1 / self.count)
        )


OwnRule = TrapezoidRule | ShiftedNets


def own_rule(dimension: int, deviation: float, averaging: Averaging) -> OwnRule:
    """The rule for logits of so many dimensions.

    Args:
        dimension: of the logits' own part, ≥ 1.
        deviation: largest standard deviation of a difference of two logits.
        averaging: how averages are taken.
    """
    grid = TrapezoidRule(dimension, deviation)
    if dimension <= _FEW and grid.affordable:
        return grid
    return ShiftedNets(dimension, averaging.sizes.own, averaging.generator)
