"""Rows of the one-layer kernel for strings that come after the training strings.

A row is the kernel between one string and the strings of a kernel's own patterns (those
that it was made for). It depends on the pattern of its string, on these patterns, the
architecture, the points and the seed: neither on which other strings are asked for, nor
on what was asked for before. What the kernel has estimated is left as it is.

A pattern of the kernel's own has the values that the kernel has. A new one, and what
the kernel lacks, such as a size of shared sets that no two training strings show, come
from `component_blocks`. Two new patterns are never compared: no row needs it.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from numerics.devices import resolve_device
from numerics.overlap_types import OverlapTypes, TypeValues
from numerics.protocols import Progress
from numerics.shapes import Float64, Int64
from numerics.strings.component_table import (
    ComponentSettings,
    ComponentTable,
    Terms,
    announce_long,
    architecture_key,
    order_numbers,
    terms_of,
)
from numerics.strings.faces import check_faces, faces_of
from numerics.strings.pairwise_components import (
    ComponentBlock,
    Patterns,
    component_blocks,
)
from numerics.strings.pattern_row import (
    BaseKernel,
    NewPattern,
    new_row,
    own_row,
)
from numerics.strings.scaled_components import (
    ScaledSum,
    component_scales,
    kernel_halfwidth,
)
from symbind_theory.templates import Template
from symbind_theory.validation import InputError

__all__ = ["OneLayerRows"]

_Pair = tuple[Patterns, Patterns]


@dataclass(frozen=True, slots=True)
class _Estimates:
    """Components of terms, before they are scaled.

    Attributes:
        component: their estimates; shape (t,).
        scale: by which each is multiplied; shape (t,).
        halfwidth: halfwidths by spread; shape (t,).
        error: bounds on what the inner stage adds; shape (t,).
    """

    component: Float64[np.ndarray, " t"]
    scale: Float64[np.ndarray, " t"]
    halfwidth: Float64[np.ndarray, " t"]
    error: Float64[np.ndarray, " t"]


class OneLayerRows:
    """Implements `PatternRows` for the kernel of a one-layer transformer.

    Args:
        patterns: the kernel's own patterns.
        settings: what all its components depend on.
        base: its estimate for strings that share no symbol.
        components: what it has estimated so far; copied.
        factor: G with N = GᵀG of its own patterns.
    """

    def __init__(
        self,
        patterns: Patterns,
        settings: ComponentSettings,
        base: BaseKernel,
        components: ComponentTable,
        factor: Float64[np.ndarray, "rows r"],
    ) -> None:
        self._patterns, self._settings, self._base = patterns, settings, base
        self._table = components.copy()
        # What was asked for: each entry depends on its key alone.
        self._rows = {t: own_row(base, factor, i) for i, t in enumerate(patterns)}
        self._blocks: dict[tuple[Template, Template, int], ComponentBlock] = {}

    @property
    def patterns(self) -> Patterns:
        """The kernel's own patterns, the columns of every row."""
        return self._patterns

    def matrix(
        self, patterns: Sequence[Template], progress: Progress | None = None
    ) -> Float64[np.ndarray, "n r"]:
        """N between strings of any patterns and of the kernel's own.

        Args:
            patterns: canonical, with regular tokens that the kernel knows.
            progress: called with the progress of the estimate, if one is needed.

        Raises:
            InputError: a regular token that the kernel does not have.
        """
        self._estimate_rows(patterns, progress)
        rows = [self._rows[t].matrix for t in patterns]
        return np.array(rows).reshape(len(rows), len(self._patterns))

    def values(
        self,
        patterns: Sequence[Template],
        types: OverlapTypes,
        progress: Progress | None = None,
    ) -> TypeValues:
        """K of overlap types, the first string of any pattern, the second of its own.

        The formula is that of `OneLayerGram.values`, with the scale of a new pattern's
        components from its own estimates.

        Args:
            patterns: those that the types number first, as `matrix` takes them.
            types: the second pattern numbered as the kernel's own.
            progress: called with the progress of the estimate, if one is needed.

        Raises:
            InputError: a regular token that the kernel does not have, or strings that
                share too many tokens in too many ways.
        """
        self._estimate_rows(patterns, progress)
        own = {t: i for i, t in enumerate(self._patterns)}
        place = np.array([own.get(t, -1) for t in patterns], dtype=np.int64)
        counts = np.array([len(t.wildcards) for t in self._patterns])
        same = replace(types, first=place[types.first]).same_strings(counts)
        apart = np.where(same[:, None], -1, types.matching)
        terms = terms_of(replace(types, matching=apart))
        self._estimate_blocks(patterns, terms, progress)

        rows, r = [self._rows[t] for t in patterns], len(self._patterns)
        i, j = types.first, types.second
        C = ScaledSum(np.array([row.attention for row in rows]).reshape(-1, r)[i, j])
        d = np.array([row.attention_self for row in rows])[i]
        d_j = self._base.attention_self[j]
        for term in terms:
            found = self._components(patterns, term)
            C.add(term.row, found.component, found.scale, found.halfwidth, found.error)
        activation = self._settings.architecture.activation
        K = activation.dual(d, d_j, C.value)
        in_N = np.array([row.halfwidth for row in rows]).reshape(-1, r)[i, j]
        in_K = kernel_halfwidth(activation, d, d_j, C) + in_N
        N = np.array([row.matrix for row in rows]).reshape(-1, r)[i, j]
        K = np.where((types.matching < 0).all(1), N, K)
        return TypeValues(
            value=np.where(same, activation.dual(d, d, d), K),
            halfwidth=np.where(same, self._base.self_halfwidth[j], in_K),
        )

    def _estimate_rows(
        self, patterns: Sequence[Template], progress: Progress | None
    ) -> None:
        """Estimate the rows that are not there yet."""
        new = [t for t in dict.fromkeys(patterns) if t not in self._rows]
        if not new:
            return
        unknown = {x for t in new for x in t.regular_tokens}
        unknown -= set(self._settings.regular_tokens)
        if unknown:
            raise InputError(
                f"patterns have the regular tokens {sorted(unknown)}; expected some of "
                f"{list(self._settings.regular_tokens)}"
            )
        own = self._patterns
        pairs: list[_Pair] = [(own, own)]
        pairs += [pair for t in new for pair in (((t,), own), ((t,), (t,)))]
        theirs, *blocks = self._estimated(pairs, 0, _steps(progress, 0, 1))
        for t, towards, itself in zip(new, blocks[::2], blocks[1::2], strict=True):
            estimates = NewPattern(
                pattern=t,
                known=own,
                among_known=theirs,
                towards_known=towards,
                with_itself=itself,
            )
            self._rows[t] = new_row(estimates, self._base, self._settings)

    def _estimate_blocks(
        self,
        patterns: Sequence[Template],
        terms: Sequence[Terms],
        progress: Progress | None,
    ) -> None:
        """Estimate the components that are not there yet, size by size."""
        wanted: dict[int, list[tuple[Template, Template]]] = {}
        for term in terms:
            first, second = np.unique([term.first, term.second], axis=1)
            for i, j in zip(first.tolist(), second.tolist(), strict=True):
                x, y = patterns[i], self._patterns[j]
                wanted.setdefault(term.size, []).append((x, y))
                for size in range(1, term.size + 1):
                    wanted.setdefault(size, []).extend([(x, x), (y, y)])
        missing = {
            size: [(x, y) for x, y in dict.fromkeys(pairs) if self._lacks(x, y, size)]
            for size, pairs in wanted.items()
        }
        missing = {size: pairs for size, pairs in missing.items() if pairs}
        faces = []
        for size, pairs in missing.items():
            for x, y in pairs:
                check_faces(len(faces_of([*{x: 0, y: 0}], size)), size)
            shown = dict.fromkeys(t for pair in pairs for t in pair)
            faces.append(faces_of(list(shown), size))
        announce_long(faces, self._settings)
        for done, (size, pairs) in enumerate(missing.items()):
            report = _steps(progress, done, len(missing))
            blocks = self._estimated([((x,), (y,)) for x, y in pairs], size, report)
            for (x, y), block in zip(pairs, blocks, strict=True):
                self._blocks[x, y, size] = block

    def _lacks(self, x: Template, y: Template, size: int) -> bool:
        return (x, y, size) not in self._blocks and (
            self._table.block(x, y, size) is None
        )

    def _block(self, x: Template, y: Template, size: int) -> ComponentBlock:
        """The components of two patterns: the kernel's own where it has them."""
        block = self._blocks.get((x, y, size)) or self._table.block(x, y, size)
        assert block is not None
        return self._blocks.setdefault((x, y, size), block)

    def _components(self, patterns: Sequence[Template], term: Terms) -> _Estimates:
        """What is known of each term."""
        component, scales, halfwidth, error = np.empty((4, len(term.row)))
        order = order_numbers(term.second_slots)
        increasing = np.sort(term.second_slots, axis=1)
        pair = term.first * len(self._patterns) + term.second
        for code in np.unique(pair).tolist():
            here = np.flatnonzero(pair == code)
            i, j = divmod(code, len(self._patterns))
            x, y = patterns[i], self._patterns[j]
            block = self._block(x, y, term.size)
            scale = self._scale(x, term.size) * self._scale(y, term.size)
            entry = (
                _places(x, term.first_slots[here]),
                _places(y, increasing[here]),
                order[here],
            )
            component[here] = block.values[entry]
            scales[here] = scale
            halfwidth[here] = block.halfwidth[entry]
            error[here] = block.error
        return _Estimates(component, scales, halfwidth, error)

    def _scale(self, pattern: Template, size: int) -> float:
        """s of one pattern at one size, which depends on its smaller ones."""
        row = self._rows[pattern]
        squares = {}
        for smaller in range(1, size + 1):
            block = self._block(pattern, pattern, smaller)
            total = np.diagonal(block.values[:, :, 0]).sum(keepdims=True)
            # As in the kernel's own table: what is not resolved from 0 is 0.
            resolved = total > len(block.values) * block.error
            squares[smaller] = np.where(resolved, total, 0.0)
        scales = component_scales(
            np.array([row.attention_self - row.apart]),
            np.array([len(pattern.wildcards)]),
            squares,
        )
        return float(scales[size][0])

    def _estimated(
        self, pairs: Sequence[_Pair], size: int, report: Callable[[int], None]
    ) -> list[ComponentBlock]:
        """Blocks of components, from the cache where they are there."""
        settings, device = self._settings, resolve_device(self._settings.device)

        def compute() -> dict[str, np.ndarray]:
            blocks = component_blocks(
                pairs,
                size,
                settings.regular_tokens,
                settings.architecture,
                points=settings.points,
                seed=settings.seed,
                device=device,
                report=report,
            )
            return {
                f"{name}{n}": np.array(getattr(block, name))
                for n, block in enumerate(blocks)
                for name in ("values", "halfwidth", "error")
            }

        key = {
            "what": "component blocks",
            "architecture": architecture_key(settings.architecture),
            "regular_tokens": settings.regular_tokens,
            "points": settings.points,
            "seed": settings.seed,
            "device": str(device),
            "size": size,
            "pairs": [[[t.tokens for t in side] for side in pair] for pair in pairs],
        }
        kept = settings.cache.get(key, compute)
        return [
            ComponentBlock(
                kept[f"values{n}"], kept[f"halfwidth{n}"], float(kept[f"error{n}"])
            )
            for n in range(len(pairs))
        ]


def _places(
    pattern: Template, slots: Int64[np.ndarray, "t s"]
) -> Int64[np.ndarray, " t"]:
    """The number of each term's face among the pattern's faces of its size."""
    size = slots.shape[1]
    faces = combinations(range(len(pattern.wildcards)), size)
    place = {face: n for n, face in enumerate(faces)}
    return np.array([place[tuple(row)] for row in slots.tolist()], dtype=np.int64)


def _steps(progress: Progress | None, before: int, runs: int) -> Callable[[int], None]:
    """What reports the groups done in one of several runs."""

    def report(group: int) -> None:
        if progress is not None:
            progress(16 * before + group, 16 * runs)

    return report
