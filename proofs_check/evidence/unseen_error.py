"""The error of a trained kernel regressor on symbols that it has never seen."""

from __future__ import annotations

from itertools import count

import numpy as np

from numerics import TransformerKernelRegressor
from symbind_theory.tasks import Sample, TemplateTask

__all__ = ["fresh_error"]


def fresh_error(
    model: TransformerKernelRegressor, task: TemplateTask, sample: Sample
) -> float:
    """The squared error on unseen symbols after training on a sample.

    The kernel sees symbols through their equalities only, so that one string of each
    template, with symbols of its own, stands for all: Σ_i μ_i (prediction − y_i)².

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
    model.fit(list(sample.strings), [float(y) for y in sample.labels])
    labels = np.array([float(y) for y in task.labels])
    weights = np.array([float(w) for w in task.weights])
    return float(weights @ (model.predict(strings) - labels) ** 2)
