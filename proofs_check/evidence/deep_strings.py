"""N of a deep transformer from strings alone, by plain Monte Carlo.

K holds the covariances of all positions of all strings, none of which share a symbol
but regular tokens. In each block the logits of all strings are drawn together,

    Cov(M_i[q, p], M_j[q', p']) = K_ij[q, q'] K_ij[p, p'],     mean a K_ii[q, p],

and attention gives E[S_i K_ij S_jᵀ], S the softmax of β M by rows: strings with
themselves and with others alike. No template, no conditional expectation, no symmetry
and no series is used, as `template_gram` uses them for more than one block. What the
two share is the activation's dual and what positions do to logits.

*Bias.* The first block is linear in what is averaged; later ones, MLPs and
normalisation are not, so that a run of n points is off by c/n + O(1/n²) in the mean. Of
runs x_n and x_{n/4}, independent of each other, x_n + (x_n − x_{n/4})/3 is off by
O(1/n²) alone. What remains is not known: as much as was taken off in the mean is
allowed for.

Source: symbind; docs/theorem-d.md for the recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import softmax

from numerics import Architecture
from numerics.kernels.closed_form import fresh_strings
from numerics.shapes import Float64, Int64
from proofs_check.evidence.string_estimates import (
    Sampling,
    StringEstimates,
    between_copies,
    gaps_of,
)
from proofs_check.seeds import numpy_stream
from symbind_theory.records.architecture import BlockNumbers
from symbind_theory.templates import Template

__all__ = ["MOST_LOGITS", "deep_estimates", "logits_of"]

Stream: TypeAlias = Float64[np.ndarray, "n keys n keys"]

MOST_LOGITS = 512
"""Logits in a block at most; the spectrum of their covariance is taken in each run."""

# [CLS], a token of every string; other tokens are numbers from 0.
_CLS = -1
# Points of a run against those of the run that shows its bias.
_COARSER = 4
# What blocks round, against the largest self value.
_ROUNDING = 1e-12


def deep_estimates(
    templates: Sequence[Template],
    architecture: Architecture,
    sampling: Sampling,
    seeds: Sequence[int],
) -> StringEstimates:
    """N, K_self and gaps of C after the last attention, from one pair of runs a seed.

    Args:
        templates: templates of one length.
        architecture: the transformer, of any depth.
        sampling: how many strings of each template, and points of a run.
        seeds: of the replications.
    """
    strings = fresh_strings(templates, sampling.copies)
    strings = strings.reshape(-1, strings.shape[2])
    if architecture.readout == "cls":
        strings = np.pad(strings, ((0, 0), (0, 1)), constant_values=_CLS)
    runs = []
    for points in (sampling.string_points, sampling.string_points // _COARSER):
        draws = [
            _Run(architecture, points, numpy_stream(seed, points)).kernels(strings)
            for seed in seeds
        ]
        attended, last = map(np.stack, zip(*draws, strict=True))
        matrix, matrix_self = between_copies(last, sampling.copies)
        attention, _ = between_copies(attended, sampling.copies)
        gaps = gaps_of(attention)
        runs.append({"matrix": matrix, "matrix_self": matrix_self, "gaps": gaps})
    fine, coarse = runs
    bias = {name: (coarse[name] - fine[name]) / (_COARSER - 1) for name in fine}
    return StringEstimates(
        values={name: fine[name] - bias[name] for name in fine},
        bias={name: np.abs(taken_off.mean(0)) for name, taken_off in bias.items()},
        rounding=_ROUNDING * float(fine["matrix_self"].max()),
    )


def logits_of(
    templates: Sequence[Template], architecture: Architecture, sampling: Sampling
) -> int:
    """How many logits all strings have in a block.

    Args:
        templates: templates of one length.
        architecture: the transformer.
        sampling: how many strings of each template there are.
    """
    keys = templates[0].length + (architecture.readout == "cls")
    return sampling.copies * len(templates) * keys**2


@dataclass(frozen=True, slots=True)
class _Run:
    """One run through all blocks.

    Attributes:
        architecture: the transformer.
        points: of each block's average.
        generator: of the points, new ones in each block.
    """

    architecture: Architecture
    points: int
    generator: np.random.Generator

    def kernels(
        self, strings: Int64[np.ndarray, "n keys"]
    ) -> tuple[Float64[np.ndarray, "n n"], Float64[np.ndarray, "n n"]]:
        """What is read of the stream after the last attention and at the end."""
        keys = strings.shape[1]
        same = (strings[:, :, None, None] == strings).astype(np.float64)
        stream = same + self.architecture.gamma**2 * np.eye(keys)[:, None, :]
        every = read = np.arange(keys)
        if self.architecture.readout != "mean":
            read = every[-1:]
        attended, blocks = stream, self.architecture.every_block
        for index, block in enumerate(blocks):
            queries = read if index == len(blocks) - 1 else every
            attended = self._after(self._attention(stream, block, queries))
            mlp = self._mlp(self._seen(attended))
            stream = self._after(block.residual**2 * attended + mlp)
        if self.architecture.final_normalisation:
            stream = _normalised(stream)
        return attended.mean((1, 3)), stream.mean((1, 3))

    def _seen(self, stream: Stream) -> Stream:
        """What a sublayer sees of the stream."""
        pre = self.architecture.normalisation == "pre"
        return _normalised(stream) if pre else stream

    def _after(self, stream: Stream) -> Stream:
        """The sum of a sublayer, normalised where that comes after it."""
        post = self.architecture.normalisation == "post"
        return _normalised(stream) if post else stream

    def _mlp(self, seen: Stream) -> Stream:
        """E φ(u) φ(v), entry by entry."""
        v = _self_values(seen)
        dual = self.architecture.activation.dual
        return dual(v[:, :, None, None], v[None, None], seen)

    def _attention(
        self, stream: Stream, block: BlockNumbers, queries: Int64[np.ndarray, " q"]
    ) -> Float64[np.ndarray, "n q n q"]:
        """(s I + b S̄ Δ) K (s I + b S̄ Δ)ᵀ + E[S K̂ Sᵀ] at some positions."""
        seen = self._seen(stream)
        weights = self._weights(seen, block, queries)
        _, n, q, keys = weights.shape
        flat = weights.reshape(self.points, -1)
        moments = (flat.T @ flat / self.points).reshape(n, q, keys, n, q, keys)
        added = np.einsum("iqajrb,iajb->iqjr", moments, seen)
        pre = self.architecture.normalisation == "pre"
        lengths = np.sqrt(_self_values(stream)) if pre else np.ones((n, keys))
        kept = block.identity_vo * weights.mean(0) / lengths[:, None, :]
        kept += block.residual * np.eye(keys)[queries]
        half = np.einsum("iqa,iajb->iqjb", kept, stream)
        return np.einsum("iqjb,jrb->iqjr", half, kept) + added

    def _weights(
        self, seen: Stream, block: BlockNumbers, queries: Int64[np.ndarray, " q"]
    ) -> Float64[np.ndarray, "points n q keys"]:
        """Softmax of logits that are drawn for all strings at once."""
        n, keys = seen.shape[:2]
        every = np.arange(keys)
        offset = (queries[:, None] - every).astype(np.float64)
        between = offset[:, :, None, None] - offset
        rows = seen[:, queries][:, :, :, queries]
        law = np.einsum("iqjr,ipjs->iqpjrs", rows, seen) * block.beta**2
        mean = block.beta * block.identity_kq * np.einsum("iqip->iqp", seen)[:, queries]
        relative = self.architecture.relative
        if relative is not None:
            law = (
                law * relative.turn(between)[:, :, None]
                + relative.noise(between)[:, :, None]
            )
            mean = mean + relative.bias(offset)
        size = n * len(queries) * keys
        values, vectors = np.linalg.eigh(law.reshape(size, size))
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn = self.generator.standard_normal((self.points, size)) @ root.T
        logits = drawn.reshape(self.points, n, len(queries), keys) + mean
        if self.architecture.causal:
            logits = np.where(offset >= 0, logits, -np.inf)
        return softmax(logits, axis=-1)


def _self_values(stream: Stream) -> Float64[np.ndarray, "n keys"]:
    """The variance of every position of every string."""
    return np.einsum("iqiq->iq", stream)


def _normalised(stream: Stream) -> Stream:
    """Every position divided by its length."""
    length = np.sqrt(_self_values(stream))
    return stream / length[:, :, None, None] / length
