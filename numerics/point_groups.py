"""Averages over independent groups of points, as triangular factors.

The attention features of all templates at all points of a group are the rows of one
tall matrix F, with C = FᵀF / count. Keeping the triangular factor of its QR
decomposition instead of C halves the digits lost: distances between columns stay
accurate however small they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from numerics.conditional_softmax import ConditionalSoftmax
from numerics.options import CHUNK_NUMBERS, GROUPS
from numerics.points import POINTS
from numerics.shapes import Float64

__all__ = ["PointGroups"]


class PointGroups:
    """Running averages over every group of points, side by side.

    Attributes:
        count: points in each group so far.
        defect: the largest defect of the inner stage so far.
    """

    def __init__(self, inner: ConditionalSoftmax, seed: int, method: str) -> None:
        self._inner = inner
        self._streams = [
            POINTS[method](inner.dimension, seed, index) for index in range(GROUPS)
        ]
        most = max(1, CHUNK_NUMBERS // (GROUPS * inner.numbers_per_point))
        # A power of two, as quasi-random points come.
        self._chunk = 1 << (most.bit_length() - 1)
        r = len(inner.templates)
        zeros = partial(torch.zeros, dtype=torch.float64, device=inner.device)
        self._factor = zeros(GROUPS, r, r)
        self.count = 0
        self.defect = 0.0

    def extend(self, size: int, report: Callable[[int], None]) -> None:
        """Bring each group to `size` points; `report` gets the points in all groups."""
        while self.count < size:
            step = min(self._chunk, size - self.count)
            points = np.concatenate([stream.draw(step) for stream in self._streams])
            result = self._inner(torch.from_numpy(points).to(self._inner.device))
            # One row of the factorised matrix for each (point, coordinate) of a group.
            rows = result.features.unflatten(0, (GROUPS, step)).transpose(2, 3)
            stacked = torch.cat([self._factor, rows.flatten(1, 2)], dim=1)
            self._factor = torch.linalg.qr(stacked, mode="r").R
            self.defect = max(self.defect, result.defect)
            self.count += step
            report(GROUPS * self.count)

    def factors(self) -> Float64[np.ndarray, "groups distinct distinct"]:
        """For each group a triangular R with C = RᵀR over its points so far."""
        return self._factor.cpu().numpy() / math.sqrt(self.count)
