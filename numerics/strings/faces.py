"""Faces of patterns: the wildcards whose tokens two strings may share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, factorial, perm

from symbind_theory.templates import Template
from symbind_theory.validation import InputError

__all__ = ["Face", "check_faces", "component_templates", "faces_of"]

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
