"""Overlap types as arrays, and the kernel's values on them.

A kernel that sees which tokens are equal, and nothing else of them, has one value for
each overlap type of two patterns (`symbind_theory.overlaps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.shapes import Bool, Float64, Int64
from symbind_theory.overlaps import OverlapType
from symbind_theory.templates import Template

__all__ = ["OverlapTypes", "TypeValues"]


@dataclass(frozen=True, slots=True)
class OverlapTypes:
    """Many overlap types as arrays of integers.

    Attributes:
        first: which pattern the first string has; shape (m,).
        second: which pattern the second string has; shape (m,).
        matching: for each wildcard of the first pattern the number of the second's
            that carries the same token, −1 where none does; shape (m, slots).
    """

    first: Int64[np.ndarray, " m"]
    second: Int64[np.ndarray, " m"]
    matching: Int64[np.ndarray, "m slots"]

    @classmethod
    def of(
        cls, kinds: Sequence[OverlapType], patterns: Sequence[Template]
    ) -> OverlapTypes:
        """From symbolic types of the given patterns."""
        place = {pattern: index for index, pattern in enumerate(patterns)}
        slots = max((len(t.wildcards) for t in patterns), default=0)
        matching = np.full((len(kinds), slots), -1, dtype=np.int64)
        for row, kind in zip(matching, kinds, strict=True):
            for a, b in kind.matching:
                row[a] = b
        first = np.array([place[kind.first] for kind in kinds], dtype=np.int64)
        second = np.array([place[kind.second] for kind in kinds], dtype=np.int64)
        return cls(first, second, matching)

    def __len__(self) -> int:
        return len(self.first)

    def same_strings(
        self, wildcards: Int64[np.ndarray, " r"]
    ) -> Bool[np.ndarray, " m"]:
        """Which types are those of a string with itself.

        Args:
            wildcards: how many each pattern has.
        """
        slots = np.arange(self.matching.shape[1])
        counts = wildcards[self.first][:, None]
        alike = self.matching == np.where(slots < counts, slots, -1)
        return alike.all(1) & (self.first == self.second) & (counts[:, 0] > 0)


@dataclass(frozen=True, slots=True)
class TypeValues:
    """Kernel values of overlap types.

    Attributes:
        value: the kernel's value at each type; shape (m,).
        halfwidth: its halfwidth at level 0.999; shape (m,).
    """

    value: Float64[np.ndarray, " m"]
    halfwidth: Float64[np.ndarray, " m"]
