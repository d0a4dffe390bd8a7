"""What N implies for learning: strings needed, curves, labels, too few symbols."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from symbind_theory.interval import Interval
from symbind_theory.records.description import InDocument
from symbind_theory.records.forms import Estimate, IntervalForm, Row
from symbind_theory.validation import InputError, shorten

__all__ = ["Alignment", "Curve", "FiniteDiversity", "SampleComplexity"]

# Beyond what any check counts up to.
_MOST_STRINGS = 10**18

_Positive = Annotated[float, InDocument(above=0)]


@dataclass(frozen=True, slots=True)
class SampleComplexity:
    """How many training strings N implies for a target error.

    Attributes:
        n: the number, or None where 1e15 are not enough.
        interval: n with its error bar; from infinity on where no number is enough.
        target: mean squared error aimed at on unseen symbols.
        alpha: ridge.
    """

    n: Annotated[int | None, InDocument(low=0, high=_MOST_STRINGS)]
    interval: Annotated[Interval, InDocument(form=IntervalForm, place="inline")]
    target: _Positive
    alpha: _Positive


@dataclass(frozen=True, slots=True)
class Curve:
    """Expected squared error on unseen symbols against the number of strings.

    Attributes:
        sizes: numbers of training strings, increasing.
        mse: for each size, the expected error that N implies.
        alpha: ridge.

    Raises:
        InputError: sizes that do not increase.
    """

    sizes: Annotated[
        tuple[Annotated[int, InDocument(low=1, high=_MOST_STRINGS)], ...],
        InDocument(
            expected="increasing integers from 1 to 1e18, one or more", filled=True
        ),
    ]
    mse: Annotated[
        tuple[Estimate, ...],
        InDocument(expected="an interval for each of the sizes", one_for_each="sizes"),
    ]
    alpha: _Positive

    def __post_init__(self) -> None:
        if any(n >= larger for n, larger in pairwise(self.sizes)):
            raise InputError(
                f"sizes is {shorten(list(self.sizes))}; expected increasing integers "
                "of at least 1"
            )


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the labels lie to the small directions of N.

    Attributes:
        energy: yᵀN⁻¹y, infinite where N is singular in a direction of the labels.
        hardest: labels with the labels' mean square along the eigenvector of the
            smallest eigenvalue of N. With uneven weights of the templates others may
            need more strings.
        sample_complexity: the strings that these labels need.
    """

    energy: Estimate
    hardest: Annotated[Row, InDocument(key="hardest_labels")]
    sample_complexity: Annotated[
        SampleComplexity, InDocument(key="hardest_sample_complexity")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class FiniteDiversity:
    """The error on unseen symbols where training strings share theirs.

    Attributes:
        vocabulary: how many tokens substitutions draw from.
        diversity: ρ, the data diversity (C8).
        sizes: numbers of training strings, increasing; none for symbolic labels.
        mse: for each size, the expected error.
        method: for each size, how it was found: "simulation", or "first order" in the
            number of strings that share symbols.
        apart: for each size, the error of strings that share no symbol.
    """

    vocabulary: Annotated[int, InDocument(low=0, high=_MOST_STRINGS)]
    diversity: Estimate
    sizes: Annotated[
        tuple[Annotated[int, InDocument(low=1, high=_MOST_STRINGS)], ...],
        InDocument(expected="increasing integers from 1 to 1e18"),
    ] = ()
    mse: Annotated[
        tuple[Estimate, ...],
        InDocument(expected="an interval for each of the sizes", one_for_each="sizes"),
    ] = ()
    method: Annotated[
        tuple[Literal["simulation", "first order"], ...],
        InDocument(expected="a method for each of the sizes", one_for_each="sizes"),
    ] = ()
    apart: Annotated[
        tuple[Estimate, ...],
        InDocument(expected="an interval for each of the sizes", one_for_each="sizes"),
    ] = ()

    @property
    def symbols(self) -> str:
        """How many symbols there are, in words."""
        return "1 symbol" if self.vocabulary == 1 else f"{self.vocabulary} symbols"

    def enough(self, target: float) -> int | None:
        """The least of the sizes whose whole interval is at most the target."""
        errors = zip(self.sizes, self.mse, strict=True)
        return next((n for n, error in errors if error.high <= target), None)

    def too_few(self, target: float) -> bool:
        """Whether symbols alone keep the error above the target at all sizes.

        One of the sizes must be enough where strings share no symbol: else there may
        be too few strings.
        """
        could = any(error.value <= target for error in self.apart)
        return could and all(error.low > target for error in self.mse)
