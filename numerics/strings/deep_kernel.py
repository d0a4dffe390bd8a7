"""The kernel of a deep transformer between strings, by overlap type.

Strings that share no symbol have the template matrix, from `deep_gram`. What shared
tokens add comes in components (`deep_components`), those of each number of tokens a
Gram matrix of one family of templates: all values of a kernel, whenever they are asked
for, belong to one positive semi-definite kernel.

More tokens than a family can hold are not estimated. Components of s tokens and more
add up to what those of fewer leave of a string's kernel with itself, its rest, and

    |Σ_{S⊆X∩Y, |S|≥s} M_S(X, Y)| ≤ √(rest_X rest_Y)

by Cauchy and Schwarz. They are left out between different strings, which keeps the
kernel positive semi-definite, and this bound is in the halfwidths.

Source: symbind; docs/theorem-d.md for the recursion.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from numerics.architecture import Architecture, read_architecture
from numerics.averages.jackknife import GROUPS
from numerics.devices import resolve_device
from numerics.overlap_types import OverlapTypes, TypeValues
from numerics.protocols import Progress
from numerics.shapes import Float64, Int64
from numerics.store.value_cache import ValueCache
from numerics.strings.component_table import architecture_key, components_at, terms_of
from numerics.strings.deep_components import (
    LEAST_POINTS,
    DeepSettings,
    deep_component_gram,
    fits,
    refuse_unless_it_fits,
)
from numerics.strings.deep_rows import DeepRows
from numerics.strings.overlap_components import ComponentGram
from numerics.strings.scaled_components import ScaledSum, component_scales
from numerics.template_matrix.accuracy import Accuracy
from numerics.template_matrix.deep_estimate import deep_gram
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, positive_integer

__all__ = ["DeepKernel", "DeepPatternGram"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeepKernel:
    """The kernel of a deep transformer. Implements `PatternKernel`.

    >>> deep = Architecture(depth=2, residual=1.0, normalisation="pre")
    >>> kernel = DeepKernel(deep, points=2**10, cache=None)
    >>> gram = kernel.gram([Template("?1 ?1"), Template("?1 ?2")])
    >>> bool((gram.excess > 0).all())
    True

    Attributes:
        architecture: the transformer, of more than one layer.
        points: of every average for strings that share no token or one, rounded down
            to 16 times a power of two; at least 1024. Each token more that is shared
            takes a quarter.
        seed: equal seeds give equal points.
        device: "auto", "cpu" or "cuda".
        cache: folder for estimates; "auto" for the user's cache folder, None for none.

    Raises:
        InputError: an argument out of range, or an architecture of one layer.
    """

    architecture: Architecture
    points: int = 2**15
    seed: int = 0
    device: str = "auto"
    cache: object = "auto"

    def __post_init__(self) -> None:
        if read_architecture(self.architecture).one_layer:
            raise InputError(
                "architecture is of one layer; expected a deep one, such as "
                "Architecture(depth=3, residual=1.0, normalisation='pre'): "
                "OneLayerKernel has the others"
            )
        positive_integer("points", self.points, low=LEAST_POINTS)
        positive_integer("seed", self.seed, low=0)
        resolve_device(self.device)
        ValueCache(self.cache)

    def gram(self, patterns: Sequence[Template]) -> DeepPatternGram:
        """The kernel between strings of these patterns.

        Args:
            patterns: canonical and distinct, of one length.

        Raises:
            InputError: more patterns than can be estimated together.
        """
        each = 1 << ((self.points // GROUPS).bit_length() - 1)
        settings = DeepSettings(
            architecture=self.architecture,
            points=GROUPS * each,
            seed=self.seed,
            device=self.device,
            cache=ValueCache(self.cache),
        )
        refuse_unless_it_fits(patterns, 0, self.architecture)
        return DeepPatternGram(
            tuple(patterns), self, settings, _base(patterns, settings)
        )


@dataclass(frozen=True)
class _Base:
    """The kernel of strings that share no symbol.

    Attributes:
        factor: G with N = GᵀG.
        excess: K_self − diag N.
        halfwidth: of N's entries.
        self_halfwidth: of K_self.
    """

    factor: Float64[np.ndarray, "rows r"]
    excess: Float64[np.ndarray, " r"]
    halfwidth: Float64[np.ndarray, "r r"]
    self_halfwidth: Float64[np.ndarray, " r"]


def _base(patterns: Sequence[Template], settings: DeepSettings) -> _Base:
    """N and K_self, from the cache where they are there."""

    def compute() -> dict[str, np.ndarray]:
        accuracy = Accuracy(
            max_points=settings.points, seed=settings.seed, device=settings.device
        )
        gram = deep_gram(patterns, settings.architecture, accuracy)
        return {
            "factor": gram.factor,
            "excess": gram.excess,
            "halfwidth": gram.halfwidth["matrix"],
            "self_halfwidth": gram.halfwidth["matrix_self"],
        }

    key = {
        "what": "deep template matrix",
        "architecture": architecture_key(settings.architecture),
        "points": settings.points,
        "seed": settings.seed,
        "device": str(resolve_device(settings.device)),
        "patterns": [t.tokens for t in patterns],
    }
    return _Base(**settings.cache.get(key, compute))


@dataclass(frozen=True)
class DeepPatternGram:
    """The kernel of strings of given patterns. Implements `PatternGram`.

    Attributes:
        patterns: the patterns.
        kernel: whose strings they are.
        settings: what all components depend on.
        base: the kernel of strings that share no symbol.
    """

    patterns: tuple[Template, ...]
    kernel: DeepKernel
    settings: DeepSettings
    base: _Base
    _by_size: dict[int, ComponentGram] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def factor(self) -> Float64[np.ndarray, "rows r"]:
        """G with N = GᵀG."""
        return self.base.factor

    @property
    def excess(self) -> Float64[np.ndarray, " r"]:
        """K of a string with itself less the diagonal of N."""
        return self.base.excess

    @property
    def matrix_self(self) -> Float64[np.ndarray, " r"]:
        """K of a string with itself."""
        return (self.factor**2).sum(0) + self.excess

    def values(
        self, types: OverlapTypes, progress: Progress | None = None
    ) -> TypeValues:
        """K of each overlap type, with halfwidths.

        With M_S the component of a set S of shared tokens and s_i the scale of pattern
        i at the size of S,

            K = N_ij + Σ_{∅≠S} s_i s_j M_S(X, Y).

        Components are scaled so that those of a string add up to no more than its
        kernel with itself, which is known better, and the kernel stays positive
        semi-definite. Intervals are those of the components as they were estimated,
        what scaling moves, and a bound on components that are not estimated.

        Raises:
            InputError: strings that share tokens in more ways than can be estimated.
        """
        same = types.same_strings(self._wildcards)
        # A string with itself has a value of its own.
        apart = np.where(same[:, None], -1, types.matching)
        shared = (apart >= 0).sum(1)
        terms = terms_of(replace(types, matching=apart))
        largest = self._largest(int(shared.max(initial=0)))
        self._ensure(largest, progress)
        i, j = types.first, types.second
        K = ScaledSum(self._matrix[i, j])
        scales = self._scales(largest)
        for term in terms[:largest]:
            gram = self._by_size[term.size]
            component, halfwidth = components_at(gram, self.patterns, term)
            s = scales[term.size]
            error = np.full_like(component, gram.error)
            s_i_s_j = s[term.first] * s[term.second]
            K.add(term.row, component, s_i_s_j, halfwidth, error)
        left_out = np.zeros(len(types))
        beyond = shared > largest
        if beyond.any():
            rest = self._rest(largest, scales)
            left_out[beyond] = np.sqrt(rest[i] * rest[j])[beyond]
        in_K = K.halfwidth + self.base.halfwidth[i, j] + left_out
        return TypeValues(
            value=np.where(same, self.matrix_self[i], K.value),
            halfwidth=np.where(same, self.base.self_halfwidth[i], in_K),
        )

    def rows(self) -> DeepRows:
        """The kernel between strings of any patterns and strings of these."""
        return DeepRows(self, self.kernel, self.settings)

    @cached_property
    def _matrix(self) -> Float64[np.ndarray, "r r"]:
        return self.factor.T @ self.factor

    @cached_property
    def _wildcards(self) -> Int64[np.ndarray, " r"]:
        return np.array([len(t.wildcards) for t in self.patterns], dtype=np.int64)

    def _largest(self, wanted: int) -> int:
        """Up to how many shared tokens components are estimated.

        Raises:
            InputError: not even those of single tokens fit.
        """
        architecture, largest = self.settings.architecture, min(wanted, 1)
        refuse_unless_it_fits(self.patterns, largest, architecture)
        while largest < wanted and fits(self.patterns, largest + 1, architecture):
            largest += 1
        if largest < wanted:
            _log.warning(
                "strings share up to %d tokens: what more than %d add together is "
                "bounded and left out, as it would take too much memory; shorter "
                "strings, fewer patterns or a larger vocabulary avoid it",
                wanted,
                largest,
            )
        return largest

    def _ensure(self, largest: int, progress: Progress | None) -> None:
        """Estimate the components that are not there yet."""
        missing = [s for s in range(1, largest + 1) if s not in self._by_size]
        for n, size in enumerate(missing):

            def report(done: int, before: int = 2 * GROUPS * n) -> None:
                if progress is not None:
                    progress(before + done, 2 * GROUPS * len(missing))

            found = deep_component_gram(self.patterns, size, self.settings, report)
            self._by_size[size] = found

    def _squares(self, size: int) -> Float64[np.ndarray, "2 r"]:
        """What the components of one size add to K_self; with the sums' halfwidths."""
        gram, place = self._by_size[size], {t: i for i, t in enumerate(self.patterns)}
        total = np.zeros((2, len(self.patterns)))
        for n, face in enumerate(gram.faces):
            halfwidth = gram.halfwidth[n, n, 0] + gram.error
            total[:, place[face.template]] += gram.values[n, n, 0], halfwidth
        return total

    def _scales(self, largest: int) -> dict[int, Float64[np.ndarray, " r"]]:
        """s of each size; that of a size depends on no larger one."""
        squares = {}
        for size in range(1, largest + 1):
            square, halfwidth = self._squares(size)
            # What is not resolved from 0 is 0.
            squares[size] = np.where(square > halfwidth, square, 0.0)
        return component_scales(self.excess, self._wildcards, squares)

    def _rest(
        self, largest: int, scales: dict[int, Float64[np.ndarray, " r"]]
    ) -> Float64[np.ndarray, " r"]:
        """Bound on what components of more tokens add to K_self."""
        rest = self.excess + self.base.self_halfwidth + np.diag(self.base.halfwidth)
        for size in range(1, largest + 1):
            square, halfwidth = self._squares(size)
            rest += halfwidth - np.minimum(square, scales[size] ** 2 * square)
        return np.maximum(rest, 0.0)
