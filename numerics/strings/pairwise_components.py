"""Components between single patterns and others, whoever else is asked for.

`component_gram` takes all patterns of the training strings together, so that what it
returns is a Gram matrix to the last bit. Strings that come later need entries between
their pattern and those of the training strings alone, and such an entry must not depend
on which other strings came with it, nor before it. Here the points are the same, but
features of each side come from a call of their own and products of each pair from a
matrix product of its own, over chunks of one size.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import factorial

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.averages.group_means import averaged
from numerics.averages.jackknife import GROUPS
from numerics.averages.points import SobolPoints
from numerics.averages.replications import map_replications
from numerics.shapes import Float64
from numerics.strings.component_features import ComponentFeatures
from numerics.strings.component_points import PointsOfSize, streams_of_size
from numerics.strings.faces import faces_of
from numerics.strings.overlap_components import (
    mean_weights,
    over_orders,
    stage_error,
    sure_halfwidth,
)
from symbind_theory.templates import Template

__all__ = ["ComponentBlock", "Patterns", "component_blocks"]

# Points whose features are multiplied at once: always as many, so that a sum rounds in
# one way whatever else is asked for.
_POINTS_TOGETHER = 256

Patterns = tuple[Template, ...]
"""One side of a block: patterns that are always asked for together."""


@dataclass(frozen=True)
class ComponentBlock:
    """E⟨f_S(X), f_S(Y)⟩ for the faces of some patterns and of some others.

    Attributes:
        values: as those of `ComponentGram`, the first faces those of X; shape (faces of
            X, faces of Y, s!).
        halfwidth: the values' halfwidths by their spread, at level 0.999 each; same
            shape.
        error: bound on what the inner stage adds to the error of every value.
    """

    values: Float64[np.ndarray, "faces others orders"]
    halfwidth: Float64[np.ndarray, "faces others orders"]
    error: float


def component_blocks(
    pairs: Sequence[tuple[Patterns, Patterns]],
    size: int,
    regular_tokens: Sequence[str],
    architecture: Architecture,
    *,
    points: int,
    seed: int,
    device: torch.device,
    report: Callable[[int], None] = lambda done: None,
) -> list[ComponentBlock]:
    """Estimate the components between given patterns and given others, pair by pair.

    The points are those of `component_gram`. Features of each side come from a call of
    their own, and products of each pair from a matrix product of its own: every bit of
    a pair's block depends on the pair, and on no other pair that is asked for with it.

    Args:
        pairs: for each block the patterns of X and those of Y, all of one length.
        size: of the faces, ≥ 0. Of size 0 is the kernel of strings that share no token,
            but for the identity b, which is left out.
        regular_tokens: those of all templates that the kernel serves, in any order.
        architecture: the transformer, of depth 1.
        points: outer points, in 16 groups of a power of two each.
        seed: equal seeds give equal points.
        device: where to compute.
        report: called with the groups done so far, out of 16.
    """
    faces = {side: faces_of(side, size) for pair in pairs for side in pair}
    length = pairs[0][0][0].length
    there = PointsOfSize.of(size, length, regular_tokens, architecture, points)
    evaluated = {
        side: ComponentFeatures(shown, there, architecture, device)
        for side, shown in faces.items()
    }
    each = there.count // GROUPS
    task = partial(_group_blocks, evaluated, pairs, size, each, seed)
    numbers = each * sum(x.inner.numbers_per_point for x in evaluated.values())
    groups = map_replications(task, streams_of_size(size), device, numbers)
    defects = []

    def entries() -> Iterator[Float64[np.ndarray, " entries"]]:
        for found, defect in groups:
            defects.append(defect)
            yield found

    values, halfwidth = averaged(entries(), report)
    if there.few:
        halfwidth = sure_halfwidth(values, architecture.gamma)
    defect = np.max(defects, axis=0)
    weights: dict[Patterns, Float64[np.ndarray, " faces"]] = {}
    if size == 1 and architecture.identity_vo:
        weights = {
            side: np.concatenate([mean_weights([f], architecture) for f in shown])
            for side, shown in faces.items()
        }
    blocks, start = [], 0
    for n, (x, y) in enumerate(pairs):
        shape = (len(faces[x]), len(faces[y]), factorial(size))
        own = slice(start, start + shape[0] * shape[1] * shape[2])
        block, start = values[own].reshape(shape), own.stop
        if weights:
            added = architecture.identity_vo**2 * np.outer(weights[x], weights[y])
            block = block + added[:, :, None]
        # A component is no longer than the features that it is a part of.
        longest = float(np.hypot(1.0, architecture.gamma))
        error = stage_error(float(defect[n]), size, architecture.gamma, longest)
        blocks.append(ComponentBlock(block, halfwidth[own].reshape(shape), error))
    return blocks


def _group_blocks(
    evaluated: Mapping[Patterns, ComponentFeatures],
    pairs: Sequence[tuple[Patterns, Patterns]],
    size: int,
    count: int,
    seed: int,
    group: int,
) -> tuple[Float64[np.ndarray, " entries"], Float64[np.ndarray, " pairs"]]:
    """⟨f, f'⟩ averaged over one group of points, block after block.

    Returns:
        The entries, and for each block the largest defect of its inner stage.
    """
    inner = next(iter(evaluated.values())).inner
    stream = SobolPoints(inner.dimension, seed, group)
    totals = [
        torch.zeros(
            evaluated[x].columns,
            evaluated[y].columns,
            dtype=torch.float64,
            device=inner.device,
        )
        for x, y in pairs
    ]
    defects = dict.fromkeys(evaluated, 0.0)
    for start in range(0, count, _POINTS_TOGETHER):
        points = stream.draw(min(_POINTS_TOGETHER, count - start))
        rows = {}
        for side, features in evaluated.items():
            rows[side], missed = features(points)
            defects[side] = max(defects[side], missed)
        for total, (x, y) in zip(totals, pairs, strict=True):
            total.addmm_(rows[x].T, rows[y])
    found = []
    for total, (x, y) in zip(totals, pairs, strict=True):
        means = evaluated[x].means.T @ evaluated[y].means
        found.append(over_orders(total.cpu().numpy() / count + means, size).ravel())
    worst = [max(defects[x], defects[y]) for x, y in pairs]
    return np.concatenate(found), np.array(worst)
