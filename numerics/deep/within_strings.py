"""Attention within one string: what it makes of D, above what it makes of C.

A(D)_i = E S D_i Sᵀ, S = softmax(β (a D_i + B Z Bᵀ)) with D_i = B Bᵀ, needs few normals:
as many as differences of logits. Where E_i is no small part of D_i, A(D)_i − A(C)_ii is
all that is needed. Where it is small that difference would be noise, and

    A(D)_i − A(C)_ii = E [ S E_i Sᵀ + ½ (S − S') C_ii (S − S')ᵀ ]

keeps its digits, S and S' the softmax of two strings that share the part G of their
logits: with C_ii = P Pᵀ and E_i = T Tᵀ,

    logits of S = β (a D_i + P Z₀ Pᵀ + P Z₁ Tᵀ + T Z₂ Pᵀ + T Z₃ Tᵀ),

Z₀ the same for S and S', as is what positions add; the others are drawn for each. Other
forms than D in the weights, or in products of two of them (`slope_forms`), have the
same two ways, at the same points.

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from numerics.deep.across_strings import Values
from numerics.deep.averaging import Averaging
from numerics.deep.position_rows import PositionRows
from numerics.deep.shared_directions import logit_directions
from numerics.deep.slope_forms import key_pairs
from numerics.deep.stream import Stream
from numerics.shapes import Float, Float64

__all__ = ["Attending", "Form", "attend_within"]

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


@dataclass(frozen=True, slots=True)
class Form:
    """A quadratic form of one template that weights are averaged around.

    Attributes:
        between: of two strings, in keys or in pairs of keys.
        excess: what one string has more.
        pairs: whether weights are products of two.
    """

    between: Float64[np.ndarray, "n n"]
    excess: Float64[np.ndarray, "n n"]
    pairs: bool = False

    def weights(
        self, softmax: Float[torch.Tensor, "n queries keys"]
    ) -> Float[torch.Tensor, "n queries weights"]:
        """Those of keys, or of all pairs p < q."""
        if not self.pairs:
            return softmax
        first, second = map(torch.from_numpy, key_pairs(softmax.shape[-1]))
        return softmax[..., first] * softmax[..., second]


def attend_within(
    seen: Stream,
    values: Values,
    templates: list[int],
    attended: Sequence[Float64[np.ndarray, "kinds queries queries"]],
    attending: Attending,
) -> list[Float64[np.ndarray, "kinds queries queries"]]:
    """A(D)_i − A(C)_ii of some templates, for each of the values.

    Args:
        seen: the stream as attention sees it.
        values: what weights are averaged around.
        templates: their numbers.
        attended: A(C)_ii of these, for each of the values.
        attending: the attention.
    """
    kinds = []
    for k, i in enumerate(templates):
        forms = [
            Form(stream.between_strings[i], stream.excess[i], pairs=pairs)
            for streams, pairs in ((values.by_key, False), (values.by_pair, True))
            for stream in streams
        ]
        C, E = seen.between_strings[i], seen.excess[i]
        kinds.append(_by_size(C, E, forms, [a[k] for a in attended], attending))
    return [np.stack(found) for found in zip(*kinds, strict=True)]


def _by_size(
    C: Float64[np.ndarray, "keys keys"],
    E: Float64[np.ndarray, "keys keys"],
    forms: Sequence[Form],
    attended: Sequence[Float64[np.ndarray, "queries queries"]],
    attending: Attending,
) -> list[Float64[np.ndarray, "queries queries"]]:
    """The excess, as a difference where that is no small part."""
    # By E first: noise of few points is no sign that the excess is large.
    if np.trace(E) >= _SMALL * np.trace(C + E):
        whole = _whole(C + E, forms, attending)
        found = [one - other for one, other in zip(whole, attended, strict=True)]
        sizes = [
            np.trace(part) >= _SMALL * np.trace(other)
            for part, other in zip(found, attended, strict=True)
        ]
        if all(sizes):
            return found
    return _excess(C, E, forms, attending)


def _whole(
    D: Float64[np.ndarray, "keys keys"], forms: Sequence[Form], attending: Attending
) -> list[Float64[np.ndarray, "queries queries"]]:
    """A(D) of each form."""
    positions = attending.positions
    queries, shape = len(positions.queries), positions.visible.shape
    weights = sum(len(form.between) for form in forms)
    directions = logit_directions(_root(D).T[:, None, :], attending.beta, positions)
    basis = attending.tensor(directions[:, 0])
    mean = attending.tensor(attending.mean(D))
    roots = [attending.tensor(_root(form.between + form.excess)) for form in forms]
    totals = [_Total(queries, attending) for _ in forms]
    for z in attending.chunks(len(basis), 4 * queries * weights):
        logits = (z @ basis.flatten(1)).unflatten(1, shape) + mean
        softmax = attending.softmax(logits)
        for form, root, total in zip(forms, roots, totals, strict=True):
            total.add(form.weights(softmax) @ root)
    return [total.mean for total in totals]


def _excess(
    C: Float64[np.ndarray, "keys keys"],
    E: Float64[np.ndarray, "keys keys"],
    forms: Sequence[Form],
    attending: Attending,
) -> list[Float64[np.ndarray, "queries queries"]]:
    """A(D) − A(C) of each form, as a sum of positive semi-definite terms."""
    logits = _PairLogits(_root(C), _root(E), attending)
    mean = attending.tensor(attending.mean(C + E))
    weights = sum(len(form.between) for form in forms)
    roots = [
        (attending.tensor(_root(form.between)), attending.tensor(_root(form.excess)))
        for form in forms
    ]
    totals = [_Total(len(attending.positions.queries), attending) for _ in forms]
    for z in attending.chunks(logits.dimension, 12 * len(C) * weights):
        softmax = [attending.softmax(mean + part) for part in logits(z)]
        for form, (of_C, of_E), total in zip(forms, roots, totals, strict=True):
            one, two = map(form.weights, softmax)
            for made in ((one - two) @ of_C, one @ of_E, two @ of_E):
                total.add(made, 0.5)
    return [total.mean for total in totals]


class _Total:
    """A running Gram matrix of rows, over points.

    Args:
        queries: how many rows there are.
        attending: how averages are taken.
    """

    def __init__(self, queries: int, attending: Attending) -> None:
        self._sum = attending.tensor(np.zeros((queries, queries)))
        self._count = attending.averaging.sizes.within

    def add(
        self, made: Float[torch.Tensor, "n queries features"], weight: float = 1.0
    ) -> None:
        """Take in what weights make at some points."""
        rows = made.transpose(1, 2).reshape(-1, made.shape[1])
        self._sum += weight * (rows.T @ rows)

    @property
    def mean(self) -> Float64[np.ndarray, "queries queries"]:
        """Over all points."""
        return self._sum.cpu().numpy() / self._count


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
