"""Checkers that cost nothing, for the tests of what runs and prints them."""

import numpy as np

from proofs_check.checker import Checker, Effort, Instance, Mutant
from proofs_check.judgements import equals, mean_interval, proved
from symbind_theory.records.ledger import Report


def mean_is_zero(mean: float, effort: Effort, seed: int) -> Report:
    """Whether normal values of that mean have mean 0; more of them with the effort."""
    size = effort.choose(100, 200, 400)
    values = np.random.default_rng(seed).normal(mean, size=size)
    return Report("C1", (equals("mean", mean_interval(values), 0.0, 1.0),))


def checker(claim: str = "C1", mean: float = 0.0) -> Checker:
    """A checker with one true instance and one mutant."""

    def run(effort: Effort, seed: int) -> Report:
        return Report(claim, mean_is_zero(mean, effort, seed).findings)

    def mutant(effort: Effort, seed: int) -> Report:
        return Report(claim, (proved("1 = 2", False), proved("1 = 1", True)))

    return Checker(
        claim,
        mean_is_zero,
        (Instance("centred values", run),),
        (Mutant("bad arithmetic", mutant, refuted_by="1 = 2"),),
    )
