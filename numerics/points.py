"""Points for the outer average: independent streams of standard normal vectors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from numerics.shapes import Float64
from symbind_theory.validation import positive_integer

__all__ = ["PseudoRandomPoints"]


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
        positive_integer("dimension", self.dimension)
        positive_integer("seed", self.seed, low=0)
        positive_integer("replication", self.replication, low=0)
        sequence = np.random.SeedSequence(self.seed, spawn_key=(self.replication,))
        object.__setattr__(self, "_generator", np.random.default_rng(sequence))

    def draw(self, count: int) -> Float64[np.ndarray, "count dimension"]:
        """The next `count` vectors of the stream."""
        return self._generator.standard_normal((count, self.dimension))
