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

What a point is depends on the length, the regular tokens and the size of S alone, and
so does how many there are: values computed at different times belong to one positive
semi-definite kernel. Components of more tokens are smaller, and so are their errors:
at as many points a fifth for each token more, at β = γ = 1. They get fewer points.

Source: Hoeffding 1948 for the decomposition; symbind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, permutations
from math import comb, factorial, perm

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.attention.conditional_softmax import ConditionalSoftmax
from numerics.attention.laplace_table import ROUGH
from numerics.attention.string_moments import moments_of
from numerics.averages.group_means import averaged
from numerics.averages.jackknife import GROUPS
from numerics.averages.points import SobolPoints
from numerics.averages.replications import map_replications
from numerics.devices import chunk_numbers
from numerics.shapes import Float64, Int64
from symbind_theory.separation.incidence import Readout, incidence_of
from symbind_theory.templates import Template, fresh_tokens
from symbind_theory.validation import InputError

__all__ = [
    "ComponentGram",
    "Face",
    "Plan",
    "check_faces",
    "component_gram",
    "component_rows",
    "component_templates",
    "faces_of",
    "mean_weights",
    "over_orders",
    "points_of_size",
    "stage_error",
    "streams_of_size",
]

# Columns of the feature matrix at most: 3 matrices of its square are held.
_MOST_COLUMNS = 8192
# Points of each group at least.
_FEWEST_POINTS = 32
# How much larger than the defect of the weights' sum the features' errors may be.
_MARGIN = 10


@dataclass(frozen=True, slots=True)
class Face:
    """Some wildcards of a template, whose tokens other strings may share.

    Attributes:
        template: canonical.
        slots: numbers of the wildcards, increasing from 0.
    """

    template: Template
    slots: tuple[int, ...]


def faces_of(patterns: Sequence[Template], size: int) -> list[Face]:
    """All faces of one size, pattern by pattern, slots in lexicographic order.

    Args:
        patterns: canonical.
        size: how many wildcards a face has; 0 for the whole template, none shared.
    """
    return [
        Face(t, slots)
        for t in patterns
        for slots in combinations(range(len(t.wildcards)), size)
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


def points_of_size(points: int, size: int) -> int:
    """How many outer points the components of one size get.

    Args:
        points: those for two tokens; one token gets four times as many, and each token
            more has a quarter.
        size: number of tokens, ≥ 0; none have as many points as one.
    """
    each = points // GROUPS
    quarters = 2 * max(size - 1, 0)
    return GROUPS * max(4 * each >> quarters, min(each, _FEWEST_POINTS))


def streams_of_size(size: int) -> range:
    """The streams of points of one size, which are its own.

    Args:
        size: number of tokens, ≥ 0.
    """
    return range(GROUPS * size, GROUPS * (size + 1))


def component_templates(wildcards: int, size: int) -> int:
    """How many templates a pattern's components of one size are made of.

    Some of its wildcards take some of the tokens of the set:
    Σ_m C(w, m) s! / (s − m)!.
    """
    return sum(comb(wildcards, m) * perm(size, m) for m in range(size + 1))


def check_faces(count: int, size: int) -> None:
    """See whether so many faces of one size can be estimated together.

    Raises:
        InputError: their matrix would not fit.
    """
    columns = count * factorial(size)
    if columns > _MOST_COLUMNS:
        raise InputError(
            f"strings share {size} tokens in {columns} ways; expected at most "
            f"{_MOST_COLUMNS}: use a larger vocabulary or shorter strings"
        )


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
    plan = Plan.of(faces, regular_tokens, architecture.readout)
    inner = ConditionalSoftmax(
        plan.templates, architecture, device, reference=plan.reference, rule=ROUGH
    )
    # Tables are built when first used: once here, not once in each group.
    inner(torch.zeros(1, inner.dimension, dtype=torch.float64))
    each = points_of_size(points, size) // GROUPS
    task = partial(_group_products, inner, plan, each, seed)
    numbers = each * inner.numbers_per_point
    groups = map_replications(task, streams_of_size(size), device, numbers)
    defects = []

    def by_order() -> Iterator[Float64[np.ndarray, "faces faces orders"]]:
        for raw, defect in groups:
            defects.append(defect)
            yield over_orders(raw, size)

    values, halfwidth = averaged(by_order(), report)
    if size == 1 and architecture.identity_vo:
        weight = mean_weights(faces, architecture)
        added = architecture.identity_vo**2 * np.outer(weight, weight)
        values = values + added[:, :, None]
    longest = float(np.sqrt(np.maximum(values.max(), 0.0)))
    error = stage_error(max(defects), size, architecture.gamma, longest)
    return ComponentGram(tuple(faces), values, halfwidth, error)


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
    delta = 2**size * _MARGIN * defect * float(np.hypot(1.0, gamma))
    return 2 * delta * longest + delta**2


@dataclass(frozen=True)
class Plan:
    """Which templates to evaluate, and how the components of faces are made of them.

    Attributes:
        templates: those with some wildcards made regular.
        parts: for each face and each order of its slots, the templates of all subsets;
            shape (columns, 2^s).
        signs: (−1)^{|S|−|T|} of each subset T; shape (2^s,).
        reference: what decides the points.
    """

    templates: list[Template]
    parts: Int64[np.ndarray, "columns subsets"]
    signs: Float64[np.ndarray, " subsets"]
    reference: list[Template]

    @classmethod
    def of(
        cls, faces: Sequence[Face], regular_tokens: Sequence[str], readout: Readout
    ) -> Plan:
        """The plan for faces of one size."""
        size, regular = len(faces[0].slots), sorted(regular_tokens)
        names = fresh_tokens(regular)
        pool = [next(names) for _ in range(size)]
        subsets = [t for m in range(size + 1) for t in combinations(range(size), m)]
        place: dict[Template, int] = {}
        parts = [
            [
                place.setdefault(_made_regular(face, order, pool, kept), len(place))
                for kept in subsets
            ]
            for face in faces
            for order in permutations(range(size))
        ]
        signs = [(-1.0) ** (size - len(kept)) for kept in subsets]
        reference = _reference(faces[0].template.length, [*regular, *pool], readout)
        return cls(
            templates=list(place),
            parts=np.array(parts, np.int64),
            signs=np.array(signs),
            reference=reference,
        )


def _made_regular(
    face: Face, order: Sequence[int], pool: Sequence[str], kept: Sequence[int]
) -> Template:
    """The template with token m of the pool for wildcard slots[order[m]], m kept."""
    names = {f"?{face.slots[order[m]] + 1}": pool[m] for m in kept}
    return Template([names.get(x, x) for x in face.template.tokens]).canonical()


def _reference(length: int, tokens: Sequence[str], readout: Readout) -> list[Template]:
    """Templates that see all that any template with these tokens sees.

    Softmax sees logits up to a shift: of the positions their differences, and of a
    token all there is wherever it stands. So each row that may be read has to meet each
    token beside the one that makes it.
    """
    wild = [f"?{position}" for position in range(length)]
    read = [q for q in incidence_of(Template(wild), readout).queries if q < length]
    placed: list[dict[int, str]] = [
        {},
        *({position: token} for token in tokens for position in range(length)),
    ]
    if length > 1:
        placed += [
            {query: token, (query + 1) % length: other}
            for query in read
            for token in tokens
            for other in tokens
        ]
    return [
        Template([at.get(position, x) for position, x in enumerate(wild)])
        for at in placed
    ]


def _group_products(
    inner: ConditionalSoftmax, plan: Plan, count: int, seed: int, index: int
) -> tuple[Float64[np.ndarray, "columns columns"], float]:
    """⟨f, f'⟩ averaged over one stream of points, for all pairs of columns.

    Returns:
        The products, and the largest defect of the inner stage.
    """
    stream = SobolPoints(inner.dimension, seed, index)
    columns = len(plan.parts)
    coordinates = len(inner.tokens) + inner.templates[0].length + 1
    width = inner.numbers_per_point + 4 * columns * coordinates
    most = max(1, chunk_numbers(inner.device) // width)
    chunk = 1 << (most.bit_length() - 1)
    total = torch.zeros(columns, columns, dtype=torch.float64, device=inner.device)
    defect = 0.0
    for start in range(0, count, chunk):
        points = torch.from_numpy(stream.draw(min(chunk, count - start)))
        rows, missed = component_rows(inner, plan, points)
        defect = max(defect, missed)
        total.addmm_(rows.T, rows)
    return total.cpu().numpy() / count, defect


def component_rows(
    inner: ConditionalSoftmax, plan: Plan, points: Float64[torch.Tensor, "n dimension"]
) -> tuple[Float64[torch.Tensor, "rows columns"], float]:
    """f_S at some points: a row for each point and coordinate.

    Args:
        inner: features of the plan's templates.
        plan: what components are made of.
        points: standard normals.

    Returns:
        The rows, and the largest defect of the inner stage.
    """
    result = inner(points)
    features = result.features
    columns, parts = len(plan.parts), torch.from_numpy(plan.parts).to(inner.device)
    component = torch.zeros_like(features[:, :1]).expand(-1, columns, -1).clone()
    for sign, part in zip(plan.signs.tolist(), parts.T, strict=True):
        component.add_(features[:, part], alpha=sign)
    return component.transpose(1, 2).flatten(0, 1), result.defect


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
