"""Faces of patterns: the wildcards whose tokens two strings may share.

The component of a face is a signed sum over templates in which some of its wildcards
are regular; a plan says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from math import comb, factorial, perm

import numpy as np

from numerics.shapes import Float64, Int64
from symbind_theory.templates import Template
from symbind_theory.validation import InputError

__all__ = ["Face", "Plan", "check_faces", "component_templates", "faces_of"]

# Columns of the feature matrix at most: 3 matrices of its square are held.
_MOST_COLUMNS = 8192


@dataclass(frozen=True, slots=True)
class Face:
    """Some wildcards of a template, whose tokens other strings may share.

    Attributes:
        template: canonical.
        slots: numbers of the wildcards, increasing from 0.
    """

    template: Template
    slots: tuple[int, ...]


def faces_of(patterns: Sequence[Template], size: int) -> list[Face]:
    """All faces of one size, pattern by pattern, slots in lexicographic order.

    Args:
        patterns: canonical.
        size: how many wildcards a face has; 0 for the whole template, none shared.
    """
    return [
        Face(t, slots)
        for t in patterns
        for slots in combinations(range(len(t.wildcards)), size)
    ]


def component_templates(wildcards: int, size: int) -> int:
    """How many templates a pattern's components of one size are made of.

    Some of its wildcards take some of the tokens of the set:
    Σ_m C(w, m) s! / (s − m)!.
    """
    return sum(comb(wildcards, m) * perm(size, m) for m in range(size + 1))


@dataclass(frozen=True)
class Plan:
    """Which templates to evaluate, and how the components of faces are made of them.

    Attributes:
        templates: those with some wildcards made regular.
        parts: for each face and each order of its slots, the templates of all subsets;
            shape (columns, 2^s).
        signs: (−1)^{|S|−|T|} of each subset T; shape (2^s,).
    """

    templates: list[Template]
    parts: Int64[np.ndarray, "columns subsets"]
    signs: Float64[np.ndarray, " subsets"]

    @classmethod
    def of(cls, faces: Sequence[Face], pool: Sequence[str]) -> Plan:
        """The plan for faces of one size.

        Args:
            faces: the faces.
            pool: names for the tokens they show, as many as they have slots.
        """
        size = len(pool)
        subsets = [t for m in range(size + 1) for t in combinations(range(size), m)]
        place: dict[Template, int] = {}
        parts = [
            [
                place.setdefault(_made_regular(face, order, pool, kept), len(place))
                for kept in subsets
            ]
            for face in faces
            for order in permutations(range(size))
        ]
        signs = [(-1.0) ** (size - len(kept)) for kept in subsets]
        return cls(list(place), np.array(parts, np.int64), np.array(signs))


def _made_regular(
    face: Face, order: Sequence[int], pool: Sequence[str], kept: Sequence[int]
) -> Template:
    """The template with token m of the pool for wildcard slots[order[m]], m kept."""
    names = {f"?{face.slots[order[m]] + 1}": pool[m] for m in kept}
    return Template([names.get(x, x) for x in face.template.tokens]).canonical()


def check_faces(count: int, size: int) -> None:
    """See whether so many faces of one size can be estimated together.

    Raises:
        InputError: their matrix would not fit.
    """
    columns = count * factorial(size)
    if columns > _MOST_COLUMNS:
        raise InputError(
            f"strings share {size} tokens in {columns} ways; expected at most "
            f"{_MOST_COLUMNS}: use a larger vocabulary or shorter strings"
        )
