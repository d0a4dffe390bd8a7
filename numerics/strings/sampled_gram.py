"""The kernel of concrete strings by Monte Carlo on the feature map.

The logits are a gather from Gaussians that all strings share, one for each pair of a
row and a column that occurs: β (G[x_q, x_i] + γ G[x_q, i] + γ G[q, x_i] + γ² G[q, i]),
with the cls readout one row in all. And X Yᵀ + γ² I is an inner product of token and
position features, so

    K_attn(X, Y) = E⟨Φ(X), Φ(Y)⟩,   Φ(X) = (Σ_{i: x_i = t} s_i for each token t;
                                            γ s_i for each position i)

with s the softmax, averaged over the queries that are read. One draw serves every
string: the Gram matrix is one GEMM over (point, feature), exactly positive
semi-definite. A token that occurs in one string only adds to the diagonal alone and
stays out of the GEMM, which fills one triangle. Nothing is assumed about templates,
which makes it the independent oracle for `template_gram`.

Source: symbind (sampler); arXiv 2310.09753 (kernel).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
import torch

from numerics.architecture import Architecture, read_architecture, require_one_layer
from numerics.attention.string_moments import moments_of
from numerics.averages.jackknife import (
    GROUPS,
    jackknife_halfwidth,
    leave_one_out,
    read_level,
)
from numerics.averages.points import PseudoRandomPoints
from numerics.averages.replications import map_replications
from numerics.devices import PRECISIONS, chunk_numbers, resolve_device
from numerics.protocols import Progress
from numerics.shapes import Float, Float64, Int64
from symbind_theory.task_arguments import check_list
from symbind_theory.templates import CLS, parse_string
from symbind_theory.validation import (
    InputError,
    check_callback,
    one_of,
    positive_integer,
)

__all__ = ["StringGram", "string_gram"]

# Rows of the Gram matrix that one GEMM fills, so that it wastes little below the
# diagonal.
_SLAB = 512


@dataclass(frozen=True)
class StringGram:
    """K_attn and K_trans of n strings.

    Attributes:
        attention: K_attn; shape (n, n).
        matrix: K_trans; shape (n, n).
        halfwidth: halfwidths of both, by name; each entry is covered with
            probability `level`.
        rounding: bound on the relative error of K_attn's entries by rounding, which the
            halfwidths include.
        points: how many.
        seed: the seed of the points.
        level: coverage.
    """

    attention: Float64[np.ndarray, "n n"]
    matrix: Float64[np.ndarray, "n n"]
    halfwidth: Mapping[str, Float64[np.ndarray, "n n"]]
    rounding: float
    points: int
    seed: int
    level: float


def string_gram(
    strings: Sequence[str | Sequence[str]] | np.ndarray,
    architecture: Architecture | None = None,
    points: int = 2**14,
    seed: int = 0,
    device: str = "auto",
    *,
    level: float = 0.999,
    precision: str = "float64",
    progress: Progress | None = None,
) -> StringGram:
    """Estimate the kernel between strings.

    The result depends on which tokens are equal and not on their names: renaming
    tokens by any bijection leaves every bit unchanged. Memory: 16 matrices of n × n,
    and besides 64 MiB for each thread, or what a single point takes if that is more:
    n times the tokens that occur in two strings or more.

    >>> gram = string_gram(["u u", "v w"], points=64)
    >>> bool((gram.attention == string_gram(["p p", "q r"], points=64).attention).all())
    True

    Args:
        strings: strings of one length, each text or a sequence of tokens, or an array
            of integer tokens of shape (n, k); `[CLS]` is appended here where it is
            read.
        architecture: the transformer, of depth 1; `Architecture()` when None.
        points: how many, rounded down to a multiple of 16; at least 32.
        seed: equal seeds give equal bits, however the work is spread.
        device: "auto", "cpu" or "cuda".
        level: coverage of each entry's interval.
        precision: that of points and products, "float64" or "float32"; sums are kept in
            float64. Rounding is included in every halfwidth.
        progress: called with (points done, points in all).

    Raises:
        InputError: an argument out of range, or strings of different lengths.
    """
    architecture = require_one_layer(read_architecture(architecture))
    positive_integer("points", points, low=2 * GROUPS)
    positive_integer("seed", seed, low=0)
    read_level(level)
    one_of("precision", precision, tuple(PRECISIONS))
    check_callback("progress", progress)
    chosen = resolve_device(device)
    tokens = _encode(strings, architecture.readout == "cls")
    sampler = _Sampler.of(tokens, architecture, PRECISIONS[precision], chosen)
    each = points // GROUPS
    task = partial(sampler.gram, seed, each)
    attention = np.empty((GROUPS, len(tokens), len(tokens)))
    numbers = each * sampler.numbers_per_point
    mapped = map_replications(task, range(GROUPS), chosen, numbers)
    for index, found in enumerate(mapped):
        attention[index] = found
        if progress is not None:
            progress((index + 1) * each, GROUPS * each)
    if architecture.identity_vo:
        weights = moments_of(tokens.tolist(), architecture).weights
        attention += architecture.identity_vo**2 * sampler.gram_of_means(weights)
    return _result(
        attention, architecture, sampler.rounding, each=each, seed=seed, level=level
    )


def _result(
    groups: Float64[np.ndarray, "groups n n"],
    architecture: Architecture,
    rounding: float,
    each: int,
    seed: int,
    level: float,
) -> StringGram:
    """Averages and halfwidths, a few rows at a time."""
    n = groups.shape[1]
    own = np.diagonal(groups, axis1=1, axis2=2)
    d, d_without = own.mean(0), leave_one_out(own)
    dual = architecture.activation.dual
    attention, matrix, in_attention, in_matrix = (np.empty((n, n)) for _ in range(4))
    rows_at_once = max(1, 2**22 // (GROUPS * n))
    for start in range(0, n, rows_at_once):
        rows = slice(start, start + rows_at_once)
        c, c_without = groups[:, rows].mean(0), leave_one_out(groups[:, rows])
        k = dual(d[rows, None], d[None, :], c)
        k_without = dual(d_without[:, rows, None], d_without[:, None, :], c_without)
        in_c = rounding * c
        moved = dual(d[rows, None], d[None, :], c - in_c)
        own_moved = dual(d[rows, None] * (1 + rounding), d[None, :] * (1 + rounding), c)
        attention[rows], matrix[rows] = c, k
        in_attention[rows] = jackknife_halfwidth(c, c_without, level) + in_c
        in_matrix[rows] = jackknife_halfwidth(k, k_without, level)
        in_matrix[rows] += np.abs(moved - k) + np.abs(own_moved - k)
    return StringGram(
        attention=attention,
        matrix=matrix,
        halfwidth=MappingProxyType({"attention": in_attention, "matrix": in_matrix}),
        rounding=rounding,
        points=each * GROUPS,
        seed=seed,
        level=level,
    )


def _encode(
    strings: Iterable[str | Sequence[str]] | np.ndarray, cls: bool
) -> Int64[np.ndarray, "n keys"]:
    """Tokens as numbers by first appearance, with `[CLS]` appended where it is read."""
    check_list("strings", strings, "of strings, such as ['u u', 'u v']")
    if isinstance(strings, np.ndarray) and strings.dtype.kind in "iu":
        if strings.ndim != 2 or not strings.size:
            raise InputError(
                f"strings is an array of shape {strings.shape}; expected (n, k) with "
                "at least one string and one token"
            )
        parsed = [tuple(row) for row in strings.tolist()]
    else:
        parsed = [parse_string(string) for string in strings]
    if not parsed:
        raise InputError("strings is empty; expected at least one string")
    if len({len(string) for string in parsed}) > 1:
        lengths = sorted({len(string) for string in parsed})
        raise InputError(f"strings have lengths {lengths}; expected one length")
    number: dict[str | int, int] = {CLS: 0} if cls else {}
    appended = (CLS,) if cls else ()
    return np.array(
        [[number.setdefault(x, len(number)) for x in (*s, *appended)] for s in parsed],
        dtype=np.int64,
    )


@dataclass(frozen=True)
class _Term:
    """A part of the logits: the Gaussian of each (string, query, key), times what."""

    index: torch.Tensor
    scale: float


@dataclass(frozen=True)
class _Sampler:
    """Draws Φ of all strings at once and adds up its products.

    Attributes:
        shared: for each key, which of the tokens in several strings it carries, or
            their number where it carries none; shape (n, K).
        count: number of tokens in several strings.
        alone: for each key, which of the string's own tokens it carries, numbered
            within the string, or K where other strings have it too; shape (n, K).
        terms: what each logit adds up from.
        added: what the identity adds to the logits; shape (n, Q, K).
        normals: Gaussians in one point.
        gamma: position scale.
        dtype: in which precision points and products are.
        device: where they are computed.
    """

    shared: torch.Tensor
    count: int
    alone: torch.Tensor
    terms: tuple[_Term, ...]
    added: torch.Tensor
    normals: int
    gamma: float
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(
        cls,
        tokens: Int64[np.ndarray, "n keys"],
        architecture: Architecture,
        dtype: torch.dtype,
        device: torch.device,
    ) -> _Sampler:
        """The sampler for an array of tokens."""
        gamma, beta = architecture.gamma, architecture.beta
        n, keys = tokens.shape
        queries = np.arange(0 if architecture.readout == "mean" else keys - 1, keys)
        terms = _terms(tokens, queries, gamma, architecture.readout == "cls")
        like_query = tokens[:, queries, None] == tokens[:, None, :]
        like_query = like_query + gamma**2 * np.eye(keys)[queries]
        vocabulary = int(tokens.max()) + 1
        occurrences = np.unique(np.arange(n)[:, None] * vocabulary + tokens)
        several = np.bincount(occurrences % vocabulary, minlength=vocabulary) > 1
        number = np.where(several, np.cumsum(several) - 1, several.sum())
        first = np.stack([(row[None] == row[:, None]).argmax(1) for row in tokens])
        alone = np.where(several[tokens], keys, first)
        added = beta * architecture.identity_kq * like_query
        return cls(
            shared=torch.from_numpy(number[tokens]).to(device),
            count=int(several.sum()),
            alone=torch.from_numpy(alone).to(device),
            terms=tuple(
                _Term(torch.from_numpy(i).to(device), beta * s) for i, s in terms
            ),
            added=torch.from_numpy(added).to(device, dtype)[..., None],
            normals=1 + max(int(number.max()) for number, _ in terms),
            gamma=gamma,
            dtype=dtype,
            device=device,
        )

    @property
    def numbers_per_point(self) -> int:
        """Numbers held for one point, for sizing chunks."""
        n, queries, keys, _ = self.added.shape
        return self.normals + n * (3 * queries * keys + self.count + 4 * keys)

    @property
    def rounding(self) -> float:
        """Bound on the relative error of an entry, all of whose terms are ≥ 0.

        A product of so many terms is off by one unit for each at most (Higham 2002,
        (3.5)), and exponentials of logits by a few times the largest logits' size.
        """
        chunk = max(1, chunk_numbers(self.device) // self.numbers_per_point)
        terms = chunk * (self.count + self.added.shape[2])
        return (terms + 512) * float(torch.finfo(self.dtype).eps)

    def gram(self, seed: int, count: int, group: int) -> Float64[np.ndarray, "n n"]:
        """K_attn averaged over one group of points."""
        n = len(self.shared)
        stream = PseudoRandomPoints(self.normals, seed, group)
        total = torch.zeros((n, n), dtype=torch.float64, device=self.device)
        chunk = max(1, chunk_numbers(self.device) // self.numbers_per_point)
        for start in range(0, count, chunk):
            draws = torch.from_numpy(stream.draw(min(chunk, count - start)).T)
            weights = self._weights(draws.to(self.device, self.dtype).contiguous())
            self._add_products(weights, total)
        return _mirrored(total).cpu().numpy() / count

    def gram_of_means(
        self, weights: Float64[np.ndarray, "n keys"]
    ) -> Float64[np.ndarray, "n n"]:
        """⟨Φ, Φ⟩ for given weights."""
        n = len(weights)
        total = torch.zeros((n, n), dtype=torch.float64, device=self.device)
        given = torch.from_numpy(weights).to(self.device, self.dtype)
        self._add_products(given[..., None], total)
        return _mirrored(total).cpu().numpy()

    def _weights(
        self, draws: Float[torch.Tensor, "normals points"]
    ) -> Float[torch.Tensor, "n keys points"]:
        """The softmax, averaged over the queries."""
        logits = self.added.expand(*self.added.shape[:3], draws.shape[1]).clone()
        for term in self.terms:
            logits.add_(draws[term.index], alpha=term.scale)
        return torch.softmax(logits, dim=2).mean(1)

    def _add_products(
        self,
        weights: Float[torch.Tensor, "n keys points"],
        total: Float64[torch.Tensor, "n n"],
    ) -> None:
        """Add Σ Φ Φᵀ over the points to the upper slabs of `total`."""
        n, keys, points = weights.shape
        features = weights.new_zeros(n, self.count + 1 + keys, points)
        strings = torch.arange(n, device=weights.device)
        # One position at a time: no two writes meet, so the order of sums is fixed.
        for i in range(keys):
            features[strings, self.shared[:, i]] += weights[:, i]
        features[:, self.count] = 0.0
        features[:, self.count + 1 :] = self.gamma * weights
        rows = features.flatten(1)
        for start in range(0, n, _SLAB):
            here, right = rows[start : start + _SLAB], rows[start:]
            into = total[start : start + _SLAB, start:]
            if self.dtype == torch.float64:
                into.addmm_(here, right.T)
            else:
                into += here @ right.T
        own = weights.new_zeros(n, keys + 1, points)
        for i in range(keys):
            own[strings, self.alone[:, i]] += weights[:, i]
        total.diagonal().add_(own[:, :keys].square().sum((1, 2)))


def _mirrored(total: Float64[torch.Tensor, "n n"]) -> Float64[torch.Tensor, "n n"]:
    """The matrix with the slabs' part right of the diagonal copied below it."""
    for start in range(0, len(total), _SLAB):
        stop = start + _SLAB
        total[stop:, start:stop] = total[start:stop, stop:].T
    return total


def _terms(
    tokens: Int64[np.ndarray, "n keys"],
    queries: Int64[np.ndarray, " queries"],
    gamma: float,
    one_row: bool,
) -> list[tuple[np.ndarray, float]]:
    """The Gaussians in each logit, numbered from 0, with their scales.

    Labels of rows and columns are the tokens, then the positions. The rows of `[CLS]`
    and of its position are one for every string: numbered 0, of scale √(1 + γ²).
    """
    n, keys = tokens.shape
    vocabulary = int(tokens.max()) + 1
    labels = vocabulary + keys
    columns = [(tokens[:, None, :], 1.0), (vocabulary + np.arange(keys), gamma)]
    if one_row:
        rows = [(np.zeros((n, 1, 1), dtype=np.int64), math.hypot(1, gamma))]
    else:
        rows = [
            (tokens[:, queries, None], 1.0),
            (vocabulary + queries[None, :, None], gamma),
        ]
    pairs = [
        (np.broadcast_to(row * labels + column, (n, len(queries), keys)), s * t)
        for row, s in rows
        for column, t in columns
    ]
    codes = np.stack([code for code, _ in pairs])
    numbers = np.unique(codes, return_inverse=True)[1].reshape(codes.shape)
    return [(number, s) for number, (_, s) in zip(numbers, pairs, strict=True)]
