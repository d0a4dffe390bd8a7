"""The error on unseen symbols against data diversity ρ, for C8: it is not monotone.

At a fixed number of strings the theory bounds the error by a sum that falls with ρ,
which is loose: with few tokens strings of different templates are alike, but where some
strings share a token their kernel is larger, which to a regression with a ridge may be
worth more than symbols that occur once each. Training sets have the same templates and
label noise for each vocabulary, so that differences between vocabularies are paired.

Source: symbind; the bound is that of arXiv 2310.09753, on data diversity.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from numerics import Architecture, TransformerKernelRegressor
from proofs_check.arguments import task_with_numbers
from proofs_check.evidence.training_sets import vocabulary_tokens
from proofs_check.evidence.unseen_error import fresh_error
from proofs_check.judgements import TEST_LEVEL, at_least, mean_interval, reported
from proofs_check.seeds import seed_array
from symbind_theory.records.ledger import Report
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, positive_integer

__all__ = ["error_against_diversity"]

# For kernel values of strings that share tokens: off by 2e-3, a 25th of the ridge.
_POINTS = 2**12


def error_against_diversity(
    task: TemplateTask,
    architecture: Architecture | None = None,
    vocabularies: Sequence[int | Sequence[str]] = (8, 32, 10_000),
    *,
    monotone: bool = False,
    strings: int = 128,
    sets: int = 24,
    alpha: float = 0.05,
    seed: int = 0,
) -> Report:
    """Whether the error on unseen symbols first falls and then rises with diversity.

    Args:
        task: with real labels; their noise is in training labels only.
        architecture: the transformer; `Architecture()` when None.
        vocabularies: tokens outside the task's regular tokens, or their numbers; from
            few to many, at least two. All but the first and the last are in between.
        monotone: check the opposite instead, that more diverse data never hurt: no
            vocabulary has a larger error than the one before.
        strings: how many strings a training set has.
        sets: independent training sets, ≥ 2, for each vocabulary.
        alpha: ridge > 0. Raise it for noisy labels.
        seed: from which the training sets and the kernel's estimate follow.

    Raises:
        InputError: symbolic labels, an argument out of range, or a vocabulary that the
            task's laws cannot use.
    """
    task = task_with_numbers(task)
    positive_integer("strings", strings)
    positive_integer("sets", sets, low=2)
    tokens = [vocabulary_tokens(task, v) for v in vocabularies]
    least = 2 if monotone else 3
    if len(tokens) < least:
        raise InputError(
            f"vocabularies has {len(tokens)} entries; expected at least {least}"
        )
    architecture = architecture or Architecture()
    model = TransformerKernelRegressor(architecture, alpha, points=_POINTS, seed=seed)
    seeds = seed_array((sets,), seed).tolist()
    errors = [
        np.array([fresh_error(model, task, task.sample(strings, v, s)) for s in seeds])
        for v in tokens
    ]
    sizes = [len(v) for v in tokens]
    findings = [
        reported(f"squared error at V = {v}", mean_interval(e))
        for v, e in zip(sizes, errors, strict=True)
    ]
    compared = list(pairwise(range(len(sizes))))
    level = TEST_LEVEL
    if not monotone:
        # The best of several vocabularies in between is chosen by the same errors.
        level = 1 - (1 - TEST_LEVEL) / (len(sizes) - 2)
        middle = 1 + int(np.argmin([e.mean() for e in errors[1:-1]]))
        compared = [(0, middle), (len(sizes) - 1, middle)]
    for worse, better in compared:
        excess = mean_interval(errors[worse] - errors[better], level)
        statement = f"error at V = {sizes[worse]} less that at V = {sizes[better]}"
        findings.append(at_least(statement, excess, 0.0))
    return Report("C8", tuple(findings))
