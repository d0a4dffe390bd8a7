"""Non-asymptotic bounds on gaps: no Gaussian limit, a stated failure probability.

At an outer point the gap's value x = ‖f_i − f_j‖² lies in [0, 2(1 + γ²)]: the weights
of positions, and those of tokens, are points of a simplex, of squared diameter 2. With
n independent points, sample variance V and range B, each side of

    |x̄ − gap| ≤ √(2 V log(2/δ) / n) + 7 B log(2/δ) / (3 (n − 1))

fails with probability at most δ (empirical Bernstein). A union bound over both sides of
every pair makes all intervals hold at once.

What a multiple b of the identity adds to a gap, b² ‖E f_i − E f_j‖², is known exactly.

Source: Maurer & Pontil 2009, Theorem 4; symbind for the range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from numerics.architecture import Architecture, read_architecture, require_one_layer
from numerics.attention.conditional_softmax import ConditionalSoftmax
from numerics.attention.string_moments import mean_features, moments_of
from numerics.averages.points import PseudoRandomPoints
from numerics.devices import chunk_numbers, resolve_device
from numerics.shapes import Float64
from numerics.template_matrix.error_bounds import feature_error
from symbind_theory.separation.incidence import incidence_of
from symbind_theory.templates import Template, read_templates
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = ["GapBounds", "gap_bounds"]


@dataclass(frozen=True)
class GapBounds:
    """Gaps of r templates with bounds that hold together.

    Attributes:
        gaps: averages of ‖f_i − f_j‖²; shape (r, r).
        low: lower bounds, at least 0; shape (r, r).
        high: upper bounds; shape (r, r).
        failure_probability: that any of the bounds fails.
        points: number of independent points.
        seed: the seed of the points.
    """

    gaps: Float64[np.ndarray, "r r"]
    low: Float64[np.ndarray, "r r"]
    high: Float64[np.ndarray, "r r"]
    failure_probability: float
    points: int
    seed: int


def gap_bounds(
    templates: Sequence[Template | str],
    architecture: Architecture | None = None,
    points: int = 2**16,
    seed: int = 0,
    device: str = "auto",
    *,
    failure_probability: float = 1e-3,
) -> GapBounds:
    """Bound every gap at once, whatever the distribution of its values.

    >>> bounds = gap_bounds(["?a ?a", "?a ?b"], points=2**14)
    >>> bool(bounds.low[0, 1] > 0)
    True

    Args:
        templates: templates of one length, or their text.
        architecture: the transformer, of depth 1; `Architecture()` when None.
        points: independent outer points, ≥ 2.
        seed: equal seeds give equal bits.
        device: "auto", "cpu" or "cuda".
        failure_probability: that any bound fails, in (0, 1).

    Raises:
        InputError: an argument out of range.
    """
    parsed = read_templates(templates)
    architecture = require_one_layer(read_architecture(architecture))
    positive_integer("points", points, low=2)
    if not 0 < finite_number("failure_probability", failure_probability) < 1:
        raise InputError(
            f"failure_probability is {failure_probability}; expected a number between "
            "0 and 1"
        )
    canonical = [t.canonical() for t in parsed]
    distinct = tuple(dict.fromkeys(canonical))
    column = np.array([distinct.index(t) for t in canonical])
    inner = ConditionalSoftmax(distinct, architecture, resolve_device(device))
    moments = _Moments.of(inner, PseudoRandomPoints(inner.dimension, seed), points)

    r = len(parsed)
    bounds = max(1, r * (r - 1))
    logarithm = math.log(2 * bounds / failure_probability)
    largest = 2 * (1 + architecture.gamma**2)
    width = np.sqrt(2 * moments.variance * logarithm / points)
    width += 7 * largest * logarithm / (3 * (points - 1))
    # |f| is at most √(1 + γ²), with b √(1 + b²) times that; two features are off by
    # `feature_error` of it each.
    added, defect = _identity_gaps(distinct, architecture, inner.tokens)
    mean = moments.mean + added
    size = math.sqrt(1 + architecture.gamma**2) * math.hypot(
        1, architecture.identity_vo
    )
    delta = 2 * feature_error(max(moments.defect, defect)) * size
    width += delta * (2 * np.sqrt(mean) + delta)
    # A template's distance from itself, and from what is equivalent to it, is 0.
    np.fill_diagonal(width, 0.0)
    pairs = np.ix_(column, column)
    return GapBounds(
        gaps=mean[pairs],
        low=np.maximum(mean - width, 0.0)[pairs],
        high=(mean + width)[pairs],
        failure_probability=failure_probability,
        points=points,
        seed=seed,
    )


def _identity_gaps(
    templates: Sequence[Template], architecture: Architecture, tokens: Sequence[str]
) -> tuple[Float64[np.ndarray, "r r"], float]:
    """b² ‖E f_i − E f_j‖², and the defect of the moments behind it."""
    strings = [incidence_of(t, architecture.readout).symbols for t in templates]
    moments = moments_of(strings, architecture)
    f = mean_features(strings, moments.weights, tokens, architecture.gamma)
    apart = f[:, :, None] - f[:, None, :]
    return architecture.identity_vo**2 * (apart**2).sum(0), moments.defect


@dataclass(frozen=True, slots=True)
class _Moments:
    """Mean and unbiased variance of every pair's values."""

    mean: Float64[np.ndarray, "r r"]
    variance: Float64[np.ndarray, "r r"]
    defect: float

    @classmethod
    def of(
        cls, inner: ConditionalSoftmax, stream: PseudoRandomPoints, count: int
    ) -> _Moments:
        """Over `count` points, in chunks; squares are summed about the first mean."""
        r = len(inner.templates)
        per_point = inner.numbers_per_point + 2 * r * r
        chunk = max(1, chunk_numbers(inner.device) // per_point)
        first, total, square = None, np.zeros((r, r)), np.zeros((r, r))
        defect = 0.0
        for start in range(0, count, chunk):
            points = torch.from_numpy(stream.draw(min(chunk, count - start)))
            result = inner(points.to(inner.device))
            # The default mode would subtract squares, which drowns small gaps.
            distance = torch.cdist(
                result.features,
                result.features,
                compute_mode="donot_use_mm_for_euclid_dist",
            )
            values = distance.square().cpu().numpy()
            first = values.mean(0) if first is None else first
            total += (values - first).sum(0)
            square += ((values - first) ** 2).sum(0)
            defect = max(defect, result.defect)
        assert first is not None
        variance = np.maximum(square - total**2 / count, 0.0) / (count - 1)
        return cls(first + total / count, variance, defect)
