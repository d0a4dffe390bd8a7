"""Why no number of strings is enough: what is decided before anything is trained."""

from __future__ import annotations

from dataclasses import replace

from numerics import Architecture, Cosine
from proofs_check.judgements import proved
from proofs_check.remedies import as_call
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding
from symbind_theory.separation.theorem_s import Decision
from symbind_theory.tasks import TemplateTask

__all__ = ["conflicting_labels", "copied_label", "singular_matrix"]


def copied_label(task: TemplateTask) -> Finding:
    """A copied label is out of reach without b, however many strings there are.

    Args:
        task: with a label that is a wildcard of its own template.
    """
    i = task.copied[0]
    return proved(
        f"the label {task.labels[i]} of '{task.templates[i]}', which is copied from "
        "the string, is learned without identity_vo > 0, as the width grows (C7)",
        False,
    )


def conflicting_labels(
    task: TemplateTask, decision: Decision, learner: str = "kernel"
) -> Finding | None:
    """Two templates with different labels that a learner does not tell apart.

    Args:
        task: whose labels are compared.
        decision: which of its templates the learner does not tell apart.
        learner: "kernel" or "network".
    """
    for pair in decision.collapses:
        one, other = task.labels[pair.i], task.labels[pair.j]
        if pair.identical and one != other:
            i, j = task.templates[pair.i], task.templates[pair.j]
            statement = f"'{i}' and '{j}', of the labels {one} and {other}, differ to "
            return proved(f"{statement}the {learner} on fresh symbols", False)
    return None


def singular_matrix(
    task: TemplateTask, decision: Decision, architecture: Architecture
) -> Finding:
    """The claim asks for another N than one that is singular for no such reason.

    Args:
        task: whose N is singular.
        decision: why.
        architecture: the transformer.
    """
    remedy = "with each template written once"
    if not task.equivalent_pairs():
        sound = replace(
            architecture,
            beta=architecture.beta or 1.0,
            gamma=architecture.gamma or 1.0,
            activation=Cosine()
            if architecture.activation.constant
            else architecture.activation,
        )
        remedy = f"pass architecture={as_call(sound)}"
    return Finding(
        decision.reason.removesuffix("."),
        Outcome.UNDECIDED,
        expected=f"a non-singular N: {remedy}",
    )
