"""Why no number of strings is enough: what is decided before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from numerics import Architecture, Cosine
from proofs_check.judgements import proved
from proofs_check.remedies import as_call
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding
from symbind_theory.separation.theorem_s import Decision
from symbind_theory.tasks import TemplateTask

__all__ = ["conflicting_labels", "copied_label", "singular_matrix"]


def copied_label(task: TemplateTask) -> Finding | None:
    """A copied label is out of reach without b, however many strings there are.

    None where no label that ever occurs is copied: templates of weight 0 never do.

    Args:
        task: any task.
    """
    i = next((i for i in task.copied if task.weights[i]), None)
    if i is None:
        return None
    return proved(
        f"the label {task.labels[i]} of '{task.templates[i]}', which is copied from "
        "the string, is learned without identity_vo > 0, as the width grows (C7)",
        False,
    )


def conflicting_labels(
    task: TemplateTask, alike: Iterable[tuple[int, int]], learner: str
) -> Finding | None:
    """Two templates with different labels that a learner does not tell apart.

    Templates of weight 0 are left out: they never occur, so that nothing is lost on
    them.

    Args:
        task: whose labels are compared.
        alike: index pairs of its templates that the learner does not tell apart.
        learner: "kernel" or "network".
    """
    for i, j in alike:
        one, other = task.labels[i], task.labels[j]
        if one != other and task.weights[i] and task.weights[j]:
            return proved(
                f"'{task.templates[i]}' and '{task.templates[j]}', of the labels {one} "
                f"and {other}, differ to the {learner} on fresh symbols",
                False,
            )
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
