"""Random template tasks: pairwise inequivalent templates of one length."""

from __future__ import annotations

import random
from math import comb

from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, positive_integer

__all__ = ["count_templates", "random_task"]

# Tries for each template before the family counts as all but exhausted.
_TRIES = 1000


def count_templates(length: int, wildcards: int, regular_tokens: int) -> int:
    """Templates up to renaming, of one length, with at most so many wildcards.

    m of the k positions are wildcards: C(k, m) ways to choose them, t^{k−m} to fill the
    others, and Σ_j S(m, j) patterns of at most `wildcards` names (Stirling numbers).

    >>> count_templates(4, wildcards=4, regular_tokens=0)
    15
    """
    # patterns[j]: of the positions so far, those with j names.
    patterns, total = [1], 0
    for m in range(length + 1):
        allowed = sum(patterns[: wildcards + 1])
        total += comb(length, m) * regular_tokens ** (length - m) * allowed
        ahead = [*patterns, 0]
        patterns = [
            j * ahead[j] + (patterns[j - 1] if j else 0) for j in range(len(ahead))
        ]
    return total


def random_task(
    length: int, wildcards: int, regular_tokens: int, count: int, seed: int
) -> TemplateTask:
    """Templates whose positions are drawn at random, labelled ±1 in turn.

    Each position takes one of the wildcards and regular tokens X1, X2, … with equal
    probability; a template equivalent to an earlier one is drawn again.

    >>> task = random_task(4, wildcards=2, regular_tokens=1, count=3, seed=0)
    >>> len(task), task.length, task.equivalent_pairs()
    (3, 4, ())

    Args:
        length: tokens of each template, k ≥ 1.
        wildcards: names that a template may use at most, ≥ 0.
        regular_tokens: how many regular tokens there are, ≥ 0.
        count: number of templates, ≥ 1.
        seed: fixes the task.

    Raises:
        InputError: a number out of range, or more templates than there are.
    """
    positive_integer("length", length)
    positive_integer("wildcards", wildcards, low=0)
    positive_integer("regular_tokens", regular_tokens, low=0)
    positive_integer("count", count)
    positive_integer("seed", seed, low=0)
    available = count_templates(length, wildcards, regular_tokens)
    if count > available:
        raise InputError(
            f"count is {count}; expected at most {available}, the number of templates "
            f"of {length} tokens with {wildcards} wildcards and {regular_tokens} "
            "regular tokens"
        )
    generator = random.Random(seed)
    symbols = [f"?{i}" for i in range(1, wildcards + 1)]
    symbols += [f"X{i}" for i in range(1, regular_tokens + 1)]
    found: dict[Template, None] = {}
    for _ in range(_TRIES * count):
        found[Template(generator.choices(symbols, k=length)).canonical()] = None
        if len(found) == count:
            break
    else:
        raise InputError(
            f"count is {count}; expected fewer: only {len(found)} of {available} "
            f"templates came up in {_TRIES * count} draws"
        )
    labels = [1 - 2 * (i % 2) for i in range(count)]
    return TemplateTask(list(found), labels, name=f"random-{seed}")
