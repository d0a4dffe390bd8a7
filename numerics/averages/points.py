"""Points for the outer average: independent streams of standard normal vectors.

Source: Sobol' 1967, Owen 1995 and Matoušek 1998 for scrambled nets: an average over n
points errs by about n^{−1} to n^{−3/2} in place of n^{−1/2} where it is smooth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from numerics.shapes import Float64
from symbind_theory.validation import InputError, positive_integer

__all__ = ["POINTS", "Points", "PseudoRandomPoints", "SobolPoints"]


@runtime_checkable
class Points(Protocol):
    """One stream of standard normal vectors."""

    def draw(self, count: int) -> Float64[np.ndarray, "count dimension"]:
        """The next `count` vectors of the stream."""
        ...


@dataclass(frozen=True, slots=True)
class PseudoRandomPoints:
    """One stream of i.i.d. standard normal vectors.

    Draws are nested: `draw(m)` then `draw(n)` gives the rows of one `draw(m + n)`.
    Streams with different (seed, replication) are independent. Bits depend on these
    numbers alone, not on the device or the number of threads.

    Args:
        dimension: length of each vector, ≥ 1.
        seed: ≥ 0.
        replication: which of the independent streams of that seed, ≥ 0.
    """

    dimension: int
    seed: int
    replication: int = 0
    _generator: np.random.Generator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        generator = _generator(self.dimension, self.seed, self.replication)
        object.__setattr__(self, "_generator", generator)

    def draw(self, count: int) -> Float64[np.ndarray, "count dimension"]:
        """The next `count` vectors of the stream."""
        return self._generator.standard_normal((count, self.dimension))


# Points lie in the middle of cells of this size: 2^{−53} and 1 − 2^{−53} are the
# extreme ones, 8.2 standard deviations out, and both are float64 numbers.
_BITS = 52


@dataclass(frozen=True, slots=True)
class SobolPoints:
    """One scrambled Sobol' sequence, each coordinate carried to a standard normal.

    Draws are nested: `draw(m)` then `draw(n)` gives the rows of one `draw(m + n)`. The
    first 2^m vectors are the most even. Scramblings with different (seed, replication)
    are independent, and each vector by itself is standard normal.

    Args:
        dimension: length of each vector, from 1 to 21 201.
        seed: ≥ 0.
        replication: which of the independent scramblings of that seed, ≥ 0.

    Raises:
        InputError: a dimension beyond the tables of direction numbers.
    """

    dimension: int
    seed: int
    replication: int = 0
    _sequence: qmc.Sobol = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        generator = _generator(self.dimension, self.seed, self.replication)
        if self.dimension > qmc.Sobol.MAXDIM:
            raise InputError(
                f"the shared randomness has {self.dimension} dimensions; expected at "
                f"most {qmc.Sobol.MAXDIM} for Sobol' points: use method 'mc'"
            )
        sequence = qmc.Sobol(self.dimension, scramble=True, bits=_BITS, rng=generator)
        object.__setattr__(self, "_sequence", sequence)

    def draw(self, count: int) -> Float64[np.ndarray, "count dimension"]:
        """The next `count` vectors of the stream."""
        corners = np.empty((count, self.dimension))
        done = 0
        while done < count:
            # In steps that the sequence's own balance asks for: powers of two.
            step = 1 << ((count - done).bit_length() - 1)
            corners[done : done + step] = self._sequence.random(step)
            done += step
        return ndtri(corners + 0.5**_BITS / 2)


POINTS = {"rqmc": SobolPoints, "mc": PseudoRandomPoints}
"""How outer points are drawn, by the name of the method."""


def _generator(dimension: int, seed: int, replication: int) -> np.random.Generator:
    positive_integer("dimension", dimension)
    positive_integer("seed", seed, low=0)
    positive_integer("replication", replication, low=0)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(replication,)))
