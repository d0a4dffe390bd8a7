"""What follows for a task from exact decisions and from the interval of λ_min(N)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from symbind_theory.results import Interval, Outcome, Samples, Verdict
from symbind_theory.tasks import TemplateTask

__all__ = ["Kernel", "verdicts"]


@dataclass(frozen=True, slots=True)
class Kernel:
    """What the verdicts need to know of the architecture.

    Attributes:
        theorem_s: whether Theorem S speaks of it: cls readout, beta and gamma non-zero,
            activation not constant.
        constant: whether the activation is constant.
    """

    theorem_s: bool
    constant: bool


def verdicts(
    task: TemplateTask, kernel: Kernel, smallest: Interval, samples: Samples | None
) -> tuple[Verdict, ...]:
    """Verdicts on the claims that speak of the task, in the order of the argument.

    Args:
        task: the task.
        kernel: facts about the architecture.
        smallest: λ_min(N).
        samples: the sample size N implies; None for symbolic labels.
    """
    matrix = _template_matrix(task, kernel, smallest)
    found = [
        None if task.symbolic else _mlp_floor(task),
        matrix,
        _generalises(task, kernel, matrix, samples),
        _copying(task) if task.copied else None,
    ]
    return tuple(verdict for verdict in found if verdict is not None)


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


def _template_matrix(task: TemplateTask, kernel: Kernel, smallest: Interval) -> Verdict:
    if pairs := task.equivalent_pairs():
        i, j = pairs[0]
        return Verdict(
            "C3",
            Outcome.REFUTED,
            f"Templates {i + 1} and {j + 1}, '{task.templates[i]}' and "
            f"'{task.templates[j]}', are equal up to a renaming of wildcards: their "
            "rows of N are equal, N is singular.",
        )
    if kernel.constant and len(task) > 1:
        return Verdict(
            "C3",
            Outcome.REFUTED,
            "The activation is constant: all entries of N are equal, N is singular.",
        )
    estimate = (
        f"Estimated smallest eigenvalue {smallest.value:.4g} in "
        f"[{smallest.low:.4g}, {smallest.high:.4g}] at level {smallest.level:g}."
    )
    if kernel.theorem_s:
        resolved = (
            estimate
            if smallest.low > 0
            else f"{estimate} The estimate alone does not resolve it from 0."
        )
        return Verdict(
            "C3",
            Outcome.HOLDS,
            "N is non-singular by Theorem S: the templates are pairwise inequivalent, "
            f"beta and gamma are non-zero, the activation is not constant. {resolved}",
        )
    if smallest.low > 0:
        return Verdict("C3", Outcome.HOLDS, f"N is non-singular. {estimate}")
    return Verdict(
        "C3",
        Outcome.UNDECIDED,
        f"{estimate} Theorem S asks for the cls readout and non-zero beta and gamma: "
        "set these, or raise max_points to see whether the estimate resolves it.",
    )


def _generalises(
    task: TemplateTask, kernel: Kernel, matrix: Verdict, samples: Samples | None
) -> Verdict:
    if task.copied:
        i = task.copied[0]
        return Verdict(
            "C5",
            Outcome.REFUTED,
            f"The label {task.labels[i]} of '{task.templates[i]}' is copied from the "
            "string: this fails as the width grows without identity_vo > 0 (C7).",
        )
    conflict = next(
        (
            (i, j)
            for i, j in task.equivalent_pairs()
            if task.labels[i] != task.labels[j]
        ),
        None,
    )
    if conflict is not None:
        i, j = conflict
        return Verdict(
            "C5",
            Outcome.REFUTED,
            f"Templates {i + 1} and {j + 1} produce the same strings, such as "
            f"'{task.templates[i].overlap(task.templates[j])}', with the labels "
            f"{task.labels[i]} and {task.labels[j]}: no model can learn both.",
        )
    if kernel.constant and len(set(task.labels)) > 1:
        return Verdict(
            "C5",
            Outcome.REFUTED,
            "The activation is constant: every string gets the same prediction.",
        )
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
    if (
        samples is not None
        and samples.n is not None
        and math.isfinite(samples.interval.high)
    ):
        needed = (
            f" N implies about {samples.n} training strings for a mean squared error "
            f"of {samples.target:g}."
        )
    return Verdict(
        "C5",
        Outcome.HOLDS,
        "N is non-singular (C3), so with enough diverse data the transformer's kernel "
        f"regression {target}generalises to unseen symbols.{needed}",
    )


def _copying(task: TemplateTask) -> Verdict:
    i = task.copied[0]
    return Verdict(
        "C7",
        Outcome.HOLDS,
        f"'{task.templates[i]}' copies its wildcard {task.labels[i]}: as the width "
        "grows, gradient descent raises the margin of the right unseen token over the "
        "others at a vanishing rate; a trainable multiple of the identity in each head "
        "(identity_vo) removes this obstacle; this version does not estimate that.",
    )
