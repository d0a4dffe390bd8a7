"""The kernel of concrete strings by plain Monte Carlo on the feature map.

With the cls readout the logits are a gather, m(X)_i = g[x_i] + γ p[i], from one
Gaussian for each distinct token and position; and X Yᵀ + γ² I is an inner product of
token and position features, so

    K_attn(X, Y) = E⟨Φ(X), Φ(Y)⟩,   Φ(X) = (Σ_{i: x_i = t} s_i for each token t;
                                            γ s_i for each position i)

with s = softmax(β m(X)). One draw serves every string: the Gram matrix is one GEMM over
(sample, feature), exactly positive semi-definite. It assumes nothing about templates,
which makes it the independent oracle for `template_gram`.

Source: symbind (sampler); arXiv 2310.09753 (kernel).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.jackknife import half_width, leave_one_out
from numerics.options import (
    chunk_numbers,
    GROUPS,
    read_level,
    resolve_device,
    supported,
)
from numerics.points import PseudoRandomPoints
from numerics.shapes import Float64, Int64
from symbind_theory.templates import CLS, parse_string
from symbind_theory.validation import InputError, positive_integer

__all__ = ["StringGram", "string_gram"]


@dataclass(frozen=True)
class StringGram:
    """K_attn and K_trans of n strings.

    Attributes:
        attention: K_attn; shape (n, n).
        matrix: K_trans; shape (n, n).
        halfwidth: half-widths of both, by name; each entry is covered with
            probability `level`.
        points: number of samples.
        seed: of the samples.
        level: coverage.
    """

    attention: Float64[np.ndarray, "n n"]
    matrix: Float64[np.ndarray, "n n"]
    halfwidth: Mapping[str, Float64[np.ndarray, "n n"]]
    points: int
    seed: int
    level: float


def string_gram(
    strings: Sequence[str | Sequence[str]],
    architecture: Architecture | None = None,
    points: int = 2**14,
    seed: int = 0,
    device: str = "auto",
    *,
    level: float = 0.999,
) -> StringGram:
    """Estimate the kernel between strings.

    The result depends on which tokens are equal and not on their names: renaming
    tokens by any bijection leaves every bit unchanged.

    >>> gram = string_gram(["u u", "v w"], points=64)
    >>> bool((gram.attention == string_gram(["p p", "q r"], points=64).attention).all())
    True

    Args:
        strings: strings of one length, each text or a sequence of tokens; `[CLS]` is
            appended here.
        architecture: the transformer; `Architecture()` when None. Supported as in
            `template_gram`.
        points: samples, rounded down to a multiple of 32; at least 64.
        seed: equal seeds give equal bits.
        device: "auto", "cpu" or "cuda".
        level: coverage of each entry's interval.

    Raises:
        InputError: an argument out of range, or strings of different lengths.
    """
    architecture = supported(architecture or Architecture())
    positive_integer("points", points, low=2 * GROUPS)
    read_level(level)
    chosen = resolve_device(device)
    tokens = _encode(strings)
    each = points // GROUPS
    attention = np.stack(
        [
            _attention(tokens, architecture, seed, index, each, chosen)
            for index in range(GROUPS)
        ]
    )
    pooled = attention.mean(0)
    without = leave_one_out(attention)
    matrix = _trans(architecture, pooled)
    matrices = np.stack([_trans(architecture, k) for k in without])
    return StringGram(
        attention=pooled,
        matrix=matrix,
        halfwidth=MappingProxyType(
            {
                "attention": half_width(pooled, without, level),
                "matrix": half_width(matrix, matrices, level),
            }
        ),
        points=each * GROUPS,
        seed=seed,
        level=level,
    )


def _encode(
    strings: Iterable[str | Sequence[str]],
) -> Int64[np.ndarray, "n keys"]:
    """Tokens as numbers by first appearance, with `[CLS]` appended as number 0."""
    parsed = [parse_string(string) for string in strings]
    if not parsed:
        raise InputError("strings is empty; expected at least one string")
    if len({len(string) for string in parsed}) > 1:
        lengths = sorted({len(string) for string in parsed})
        raise InputError(f"strings have lengths {lengths}; expected one length")
    number: dict[str, int] = {CLS: 0}
    return np.array(
        [[number.setdefault(x, len(number)) for x in (*s, CLS)] for s in parsed],
        dtype=np.int64,
    )


def _attention(
    tokens: Int64[np.ndarray, "n keys"],
    architecture: Architecture,
    seed: int,
    group: int,
    count: int,
    device: torch.device,
) -> Float64[np.ndarray, "n n"]:
    """K_attn averaged over one group of samples."""
    n, keys = tokens.shape
    vocabulary = int(tokens.max()) + 1
    stream = PseudoRandomPoints(vocabulary + keys, seed, group)
    index = torch.from_numpy(tokens).to(device)
    gamma = architecture.gamma
    total = torch.zeros((n, n), dtype=torch.float64, device=device)
    chunk = max(1, chunk_numbers(device) // (n * (vocabulary + 3 * keys)))
    for start in range(0, count, chunk):
        size = min(chunk, count - start)
        draws = torch.from_numpy(stream.draw(size)).to(device)
        draws *= math.sqrt(1 + gamma**2)
        token, position = draws[:, :vocabulary], draws[:, vocabulary:]
        logits = token[:, index] + gamma * position[:, None, :]
        weights = torch.softmax(architecture.beta * logits, dim=-1)
        by_token = weights.new_zeros(size, n, vocabulary)
        by_token.scatter_add_(2, index.expand(size, -1, -1), weights)
        features = torch.cat([by_token, gamma * weights], dim=-1)
        rows = features.transpose(0, 1).flatten(1)
        total += rows @ rows.T
    return total.cpu().numpy() / count


def _trans(
    architecture: Architecture, attention: Float64[np.ndarray, "n n"]
) -> Float64[np.ndarray, "n n"]:
    """K_trans from K_attn."""
    d = np.diagonal(attention)
    return architecture.activation.dual(d[:, None], d[None, :], attention)
