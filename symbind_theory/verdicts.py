"""What follows for a task from exact decisions and from the interval of λ_min(N)."""

from __future__ import annotations

import math

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.records.verdict import Verdict
from symbind_theory.separation.theorem_s import Decision
from symbind_theory.tasks import TemplateTask

__all__ = ["reach_verdicts"]


def reach_verdicts(
    task: TemplateTask,
    decision: Decision,
    smallest: Interval,
    complexity: SampleComplexity | None,
    identity_vo: float = 0.0,
    least_points: int = 0,
    one_layer: bool = True,
) -> tuple[Verdict, ...]:
    """Verdicts on the claims that speak of the task, in the order of the argument.

    Args:
        task: the task.
        decision: whether N is non-singular, as far as the templates alone decide it.
        smallest: λ_min(N), estimated.
        complexity: sample complexity from N; None for symbolic labels.
        identity_vo: b, what is added to W_V W_O; copying asks for b > 0.
        least_points: outer points that the estimate had to have and had not; 0 if it
            had enough.
        one_layer: whether C7 speaks of it, as of the paper's network.
    """
    matrix = _template_matrix(decision, smallest, least_points)
    verdicts = [
        None if task.symbolic else _mlp_floor(task),
        matrix,
        _generalises(task, decision, matrix, complexity, identity_vo)
        if one_layer or not task.copied
        else _generalises_by_blocks(task, decision),
        _copying(task, identity_vo, one_layer) if task.copied else None,
    ]
    return tuple(verdict for verdict in verdicts if verdict is not None)


def _mlp_floor(task: TemplateTask) -> Verdict:
    floor = task.mlp_floor()
    if floor == 0:
        evidence = (
            "The floor is 0: templates that occur and share a skeleton share their "
            "label, so the coupling does not stop an MLP here."
        )
    else:
        evidence = (
            "On unseen symbols an MLP on the one-hot string, its first layer i.i.d. at "
            f"the start, has an expected squared error of at least {floor}, the "
            "variance of the labels given the skeleton (exact)."
        )
    return Verdict("C2", Outcome.HOLDS, evidence)


def _template_matrix(
    decision: Decision, smallest: Interval, least_points: int
) -> Verdict:
    if decision.outcome is Outcome.REFUTED:
        return Verdict("C3", Outcome.REFUTED, decision.reason)
    estimate = (
        f"Estimated smallest eigenvalue {smallest.value:.4g} in "
        f"[{smallest.low:.4g}, {smallest.high:.4g}] at level {smallest.level:g}."
    )
    if decision.outcome is Outcome.HOLDS:
        if smallest.low == 0:
            estimate += " The estimate alone does not resolve it from 0."
        if least_points:
            estimate += f" With so large an identity_kq it takes {least_points} points."
        return Verdict("C3", Outcome.HOLDS, f"{decision.reason} {estimate}")
    if smallest.low > 0:
        return Verdict("C3", Outcome.HOLDS, f"N is non-singular. {estimate}")
    enough = f" to {least_points} or more" if least_points else ""
    return Verdict(
        "C3",
        Outcome.UNDECIDED,
        f"{decision.reason} {estimate} Raise max_points{enough} to see whether the "
        "estimate resolves it.",
    )


def _generalises(
    task: TemplateTask,
    decision: Decision,
    matrix: Verdict,
    complexity: SampleComplexity | None,
    identity_vo: float,
) -> Verdict:
    occurring = [i for i in task.copied if task.weights[i]]
    if occurring and identity_vo <= 0:
        i = occurring[0]
        return Verdict(
            "C5",
            Outcome.REFUTED,
            f"The label {task.labels[i]} of '{task.templates[i]}' is copied from the "
            "string: this fails as the width grows without identity_vo > 0 (C7).",
        )
    if conflict := _conflict(task, decision):
        return Verdict("C5", Outcome.REFUTED, conflict)
    if matrix.outcome is Outcome.REFUTED:
        return Verdict(
            "C5",
            Outcome.UNDECIDED,
            "The theorem asks for a non-singular N. Where templates are equivalent, "
            "write each once.",
        )
    if matrix.outcome is Outcome.UNDECIDED:
        return Verdict("C5", Outcome.UNDECIDED, "Whether N is singular is undecided.")
    target = "on one-hot labels " if task.symbolic else ""
    needed = ""
    if task.copied:
        target = "on which template a string follows "
        needed = (
            " The copied symbol itself passes through the identity added to W_V W_O "
            "(C7)."
        )
    if (
        complexity is not None
        and complexity.n is not None
        and math.isfinite(complexity.interval.high)
    ):
        needed = (
            f" N implies about {complexity.n} training strings, none of which share "
            f"symbols, for a mean squared error of {complexity.target:g}."
        )
    return Verdict(
        "C5",
        Outcome.HOLDS,
        "N is non-singular (C3), so with enough diverse data the transformer's kernel "
        f"regression {target}generalises to unseen symbols.{needed}",
    )


def _generalises_by_blocks(task: TemplateTask, decision: Decision) -> Verdict:
    """C5 of labels that a network of blocks is to copy."""
    if conflict := _conflict(task, decision):
        return Verdict("C5", Outcome.REFUTED, conflict)
    return Verdict(
        "C5",
        Outcome.UNDECIDED,
        "Labels are copied from the string, and whether this network learns that is "
        "undecided (C7).",
    )


def _conflict(task: TemplateTask, decision: Decision) -> str | None:
    """Two templates with different labels that nothing tells apart, if there are any.

    Templates of weight 0 never occur, so that they are in conflict with none. A pair
    that shares its strings is the stronger witness: it defeats every model.
    """
    pairs = [
        (collapse.i, collapse.j)
        for collapse in decision.collapses
        if collapse.identical
        and task.labels[collapse.i] != task.labels[collapse.j]
        and task.weights[collapse.i]
        and task.weights[collapse.j]
    ]
    shared = {(o.i, o.j): o.witness for o in task.overlapping_pairs()}
    for i, j in pairs:
        if string := shared.get((i, j)):
            return (
                f"Templates {i + 1} and {j + 1} produce the same strings, such as "
                f"'{string}', with the labels {task.labels[i]} and {task.labels[j]}: "
                "no model can learn both."
            )
    if not pairs:
        return None
    i, j = pairs[0]
    return (
        f"The kernel gives templates {i + 1} and {j + 1}, '{task.templates[i]}' and "
        f"'{task.templates[j]}', the same prediction on fresh symbols, and their "
        f"labels are {task.labels[i]} and {task.labels[j]}."
    )


def _copying(task: TemplateTask, identity_vo: float, one_layer: bool) -> Verdict:
    i = task.copied[0]
    if not one_layer:
        return Verdict(
            "C7",
            Outcome.UNDECIDED,
            f"'{task.templates[i]}' copies its wildcard {task.labels[i]}. That this "
            "fails as the width grows is known of one layer without residual "
            "connection and normalisation; that identity_vo mends it, where it is "
            "trained: the tangent kernel holds it.",
        )
    remedy = (
        f"the multiple {identity_vo:g} of the identity in each head, trained along, "
        "removes this obstacle"
        if identity_vo > 0
        else "a trainable multiple of the identity in each head (identity_vo > 0) "
        "removes this obstacle"
    )
    return Verdict(
        "C7",
        Outcome.HOLDS,
        f"'{task.templates[i]}' copies its wildcard {task.labels[i]}: as the width "
        "grows, gradient descent on the other parameters raises the margin of the "
        f"right unseen token over the others at a vanishing rate; {remedy}. How well "
        "is not estimated in this version.",
    )
