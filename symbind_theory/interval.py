"""An estimate with its confidence interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from symbind_theory.validation import InputError

__all__ = ["Interval"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        value: the estimate.
        low: lower end; 0 for a non-negative quantity that is not resolved from 0.
        high: upper end; infinite where nothing bounds the quantity.
        level: the probability, over the randomness of the estimator, that the
            interval covers the true value; 1 when it contains it for certain,
            rounding included.
    """

    value: float
    low: float
    high: float
    level: float = 0.999

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise InputError(
                f"interval is [{self.low}, {self.high}] around {self.value}; "
                "expected low <= value <= high"
            )
        if not 0 < self.level <= 1:
            raise InputError(f"level is {self.level}; expected a number in (0, 1]")

    def contains(self, number: float) -> bool:
        """Whether `number` lies in the closed interval."""
        return bool(self.low <= number <= self.high)

    @property
    def halfwidth(self) -> float:
        """The larger distance from the value to an end."""
        return max(self.value - self.low, self.high - self.value)

    @property
    def relative_halfwidth(self) -> float:
        """`halfwidth` in units of the value; infinite when the value is 0."""
        return self.halfwidth / abs(self.value) if self.value else math.inf
