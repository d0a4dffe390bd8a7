"""What an estimate of the template matrix knows, and the intervals that follow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from numerics.architecture import Architecture
from numerics.mehler import kernel_factors
from numerics.shapes import Float64
from numerics.template_matrix.entries import entries_of
from numerics.template_matrix.replicated import (
    KernelReplicates,
    ReplicatedMatrix,
    computed_once,
    kernel_excess,
)
from numerics.template_matrix.spectrum import Confidence
from symbind_theory.records.architecture import KernelName
from symbind_theory.templates import Template

__all__ = ["TemplateGram"]


@dataclass(frozen=True, kw_only=True)
class TemplateGram(ReplicatedMatrix):
    """C, d, gaps and N of r templates, each with halfwidths: an `AttentionMatrix`.

    It is made from features and self values; the matrices and their halfwidths follow
    from these, so that `dataclasses.replace` never leaves them behind.

    Attributes:
        templates: the templates, in the order given.
        architecture: the transformer.
        attention: C; shape (r, r).
        attention_self: d, K_attn of a string with itself; shape (r,).
        gaps: C_ii + C_jj − 2 C_ij ≥ 0; shape (r, r).
        matrix: N; shape (r, r).
        matrix_self: K_trans of a string with itself; shape (r,).
        halfwidth: for each of the names above, halfwidths of the same shape; each
            entry is covered with probability `level`.
        points: number of outer points used.
        seed: the seed of the points.
        confidence: coverage of every interval, looks at intermediate sizes included.
        points_needed: outer points below which too few of them decide for their spread
            to tell anything, and every interval is unbounded: `max_points` has to be
            raised. 16 but for large `identity_kq`.
        method: how the outer points were drawn.
        precision: in which the features were computed, "float64" or "float32".
        device: where they were computed.
        column: which of the distinct templates, up to renaming, each template is.
        features: F with C = FᵀF for the distinct templates, on all points, then with
            each group of points left out in turn.
        self_values: d of the distinct templates, on all points, then with each group of
            points left out in turn; equal throughout where they need no points.
        feature_error: bound on the relative error of each column of features, by
            rounding and by the inner stage, which re-drawing points does not show.
        self_error: bound on the relative error of `self_values` besides what re-drawing
            points shows.
    """

    templates: tuple[Template, ...]
    architecture: Architecture
    attention: Float64[np.ndarray, "r r"] = field(init=False)
    attention_self: Float64[np.ndarray, " r"] = field(init=False)
    gaps: Float64[np.ndarray, "r r"] = field(init=False)
    matrix: Float64[np.ndarray, "r r"] = field(init=False)
    matrix_self: Float64[np.ndarray, " r"] = field(init=False)
    halfwidth: Mapping[str, Float64[np.ndarray, " ..."]] = field(init=False)
    points: int
    seed: int
    confidence: Confidence
    points_needed: int = 0
    method: str
    precision: str
    device: str
    column: tuple[int, ...]
    features: tuple[Float64[np.ndarray, "distinct distinct"], ...] = field(repr=False)
    self_values: tuple[Float64[np.ndarray, " distinct"], ...] = field(repr=False)
    feature_error: float
    self_error: float

    def __post_init__(self) -> None:
        entries = entries_of(
            self.architecture.activation,
            self.column,
            self.features,
            self.self_values,
            feature_error=self.feature_error,
            self_error=self.self_error,
            level=self.confidence.each,
            enough=self.confidence.enough,
        )
        for name, value in entries.values.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "halfwidth", entries.halfwidth)

    @property
    def kernel(self) -> KernelName:
        """ "nngp": the readout alone is trained."""
        return "nngp"

    @property
    def more_points(self) -> int:
        """What `max_points` has to be raised to at least; 0 where there are enough.

        A power of two, as scrambled Sobol' points are.
        """
        if self.points >= self.points_needed:
            return 0
        return 1 << (self.points_needed - 1).bit_length()

    @property
    def attention_replicates(
        self,
    ) -> tuple[Float64[np.ndarray, "distinct distinct"], ...]:
        """`features`."""
        return self.features

    @property
    def features_error(self) -> float:
        """Bound on ‖δF‖."""
        return self.feature_error * math.sqrt(float(np.trace(self.attention)))

    @computed_once
    def kernel_replicates(self) -> KernelReplicates:
        """G with N = GᵀG for the distinct templates, as `features` has F for C."""
        activation = self.architecture.activation
        found = kernel_factors(
            activation,
            np.stack(self.features),
            np.stack(self.self_values),
            self.feature_error,
            self.self_error,
        )
        place = [self.column.index(i) for i in range(len(self.self_values[0]))]
        wild = np.array([bool(self.templates[i].wildcards) for i in place])
        return KernelReplicates(
            factors=tuple(k.factor for k in found),
            excess=tuple(
                kernel_excess(activation.dual(d, d, d), k.factor, wild)
                for k, d in zip(found, self.self_values, strict=True)
            ),
            error=max(k.error for k in found),
            remainder=max(k.remainder for k in found),
        )
