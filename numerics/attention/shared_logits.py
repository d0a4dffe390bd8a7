"""The part of the logits that all strings of a template share.

The logit of key i for the query at position q is β (Z0_q W_K W_Qᵀ Z0_iᵀ), in the limit
of wide embeddings a sum of Gaussians G[row, column]:

    β (G[x_q, x_i] + γ G[x_q, i] + γ G[q, x_i] + γ² G[q, i]).

Those whose row and column are positions or regular tokens are shared by the strings of
all templates. A query that carries a regular token u has two shared rows, u and q; one
that carries a wildcard has the row of its position alone. Rows that always act together
are one: with the cls readout, those of `[CLS]` and of its position.

In these Gaussians z the logits of template i are M_i z. Rows that share no query, not
even through other rows, do not meet in Σ_i M_iᵀ Π M_i: each such part has principal
directions by itself. Outer points have a coordinate for each direction, the loudest of
all parts first.

Source: arXiv 2310.09753 (kernel); symbind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from numerics.attention.principal_directions import Directions, seen_directions
from numerics.shapes import Float, Float64, Int64
from symbind_theory.separation.incidence import Incidence

__all__ = ["Query", "SharedLogits", "SharedRow", "queries_of"]


@dataclass(frozen=True, slots=True)
class Query:
    """A row of attention as far as it is shared.

    Attributes:
        position: q.
        token: the regular token at q; None for a wildcard.
    """

    position: int
    token: str | None


@dataclass(frozen=True, slots=True)
class SharedRow:
    """The shared logits of one query: key i has position[:, i] + token[:, x_i].

    Attributes:
        position: one column for each key; shape (n, K).
        token: one column for each regular token; shape (n, T).
    """

    position: Float[torch.Tensor, "n keys"]
    token: Float[torch.Tensor, "n tokens"]


def queries_of(templates: Sequence[Incidence]) -> dict[Query, list[int]]:
    """The queries that are read, each with the numbers of the templates with it."""
    users: dict[Query, list[int]] = {}
    for i, template in enumerate(templates):
        for q in template.queries:
            users.setdefault(Query(q, template.skeleton[q]), []).append(i)
    return users


class SharedLogits:
    """From outer points to the shared logits of every query.

    Args:
        templates: templates of one length as the network sees them.
        beta: inverse temperature, ≥ 0.
        gamma: position scale, ≥ 0.

    Attributes:
        tokens: the regular tokens that occur, `[CLS]` included.
        users: the queries, each with the indices of the templates that have it.
        dimension: standard normals in one outer point.
    """

    def __init__(
        self, templates: Sequence[Incidence], beta: float, gamma: float
    ) -> None:
        self._keys = templates[0].size
        self.tokens = _regular_tokens(templates)
        self.users = queries_of(templates)
        self._rows = _Rows(list(self.users), gamma)
        columns = np.array([gamma] * self._keys + [1.0] * len(self.tokens))
        acts = [_act(template, self.tokens) for template in templates]
        scales, directions = [], []
        parts = self._rows.connected()
        for part in parts:
            scale = np.outer([self._rows.scale[row] for row in part], columns).ravel()
            scales.append(scale)
            directions.append(seen_directions(self._unit_act(part, acts), scale))
        coordinates = _by_variance(directions)
        self.dimension = sum(map(len, coordinates))
        self._parts = [
            _Part(
                rows=part,
                coordinates=where,
                basis=torch.from_numpy(beta * scale[:, None] * seen.basis),
            )
            for part, where, scale, seen in zip(
                parts, coordinates, scales, directions, strict=True
            )
        ]

    def __call__(
        self, points: Float[torch.Tensor, "n dimension"]
    ) -> Iterator[tuple[Query, SharedRow]]:
        """The shared logits of each query in turn."""
        rows: dict[int, torch.Tensor] = {}
        for part in self._parts:
            index = torch.from_numpy(part.coordinates).to(points.device)
            logits = points[:, index] @ part.basis.to(points).T
            chunks = logits.chunk(len(part.rows), dim=1)
            rows |= dict(zip(part.rows, chunks, strict=True))
        for query in self.users:
            row = sum(rows[row] for row in self._rows.of[query])
            assert isinstance(row, torch.Tensor)
            yield query, SharedRow(row[:, : self._keys], row[:, self._keys :])

    def _unit_act(
        self, part: Sequence[int], acts: Sequence[Float64[np.ndarray, "c c"]]
    ) -> Float64[np.ndarray, "coordinates coordinates"]:
        """Σ_i M_iᵀ Π M_i on the Gaussians of some rows, with every scale set to 1."""
        size = len(part) * (self._keys + len(self.tokens))
        unit = np.zeros((size, size))
        for query, users in self.users.items():
            present = np.isin(part, self._rows.of[query]).astype(float)
            if present.any():
                act = sum(acts[i] for i in users)
                unit += np.kron(np.outer(present, present), act)
        return unit


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of G that depend on coordinates of their own.

    Attributes:
        rows: their numbers.
        coordinates: those of an outer point.
        basis: from these coordinates to the logits of the rows, side by side.
    """

    rows: list[int]
    coordinates: Int64[np.ndarray, " directions"]
    basis: Float64[torch.Tensor, "logits directions"]


def _by_variance(
    directions: Sequence[Directions],
) -> list[Int64[np.ndarray, " directions"]]:
    """The place of each part's directions among all of them, the loudest first."""
    variance = np.concatenate([part.variance for part in directions])
    place = np.empty(len(variance), dtype=np.int64)
    place[np.argsort(-variance, kind="stable")] = np.arange(len(variance))
    ends = np.cumsum([len(part.variance) for part in directions])[:-1]
    return np.split(place, ends)


class _Rows:
    """The rows of G that are shared, those that act together as one.

    Attributes:
        of: the rows that each query has.
        scale: the size of each row's part of a logit.
    """

    def __init__(self, queries: Sequence[Query], gamma: float) -> None:
        users: dict[object, list[Query]] = {}
        for query in queries:
            labels: list[object] = [query.position]
            if query.token is not None:
                labels.append(query.token)
            for label in labels:
                users.setdefault(label, []).append(query)
        together: dict[tuple[Query, ...], list[object]] = {}
        for label, having in users.items():
            together.setdefault(tuple(having), []).append(label)
        self.of: dict[Query, list[int]] = {query: [] for query in queries}
        self.scale: list[float] = []
        for row, (having, labels) in enumerate(together.items()):
            sizes = [gamma if isinstance(label, int) else 1.0 for label in labels]
            self.scale.append(math.hypot(*sizes))
            for query in having:
                self.of[query].append(row)

    def connected(self) -> list[list[int]]:
        """Rows that share a query, directly or through others, side by side."""
        parts: list[set[int]] = []
        for rows in self.of.values():
            joined = [part for part in parts if not part.isdisjoint(rows)]
            parts = [part for part in parts if part.isdisjoint(rows)]
            parts.append(set(rows).union(*joined))
        return sorted(sorted(part) for part in parts)


def _regular_tokens(templates: Sequence[Incidence]) -> tuple[str, ...]:
    tokens = dict.fromkeys(x for t in templates for x in t.skeleton)
    return tuple(x for x in tokens if x is not None)


def _act(
    template: Incidence, tokens: Sequence[str]
) -> Float64[np.ndarray, "columns columns"]:
    """MᵀΠM of one template and one row of G, at γ = 1; Π subtracts the mean."""
    keys = template.size
    logits = np.hstack([np.eye(keys), np.zeros((keys, len(tokens)))])
    for position, token in enumerate(template.skeleton):
        if token is not None:
            logits[position, keys + tokens.index(token)] = 1.0
    centred = logits - logits.mean(0)
    return centred.T @ centred
