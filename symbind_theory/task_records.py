"""What a template task answers with: overlaps, matches and drawn strings."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from symbind_theory.templates import Substitution, Template

if TYPE_CHECKING:
    import sympy

    Number = Fraction | sympy.Expr

__all__ = ["Overlap", "Sample", "TaskMatch"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two templates of a task and a string that both can produce."""

    i: int
    j: int
    witness: str


@dataclass(frozen=True, slots=True)
class TaskMatch:
    """The template of a task that produces a given string, and how."""

    index: int
    template: Template
    substitution: Substitution
    label: Number | str


@dataclass(frozen=True, slots=True)
class Sample:
    """Strings drawn from a template task.

    Attributes:
        strings: tokens separated by spaces.
        labels: numbers as drawn from the task, with its noise, or tokens when labels
            are symbolic.
        template_indices: which template produced each string, from 0.
    """

    strings: tuple[str, ...]
    labels: tuple[Number | float | str, ...]
    template_indices: tuple[int, ...]
