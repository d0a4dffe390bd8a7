"""What an estimate of the template matrix of a deep transformer knows.

Runs through all blocks are independent of each other; each brings its own factors of C
and N. N is the mean over runs. A run of n points has a bias of order 1/n, as what a
block makes of the stream is not linear in it: the mean over runs of fewer points shows
it, and it is in every interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from numerics.architecture import Architecture
from numerics.averages.jackknife import jackknife_halfwidth, leave_one_out
from numerics.averages.linalg import triangle
from numerics.deep.recursion import DeepStreams
from numerics.deep.stream import Stream
from numerics.shapes import Bool, Float64
from numerics.template_matrix.replicated import (
    Coarser,
    KernelReplicates,
    ReplicatedMatrix,
    computed_once,
    may_be_noise,
)
from numerics.template_matrix.spectrum import (
    Confidence,
    leave_one_out_factors,
    stack_factors,
)
from symbind_theory.records.architecture import KernelName
from symbind_theory.templates import Template

# What a block's MLP rounds, where its series ends in a closed form, as a part of the
# trace: eigenvalues, unlike singular values of factors, are known to no better.
_ROUNDING = 1e-14

# Beyond this part a direction of C is the difference of two noises.
_MOST_BIAS = 0.5

__all__ = ["DeepGram", "DeepRun", "DeepRuns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepRun:
    """What one run through all blocks finds for the distinct templates.

    Attributes:
        features: F with C = FᵀF, of the stream after the last attention.
        squares: d, that of a string with itself.
        factor: G with N = GᵀG.
        kernel_self: K_self.
        bias: the largest part of C, in any direction, that was taken off as a bias.
        steepness: of logits, where all layers are trained; else 0.
        rule_errors: of each MLP, by coefficients of the activation that are not exact.
    """

    features: Float64[np.ndarray, "rows distinct"]
    squares: Float64[np.ndarray, " distinct"]
    factor: Float64[np.ndarray, "more distinct"]
    kernel_self: Float64[np.ndarray, " distinct"]
    bias: float
    steepness: float
    rule_errors: tuple[float, ...]

    @classmethod
    def of(cls, streams: DeepStreams) -> DeepRun:
        """What is read of the streams, at one position or averaged over positions."""
        features, squares = _read(streams.attended)
        factor, kernel_self = _read(streams.output)
        return cls(
            features=features,
            squares=squares,
            factor=factor,
            kernel_self=kernel_self,
            bias=streams.bias,
            steepness=streams.steepness,
            rule_errors=streams.rule_errors,
        )


def _read(
    stream: Stream,
) -> tuple[Float64[np.ndarray, "rows r"], Float64[np.ndarray, " r"]]:
    """A root of what is read between strings, and what one string has with itself."""
    return stream.root.mean(2), stream.within.mean((1, 2))


@dataclass(frozen=True, slots=True)
class DeepRuns:
    """All runs of one size, on all of them and without each in turn.

    Attributes:
        features: F with C = FᵀF.
        squares: d.
        factors: G with N = GᵀG.
        kernel_self: K_self.
        bias: the largest of a run.
        steepness: the largest of a run.
        attention_error: relative error of F by coefficients of the activation, over all
            MLPs but the last.
        rule_error: the same of G, over all of them.
    """

    features: tuple[Float64[np.ndarray, "rows distinct"], ...]
    squares: Float64[np.ndarray, "replicates distinct"]
    factors: tuple[Float64[np.ndarray, "rows distinct"], ...]
    kernel_self: Float64[np.ndarray, "replicates distinct"]
    bias: float
    steepness: float
    attention_error: float
    rule_error: float

    @classmethod
    def of(cls, runs: Sequence[DeepRun]) -> DeepRuns:
        """Means over independent runs."""
        return cls(
            features=_pooled([run.features for run in runs]),
            squares=_means([run.squares for run in runs]),
            factors=_pooled([run.factor for run in runs]),
            kernel_self=_means([run.kernel_self for run in runs]),
            bias=max(run.bias for run in runs),
            steepness=max(run.steepness for run in runs),
            attention_error=max(sum(run.rule_errors[:-1]) for run in runs),
            rule_error=max(sum(run.rule_errors) for run in runs),
        )

    @property
    def points_needed(self) -> float:
        """Points below which none may lie where slopes of softmax are not 0.

        Within a string 12 of four times as many do, of averages that say how sure they
        are only if some do: none of them does with probability e^{−12}.
        """
        return 2 * self.steepness

    def excess(self, wild: np.ndarray) -> tuple[Float64[np.ndarray, " distinct"], ...]:
        """K_self − diag N, 0 where there are no wildcards."""
        pairs = zip(self.factors, self.kernel_self, strict=True)
        return tuple(
            np.where(wild, np.maximum(k - (g**2).sum(0), 0.0), 0.0) for g, k in pairs
        )

    def entries(self, place: np.ndarray) -> dict[str, Float64[np.ndarray, " ..."]]:
        """Every entry, for each of the replicates.

        Args:
            place: which of the distinct templates each template is.
        """
        features = [f[:, place] for f in self.features]
        factors = [g[:, place] for g in self.factors]
        return {
            "attention": np.stack([f.T @ f for f in features]),
            "attention_self": self.squares[:, place],
            "gaps": np.stack([_distances(f) for f in features]),
            "matrix": np.stack([g.T @ g for g in factors]),
            "matrix_self": self.kernel_self[:, place],
        }


def _pooled(
    factors: Sequence[Float64[np.ndarray, "some distinct"]],
) -> tuple[Float64[np.ndarray, "rows distinct"], ...]:
    """The factor of the mean over runs, then without each run."""
    groups = np.stack([_square(factor) for factor in factors])
    return (stack_factors(groups), *leave_one_out_factors(groups))


def _square(
    factor: Float64[np.ndarray, "rows distinct"],
) -> Float64[np.ndarray, "distinct distinct"]:
    """As many rows as columns, the Gram matrix the same."""
    r = factor.shape[1]
    padding = np.zeros((max(0, r - len(factor)), r))
    return triangle(np.concatenate([factor, padding]))


def _means(
    values: Sequence[Float64[np.ndarray, " distinct"]],
) -> Float64[np.ndarray, "replicates distinct"]:
    """The mean over runs, then without each run."""
    groups = np.stack(list(values))
    return np.concatenate([groups.mean(0)[None], leave_one_out(groups)])


def _distances(
    features: Float64[np.ndarray, "rows r"],
) -> Float64[np.ndarray, "r r"]:
    """Squared distances of columns."""
    columns = features.T
    return np.stack([((column - columns) ** 2).sum(1) for column in columns])


@dataclass(frozen=True, kw_only=True)
class DeepGram(ReplicatedMatrix):
    """C, d, gaps and N of a deep transformer, with halfwidths: an `AttentionMatrix`.

    Attributes:
        templates: the templates, in the order given.
        architecture: the transformer.
        attention: C of the stream after the last attention, where it is read; shape
            (r, r).
        attention_self: d, that of a string with itself; shape (r,).
        gaps: C_ii + C_jj − 2 C_ij ≥ 0; shape (r, r).
        matrix: N, or Θ of the tangent kernel; shape (r, r).
        matrix_self: the same kernel of a string with itself; shape (r,).
        halfwidth: for each of the names above, halfwidths of the same shape; each
            entry is covered with probability `level`.
        points: points of every average, over all runs.
        seed: the seed of the points.
        confidence: coverage of every interval, looks at intermediate sizes included.
        method: how points were drawn.
        device: where it was computed.
        column: which of the distinct templates, up to renaming, each template is.
        runs: what all runs found.
        fewer: the same from a quarter of the points.
        kernel: "nngp", or "ntk" where `matrix` and `matrix_self` are those of the
            tangent kernel.
        relative_error: bound on the relative error of every factor, by rounding and by
            rules whose points are not drawn anew.
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
    method: str
    device: str
    column: tuple[int, ...]
    runs: DeepRuns = field(repr=False)
    fewer: DeepRuns = field(repr=False)
    kernel: KernelName = "nngp"
    relative_error: float

    def __post_init__(self) -> None:
        place = np.array(self.column)
        entries, coarse = self.runs.entries(place), self.fewer.entries(place)
        halfwidth = {}
        for name, replicates in entries.items():
            value = replicates[0]
            object.__setattr__(self, name, value)
            width = jackknife_halfwidth(value, replicates[1:], self.confidence.each)
            bias = np.abs(value - coarse[name][0])
            halfwidth[name] = width + bias + self._stage(name, entries)
        halfwidth["gaps"] = np.where(
            self._noisy(entries["gaps"], coarse["gaps"]),
            np.maximum(halfwidth["gaps"], entries["gaps"][0]),
            halfwidth["gaps"],
        )
        object.__setattr__(self, "halfwidth", MappingProxyType(halfwidth))

    def _noisy(
        self,
        many: Float64[np.ndarray, "replicates r r"],
        few: Float64[np.ndarray, "replicates r r"],
    ) -> Bool[np.ndarray, "r r"]:
        """Which gaps may be noise alone."""
        r = len(self.column)
        pairs = zip(many.reshape(-1, r * r).T, few.reshape(-1, r * r).T, strict=True)
        noisy = [
            may_be_noise(one.tolist(), other.tolist(), self.confidence)
            for one, other in pairs
        ]
        return np.array(noisy).reshape(r, r)

    def _stage(
        self, name: str, entries: Mapping[str, Float64[np.ndarray, " ..."]]
    ) -> Float64[np.ndarray, " ..."]:
        """What drawing points anew does not show, of each entry of one matrix."""
        value, error = entries[name][0], self._error(name)
        if value.ndim == 1:
            return 2 * error * np.abs(value)
        if name != "gaps":
            # An error of a factor's columns is relative to their lengths.
            length = np.sqrt(np.diagonal(value))
            return 2 * error * length[:, None] * length
        delta = error * np.sqrt(np.diagonal(entries["attention"][0]).max())
        moved = 4 * (np.sqrt(value) + delta) * delta + 4 * self.features_remainder
        # Equivalent templates share their features: that gap is 0 exactly.
        place = np.array(self.column)
        return np.where(place[:, None] == place, 0.0, moved)

    def _error(self, name: str) -> float:
        """Relative error of the factor that entries of one name come from."""
        last = name in ("matrix", "matrix_self")
        rules = self.runs.rule_error if last else self.runs.attention_error
        return self.relative_error + rules

    @property
    def more_points(self) -> int:
        """0: what takes more points than there are is refused."""
        return 0

    @property
    def attention_replicates(self) -> tuple[Float64[np.ndarray, "rows distinct"], ...]:
        """F with C = FᵀF, on all runs and without each in turn."""
        return self.runs.features

    @property
    def features_error(self) -> float:
        """Bound on ‖δF‖."""
        error = self._error("attention")
        return error * float(np.linalg.norm(self.runs.features[0]))

    @computed_once
    def kernel_replicates(self) -> KernelReplicates:
        """G with N = GᵀG for the distinct templates."""
        norm = float(np.linalg.norm(self.runs.factors[0]))
        return KernelReplicates(
            factors=self.runs.factors,
            excess=self.runs.excess(self._wild),
            error=self._error("matrix") * norm,
            remainder=self._rounding(self.runs.factors[0]),
        )

    @property
    def features_remainder(self) -> float:
        """Bound on the error of each eigenvalue of C besides."""
        return self._rounding(self.runs.features[0])

    def _rounding(self, factor: Float64[np.ndarray, "rows distinct"]) -> float:
        """What all blocks have rounded, of the trace of a matrix."""
        trace = float((factor**2).sum())
        return _ROUNDING * self.architecture.depth * trace

    @property
    def coarser(self) -> Coarser:
        """The same from a part of the points, which shows the runs' bias."""
        return Coarser(
            factors=self.fewer.factors,
            excess=self.fewer.excess(self._wild)[0],
            features=self.fewer.features,
            resolves=self.runs.bias < _MOST_BIAS,
        )

    @property
    def _wild(self) -> np.ndarray:
        """Which of the distinct templates have wildcards."""
        place = [self.column.index(i) for i in range(max(self.column) + 1)]
        return np.array([bool(self.templates[i].wildcards) for i in place])
