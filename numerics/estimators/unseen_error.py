"""The error on unseen symbols after training on strings that share symbols: simulated.

The kernel sees symbols through their equalities only: one string of each template, with
symbols of its own, stands for all strings on unseen symbols. After training on one set
of strings the error is therefore a sum over templates,

    Σ_i μ_i (prediction_i − y_i)²,

and only the training set is random: the error is averaged over independent sets. Each
has kernel values of an estimate of its own, whose error is thus in the interval.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
from scipy.stats import t
from sklearn.base import clone

from numerics.estimators import string_kernel_machine
from numerics.estimators.transformer_kernel import TransformerKernelRegressor
from numerics.protocols import Progress
from symbind_theory.interval import Interval
from symbind_theory.tasks import Sample, TemplateTask
from symbind_theory.validation import as_float, check_callback

__all__ = ["fresh_error", "simulated_error"]


def fresh_error(
    model: TransformerKernelRegressor, task: TemplateTask, sample: Sample
) -> float:
    """The squared error on unseen symbols after training on a sample.

    Args:
        model: to be fitted.
        task: whose labels without noise are held against the predictions.
        sample: training strings and labels.
    """
    seen = {token for string in sample.strings for token in string.split()}
    names = (name for name in (f"new{i}" for i in count()) if name not in seen)
    strings = [
        t.substitute({w: next(names) for w in t.wildcards}) for t in task.templates
    ]
    labels = np.array([float(y) for y in task.labels])
    weights = np.array([float(w) for w in task.weights])
    model.fit(list(sample.strings), [float(y) for y in sample.labels])
    return float(weights @ (model.predict(strings) - labels) ** 2)


def simulated_error(
    task: TemplateTask,
    tokens: Sequence[str],
    n: int,
    model: TransformerKernelRegressor,
    *,
    sets: int = 8,
    level: float = 0.999,
    seed: int = 0,
    progress: Progress | None = None,
) -> Interval:
    """The expected squared error on unseen symbols after training on so many strings.

    Args:
        task: with real labels, inequivalent templates and laws for these tokens.
        tokens: what substitutions draw from.
        n: number of training strings, ≥ 1.
        model: what is trained; copies of it, with seeds of their own.
        sets: independent training sets, ≥ 2. Raise it for narrower intervals.
        level: coverage of the interval, in (0, 1). It leaves out the bias of kernel
            values whose error exceeds the model's `alpha`: raise its `points` there.
        seed: from which training sets and kernel estimates follow.
        progress: called with (training sets done, training sets in all).

    Raises:
        InputError: a progress that is no function.
    """
    check_callback("progress", progress)
    # In units of the largest label squares stay within float64.
    labels = [as_float(y) for y in task.labels]
    unit = max(map(abs, labels)) or 1.0
    scaled = TemplateTask(
        task.templates,
        [y / unit for y in labels],
        task.weights,
        laws=task.laws,
        noise=task.noise / unit,
    )
    errors = []
    with _quiet():
        for s in range(sets):
            # Distinct for each set of each seed.
            own = seed * sets + s
            sample = scaled.sample(n, tokens, own)
            copy: Any = clone(model)
            copy.set_params(seed=own)
            errors.append(fresh_error(copy, scaled, sample))
            if progress is not None:
                progress(s + 1, sets)
    mean = _mean(np.array(errors), level)
    value, low, high = (end * unit * unit for end in (mean.value, mean.low, mean.high))
    return Interval(value, low, high, level)


def _mean(errors: np.ndarray, level: float) -> Interval:
    """The mean of errors over independent sets, none below 0."""
    mean = float(errors.mean())
    quantile = t.isf((1 - level) / 2, len(errors) - 1)
    width = float(quantile * errors.std(ddof=1) / math.sqrt(len(errors)))
    return Interval(mean, max(0.0, mean - width), mean + width, level)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warning that predictions depend on the seed: all seeds are here."""
    logger = logging.getLogger(string_kernel_machine.__name__)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
