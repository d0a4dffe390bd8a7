"""Hoeffding components of one kernel by size and face, estimated when asked for.

For each size s the table holds E⟨f_S(X), f_S(Y)⟩ for sets S of s tokens
(`overlap_components`), at the face of X and that of Y that show S, and at the order in
which Y's wildcards carry it.

Which faces are estimated together changes nothing in the values, so a size with few
faces is estimated whole, and its entry in the cache serves every later set of strings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import comb, factorial
from typing import Any

import numpy as np

from numerics.architecture import Architecture
from numerics.averages.jackknife import GROUPS
from numerics.devices import resolve_device
from numerics.overlap_types import OverlapTypes
from numerics.protocols import Progress
from numerics.shapes import Float64, Int64
from numerics.store.value_cache import ValueCache
from numerics.strings.component_points import PointsOfSize
from numerics.strings.faces import Face, check_faces, component_templates
from numerics.strings.overlap_components import ComponentGram, component_gram
from numerics.strings.pairwise_components import ComponentBlock
from symbind_theory.templates import Template

__all__ = [
    "ComponentSettings",
    "ComponentTable",
    "Terms",
    "announce_long",
    "architecture_key",
    "component_work",
    "components_at",
    "order_numbers",
    "terms_of",
]

_log = logging.getLogger(__name__)

# A size with at most so many columns is estimated whole.
_FEW_COLUMNS = 128
# Templates times points from where an estimate takes minutes rather than seconds.
_LONG_WORK = 2**26


def architecture_key(architecture: Architecture) -> dict[str, Any]:
    """All parameters, as JSON can write them."""
    # Parts of different kinds may have the same numbers.
    kinds = {k: repr(getattr(architecture, k)) for k in ("activation", "relative")}
    return {**asdict(architecture), **kinds}


@dataclass(frozen=True)
class ComponentSettings:
    """What all components of a kernel depend on.

    Attributes:
        architecture: the transformer, of depth 1.
        regular_tokens: those of all its templates, sorted.
        points: outer points.
        seed: equal seeds give equal points.
        device: "auto", "cpu" or "cuda".
        cache: where values are kept.
    """

    architecture: Architecture
    regular_tokens: tuple[str, ...]
    points: int
    seed: int
    device: str
    cache: ValueCache


@dataclass(frozen=True, slots=True)
class Terms:
    """Components of one size that enter the values of overlap types.

    Attributes:
        size: the number of tokens s.
        row: the type each term belongs to; shape (t,).
        first: for each term the pattern of the first string; shape (t,).
        first_slots: its wildcards, increasing; shape (t, s).
        second: the pattern of the second string; shape (t,).
        second_slots: the wildcards that carry the same tokens; shape (t, s).
    """

    size: int
    row: Int64[np.ndarray, " t"]
    first: Int64[np.ndarray, " t"]
    first_slots: Int64[np.ndarray, "t s"]
    second: Int64[np.ndarray, " t"]
    second_slots: Int64[np.ndarray, "t s"]


def terms_of(types: OverlapTypes) -> list[Terms]:
    """The components of every nonempty subset of every matching, by size.

    Args:
        types: overlap types; a matching that is empty has no terms.
    """
    shared = types.matching >= 0
    sizes = shared.sum(1)
    by_size: dict[int, list[tuple[np.ndarray, ...]]] = {}
    for size in np.unique(sizes[sizes > 0]).tolist():
        rows = np.flatnonzero(sizes == size)
        slots = np.nonzero(shared[rows])[1].reshape(len(rows), size)
        partners = np.take_along_axis(types.matching[rows], slots, axis=1)
        for s in range(1, size + 1):
            for kept in map(list, combinations(range(size), s)):
                parts = (rows, slots[:, kept], partners[:, kept])
                by_size.setdefault(s, []).append(parts)
    terms = []
    for s, parts in sorted(by_size.items()):
        row, first, second = (
            np.concatenate(arrays) for arrays in zip(*parts, strict=True)
        )
        terms.append(
            Terms(
                size=s,
                row=row,
                first=types.first[row],
                first_slots=first,
                second=types.second[row],
                second_slots=second,
            )
        )
    return terms


def components_at(
    components: ComponentGram, patterns: Sequence[Template], terms: Terms
) -> tuple[Float64[np.ndarray, " t"], Float64[np.ndarray, " t"]]:
    """The components of terms and their halfwidths by spread, one for each term.

    Args:
        components: those of the terms' size, all faces of the terms among them.
        patterns: those that the terms number.
        terms: the terms.
    """
    place = {face: index for index, face in enumerate(components.faces)}
    second = np.sort(terms.second_slots, axis=1)
    rows = _places(patterns, terms.first, terms.first_slots, place)
    columns = _places(patterns, terms.second, second, place)
    order = order_numbers(terms.second_slots)
    values = components.values[rows, columns, order]
    return values, components.halfwidth[rows, columns, order]


class ComponentTable:
    """The components estimated so far.

    Args:
        settings: what all components of the kernel depend on.
    """

    def __init__(self, settings: ComponentSettings) -> None:
        self._settings = settings
        self._by_size: dict[int, ComponentGram] = {}

    def ensure(
        self,
        patterns: Sequence[Template],
        terms: Sequence[Terms],
        progress: Progress | None = None,
    ) -> None:
        """Estimate what the terms need and is not there.

        Args:
            patterns: those that the terms number.
            terms: one for each size.
            progress: called with (steps done, steps in all); a step is a template at
                a point.

        Raises:
            InputError: strings that share too many tokens in too many ways.
        """
        missing = []
        for term in terms:
            estimated = self._faces(term.size)
            wanted = self._wanted(patterns, term)
            if not set(wanted) <= set(estimated):
                missing.append(list(dict.fromkeys([*estimated, *wanted])))
        # Refused before anything is estimated.
        for faces in missing:
            check_faces(len(faces), len(faces[0].slots))
        work = [component_work(faces, self._settings) for faces in missing]
        announce_long(missing, self._settings)
        done = 0
        for faces, steps in zip(missing, work, strict=True):

            def report(group: int, before: int = done, steps: int = steps) -> None:
                if progress is not None:
                    progress(before + steps * group // GROUPS, sum(work))

            if progress is not None:
                progress(done, sum(work))
            components = self._estimate(sorted(faces, key=_order), report)
            self._by_size[len(faces[0].slots)] = components
            done += steps

    def lookup(
        self, patterns: Sequence[Template], terms: Terms
    ) -> tuple[Float64[np.ndarray, " t"], Float64[np.ndarray, " t"]]:
        """The components and their halfwidths by spread, one for each term."""
        return components_at(self._by_size[terms.size], patterns, terms)

    def copy(self) -> ComponentTable:
        """The components estimated so far, in a table that grows by itself."""
        table = ComponentTable(self._settings)
        table._by_size.update(self._by_size)
        return table

    def block(
        self, first: Template, second: Template, size: int
    ) -> ComponentBlock | None:
        """The components of one pattern's faces with another's, if both are here."""
        components = self._by_size.get(size)
        if components is None:
            return None
        places = [
            [n for n, face in enumerate(components.faces) if face.template == template]
            for template in (first, second)
        ]
        if not all(places):
            return None
        there = np.ix_(*places)
        return ComponentBlock(
            components.values[there], components.halfwidth[there], components.error
        )

    def error(self, size: int) -> float:
        """Bound on what the inner stage adds to the error of a component."""
        return self._by_size[size].error

    @property
    def sizes(self) -> list[int]:
        """The sizes estimated so far, in increasing order."""
        return sorted(self._by_size)

    def squares(
        self, patterns: Sequence[Template], size: int
    ) -> Float64[np.ndarray, " r"]:
        """What all components of one size add to the kernel of a string with itself.

        Returns:
            One sum for each pattern; 0 for those whose size is not estimated, or whose
            sum the inner stage does not resolve from 0.
        """
        components = self._by_size[size]
        place = {pattern: index for index, pattern in enumerate(patterns)}
        total, error = np.zeros((2, len(patterns)))
        for index, face in enumerate(components.faces):
            # A kernel that was extended shares this table, and may have more patterns.
            if face.template in place:
                total[place[face.template]] += components.values[index, index, 0]
                error[place[face.template]] += components.error
        return np.where(total > error, total, 0.0)

    def _faces(self, size: int) -> tuple[Face, ...]:
        return self._by_size[size].faces if size in self._by_size else ()

    def _wanted(self, patterns: Sequence[Template], terms: Terms) -> list[Face]:
        """All faces of the patterns shown, or of all patterns where those are few.

        A pattern's faces come together, as their sum decides how they are scaled.
        """
        size = terms.size
        counts = [comb(len(t.wildcards), size) for t in patterns]
        few = sum(counts) * factorial(size) <= _FEW_COLUMNS
        shown = np.unique(np.concatenate([terms.first, terms.second])).tolist()
        return [
            Face(t, slots)
            for t in (patterns if few else [patterns[i] for i in shown])
            for slots in combinations(range(len(t.wildcards)), size)
        ]

    def _estimate(
        self, faces: Sequence[Face], report: Callable[[int], None]
    ) -> ComponentGram:
        settings = self._settings

        def compute() -> dict[str, np.ndarray]:
            components = component_gram(
                faces,
                settings.regular_tokens,
                settings.architecture,
                points=settings.points,
                seed=settings.seed,
                device=resolve_device(settings.device),
                report=report,
            )
            return {
                "values": components.values,
                "halfwidth": components.halfwidth,
                "error": np.array(components.error),
            }

        key = {
            "what": "components",
            "architecture": architecture_key(settings.architecture),
            "regular_tokens": settings.regular_tokens,
            "points": settings.points,
            "seed": settings.seed,
            "device": str(resolve_device(settings.device)),
            "faces": [(face.template.tokens, face.slots) for face in faces],
        }
        kept = settings.cache.get(key, compute)
        return ComponentGram(
            faces=tuple(faces),
            values=kept["values"],
            halfwidth=kept["halfwidth"],
            error=float(kept["error"]),
        )


def component_work(faces: Sequence[Face], settings: ComponentSettings) -> int:
    """Templates times points that an estimate asks for.

    Args:
        faces: of one size.
        settings: of the components.
    """
    size = len(faces[0].slots)
    templates = sum(
        component_templates(len(pattern.wildcards), size)
        for pattern in {face.template for face in faces}
    )
    points = PointsOfSize.of(
        size,
        faces[0].template.length,
        settings.regular_tokens,
        settings.architecture,
        settings.points,
    )
    return templates * points.count


def announce_long(faces: Sequence[Sequence[Face]], settings: ComponentSettings) -> None:
    """Say beforehand that an estimate will be long.

    Args:
        faces: those of each size.
        settings: of the components.
    """
    work = sum(component_work(of_size, settings) for of_size in faces)
    if work > _LONG_WORK:
        _log.warning(
            "strings share up to %d tokens: %.1g conditional templates times points, "
            "a long estimate unless it is in the cache; fewer points, shorter strings "
            "or a larger vocabulary make it shorter",
            max(len(of_size[0].slots) for of_size in faces),
            work,
        )


def _order(face: Face) -> tuple[tuple[str, ...], tuple[int, ...]]:
    return face.template.tokens, face.slots


def _places(
    patterns: Sequence[Template],
    pattern: Int64[np.ndarray, " t"],
    slots: Int64[np.ndarray, "t s"],
    place: dict[Face, int],
) -> Int64[np.ndarray, " t"]:
    """The number of each term's face."""
    shown, inverse = np.unique(
        np.column_stack([pattern, slots]), axis=0, return_inverse=True
    )
    numbers = [place[Face(patterns[i], tuple(s))] for i, *s in shown.tolist()]
    return np.array(numbers, dtype=np.int64)[inverse.reshape(-1)]


def order_numbers(slots: Int64[np.ndarray, "t s"]) -> Int64[np.ndarray, " t"]:
    """The place of each row's order among all orders, lexicographically.

    Args:
        slots: in each row distinct numbers.
    """
    size = slots.shape[1]
    number = np.zeros(len(slots), dtype=np.int64)
    for m in range(size):
        smaller = (slots[:, m + 1 :] < slots[:, m : m + 1]).sum(1)
        number += smaller * factorial(size - 1 - m)
    return number
