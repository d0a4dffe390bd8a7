"""Rows of the kernel of a deep transformer, for strings of patterns that come later.

A row is the kernel between one string and the strings of a kernel's own patterns o. A
pattern of its own has the kernel's values. A new one, p, goes through the blocks once
more together with all of o, and gives Ñ; with N the kernel's own matrix, known better,

    N_op = Ñ_op + (N_oo − Ñ_oo) A,     A = Ñ_oo⁺ Ñ_op,

so that the row is consistent with N_oo in the directions in which N_oo is small and the
coefficients of a fit are large (`pattern_row`). What shared tokens add comes from the
kernel of the two patterns p and o_j alone: a value depends on its own two patterns and
on the kernel, neither on other strings nor on what was asked for before.

Source: symbind; control variates: Owen 2013, "Monte Carlo theory, methods and
examples", section 8.9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from numerics.averages.jackknife import GROUPS
from numerics.overlap_types import OverlapTypes, TypeValues
from numerics.protocols import PatternGram, PatternKernel, Progress
from numerics.shapes import Float64
from numerics.strings.deep_components import DeepSettings, deep_component_gram
from numerics.strings.faces import Face
from symbind_theory.templates import Template

__all__ = ["DeepRows"]

# Relative size of eigenvalues that rounding has swallowed, for each row of a matrix.
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class _Row:
    """N between one pattern and the kernel's own.

    Attributes:
        value: the entries.
        halfwidth: their halfwidths.
    """

    value: Float64[np.ndarray, " r"]
    halfwidth: Float64[np.ndarray, " r"]


class DeepRows:
    """Implements `PatternRows` for the kernel of a deep transformer.

    Args:
        own: the kernel of its own patterns.
        kernel: what makes kernels of other patterns.
        settings: of the kernel.
    """

    def __init__(
        self, own: PatternGram, kernel: PatternKernel, settings: DeepSettings
    ) -> None:
        self._own, self._kernel, self._settings = own, kernel, settings
        # What was asked for: each entry depends on its key alone.
        self._rows: dict[Template, _Row] = {}
        self._pairs: dict[tuple[Template, Template], PatternGram] = {}

    @property
    def patterns(self) -> tuple[Template, ...]:
        """The kernel's own patterns, the columns of every row."""
        return self._own.patterns

    def matrix(
        self, patterns: Sequence[Template], progress: Progress | None = None
    ) -> Float64[np.ndarray, "n r"]:
        """N between strings of any patterns and of the kernel's own.

        Args:
            patterns: canonical, of the length of the kernel's own.
            progress: called with the progress of the estimate, if one is needed.

        Raises:
            InputError: more patterns than can be estimated together.
        """
        own, n = self.patterns, self._own.factor.T @ self._own.factor
        known = dict(zip(own, n, strict=True))
        new = [t for t in dict.fromkeys(patterns) if t not in {*known, *self._rows}]
        for done, pattern in enumerate(new):
            report = _steps(progress, done, len(new))
            self._rows[pattern] = self._new_row(pattern, n, report)
        rows = [known[t] if t in known else self._rows[t].value for t in patterns]
        return np.array(rows).reshape(len(rows), len(own))

    def values(
        self,
        patterns: Sequence[Template],
        types: OverlapTypes,
        progress: Progress | None = None,
    ) -> TypeValues:
        """K of overlap types, the first string of any pattern, the second of its own.

        Args:
            patterns: those that the types number first, as `matrix` takes them.
            types: the second pattern numbered as the kernel's own.
            progress: called with the progress of the estimate, if one is needed.

        Raises:
            InputError: strings that share tokens in more ways than can be estimated.
        """
        n = self.matrix(patterns, progress)
        place = {t: i for i, t in enumerate(self.patterns)}
        own = np.array([place.get(t, -1) for t in patterns], dtype=np.int64)
        value, halfwidth = np.zeros((2, len(types)))
        kept = np.flatnonzero(own[types.first] >= 0)
        if len(kept):
            chosen = _chosen(types, kept)
            chosen = replace(chosen, first=own[chosen.first])
            known = self._own.values(chosen, progress)
            value[kept], halfwidth[kept] = known.value, known.halfwidth
        new = own[types.first] < 0
        pairs = zip(types.first[new].tolist(), types.second[new].tolist(), strict=True)
        for i, j in sorted(set(pairs)):
            here = np.flatnonzero((types.first == i) & (types.second == j))
            added = self._added(patterns[i], j, _chosen(types, here), progress)
            value[here] = n[i, j] + added.value
            halfwidth[here] = self._rows[patterns[i]].halfwidth[j] + added.halfwidth
        return TypeValues(value=value, halfwidth=halfwidth)

    def _new_row(
        self,
        pattern: Template,
        n: Float64[np.ndarray, "r r"],
        report: Callable[[int], None],
    ) -> _Row:
        """N between a pattern that the kernel does not have and its own."""
        together = deep_component_gram(
            [*self.patterns, pattern], 0, self._settings, report
        )
        place = [together.faces.index(Face(t, ())) for t in self.patterns]
        its = together.faces.index(Face(pattern, ()))
        among = together.values[:, :, 0][np.ix_(place, place)]
        towards = together.values[place, its, 0]
        cut = len(among) * _EPS
        coefficients = np.linalg.pinv(among, rcond=cut, hermitian=True) @ towards
        value = towards + (n - among) @ coefficients
        halfwidth = together.halfwidth[place, its, 0] + together.error
        return _Row(value, halfwidth + np.abs(value - towards))

    def _added(
        self,
        pattern: Template,
        column: int,
        types: OverlapTypes,
        progress: Progress | None,
    ) -> TypeValues:
        """What shared tokens add to the kernel of a new pattern and one of its own."""
        shared = (types.matching >= 0).any(1)
        value, halfwidth = np.zeros((2, len(types)))
        if shared.any():
            pair = self._pair(pattern, self.patterns[column])
            count = int(shared.sum())
            zeros = np.zeros(count, dtype=np.int64)
            matching = types.matching[shared]
            kinds = OverlapTypes(zeros, zeros + 1, matching)
            found = pair.values(kinds, progress)
            # The same to the last bit in whatever company.
            apart = pair.values(
                OverlapTypes(zeros[:1], zeros[:1] + 1, np.full_like(matching[:1], -1))
            ).value
            value[shared] = found.value - apart
            halfwidth[shared] = found.halfwidth
        return TypeValues(value=value, halfwidth=halfwidth)

    def _pair(self, pattern: Template, other: Template) -> PatternGram:
        if (pattern, other) not in self._pairs:
            self._pairs[pattern, other] = self._kernel.gram((pattern, other))
        return self._pairs[pattern, other]


def _chosen(types: OverlapTypes, chosen: np.ndarray) -> OverlapTypes:
    """Some of the types."""
    return OverlapTypes(
        types.first[chosen], types.second[chosen], types.matching[chosen]
    )


def _steps(progress: Progress | None, before: int, count: int) -> Callable[[int], None]:
    """What reports the runs done for one of several patterns."""

    def report(done: int) -> None:
        if progress is not None:
            progress(2 * GROUPS * before + done, 2 * GROUPS * count)

    return report
