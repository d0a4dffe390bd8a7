"""The frozen records that exact and numeric code share: intervals and verdicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from symbind_theory.claims import claim
from symbind_theory.validation import InputError

__all__ = ["Interval", "Outcome", "Verdict"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        value: the estimate.
        low: lower end; 0 for a non-negative quantity that is not resolved from 0.
        high: upper end; infinite where nothing bounds the quantity.
        level: the probability, over the randomness of the estimator, that the
            interval covers the true value.
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
        if not 0 < self.level < 1:
            raise InputError(f"level is {self.level}; expected a number in (0, 1)")

    def contains(self, number: float) -> bool:
        """Whether `number` lies in the closed interval."""
        return self.low <= number <= self.high

    @property
    def half_width(self) -> float:
        """The larger distance from the value to an end."""
        return max(self.value - self.low, self.high - self.value)

    @property
    def relative_half_width(self) -> float:
        """`half_width` in units of the value; infinite when the value is 0."""
        return self.half_width / abs(self.value) if self.value else math.inf


class Outcome(StrEnum):
    """The three possible verdicts on a claim."""

    HOLDS = "HOLDS"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about one claim, and why.

    Truth stays three-valued: `bool(verdict)` raises, so that UNDECIDED can never be
    read as a pass by accident. Compare `verdict.outcome`.

    Attributes:
        claim: an id of `symbind_theory.claims`.
        outcome: HOLDS, REFUTED or UNDECIDED.
        evidence: the proof, witness or interval, in one sentence; for UNDECIDED,
            also what to raise.
    """

    claim: str
    outcome: Outcome
    evidence: str

    def __post_init__(self) -> None:
        claim(self.claim)

    def __bool__(self) -> bool:
        raise TypeError(
            "a Verdict is three-valued: compare .outcome with Outcome.HOLDS, "
            "Outcome.REFUTED or Outcome.UNDECIDED"
        )
