"""Averages over independent groups of points, as triangular factors.

The attention features of all templates at all points of a group are the rows of one
tall matrix F, with C = FᵀF / count. Keeping the triangular factor of its QR
decomposition instead of C halves the digits lost: distances between columns stay
accurate however small they are. Where self values are sampled, each group draws its
own, from points of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from numerics.attention.conditional_softmax import (
    ConditionalFeatures,
    ConditionalSoftmax,
)
from numerics.attention.self_value_sampling import MeanReadout
from numerics.averages.inflation import Inflation
from numerics.averages.jackknife import GROUPS
from numerics.averages.linalg import triangle
from numerics.averages.points import POINTS, Points
from numerics.averages.replications import map_replications
from numerics.devices import chunk_numbers
from numerics.shapes import Float64

__all__ = ["InflatedFeatures", "PointGroups"]


@dataclass(frozen=True, slots=True)
class _Group:
    """One independent stream of points, and what came of it so far.

    Attributes:
        points: the stream for the features.
        factor: R with RᵀR = Σ over the points of the features' products, weighted and
            less the mean features where points are inflated.
        count: how many points.
        defect: the largest defect of the inner stage.
        own_points: the stream for the self values, where they are sampled.
        own_total: their sum over as many points.
    """

    points: Points
    factor: Float64[np.ndarray, "r r"]
    count: int = 0
    defect: float = 0.0
    own_points: Points | None = None
    own_total: Float64[np.ndarray, " strings"] | None = None


@dataclass(frozen=True, slots=True)
class InflatedFeatures:
    """Features where points are drawn further out than the Gaussian that is averaged.

    With the mean E f known, C = (E f)ᵀ E f + E w (f − E f)ᵀ (f − E f): typical points
    have f ≈ E f there, and weights are not noise in what they know.

    Attributes:
        inflation: how far out, and at which weights.
        means: E f; shape (coordinates, r).
    """

    inflation: Inflation
    means: Float64[np.ndarray, "coordinates r"]


class PointGroups:
    """Running averages over every group of points, side by side.

    Args:
        inner: features at given points.
        own: self values at given points; None where they are known.
        seed: equal seeds give equal points in all groups.
        method: how points are drawn.
        inflated: what changes where rare points decide; None for plain points.

    Attributes:
        count: points in each group so far.
        defect: the largest defect of the inner stage so far.
    """

    def __init__(
        self,
        inner: ConditionalSoftmax,
        own: MeanReadout | None,
        seed: int,
        method: str,
        inflated: InflatedFeatures | None = None,
    ) -> None:
        self._inner, self._own, self._inflated = inner, own, inflated
        # Tables are built when first used: once here, not once in each replication.
        inner(torch.zeros(1, inner.dimension, dtype=torch.float64))
        r, draw = len(inner.templates), POINTS[method]
        self._groups = [
            _Group(points=draw(inner.dimension, seed, index), factor=np.zeros((r, r)))
            for index in range(GROUPS)
        ]
        if own is not None:
            self._groups = [
                replace(
                    group,
                    own_points=draw(own.dimension, seed, GROUPS + index),
                    own_total=np.zeros(own.strings),
                )
                for index, group in enumerate(self._groups)
            ]
        self.count = 0

    @property
    def feature_errors(self) -> int:
        """How many errors of a feature, in norm, a column of the factors has at most.

        Inflated, there are that of the mean features, and those of what is left of the
        features without them.
        """
        return 1 if self._inflated is None else 3

    @property
    def defect(self) -> float:
        """The largest defect of the inner stage so far."""
        return max(group.defect for group in self._groups)

    def extend(self, size: int, report: Callable[[int], None]) -> None:
        """Bring each group to `size` points; `report` gets the points in all groups."""
        task = partial(_extend, self._inner, self._own, self._inflated, size)
        before, done = self.count, []
        numbers = (size - before) * self._inner.numbers_per_point
        device = self._inner.device
        for group in map_replications(task, self._groups, device, numbers):
            done.append(group)
            report(GROUPS * before + len(done) * (size - before))
        self._groups, self.count = done, size

    def factors(self) -> Float64[np.ndarray, "groups distinct distinct"]:
        """For each group R with C = RᵀR over its points so far."""
        factors = np.stack([group.factor for group in self._groups])
        factors /= math.sqrt(self.count)
        if self._inflated is None:
            return factors
        means = self._inflated.means
        means = np.broadcast_to(means, (len(factors), *means.shape))
        return triangle(np.concatenate([factors, means], axis=1))

    def self_values(self) -> Float64[np.ndarray, "groups strings"]:
        """For each group the averages of the sampled self values."""
        totals = [g.own_total for g in self._groups if g.own_total is not None]
        return np.stack(totals) / self.count


def _extend(
    inner: ConditionalSoftmax,
    own: MeanReadout | None,
    inflated: InflatedFeatures | None,
    size: int,
    group: _Group,
) -> _Group:
    """The group with `size` points."""
    most = max(1, chunk_numbers(inner.device) // inner.numbers_per_point)
    if own is not None:
        most = max(1, min(most, chunk_numbers(inner.device) // (4 * own.dimension)))
    # A power of two, as quasi-random points come.
    chunk = 1 << (most.bit_length() - 1)
    factor = torch.from_numpy(group.factor).to(inner.device)
    count, defect, own_total = group.count, group.defect, group.own_total
    while count < size:
        step = min(chunk, size - count)
        result = _features(inner, inflated, group.points.draw(step))
        # One row of the factorised matrix for each (point, coordinate).
        rows = result.features.double().transpose(1, 2).flatten(0, 1)
        factor = torch.linalg.qr(torch.cat([factor, rows]), mode="r").R
        defect = max(defect, result.defect)
        if own is not None and group.own_points is not None:
            points = torch.from_numpy(group.own_points.draw(step)).to(inner.device)
            own_total = own_total + own(points)
        count += step
    return replace(
        group,
        factor=factor.cpu().numpy(),
        count=count,
        defect=defect,
        own_total=own_total,
    )


def _features(
    inner: ConditionalSoftmax,
    inflated: InflatedFeatures | None,
    points: Float64[np.ndarray, "n dimension"],
) -> ConditionalFeatures:
    """The features at points; √w (f − E f) where these are inflated."""
    if inflated is None:
        return inner(torch.from_numpy(points))
    moved, root_w = inflated.inflation(points)
    result = inner(torch.from_numpy(moved))
    f = result.features.double()
    means = torch.from_numpy(inflated.means.T.copy()).to(f)
    weighted = torch.from_numpy(root_w).to(f)[:, None, None] * (f - means)
    return ConditionalFeatures(weighted, result.defect)
