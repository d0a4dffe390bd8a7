"""Labels that are tokens, read one-hot: a task with numbers for each of them.

A network or a kernel regression with an output for each label is one regression for
each, on labels 1 and 0. A label that is copied from the string counts as a label of its
own, whichever symbol it becomes: whether the string copies *that* wildcard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from proofs_check.arguments import task_with_numbers, the_task
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.tasks import TemplateTask

__all__ = ["one_hot", "report_on_labels"]


def one_hot(task: TemplateTask) -> dict[str, TemplateTask]:
    """For each label a task with labels 1 where it is the label and 0 elsewhere.

    >>> tasks = one_hot(TemplateTask(["X ?a", "Y ?a"], ["yes", "no"]))
    >>> {label: list(map(int, each.labels)) for label, each in tasks.items()}
    {'yes': [1, 0], 'no': [0, 1]}

    Args:
        task: with labels that are tokens or wildcards.
    """
    return {
        str(label): TemplateTask(
            task.templates,
            [int(other == label) for other in task.labels],
            task.weights,
            task.name,
            laws=task.laws,
        )
        for label in dict.fromkeys(task.labels)
    }


def report_on_labels(
    claim: str,
    task: TemplateTask,
    findings: Callable[[TemplateTask], Iterable[Finding]],
) -> Report:
    """The report on a task with numbers, or on each label where they are tokens.

    Args:
        claim: an id of `symbind_theory.records.claims`.
        task: any task.
        findings: what is found on a task with real labels.

    Raises:
        InputError: something else than a task, or a number beyond 1e100 as a label.
    """
    if not the_task(task).symbolic:
        return Report(claim, tuple(findings(task_with_numbers(task))))
    return Report(
        claim,
        tuple(
            replace(finding, statement=f"label {label}: {finding.statement}")
            for label, numbers in one_hot(task).items()
            for finding in findings(numbers)
        ),
    )
