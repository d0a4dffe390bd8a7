"""What learning needs to know of a kernel: values by overlap type.

A kernel that sees which tokens are equal, and nothing else of them, has one value for
each overlap type of two patterns (`symbind_theory.overlaps`). Operators, solvers and
estimators see a kernel through `PatternKernel` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from numerics.shapes import Bool, Float64, Int64
from symbind_theory.overlaps import OverlapType
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template
from symbind_theory.validation import InputError

__all__ = [
    "OverlapTypes",
    "PatternGram",
    "PatternKernel",
    "Progress",
    "TypeValues",
    "task_patterns",
]

Progress = Callable[[int, int], None]
"""Called with the steps of an estimate that are done, and all of them."""


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
        value: of each type; shape (m,).
        halfwidth: at level 0.999 each; same shape.
    """

    value: Float64[np.ndarray, " m"]
    halfwidth: Float64[np.ndarray, " m"]


@runtime_checkable
class PatternGram(Protocol):
    """The kernel between strings of given patterns.

    All values belong to one positive semi-definite kernel, those asked for at different
    times included.
    """

    @property
    def patterns(self) -> tuple[Template, ...]:
        """The patterns, canonical and distinct; their numbers are used below."""
        ...

    @property
    def factor(self) -> Float64[np.ndarray, "rows r"]:
        """G with N = GᵀG, the kernel of strings that share no symbol."""
        ...

    @property
    def diagonal(self) -> Float64[np.ndarray, " r"]:
        """The kernel of a string with itself."""
        ...

    @property
    def excess(self) -> Float64[np.ndarray, " r"]:
        """`diagonal` less the diagonal of N; ≥ 0, exactly 0 without wildcards."""
        ...

    def values(
        self, types: OverlapTypes, progress: Progress | None = None
    ) -> TypeValues:
        """The values of overlap types, computed when first asked for."""
        ...

    def extended(self, patterns: Sequence[Template]) -> PatternGram:
        """The same kernel for more patterns, which follow those that are there."""
        ...


@runtime_checkable
class PatternKernel(Protocol):
    """A kernel between strings that sees which tokens are equal."""

    def gram(self, patterns: Sequence[Template]) -> PatternGram:
        """The kernel between strings of these patterns, canonical and distinct."""
        ...


def task_patterns(task: TemplateTask) -> list[Template]:
    """The patterns of a task's templates, in their order.

    Raises:
        InputError: templates that are equivalent have one pattern.
    """
    for i, j in task.equivalent_pairs():
        first, second = (str(task.templates[n]) for n in (i, j))
        raise InputError(
            f"the templates {first!r} and {second!r} are equivalent; expected "
            "templates that differ by more than names: leave one out"
        )
    return [t.canonical() for t in task.templates]
