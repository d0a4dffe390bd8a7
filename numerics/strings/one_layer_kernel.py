"""The one-layer transformer kernel of strings by overlap type.

Strings that share no symbol have the template matrix, from `one_layer_gram`. What
shared tokens add to the attention kernel comes in components (`overlap_components`),
each of them positive semi-definite; the kernel follows by the activation's dual.

Source: arXiv 2310.09753 (kernel); symbind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from numerics.architecture import Architecture, read_architecture, require_one_layer
from numerics.averages.jackknife import GROUPS
from numerics.devices import resolve_device
from numerics.mehler import kernel_factor
from numerics.overlap_types import OverlapTypes, TypeValues
from numerics.protocols import Progress
from numerics.shapes import Float64
from numerics.store.value_cache import ValueCache
from numerics.strings.component_table import (
    ComponentSettings,
    ComponentTable,
    architecture_key,
    terms_of,
)
from numerics.strings.one_layer_rows import OneLayerRows
from numerics.strings.pattern_row import BaseKernel
from numerics.strings.scaled_components import (
    ScaledSum,
    component_scales,
    kernel_halfwidth,
)
from numerics.template_matrix.accuracy import Accuracy
from numerics.template_matrix.one_layer import one_layer_gram
from numerics.template_matrix.replicated import kernel_excess
from symbind_theory.templates import Template
from symbind_theory.validation import positive_integer

__all__ = ["OneLayerGram", "OneLayerKernel"]

_LEAST_POINTS = 64 * GROUPS


@dataclass(frozen=True)
class OneLayerKernel:
    """The kernel of a one-layer transformer. Implements `PatternKernel`.

    Attributes:
        architecture: the transformer, of depth 1.
        points: outer points for what pairs of shared tokens add, rounded down to 16
            times a power of two; at least 1024. Single tokens take four times as many,
            and each token more a quarter (`points_of_size`).
        seed: equal seeds give equal points.
        device: "auto", "cpu" or "cuda".
        cache: folder for estimates; "auto" for the user's cache folder, None for none.

    Raises:
        InputError: an argument out of range, or an architecture not estimated yet.
    """

    architecture: Architecture = Architecture()
    points: int = 2**15
    seed: int = 0
    device: str = "auto"
    cache: object = "auto"

    def __post_init__(self) -> None:
        require_one_layer(read_architecture(self.architecture))
        positive_integer("points", self.points, low=_LEAST_POINTS)
        positive_integer("seed", self.seed, low=0)
        resolve_device(self.device)
        ValueCache(self.cache)

    def gram(self, patterns: Sequence[Template]) -> OneLayerGram:
        """The kernel between strings of these patterns.

        Args:
            patterns: canonical and distinct, of one length.
        """
        each = 1 << ((self.points // GROUPS).bit_length() - 1)
        settings = ComponentSettings(
            architecture=self.architecture,
            regular_tokens=tuple(
                sorted({x for t in patterns for x in t.regular_tokens})
            ),
            points=GROUPS * each,
            seed=self.seed,
            device=self.device,
            cache=ValueCache(self.cache),
        )
        return OneLayerGram(
            patterns=tuple(patterns),
            settings=settings,
            base=_base(patterns, settings),
            components=ComponentTable(settings),
        )


def _base(patterns: Sequence[Template], settings: ComponentSettings) -> BaseKernel:
    """The kernel of strings that share no symbol, from the cache where it is there."""

    def compute() -> dict[str, np.ndarray]:
        accuracy = Accuracy(seed=settings.seed, device=settings.device)
        gram = one_layer_gram(patterns, settings.architecture, accuracy)
        column = list(gram.column)
        sampled = settings.architecture.readout == "mean"
        return {
            "features": gram.features[0][:, column],
            "attention_self": gram.attention_self,
            "halfwidth": gram.halfwidth["matrix"],
            "self_halfwidth": sampled * gram.halfwidth["matrix_self"],
            "errors": np.array([gram.feature_error, gram.self_error]),
        }

    key = {
        "what": "template matrix",
        "architecture": architecture_key(settings.architecture),
        "seed": settings.seed,
        "device": str(resolve_device(settings.device)),
        "patterns": [t.tokens for t in patterns],
    }
    kept = dict(settings.cache.get(key, compute))
    feature_error, self_error = kept.pop("errors").tolist()
    return BaseKernel(**kept, feature_error=feature_error, self_error=self_error)


@dataclass(frozen=True)
class OneLayerGram:
    """The kernel of strings of given patterns. Implements `PatternGram`.

    Attributes:
        patterns: the patterns.
        settings: what all components depend on.
        base: the kernel of strings that share no symbol.
        components: those estimated so far; it grows.
    """

    patterns: tuple[Template, ...]
    settings: ComponentSettings
    base: BaseKernel
    components: ComponentTable

    @property
    def factor(self) -> Float64[np.ndarray, "rows r"]:
        """G with N = GᵀG."""
        return self._factor

    @cached_property
    def _factor(self) -> Float64[np.ndarray, "rows r"]:
        base = self.base
        return kernel_factor(
            self.settings.architecture.activation,
            features=base.features,
            self_values=base.attention_self,
            feature_error=base.feature_error,
            self_error=base.self_error,
        ).factor

    @property
    def matrix_self(self) -> Float64[np.ndarray, " r"]:
        """K of a string with itself."""
        d = self.base.attention_self
        return self.settings.architecture.activation.dual(d, d, d)

    @property
    def excess(self) -> Float64[np.ndarray, " r"]:
        """K of a string with itself less the diagonal of N."""
        wild = np.array([bool(t.wildcards) for t in self.patterns])
        return kernel_excess(self.matrix_self, self.factor, wild)

    def values(
        self, types: OverlapTypes, progress: Progress | None = None
    ) -> TypeValues:
        """K of each overlap type, with halfwidths.

        With f_S the component of a set S of shared tokens (`overlap_components`) and
        s_i the scale of pattern i at the size of S,

            C = ⟨F_i, F_j⟩ + Σ_{∅≠S} s_i s_j E⟨f_S(X), f_S(Y)⟩,
            K = E φ(u) φ(v),     (u, v) ~ N(0, [[d_i, C], [C, d_j]]).

        The components of a string add up to its kernel with itself, which is known
        better, under the mean readout to a halfwidth of its own; they are scaled to do
        so, and the kernel stays positive semi-definite. Intervals are those of the
        components as they were estimated, and what scaling moves.
        """
        wildcards = np.array([len(t.wildcards) for t in self.patterns])
        same = types.same_strings(wildcards)
        # A string with itself has a value of its own.
        apart = np.where(same[:, None], -1, types.matching)
        terms = terms_of(replace(types, matching=apart))
        self.components.ensure(self.patterns, terms, progress)
        i, j = types.first, types.second
        F, d = self.base.features.T, self.base.attention_self
        C = ScaledSum(np.einsum("mf,mf->m", F[i], F[j]))
        scales = self._scales()
        for term in terms:
            component, halfwidth = self.components.lookup(self.patterns, term)
            s = scales[term.size]
            s_i_s_j = s[term.first] * s[term.second]
            error = np.full_like(component, self.components.error(term.size))
            C.add(term.row, component, s_i_s_j, halfwidth, error)
        activation = self.settings.architecture.activation
        K = activation.dual(d[i], d[j], C.value)
        in_K = kernel_halfwidth(activation, d[i], d[j], C) + self.base.halfwidth[i, j]
        N = np.einsum("mf,mf->m", self.factor.T[i], self.factor.T[j])
        K = np.where((types.matching < 0).all(1), N, K)
        return TypeValues(
            value=np.where(same, self.matrix_self[i], K),
            halfwidth=np.where(same, self.base.self_halfwidth[i], in_K),
        )

    def _scales(self) -> dict[int, Float64[np.ndarray, " r"]]:
        """s of each size: the components then add up to d_i − C_ii."""
        table = self.components
        return component_scales(
            self.base.attention_self - (self.base.features**2).sum(0),
            np.array([len(t.wildcards) for t in self.patterns]),
            {size: table.squares(self.patterns, size) for size in table.sizes},
        )

    def rows(self) -> OneLayerRows:
        """The kernel between strings of any patterns and strings of these."""
        return OneLayerRows(
            self.patterns, self.settings, self.base, self.components, self.factor
        )
