"""What sharing tokens adds to the attention kernel, component by component.

Condition on everything that strings of all templates share, and on the tokens of a set
S: with A_S Φ the conditional expectation of the features, restricted to coordinates
that S and the shared part have, A_S A_T = A_{S∩T}. So Φ(X) splits into orthogonal
components f_S(X) = Σ_{T⊆S} (−1)^{|S|−|T|} A_T Φ(X), one for each set S of X's tokens
(Hoeffding's decomposition), and

    K_attn(X, Y) = C_ij + Σ_{∅≠S⊆X∩Y} E⟨f_S(X), f_S(Y)⟩.

A_T Φ is what the inner stage returns for the template whose wildcards with tokens in T
are regular. Averages over points that serve all templates make each component's matrix
a Gram matrix; estimates of one type after the other would not be. The tokens of S are
interchangeable, and the average over their orders keeps that exactly.

Source: Hoeffding 1948 for the decomposition; symbind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.attention.string_moments import moments_of
from numerics.averages.group_means import averaged
from numerics.averages.jackknife import GROUPS
from numerics.averages.points import SobolPoints
from numerics.averages.replications import map_replications
from numerics.devices import chunk_numbers
from numerics.shapes import Float64
from numerics.strings.component_features import MARGIN, ComponentFeatures
from numerics.strings.component_points import PointsOfSize, streams_of_size
from numerics.strings.faces import Face
from symbind_theory.separation.incidence import incidence_of

__all__ = [
    "ComponentGram",
    "component_gram",
    "mean_weights",
    "over_orders",
    "stage_error",
    "sure_halfwidth",
]


@dataclass(frozen=True)
class ComponentGram:
    """E⟨f_S(X), f_S(Y)⟩ for all faces of one size s that X and Y may show S.

    Attributes:
        faces: the faces.
        values: where wildcard `slots[o[m]]` of the second face carries the token of
            wildcard `slots[m]` of the first, o the m-th of all orders of s things in
            lexicographic order; shape (faces, faces, s!).
        halfwidth: the values' halfwidths by their spread, at level 0.999 each; same
            shape. Those of different sizes are independent.
        error: bound on what the inner stage adds to the error of every value.
    """

    faces: tuple[Face, ...]
    values: Float64[np.ndarray, "faces faces orders"]
    halfwidth: Float64[np.ndarray, "faces faces orders"]
    error: float


def component_gram(
    faces: Sequence[Face],
    regular_tokens: Sequence[str],
    architecture: Architecture,
    *,
    points: int,
    seed: int,
    device: torch.device,
    report: Callable[[int], None] = lambda done: None,
) -> ComponentGram:
    """Estimate the components of faces of one size.

    Args:
        faces: distinct faces of one size, of templates of one length.
        regular_tokens: those of all templates that the kernel serves, in any order.
        architecture: the transformer, of depth 1.
        points: outer points for two tokens, as `points_of_size` has them.
        seed: equal seeds give equal points.
        device: where to compute.
        report: called with the groups done so far, out of 16.
    """
    size = len(faces[0].slots)
    length = faces[0].template.length
    there = PointsOfSize.of(size, length, regular_tokens, architecture, points)
    features = ComponentFeatures(faces, there, architecture, device)
    each = there.count // GROUPS
    task = partial(_group_products, features, each, seed)
    numbers = each * features.inner.numbers_per_point
    groups = map_replications(task, streams_of_size(size), device, numbers)
    defects = []

    def by_order() -> Iterator[Float64[np.ndarray, "faces faces orders"]]:
        for raw, defect in groups:
            defects.append(defect)
            yield over_orders(raw, size)

    values, halfwidth = averaged(by_order(), report)
    if there.few:
        halfwidth = sure_halfwidth(values, architecture.gamma)
    if size == 1 and architecture.identity_vo:
        weight = mean_weights(faces, architecture)
        added = architecture.identity_vo**2 * np.outer(weight, weight)
        values = values + added[:, :, None]
    longest = float(np.sqrt(np.maximum(values.max(), 0.0)))
    error = stage_error(max(defects), size, architecture.gamma, longest)
    return ComponentGram(tuple(faces), values, halfwidth, error)


def sure_halfwidth(
    values: Float64[np.ndarray, "faces others orders"], gamma: float
) -> Float64[np.ndarray, "faces others orders"]:
    """What no component is further off by, whatever the points.

    None is longer than the features that it is a part of, √(1+γ²).

    Args:
        values: the estimates.
        gamma: position scale γ.
    """
    return np.abs(values) + 1 + gamma**2


def stage_error(defect: float, size: int, gamma: float, longest: float) -> float:
    """Bound on what the inner stage does to a product of two components.

    Features are no longer than √(1+γ²). A component is made of 2^s of them, so that it
    is off by δ at most, and a product of two by 2 δ |f| + δ².

    Args:
        defect: the largest defect of the inner stage.
        size: s, number of tokens.
        gamma: position scale γ.
        longest: |f|, the largest length of a component.
    """
    delta = 2**size * MARGIN * defect * float(np.hypot(1.0, gamma))
    return 2 * delta * longest + delta**2


def _group_products(
    features: ComponentFeatures, count: int, seed: int, index: int
) -> tuple[Float64[np.ndarray, "columns columns"], float]:
    """⟨f, f'⟩ averaged over one stream of points, for all pairs of columns.

    Returns:
        The products, and the largest defect of the inner stage.
    """
    inner, columns = features.inner, features.columns
    stream = SobolPoints(inner.dimension, seed, index)
    width = inner.numbers_per_point + 4 * features.means.size
    most = max(1, chunk_numbers(inner.device) // width)
    chunk = 1 << (most.bit_length() - 1)
    total = torch.zeros(columns, columns, dtype=torch.float64, device=inner.device)
    defect = 0.0
    for start in range(0, count, chunk):
        rows, missed = features(stream.draw(min(chunk, count - start)))
        defect = max(defect, missed)
        total.addmm_(rows.T, rows)
    means = features.means.T @ features.means
    return total.cpu().numpy() / count + means, defect


def over_orders(
    raw: Float64[np.ndarray, "columns other_columns"], size: int
) -> Float64[np.ndarray, "faces others orders"]:
    """The average over the orders of the pool's tokens.

    Args:
        raw: a row and a column for each face and each order of its slots.
        size: how many slots a face has.
    """
    orders = list(permutations(range(size)))
    number = {order: index for index, order in enumerate(orders)}
    faces, others = (width // len(orders) for width in raw.shape)
    by_order = raw.reshape(faces, len(orders), others, len(orders))
    value = np.empty((faces, others, len(orders)))
    for index, order in enumerate(orders):
        second = [number[tuple(order[m] for m in renamed)] for renamed in orders]
        value[:, :, index] = by_order[:, range(len(orders)), :, second].mean(0)
    return value


def mean_weights(
    faces: Sequence[Face], architecture: Architecture
) -> Float64[np.ndarray, " faces"]:
    """E of the attention to the wildcard of each face of size 1.

    Args:
        faces: of size 1.
        architecture: the transformer, of depth 1.
    """
    seen = [incidence_of(face.template, architecture.readout) for face in faces]
    moments = moments_of([s.symbols for s in seen], architecture)
    return np.array(
        [
            sum(row[position] for position in s.blocks[face.slots[0]])
            for row, s, face in zip(moments.weights, seen, faces, strict=True)
        ]
    )
