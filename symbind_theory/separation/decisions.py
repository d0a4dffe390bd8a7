"""One decision for every architecture: by Theorem S for one layer, by Theorem D else.

>>> from symbind_theory.separation import DeepHypotheses, Hypotheses, decide
>>> decide(["?a ?a", "?a ?b"], Hypotheses()).reason.split(":")[0]
'N is non-singular by Theorem S'
>>> decide(["?a ?a", "?a ?b"], DeepHypotheses()).reason.split(",")[0]
'N is non-singular by Theorem D'

One layer is the paper's: attention, then an activation, nothing added. Its mean readout
averages before the activation; that of a network of blocks averages their output.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, TypeAlias

from symbind_theory.outcome import Outcome
from symbind_theory.separation import theorem_s
from symbind_theory.separation.theorem_d import DeepHypotheses, decide_deep
from symbind_theory.separation.theorem_s import Decision, Hypotheses
from symbind_theory.templates import Template, read_templates

__all__ = ["Described", "decide"]


class Described(Protocol):
    """What tells both theorems what they ask: `ArchitectureRecord`."""

    @property
    def one_layer(self) -> bool:
        """Whether it is attention, then an activation, and nothing else."""
        ...

    @property
    def hypotheses(self) -> Hypotheses:
        """What Theorem S asks."""
        ...

    @property
    def deep_hypotheses(self) -> DeepHypotheses:
        """What Theorem D asks."""
        ...


Architecture: TypeAlias = Hypotheses | DeepHypotheses | Described
"""A transformer, as far as the theorems ask."""


_TANGENT = {
    Outcome.HOLDS: " That is so where the readout alone is trained; the tangent "
    "kernel's matrix has the Gram matrices of all other parameters' gradients besides, "
    "so it is non-singular too.",
    Outcome.REFUTED: " The same is so for the gradients of all layers, so the tangent "
    "kernel's matrix is singular too.",
    Outcome.UNDECIDED: "",
}
"""What N says of the matrix of the tangent kernel; docs/theorem-d.md has the proofs."""


def decide(
    templates: Iterable[Template | str],
    architecture: Architecture,
    kernel: str = "nngp",
) -> Decision:
    """Decide whether N is non-singular, and which templates collapse.

    Args:
        templates: templates, or their text; their lengths may differ.
        architecture: facts for Theorem S or for Theorem D, or the record of an
            architecture, from which the theorem that speaks of it takes its facts.
        kernel: "ntk" where the matrix is that of the tangent kernel.

    Raises:
        InputError: no template, or an activation of which nothing is known.
    """
    parsed = read_templates(templates, one_length=False)
    if not isinstance(architecture, Hypotheses | DeepHypotheses):
        architecture = (
            architecture.hypotheses
            if architecture.one_layer
            else architecture.deep_hypotheses
        )
    decision = (
        decide_deep(parsed, architecture)
        if isinstance(architecture, DeepHypotheses)
        else theorem_s.decide(parsed, architecture)
    )
    if kernel == "ntk":
        reason = decision.reason + _TANGENT[decision.outcome]
        return replace(decision, reason=reason)
    return decision
