"""The one-layer transformer kernel of strings by overlap type.

Strings that share no symbol have the template matrix, from `template_gram`. What shared
tokens add to the attention kernel comes in components (`overlap_components`), each of
them positive semi-definite; the kernel follows by the activation's dual.

Source: arXiv 2310.09753 (kernel); symbind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from numerics.architecture import Architecture, read_architecture, supported
from numerics.averages.jackknife import GROUPS
from numerics.averages.linalg import triangle
from numerics.devices import resolve_device
from numerics.overlap_types import OverlapTypes, TypeValues
from numerics.protocols import PatternKernel, Progress
from numerics.shapes import Float64, Int64
from numerics.store.value_cache import ValueCache
from numerics.strings.component_table import (
    ComponentSettings,
    ComponentTable,
    architecture_key,
    terms_of,
)
from numerics.template_matrix.estimate import template_gram
from numerics.template_matrix.given import check_architecture
from numerics.template_matrix.mehler import kernel_factor
from numerics.template_matrix.record import kernel_excess
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, positive_integer, shorten

__all__ = ["OneLayerGram", "OneLayerKernel", "component_scales", "kernel_of"]

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
        supported(read_architecture(self.architecture))
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


def kernel_of(architecture: Architecture | None, kernel: object) -> PatternKernel:
    """The kernel that a function works with: the one given, or an architecture's.

    >>> finer = OneLayerKernel(Architecture(beta=2.0), points=2**16)
    >>> kernel_of(Architecture(beta=2.0), finer) is kernel_of(None, finer) is finer
    True

    Args:
        architecture: the transformer; when None that of `kernel`, or `Architecture()`.
        kernel: the kernel if it is there already.

    Raises:
        InputError: an architecture beside a kernel that is of another one, or that does
            not tell its own; something else than a kernel or an architecture.
    """
    if kernel is None:
        return OneLayerKernel(read_architecture(architecture))
    # A class has the method too, but no parameters.
    if isinstance(kernel, type) or not isinstance(kernel, PatternKernel):
        raise InputError(
            f"kernel is {shorten(kernel)}; expected an object with a method "
            "gram(patterns), or None"
        )
    if architecture is not None:
        its_own = getattr(kernel, "architecture", None)
        check_architecture("kernel", its_own, read_architecture(architecture))
    return kernel


@dataclass(frozen=True)
class _Base:
    """The kernel of strings that share no symbol.

    Attributes:
        features: F with C = FᵀF.
        attention_self: d.
        halfwidth: halfwidths of N's entries.
        feature_error: bound on the relative error of each column of F.
        self_error: bound on the relative error of d.
    """

    features: Float64[np.ndarray, "rows r"]
    attention_self: Float64[np.ndarray, " r"]
    halfwidth: Float64[np.ndarray, "r r"]
    feature_error: float
    self_error: float


def _base(patterns: Sequence[Template], settings: ComponentSettings) -> _Base:
    """The kernel of strings that share no symbol, from the cache where it is there."""

    def compute() -> dict[str, np.ndarray]:
        gram = template_gram(
            patterns, settings.architecture, seed=settings.seed, device=settings.device
        )
        column = list(gram.column)
        return {
            "features": gram.features[0][:, column],
            "attention_self": gram.attention_self,
            "halfwidth": gram.halfwidth["matrix"],
            "errors": np.array([gram.feature_error, gram.self_error]),
        }

    key = {
        "what": "template matrix",
        "architecture": architecture_key(settings.architecture),
        "seed": settings.seed,
        "device": str(resolve_device(settings.device)),
        "patterns": [t.tokens for t in patterns],
    }
    kept = settings.cache.get(key, compute)
    feature_error, self_error = kept["errors"].tolist()
    return _Base(
        features=kept["features"],
        attention_self=kept["attention_self"],
        halfwidth=kept["halfwidth"],
        feature_error=feature_error,
        self_error=self_error,
    )


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
    base: _Base
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

        The components of a string add up to its kernel with itself, which is known;
        they are scaled to do so. The kernel stays positive semi-definite, and values
        move within their error.
        """
        wildcards = np.array([len(t.wildcards) for t in self.patterns])
        same = types.same_strings(wildcards)
        # A string with itself is known.
        apart = np.where(same[:, None], -1, types.matching)
        terms = terms_of(replace(types, matching=apart))
        self.components.ensure(self.patterns, terms, progress)
        i, j = types.first, types.second
        F, d = self.base.features.T, self.base.attention_self
        C = np.einsum("mf,mf->m", F[i], F[j])
        squares, in_C = np.zeros_like(C), np.zeros_like(C)
        scales = self._scales()
        for term in terms:
            component, halfwidth = self.components.lookup(self.patterns, term)
            s = scales[term.size]
            s_i_s_j = s[term.first] * s[term.second]
            np.add.at(C, term.row, s_i_s_j * component)
            # Sizes have points of their own, and one size's components the same ones.
            spread = np.zeros_like(C)
            np.add.at(spread, term.row, s_i_s_j * halfwidth)
            squares += spread**2
            np.add.at(in_C, term.row, s_i_s_j * self.components.error(term.size))
        in_C += np.sqrt(squares)
        dual = self.settings.architecture.activation.dual
        K = dual(d[i], d[j], C)
        in_K = np.abs(dual(d[i], d[j], C + in_C) - K) + self.base.halfwidth[i, j]
        N = np.einsum("mf,mf->m", self.factor.T[i], self.factor.T[j])
        K = np.where((types.matching < 0).all(1), N, K)
        return TypeValues(
            value=np.where(same, self.matrix_self[i], K),
            halfwidth=np.where(same, 0.0, in_K),
        )

    def _scales(self) -> dict[int, Float64[np.ndarray, " r"]]:
        """s of each size: the components then add up to d_i − C_ii."""
        table = self.components
        return component_scales(
            self.base.attention_self - (self.base.features**2).sum(0),
            np.array([len(t.wildcards) for t in self.patterns]),
            {size: table.squares(self.patterns, size) for size in table.sizes},
        )

    def extended(self, patterns: Sequence[Template]) -> OneLayerGram:
        """The same kernel for more patterns.

        The features of new patterns are estimated together with the old ones, from
        points of their own, and carried over: f_new = A f_old + rest, with A from the
        new estimate and f_old from the one that is there. So the values of a new
        pattern depend, within their halfwidths, on the others that come with it.

        Raises:
            InputError: a regular token that the kernel does not have.
        """
        unknown = {x for t in patterns for x in t.regular_tokens}
        unknown -= set(self.settings.regular_tokens)
        if unknown:
            raise InputError(
                f"patterns have the regular tokens {sorted(unknown)}; expected some of "
                f"{list(self.settings.regular_tokens)}"
            )
        if not patterns:
            return self
        together = (*self.patterns, *patterns)
        union, old = _base(together, self.settings), len(self.patterns)
        d = np.concatenate([self.base.attention_self, union.attention_self[old:]])
        halfwidth = union.halfwidth.copy()
        halfwidth[:old, :old] = self.base.halfwidth
        base = _Base(
            features=_carried_over(self.base.features, union.features, together, d),
            attention_self=d,
            halfwidth=halfwidth,
            feature_error=max(self.base.feature_error, union.feature_error),
            self_error=max(self.base.self_error, union.self_error),
        )
        return replace(self, patterns=together, base=base)


def component_scales(
    known: Float64[np.ndarray, " r"],
    wildcards: Int64[np.ndarray, " r"],
    squares: Mapping[int, Float64[np.ndarray, " r"]],
) -> dict[int, Float64[np.ndarray, " r"]]:
    """s, by which each pattern's components of each size are multiplied.

    With q_l the squared length of the components of l tokens and D what is left of
    their sum, from l = 1 up,

        s_l² = min(1, D/q_l), or D/q_l for the largest l,     D ← max(0, D − s_l² q_l).

    The last component, of all wildcards together, is brought to what is left of the
    kernel of a string with itself; the others are shortened only if they exceed it. A
    scale depends on its own size and smaller ones, which are estimated before it:
    values take no notice of what is asked for later.

    Args:
        known: what a string's components add up to; negative is read as 0.
        wildcards: how many each pattern has.
        squares: q for each size.
    """
    D, s = np.maximum(known, 0.0), {}
    for size, q in sorted(squares.items()):
        ratio = np.divide(D, q, out=np.ones_like(D), where=q > 0)
        ratio = np.where(wildcards == size, ratio, np.minimum(ratio, 1.0))
        D = np.maximum(D - ratio * q, 0.0)
        s[size] = np.sqrt(ratio)
    return s


def _carried_over(
    features: Float64[np.ndarray, "rows old"],
    union: Float64[np.ndarray, "more r"],
    patterns: Sequence[Template],
    d: Float64[np.ndarray, " r"],
) -> Float64[np.ndarray, "all r"]:
    """The given features beside those of new patterns: f_new = A f_old + rest.

    A and the rest are those of the union, the features of old and new together: with
    its triangle R in blocks of old and new, R_oo A = R_on, and the rest is R_nn. A new
    pattern without wildcards has one string, whose C_ii = d_i is known.
    """
    old = features.shape[1]
    R = triangle(union)
    A = np.linalg.lstsq(R[:old, :old], R[:old, old:], rcond=None)[0]
    new = np.vstack([features @ A, R[old:, old:]])
    for column, pattern, square in zip(
        new.T, patterns[old:], d[old:].tolist(), strict=True
    ):
        if not pattern.wildcards:
            column *= np.sqrt(square) / np.linalg.norm(column)
    padded = np.zeros((len(new), old))
    padded[: len(features)] = features
    return np.hstack([padded, new])
