"""A training run held against its permuted twin, step by step, for C1."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from numerics.networks.mlp import MLPStack
from numerics.networks.training import Training
from numerics.shapes import Int64
from proofs_check.evidence.mlp_data import permute, slower
from proofs_check.judgements import at_most, exactly
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding

__all__ = ["ROUNDING", "Differences", "relative_difference"]

ROUNDING = 1e-11
"""Largest relative difference put down to the order of sums.

Measured: at most 1e-12 in a hundred steps. Mutants differ by a tenth and more."""


@dataclass(frozen=True, slots=True)
class Differences:
    """Largest relative differences between a run and its twin; NaN beyond float64.

    Attributes:
        outputs: how far f(Πx; twin) is from f(x; θ), over all probes x.
        weights: how far the twin's weights are from Πθ, over all layers.
    """

    outputs: float
    weights: float

    @classmethod
    def between(
        cls,
        stack: MLPStack,
        twin: MLPStack,
        probes: Int64[torch.Tensor, "n k"],
        permutations: Int64[torch.Tensor, "k m"],
    ) -> Differences:
        """The differences after some step of both trainings.

        Args:
            stack: a network with the weights θ.
            twin: the network whose weights are held against Πθ.
            probes: strings x on which outputs are compared.
            permutations: Π, a permutation of the tokens for each position.
        """
        moved = twin.outputs(permute(permutations, probes))
        expected = stack.permuted(permutations).parameters()
        pairs = zip(twin.parameters(), expected, strict=True)
        return cls(
            relative_difference(moved, stack.outputs(probes)),
            _largest(
                relative_difference(one.detach(), other.detach())
                for one, other in pairs
            ),
        )

    def maximum(self, other: Differences) -> Differences:
        """Each difference at the step where it is larger.

        Args:
            other: differences at the other step.
        """
        return Differences(
            _largest((self.outputs, other.outputs)),
            _largest((self.weights, other.weights)),
        )

    def findings(self, training: Training, tolerance: float) -> list[Finding]:
        """Both differences held against a tolerance.

        Args:
            training: over whose steps they are the largest.
            tolerance: the largest relative difference that is allowed.
        """
        largest = (
            "largest relative difference, before training and after each of "
            f"{training.steps} steps, of"
        )
        differences = {
            f"{largest} f(Πx; θ') from f(x; θ)": self.outputs,
            f"{largest} the weights θ' from Πθ": self.weights,
        }
        return [
            _within(statement, difference, tolerance, training)
            for statement, difference in differences.items()
        ]


def _within(
    statement: str, difference: float, tolerance: float, training: Training
) -> Finding:
    """Whether a difference is at most the tolerance; undecided beyond float64."""
    if math.isfinite(difference):
        return at_most(statement, exactly(difference), tolerance)
    return Finding(
        f"{statement}: training left the finite numbers",
        Outcome.UNDECIDED,
        expected=f"finite outputs: pass {slower(training)}",
    )


def relative_difference(values: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference in units of the largest number; 0 where all numbers are 0.

    Args:
        values: some numbers.
        expected: what they are held against, of the same shape.
    """
    difference = (values - expected).abs().max()
    scale = torch.maximum(values.abs().max(), expected.abs().max())
    return float(difference / scale) if difference else 0.0


def _largest(numbers: Iterable[float]) -> float:
    """The largest number; NaN if one is NaN, which Python's max may overlook."""
    return float(torch.tensor(list(numbers), dtype=torch.float64).max())
