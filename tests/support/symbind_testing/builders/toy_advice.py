"""Advice that no race has found: numbers of strings as they are asked for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from numerics import Architecture, ReLU
from symbind_theory.interval import Interval
from symbind_theory.records.advice import Advice, Candidate, Choice
from symbind_theory.records.learning import SampleComplexity

__all__ = ["toy_advice", "toy_candidate"]

BASE = Architecture()


def toy_candidate(
    strings, architecture=BASE, *, counts: Literal["random", "expected"] = "random"
):
    """A candidate that needs so many strings within a quarter, None for no number."""
    if strings is None:
        interval = Interval(math.inf, math.inf, math.inf)
    else:
        interval = Interval(strings, 0.75 * strings, 1.25 * strings)
    return Candidate(
        architecture=architecture.record(),
        strings=SampleComplexity(strings, interval, 0.01, 1e-3),
        counts=counts,
        points=0 if strings is None else 64,
    )


def toy_advice(
    base: int | None = 1000, *, best=100, second=400, relu=990, edges=("beta",), tied=0
):
    """The base, two candidates in beta, and the activation changed."""
    steep = [
        toy_candidate(100, replace(BASE, beta=4.0)),
        toy_candidate(400, replace(BASE, beta=2.0), counts="expected"),
    ]
    own = toy_candidate(base)
    rectified = toy_candidate(990, replace(BASE, activation=ReLU()))
    beta = [Choice("beta", own), *(Choice("beta", c) for c in reversed(steep))]
    return Advice(
        base=own,
        ranked=tuple(steep),
        changes=(*beta[1:], Choice("activation", rectified)),
        choices=(*beta, Choice("activation", own), Choice("activation", rectified)),
        edges=edges,
        tried=6,
        proved=1,
        left=3,
        tied=tied,
        level=0.999,
    )
