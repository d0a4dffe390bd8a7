"""Advice on architectures as rows and sentences of text, for every kind of report."""

from __future__ import annotations

from dataclasses import dataclass

from symbind_theory.records.advice import Advice, Candidate, Parameter
from symbind_theory.records.architecture import ActivationRecord
from symbind_theory.report.notation import (
    PARAMETERS,
    architecture_text,
    ends,
    parameter_text,
    strings_needed,
    whole,
)

__all__ = [
    "Changed",
    "Placed",
    "about",
    "advice_sentences",
    "changed_rows",
    "gain",
    "placed_rows",
    "value_text",
    "varied",
]


@dataclass(frozen=True, slots=True)
class Placed:
    """A candidate with its place.

    Attributes:
        place: from 1, "base" for the architecture that was checked.
        architecture: those of its parameters that were varied.
        strings: how many strings it needs.
        interval: their interval.
        gain: how many times fewer or more strings than the base needs, or that it is
            the base.
    """

    place: str
    architecture: str
    strings: str
    interval: str
    gain: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The base with one parameter changed.

    Attributes:
        change: the parameter, from which value to which.
        strings: how many strings that needs.
        interval: their interval.
        gain: how many times fewer or more strings than the base needs.
    """

    change: str
    strings: str
    interval: str
    gain: str


def varied(advice: Advice) -> tuple[str, ...]:
    """The parameters that were varied, in the order in which they are shown."""
    names = {choice.parameter for choice in advice.choices}
    return tuple(name for name in PARAMETERS if name in names)


def placed_rows(advice: Advice) -> list[Placed]:
    """The ranked candidates, and the base."""
    places = [(str(i), c) for i, c in enumerate(advice.ranked, start=1)]
    return [
        Placed(
            place,
            architecture_text(candidate.architecture, varied(advice)),
            about(candidate),
            ends(whole(candidate.strings.interval)),
            _against(place, candidate, advice.base),
        )
        for place, candidate in [*places, ("base", advice.base)]
    ]


def _against(place: str, candidate: Candidate, base: Candidate) -> str:
    if place == "base":
        return ""
    same = candidate.architecture == base.architecture
    return "is the base" if same else gain(candidate, base)


def changed_rows(advice: Advice) -> list[Changed]:
    """Single changes of the base, parameter by parameter."""
    return [
        Changed(
            f"{choice.parameter} {value_text(advice.base, choice.parameter)} → "
            f"{value_text(choice.candidate, choice.parameter)}",
            about(choice.candidate),
            ends(whole(choice.candidate.strings.interval)),
            gain(choice.candidate, advice.base),
        )
        for choice in advice.changes
    ]


def gain(candidate: Candidate, base: Candidate) -> str:
    """How many times fewer or more strings a candidate needs than the base.

    Nothing is said of a difference that the intervals do not show.
    """
    mine, other = candidate.strings.interval, base.strings.interval
    if mine.low <= other.high and other.low <= mine.high:
        return "not told apart"
    n, before = candidate.strings.n, base.strings.n
    if n is None or before is None:
        return "more" if n is None else "fewer"
    few, many = sorted((n, before))
    factor = f"{many / few:.3g} times " if few else ""
    return factor + ("fewer" if n < before else "more")


def advice_sentences(advice: Advice) -> list[str]:
    """What the tables do not show: how many were tried, ties, ends of ranges."""
    proved = (
        f", {advice.proved} because no number of strings is enough, by proof"
        if advice.proved
        else ""
    )
    sentences = [
        f"{advice.tried} architectures were tried; {advice.left} were left after a "
        f"rough estimate, their whole interval above twice that of the best{proved}. "
        f"All intervals together cover with probability {advice.level:g} or more."
    ]
    if advice.tied:
        noun = "architecture is" if advice.tied == 1 else "architectures are"
        sentences.append(
            f"Tie: {advice.tied} other {noun} not told apart from the best."
        )
    if advice.edges:
        best = ", ".join(
            f"{name} = {value_text(advice.best, name)}" for name in advice.edges
        )
        sentences.append(
            f"The best has {best} at the end of the values tried: values beyond may "
            "need fewer strings."
        )
    sentences.append(
        "The ridge is the same for all, whatever the scale of their kernels."
    )
    return sentences


def about(candidate: Candidate) -> str:
    """How many strings a candidate needs; "about" where it was left early."""
    strings = strings_needed(candidate.strings)
    rough = candidate.counts == "expected" and candidate.strings.n is not None
    return f"about {strings}" if rough else strings


def value_text(candidate: Candidate, parameter: Parameter) -> str:
    """The value that a candidate has of a parameter."""
    value = getattr(candidate.architecture, parameter)
    if isinstance(value, ActivationRecord):
        return parameter_text(value) if value.parameters else value.name
    return f"{value:g}" if isinstance(value, float) else str(value)
