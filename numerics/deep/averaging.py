"""How the averages of a run through all blocks are taken."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from numerics.averages.points import POINTS, Points

__all__ = ["Averaging", "Sizes"]

# Streams of points that one block takes.
_STREAMS = 2


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many points each average takes; all powers of two.

    Attributes:
        shared: for what strings of all templates share.
        own: for what a string has of its own, each half, where halves are drawn.
        within: for what one string has.
    """

    shared: int
    own: int
    within: int

    @classmethod
    def of(cls, shared: int) -> Sizes:
        """Sizes whose errors are about alike, and fall as `shared` grows.

        Averages within one string have few dimensions and take little time. With 32
        points or fewer what is own is drawn once: then twice as many points.
        """
        return cls(shared, min(2 * shared, max(64, shared // 4)), 4 * shared)


@dataclass(frozen=True, slots=True)
class Averaging:
    """The points of one block of one run.

    Attributes:
        sizes: how many.
        seed: of all points.
        method: how they are drawn, "rqmc" or "mc".
        device: where averages are computed.
        block: which of the seed's independent blocks of points, over all runs.
    """

    sizes: Sizes
    seed: int
    method: str
    device: torch.device
    block: int = 0

    def of_block(self, block: int) -> Averaging:
        """With the points of another block."""
        return replace(self, block=block)

    def shared(self, dimension: int) -> Points:
        """Points for what strings of all templates share."""
        return POINTS[self.method](dimension, self.seed, _STREAMS * self.block)

    def within(self, dimension: int) -> Points:
        """Points for what one string has, the same for each."""
        return POINTS[self.method](dimension, self.seed, _STREAMS * self.block + 1)

    @property
    def generator(self) -> np.random.Generator:
        """For what a string has of its own, where halves are drawn."""
        # A key of two numbers: streams of points have one.
        key = np.random.SeedSequence(self.seed, spawn_key=(self.block, 0))
        return np.random.default_rng(key)
