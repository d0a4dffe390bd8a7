"""Attention within one string: what it makes of D, above what it makes of C.

A(D)_i = E S D_i Sᵀ, S = softmax(β (a D_i + B Z Bᵀ)) with D_i = B Bᵀ, needs few normals:
as many as differences of logits. Where E_i is no small part of D_i, A(D)_i − A(C)_ii is
all that is needed. Where it is small that difference would be noise, and

    A(D)_i − A(C)_ii = E [ S E_i Sᵀ + ½ (S − S') C_ii (S − S')ᵀ ]

keeps its digits, S and S' the softmax of two strings that share the part G of their
logits: with C_ii = P Pᵀ and E_i = T Tᵀ,

    logits of S = β (a D_i + P Z₀ Pᵀ + P Z₁ Tᵀ + T Z₂ Pᵀ + T Z₃ Tᵀ),

Z₀ the same for S and S', as is what positions add; the others are drawn for each.

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from numerics.deep.averaging import Averaging
from numerics.deep.position_rows import PositionRows
from numerics.deep.shared_directions import logit_directions
from numerics.deep.stream import Stream
from numerics.shapes import Float, Float64

__all__ = ["Attending", "attend_within"]

# The part of D below which its excess over C is sampled by itself.
_SMALL = 0.03
_IN_CACHE = 2**20
_QUIETEST = 1e-14


@dataclass(frozen=True, slots=True)
class Attending:
    """The numbers of one attention, and the points that it is averaged over.

    Attributes:
        beta: inverse temperature.
        identity: a, the multiple of the identity added to W_K W_Qᵀ.
        positions: the rows that are wanted.
        averaging: how averages are taken.
    """

    beta: float
    identity: float
    positions: PositionRows
    averaging: Averaging

    def softmax(
        self, logits: Float[torch.Tensor, "n queries keys"]
    ) -> Float[torch.Tensor, "n queries keys"]:
        """The rows' weights; 0 at keys that are not seen."""
        hidden = torch.from_numpy(~self.positions.visible).to(logits.device)
        return torch.softmax(logits.masked_fill(hidden, -torch.inf), -1)

    def chunks(
        self, dimension: int, numbers: int
    ) -> Iterator[Float64[torch.Tensor, "n dimension"]]:
        """All points, as many at a time as make about as many numbers as stay near."""
        points, count = self.averaging.within(dimension), self.averaging.sizes.within
        most = max(1, _IN_CACHE // (numbers + dimension))
        step = min(count, 1 << (most.bit_length() - 1))
        for _ in range(count // step):
            yield torch.from_numpy(points.draw(step)).to(self.averaging.device)

    def mean(
        self, D: Float64[np.ndarray, "keys keys"]
    ) -> Float64[np.ndarray, "queries keys"]:
        """The mean of the logits."""
        positions = self.positions
        return self.beta * self.identity * D[positions.queries] + positions.bias

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        """An array where averages are computed."""
        return torch.from_numpy(array).to(self.averaging.device)


def attend_within(
    seen: Stream,
    templates: list[int],
    attended: Float64[np.ndarray, "kinds queries queries"],
    attending: Attending,
) -> Float64[np.ndarray, "kinds queries queries"]:
    """A(D)_i − A(C)_ii of some templates.

    Args:
        seen: the stream as attention sees it.
        templates: their numbers.
        attended: A(C)_ii of these.
        attending: the attention.
    """
    C, E, D = (m[templates] for m in (seen.between_strings, seen.excess, seen.within))
    excess = []
    for k in range(len(templates)):
        # By E first: noise of few points is no sign that the excess is large.
        small = np.trace(E[k]) < _SMALL * np.trace(D[k])
        found = attended[k] if small else _whole(D[k], attending) - attended[k]
        if small or np.trace(found) < _SMALL * np.trace(attended[k]):
            found = _excess(C[k], E[k], attending)
        excess.append(found)
    return np.stack(excess)


def _whole(
    D: Float64[np.ndarray, "keys keys"], attending: Attending
) -> Float64[np.ndarray, "queries queries"]:
    """A(D)."""
    positions = attending.positions
    queries, shape = positions.queries, positions.visible.shape
    root = _root(D)
    directions = logit_directions(root.T[:, None, :], attending.beta, positions)
    basis = attending.tensor(directions[:, 0])
    mean = attending.tensor(attending.mean(D))
    values = attending.tensor(root)
    total = attending.tensor(np.zeros((len(queries), len(queries))))
    for z in attending.chunks(len(basis), 4 * math.prod(shape)):
        logits = (z @ basis.flatten(1)).unflatten(1, shape) + mean
        made = attending.softmax(logits) @ values
        rows = made.transpose(1, 2).reshape(-1, len(queries))
        total += rows.T @ rows
    return total.cpu().numpy() / attending.averaging.sizes.within


def _excess(
    C: Float64[np.ndarray, "keys keys"],
    E: Float64[np.ndarray, "keys keys"],
    attending: Attending,
) -> Float64[np.ndarray, "queries queries"]:
    """A(D) − A(C), as a sum of positive semi-definite terms."""
    queries = attending.positions.queries
    P, T = _root(C), _root(E)
    logits = _PairLogits(P, T, attending)
    mean = attending.tensor(attending.mean(C + E))
    of_C, of_E = attending.tensor(P), attending.tensor(T)
    total = attending.tensor(np.zeros((len(queries), len(queries))))
    for z in attending.chunks(logits.dimension, 12 * C.size):
        one, two = (attending.softmax(mean + part) for part in logits(z))
        for made in ((one - two) @ of_C, one @ of_E, two @ of_E):
            rows = made.transpose(1, 2).reshape(-1, len(queries))
            total += rows.T @ rows / 2
    return total.cpu().numpy() / attending.averaging.sizes.within


class _PairLogits:
    """Logits of two strings that share a part, up to their means.

    Args:
        P: a root of C.
        T: a root of E.
        attending: the attention.

    Attributes:
        dimension: standard normals for one pair; the loudest take the first.
    """

    def __init__(
        self,
        P: Float64[np.ndarray, "keys c"],
        T: Float64[np.ndarray, "keys e"],
        attending: Attending,
    ) -> None:
        positions = attending.positions
        basis = [positions.noise] + [
            attending.beta * _products(left[positions.queries], right, positions.turns)
            for left, right in [(P, P), *[(P, T), (T, P), (T, T)] * 2]
        ]
        loudness = np.concatenate([(x**2).sum((1, 2)) for x in basis])
        place = np.empty(len(loudness), dtype=np.int64)
        place[np.argsort(-loudness, kind="stable")] = np.arange(len(loudness))
        ends = np.cumsum([len(x) for x in basis])[:-1]
        self._parts = [
            (attending.tensor(where), attending.tensor(x))
            for where, x in zip(np.split(place, ends), basis, strict=True)
        ]
        self.dimension = len(loudness)

    def __call__(
        self, points: Float[torch.Tensor, "n dimension"]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits of both."""
        noise, shared, *own = (
            torch.tensordot(points[:, where], basis, 1) for where, basis in self._parts
        )
        shared = shared + noise
        return shared + sum(own[:3]), shared + sum(own[3:])


def _products(
    left: Float64[np.ndarray, "queries a"],
    right: Float64[np.ndarray, "keys b"],
    turns: Float64[np.ndarray, "phases queries keys"],
) -> Float64[np.ndarray, "normals queries keys"]:
    """What each entry of Z does in left Z rightᵀ, turned by the positions."""
    products = np.einsum("qa,pb,fqp->abfqp", left, right, turns)
    return products.reshape(-1, *products.shape[3:])


def _root(matrix: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "n rank"]:
    """B with B Bᵀ the matrix, the longest column first, at least one."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > _QUIETEST * max(values[-1], 0.0)
    kept[-1] = True
    root = vectors[:, kept] * np.sqrt(np.maximum(values[kept], 0.0))
    return root[:, ::-1].copy()
