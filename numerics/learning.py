"""Kernel regression on template data: what N says about the data needed.

Ridge regression (K + λI)α = y on n strings, n_i of template i, that share no symbol:
with e_i = K_self,i − N_ii + λ and Λ = diag(n_i / e_i) the expected prediction on fresh
symbols misses the labels by (I + NΛ)⁻¹ y, one entry for each template.

Source: symbind (closed form); the setting is Theorem "transformers generalise" of
arXiv 2310.09753.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from numerics.architecture import Architecture
from numerics.shapes import Float64
from numerics.template_gram import TemplateGram, template_gram
from symbind_theory.results import Samples
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, finite_number

__all__ = ["DEFAULT_ALPHA", "mean_squared_error", "sample_complexity"]

DEFAULT_ALPHA = 1e-3
"""Ridge λ, in units of the kernel, whose diagonal is at most 1 for the cosine."""

# Beyond this many strings the answer is "never" for any practical purpose.
_LARGEST = 1e15


def mean_squared_error(
    matrix: Float64[np.ndarray, "r r"],
    matrix_self: Float64[np.ndarray, " r"],
    labels: Float64[np.ndarray, " r"],
    weights: Float64[np.ndarray, " r"],
    n: float,
    alpha: float,
) -> float:
    """Expected squared error on unseen symbols after n strings, n_i = n·weight_i.

    Args:
        matrix: N.
        matrix_self: K_trans of a string with itself.
        labels: y, one for each template.
        weights: μ, probabilities.
        n: number of training strings, a real number ≥ 0.
        alpha: ridge λ ≥ 0.
    """
    return _error_law(matrix, matrix_self, labels, weights, alpha)(n)


def _error_law(
    matrix: Float64[np.ndarray, "r r"],
    matrix_self: Float64[np.ndarray, " r"],
    labels: Float64[np.ndarray, " r"],
    weights: Float64[np.ndarray, " r"],
    alpha: float,
) -> Callable[[float], float]:
    """The expected squared error as a function of n.

    With M = diag(weight_i / e_i) and M^½ N M^½ = Q diag(s) Qᵀ the missed part of the
    labels is M^{-½} Q diag(1 / (1 + n s)) Qᵀ M^½ y: one decomposition for every n, and
    no growing condition number. Templates without weight enter neither the data nor the
    error.
    """
    drawn = weights > 0
    matrix, matrix_self = matrix[np.ix_(drawn, drawn)], matrix_self[drawn]
    e = matrix_self - np.diagonal(matrix) + alpha
    root = np.sqrt(weights[drawn] / e)
    spectrum, basis = np.linalg.eigh(root[:, None] * matrix * root)
    # What rounding leaves of a zero eigenvalue must not look learnable at large n.
    floor = len(spectrum) * np.finfo(np.float64).eps * spectrum[-1]
    spectrum = np.where(spectrum > floor, spectrum, 0.0)
    part = basis.T @ (root * labels[drawn])
    back = np.sqrt(weights[drawn])[:, None] / root[:, None] * basis
    return lambda n: float(((back @ (part / (1 + n * spectrum))) ** 2).sum())


def sample_complexity(
    task: TemplateTask,
    architecture: Architecture | None = None,
    target: float = 0.01,
    alpha: float = DEFAULT_ALPHA,
    *,
    gram: TemplateGram | None = None,
) -> Samples:
    """The number of training strings that N implies for a target error.

    Training strings share no symbol and come from each template in proportion to its
    weight; no label noise.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> few = sample_complexity(task, target=0.5).interval
    >>> many = sample_complexity(task, target=0.01).interval
    >>> few.high < many.low
    True

    Args:
        task: a task with real labels.
        architecture: the transformer; `Architecture()` when None.
        target: mean squared error aimed at, > 0.
        alpha: ridge λ > 0.
        gram: the task's template matrix if it is there already.

    Returns:
        A record whose `n` is the smallest number of strings at which the closed form is
        at most the target (None where 1e15 are not enough), with `interval`, the same
        as a real number with the error bar that N's estimate implies.

    Raises:
        InputError: symbolic labels, or a number out of range.
    """
    finite_number("target", target, low=0, strict=True)
    finite_number("alpha", alpha, low=0, strict=True)
    if task.symbolic:
        raise InputError(
            f"labels are symbolic, such as {task.labels[0]!r}; expected numbers: the "
            "closed form is for regression"
        )
    if gram is None:
        gram = template_gram(task.templates, architecture)
    labels = np.array([float(y) for y in task.labels])
    # In units of the largest label, so that no square leaves float64.
    unit = float(np.abs(labels).max()) or 1.0
    labels, goal = labels / unit, target / unit / unit
    weights = np.array([float(w) for w in task.weights])

    def needed(
        matrix: Float64[np.ndarray, "r r"], matrix_self: Float64[np.ndarray, " r"]
    ) -> float:
        error = _error_law(matrix, matrix_self, labels, weights, alpha)
        return _smallest(lambda n: error(n) <= goal)

    interval = gram.interval(needed)
    reached = math.isfinite(interval.value)
    return Samples(
        math.ceil(interval.value) if reached else None, interval, target, alpha
    )


def _smallest(enough: Callable[[float], bool]) -> float:
    """The real n ≥ 0 where `enough(n)` turns true, to 1e-9 of n; inf if it does not."""
    if enough(0.0):
        return 0.0
    high = 1.0
    while not enough(high):
        high *= 2
        if high > _LARGEST:
            return math.inf
    low = high / 2 if high > 1 else 0.0
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
