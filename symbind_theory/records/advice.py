"""Which architecture needs the fewest strings: what was tried, and how it came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from symbind_theory.records.architecture import ArchitectureRecord
from symbind_theory.records.description import InDocument
from symbind_theory.records.learning import SampleComplexity

__all__ = ["Advice", "Candidate", "Choice", "Parameter"]

Parameter = Literal[
    "beta", "gamma", "readout", "activation", "identity_kq", "identity_vo"
]
"""What may be varied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An architecture and the strings that it needs.

    Attributes:
        architecture: the transformer.
        strings: how many strings it needs.
        counts: "random" where that is an average over the counts that data sets have;
            "expected" where each template has its mean count, as while candidates are
            sorted out.
        points: outer points of the estimate; 0 where a proof says that no number of
            strings is enough.
    """

    architecture: Annotated[ArchitectureRecord, InDocument(closed=True)]
    strings: SampleComplexity
    counts: Literal["random", "expected"]
    points: Annotated[int, InDocument(low=0)]


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of one parameter, and a candidate that has it.

    Attributes:
        parameter: which parameter; its value is the candidate's.
        candidate: the architecture.
    """

    parameter: Parameter
    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Architectures ranked by the strings that they need.

    Attributes:
        base: the architecture from which single changes are counted.
        ranked: the best ones, the fewest strings first.
        changes: the base with one parameter changed, for each other value tried.
        choices: for each value of each parameter, the best of all candidates with it.
        edges: parameters of which the best candidate has the least or the largest of
            several values tried, so that values beyond may need fewer strings.
        tried: how many candidates there were.
        proved: how many of them no number of strings serves, by proof.
        left: how many of them were left without a closer look, their interval far
            above that of the best.
        tied: how many candidates, ranked or not, have an interval that reaches into
            that of the best.
        level: probability that all intervals cover.
    """

    base: Candidate
    ranked: Annotated[
        tuple[Candidate, ...], InDocument(expected="a list of candidates", filled=True)
    ]
    changes: Annotated[
        tuple[Choice, ...],
        InDocument(expected="a list of tables with a parameter and a candidate"),
    ]
    choices: Annotated[
        tuple[Choice, ...],
        InDocument(expected="a list of tables with a parameter and a candidate"),
    ]
    edges: Annotated[tuple[Parameter, ...], InDocument(expected="a list of parameters")]
    tried: Annotated[int, InDocument(low=1)]
    proved: Annotated[int, InDocument(low=0)]
    left: Annotated[int, InDocument(low=0)]
    tied: Annotated[int, InDocument(low=0)]
    level: Annotated[float, InDocument(above=0, high=1, expected="a number in (0, 1]")]

    @property
    def best(self) -> Candidate:
        """The candidate that needs the fewest strings."""
        return self.ranked[0]
