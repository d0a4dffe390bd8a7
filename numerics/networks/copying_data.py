"""Strings for copying: a task's training strings, and test strings of other symbols.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import torch

from numerics.shapes import Float64, Int64
from symbind_theory.task_arguments import as_wildcard
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import fresh_tokens
from symbind_theory.validation import InputError, positive_integer

__all__ = ["CopyingStrings", "copying_strings"]


@dataclass(frozen=True)
class CopyingStrings:
    """Training strings, and test strings of other symbols, as numbers of tokens.

    Attributes:
        train: shape (strings, k).
        train_targets: the right next token of each.
        train_weights: the weight of each in the loss; they add up to 1.
        test: strings of the templates whose label is copied.
        test_targets: the right next token of each.
        test_weights: the weight of each in the statistic; they add up to 1.
        candidates: the symbols of the test strings.
        vocabulary: M, the number of all tokens but `[CLS]`.
    """

    train: Int64[torch.Tensor, "n k"]
    train_targets: Int64[torch.Tensor, " n"]
    train_weights: Float64[torch.Tensor, " n"]
    test: Int64[torch.Tensor, "m k"]
    test_targets: Int64[torch.Tensor, " m"]
    test_weights: Float64[torch.Tensor, " m"]
    candidates: Int64[torch.Tensor, " symbols"]
    vocabulary: int


def copying_strings(
    task: TemplateTask, symbols: int, *, unseen: bool = True
) -> CopyingStrings:
    """As many strings of each template as symbols: each plays every part once.

    In string i of a template its wildcards take the symbols i, i + 1, … of a cycle. All
    symbols are alike, so nothing is lost by fixing which goes where.

    >>> strings = copying_strings(TemplateTask(["?a ?b :"], ["?a"]), symbols=3)
    >>> strings.train.tolist(), strings.train_targets.tolist()
    ([[1, 2, 0], [2, 3, 0], [3, 1, 0]], [1, 2, 3])
    >>> strings.test.tolist(), strings.vocabulary
    ([[4, 5, 0], [5, 6, 0], [6, 4, 0]], 7)

    Args:
        task: one with a copied label: a wildcard of its own template.
        symbols: n, on either side; at least 2, and as many as any template has
            wildcards.
        unseen: whether test strings have symbols of their own; if not they have those
            of the training strings.

    Raises:
        InputError: no template with a copied label and a positive weight, or too few
            symbols.
    """
    if not any(task.weights[i] for i in task.copied):
        raise InputError(
            f"labels are {', '.join(map(str, task.labels))}; expected one that is a "
            "wildcard of its own template, of positive weight, such as ?a for '?a'"
        )
    most = max(2, *(len(t.wildcards) for t in task.templates))
    positive_integer("symbols", symbols, low=most)
    written = [str(y) for i, y in enumerate(task.labels) if i not in task.copied]
    fixed = list(dict.fromkeys([*task.regular_tokens, *written]))
    names = list(islice(fresh_tokens(fixed), 2 * symbols))
    number = {token: i for i, token in enumerate([*fixed, *names])}
    seen, others = names[:symbols], names[symbols:]
    tested = others if unseen else seen
    train, train_targets, train_weights = _side(task, range(len(task)), seen, number)
    test, test_targets, test_weights = _side(task, task.copied, tested, number)
    return CopyingStrings(
        train=train,
        train_targets=train_targets,
        train_weights=train_weights,
        test=test,
        test_targets=test_targets,
        test_weights=test_weights,
        candidates=torch.tensor([number[name] for name in tested]),
        vocabulary=len(number),
    )


def _side(
    task: TemplateTask, chosen: Sequence[int], names: list[str], number: dict[str, int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Strings of the chosen templates, their targets and weights."""
    strings, targets, weights = [], [], []
    for index in chosen:
        template, label = task.templates[index], str(task.labels[index])
        copied = as_wildcard(label)
        for i in range(len(names)):
            images = {
                wildcard: names[(i + j) % len(names)]
                for j, wildcard in enumerate(template.wildcards)
            }
            tokens = template.substitute(images).split()
            strings.append([number[token] for token in tokens])
            targets.append(number[label if copied is None else images[copied]])
            weights.append(float(task.weights[index]))
    shares = torch.tensor(weights, dtype=torch.float64)
    return torch.tensor(strings), torch.tensor(targets), shares / shares.sum()
