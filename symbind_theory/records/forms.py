"""What stands in the document of a check for values that are no records of their own.

Each form is a record: `of` makes it of a value, `read` gives the value again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal

from symbind_theory.interval import Interval
from symbind_theory.laws.substitution_laws import Law, Probabilities, Uniform, Zipf
from symbind_theory.records.description import Form, InDocument
from symbind_theory.tasks import Overlap, TemplateTask
from symbind_theory.validation import InputError, as_float, shorten

__all__ = [
    "Estimate",
    "FloorForm",
    "IntervalForm",
    "LawForm",
    "OverlapForm",
    "Row",
    "TaskForm",
]

# Weights are rounded fractions; those of tasks seldom have larger denominators.
_LARGEST_DENOMINATOR = 10**6
# Python reads no more digits than 4300.
_FRACTION = re.compile(r"[0-9]{1,4300}(/0*[1-9][0-9]{0,4000})?")

_End = Annotated[float | None, InDocument(expected="a number, or null for infinity")]
_Index = Annotated[int, InDocument(expected="the number of a template, from 0")]


@dataclass(frozen=True, slots=True)
class IntervalForm(Form):
    """An interval; null stands for infinity."""

    value: _End
    low: _End
    high: _End

    @classmethod
    def of(cls, interval: Interval, /) -> IntervalForm:
        """Value and ends, None for what is infinite."""
        ends = interval.value, interval.low, interval.high
        return cls(*[end if math.isfinite(end) else None for end in ends])

    def read(self, level: float, /) -> Interval:
        """The interval; an end that is None is infinite on the side where it can be."""
        value = math.inf if self.value is None else self.value
        high = math.inf if self.high is None else self.high
        low = self.low
        if low is None:
            low = math.inf if self.value is None else -math.inf
        return Interval(value, low, high, level)


Estimate = Annotated[
    Interval,
    InDocument(
        form=IntervalForm,
        expected="a table with value, low and high, each a number or null for infinity",
    ),
]
"""An estimate with its interval, as a document has it."""

Row = Annotated[
    tuple[float, ...],
    InDocument(
        expected="a list of numbers, one for each template", one_for_each="templates"
    ),
]
"""Numbers, one for each template."""


@dataclass(frozen=True, slots=True)
class OverlapForm(Form):
    """Two templates and a string of both."""

    i: _Index
    j: _Index
    witness: str

    @classmethod
    def of(cls, overlap: Overlap, /) -> OverlapForm:
        """The pair and its string."""
        return cls(overlap.i, overlap.j, overlap.witness)

    def read(self, level: float, /) -> Overlap:
        """The overlap."""
        return Overlap(self.i, self.j, self.witness)


@dataclass(frozen=True, slots=True)
class LawForm(Form):
    """A law of substitutions; tokens with exact weights where it has its own."""

    law: Literal["uniform", "zipf", "weights"]
    tokens: Annotated[tuple[str, ...], InDocument(expected="a list of tokens")] = ()
    weights: Annotated[
        tuple[str, ...],
        InDocument(
            expected="fractions such as '1/3', one for each token",
            one_for_each="tokens",
        ),
    ] = ()

    @classmethod
    def of(cls, law: Law, /) -> LawForm:
        """The law by its name, or by its table."""
        if isinstance(law, Probabilities):
            weights = tuple(str(weight) for _, weight in law.table)
            return cls("weights", law.tokens, weights)
        return cls("zipf" if isinstance(law, Zipf) else "uniform")

    def read(self, level: float, /) -> Law:
        """The law.

        Raises:
            InputError: a weight that is no fraction, or tokens without need.
        """
        if self.law != "weights":
            return Zipf() if self.law == "zipf" else Uniform()
        for weight in self.weights:
            if not _FRACTION.fullmatch(weight):
                raise InputError(
                    f"weights has {shorten(weight)}; expected fractions such as '1/3'"
                )
        return Probabilities(
            dict(zip(self.tokens, map(Fraction, self.weights), strict=True))
        )


@dataclass(frozen=True, slots=True)
class TaskForm(Form):
    """A template task: labels and weights rounded to floats."""

    task: Annotated[str | None, InDocument(expected="the name of the task, or null")]
    templates: Annotated[tuple[str, ...], InDocument(expected="a list of templates")]
    labels: Annotated[
        tuple[float | str, ...],
        InDocument(expected="a list of numbers or text, one for each template"),
    ]
    weights: Annotated[
        tuple[Annotated[float, InDocument(low=0)], ...],
        InDocument(expected="a list of numbers of at least 0, one for each template"),
    ]
    laws: Annotated[
        tuple[Annotated[Law, InDocument(form=LawForm)], ...],
        InDocument(expected="a list of laws, one for each template"),
    ]
    noise: Annotated[float, InDocument(low=0)] = 0.0
    description: Annotated[str | None, InDocument(expected="text, or null")] = None

    @classmethod
    def of(cls, task: TemplateTask, /) -> TaskForm:
        """The task as far as the document has it."""
        return cls(
            task=task.name,
            templates=tuple(map(str, task.templates)),
            labels=tuple(y if isinstance(y, str) else float(y) for y in task.labels),
            weights=tuple(map(float, task.weights)),
            noise=task.noise,
            laws=task.laws,
            description=task.description,
        )

    def read(self, level: float, /) -> TemplateTask:
        """The task.

        Raises:
            InputError: no task has these templates, labels and weights.
        """
        return TemplateTask(
            self.templates,
            self.labels,
            _weights(self.weights),
            self.task,
            laws=self.laws,
            noise=self.noise,
            description=self.description,
        )


@dataclass(frozen=True, slots=True)
class FloorForm(Form):
    """The least expected loss of an MLP: rounded, and as text; None for no floor."""

    mlp_floor: float | None
    mlp_floor_exact: str | None

    @classmethod
    def of(cls, floor: Any, /) -> FloorForm:
        """The float, None where it is beyond float64, and the exact text."""
        if floor is None:
            return cls(None, None)
        number = as_float(floor)
        return cls(number if math.isfinite(number) else None, str(floor))

    def read(self, level: float, /) -> Fraction | float | None:
        """The exact floor where its text is a fraction, its float where it is not.

        Raises:
            InputError: a number without text, or a text that is another number.
        """
        text = self.mlp_floor_exact
        if text is None:
            if self.mlp_floor is not None:
                raise InputError(self.mismatch())
            return None
        number = math.inf if self.mlp_floor is None else self.mlp_floor
        if not _FRACTION.fullmatch(text):
            return number
        exact = Fraction(text)
        if as_float(exact) != number:
            raise InputError(
                f"mlp_floor is {self.mlp_floor} and mlp_floor_exact {shorten(text)}; "
                "expected one number"
            )
        return exact

    def mismatch(self) -> str:
        """What is wrong where labels and floor do not go together."""
        return (
            f"mlp_floor is {self.mlp_floor} and mlp_floor_exact "
            f"{shorten(self.mlp_floor_exact)}; expected a number and text for labels "
            "that are numbers, null for others"
        )


def _weights(rounded: Sequence[float]) -> list[Fraction]:
    """Probabilities that sum to 1 and round to these floats, simple ones if possible.

    Where they are not simple, what the floats miss of 1 is shared out in proportion to
    the distances of the next floats: the true weights are within half of that.
    """
    simple = [Fraction(w).limit_denominator(_LARGEST_DENOMINATOR) for w in rounded]
    if sum(simple) == 1 and [float(w) for w in simple] == list(rounded):
        return simple
    exact = [Fraction(w) for w in rounded]
    missing = 1 - sum(exact)
    towards = math.inf if missing > 0 else 0.0
    room = [Fraction(abs(math.nextafter(w, towards) - w)) if w else 0 for w in rounded]
    if 2 * abs(missing) > sum(room):
        raise InputError(
            f"weights sum to {math.fsum(rounded):g}; expected probabilities that sum "
            "to 1"
        )
    share = Fraction(missing) / Fraction(sum(room))
    return [w + share * r for w, r in zip(exact, room, strict=True)]
