"""What is known about one claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from symbind_theory.outcome import Outcome
from symbind_theory.records.claims import claim
from symbind_theory.records.description import InDocument

__all__ = ["Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about one claim, and why.

    Truth stays three-valued: `bool(verdict)` raises, so that UNDECIDED can never be
    read as a pass by accident. Compare `verdict.outcome`.

    Attributes:
        claim: an id of `symbind_theory.records.claims`.
        outcome: HOLDS, REFUTED or UNDECIDED.
        evidence: the proof, witness or interval, in one sentence; for UNDECIDED,
            also what to raise.
    """

    claim: Annotated[str, InDocument(expected="the id of a claim, such as 'C3'")]
    outcome: Annotated[Outcome, InDocument(key="verdict")]
    evidence: str

    def __post_init__(self) -> None:
        claim(self.claim)

    def __bool__(self) -> bool:
        raise TypeError(
            "a Verdict is three-valued: compare .outcome with Outcome.HOLDS, "
            "Outcome.REFUTED or Outcome.UNDECIDED"
        )
