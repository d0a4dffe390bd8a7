"""The learning curve that N implies: the expected error after so many strings.

Source: symbind (closed form, `ridge_law`); the setting is Theorem "transformers
generalise" of arXiv 2310.09753.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from numerics.architecture import Architecture
from numerics.learning.random_counts import Counting, error_over_counts
from numerics.learning.ridge_law import Regression, error_law
from numerics.protocols import Statistics, TemplateMatrix
from numerics.shapes import Float64
from numerics.template_matrix.given import matrix_of
from symbind_theory.interval import Interval
from symbind_theory.task_lines import TaskInput, read_task
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import (
    InputError,
    finite_number,
    integers,
    one_of,
    positive_integer,
    shorten,
)

__all__ = [
    "DEFAULT_ALPHA",
    "LearningCurve",
    "learning_curve",
    "task_regression",
]

DEFAULT_ALPHA = 1e-3
"""Ridge λ, in units of the kernel, whose diagonal is at most 1 for the cosine."""


@dataclass(frozen=True)
class LearningCurve:
    """Expected squared error on unseen symbols against the number of strings.

    Attributes:
        sizes: n, numbers of training strings.
        mse: for each size, the expected error.
        intervals: for each size, `mse` with the error bar that the estimate of N and,
            for random counts, the average over them imply.
        counts: "expected" where template i has n·weight_i strings, "random" where each
            string is from a template chosen at random by weight.
        alpha: ridge.
        noise: standard deviation of the training labels' noise.
    """

    sizes: tuple[int, ...]
    mse: Float64[np.ndarray, " sizes"]
    intervals: tuple[Interval, ...]
    counts: Counting
    alpha: float
    noise: float


def learning_curve(
    task: TaskInput,
    architecture: Architecture | None = None,
    sizes: Sequence[int] = (100, 1000, 10_000, 100_000),
    alpha: float = DEFAULT_ALPHA,
    *,
    noise: float | None = None,
    counts: Counting = "expected",
    seed: int = 0,
    gram: TemplateMatrix | None = None,
) -> LearningCurve:
    """The learning curve that N implies.

    Training strings share no symbol and come from each template in proportion to its
    weight, or each from a template chosen at random by weight.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> curve = learning_curve(task, sizes=[100, 1000, 10_000])
    >>> bool((np.diff(curve.mse) < 0).all())
    True

    Args:
        task: a task with real labels, or lines such as "?a ?a -> 1".
        architecture: the transformer; when None that of `gram`, or `Architecture()`.
        sizes: numbers of training strings, ≥ 0.
        alpha: ridge λ > 0. Raise it for noisy labels. Without noise a smaller one gives
            no larger error where K_self − diag N is one number for all templates
            (`ridge_law` has the proof); where it differs between them, try larger ones.
        noise: standard deviation of the training labels' noise; the task's when None.
        counts: "expected", the closed form at n_i = n·weight_i, a real number that may
            be below 1; or "random", its average over the counts that data sets have,
            as `sample_complexity` takes it. Choose "random" where n is small.
        seed: of the sample of counts, where they are too many to sum over.
        gram: the task's template matrix if it is there already, estimated or known.

    Raises:
        InputError: symbolic labels, a number out of range, or a gram of other templates
            or of another architecture.
    """
    task = read_task(task)
    regression = task_regression(task, alpha, noise)
    read = integers("sizes", sizes, low=0)
    one_of("counts", counts, get_args(Counting))
    positive_integer("seed", seed, low=0)
    gram = matrix_of(task.templates, architecture, gram)
    errors = gram.intervals(_errors_after(read, regression))
    if counts == "random":
        errors = tuple(
            _product(error, error_over_counts(gram, regression, n, seed))
            for n, error in zip(read, errors, strict=True)
        )
    intervals = tuple(map(regression.interval_from_units, errors))
    return LearningCurve(
        sizes=read,
        mse=np.array([interval.value for interval in intervals]),
        intervals=intervals,
        counts=counts,
        alpha=alpha,
        noise=regression.noise * regression.unit,
    )


def _product(error: Interval, chance: Interval) -> Interval:
    """An error, and by how much chance multiplies it; neither is negative."""
    return Interval(
        error.value * chance.value,
        error.low * chance.low,
        error.high * chance.high,
        error.level,
    )


def task_regression(
    task: TemplateTask, alpha: float, noise: float | None = None
) -> Regression:
    """Regression on the labels of a task.

    Args:
        task: a task with real labels.
        alpha: ridge > 0.
        noise: standard deviation of the training labels' noise; the task's when None.

    Raises:
        InputError: something else than a task, symbolic labels, or a number out of
            range.
    """
    if not isinstance(task, TemplateTask):
        raise InputError(f"task is {shorten(task)}; expected a TemplateTask")
    finite_number("alpha", alpha, low=0, strict=True)
    noise = task.noise if noise is None else finite_number("noise", noise, low=0)
    if task.symbolic:
        raise InputError(
            f"labels are symbolic, such as {task.labels[0]!r}; expected numbers: the "
            "closed form is for regression"
        )
    labels = np.array([float(y) for y in task.labels])
    weights = np.array([float(w) for w in task.weights])
    return Regression.scaled(labels, weights, alpha, noise)


def _errors_after(sizes: Sequence[int], regression: Regression) -> Statistics:
    """The expected error after n strings, n_i = n·weight_i, for each size n."""

    def statistics(
        factor: Float64[np.ndarray, "rows r"], excess: Float64[np.ndarray, " r"]
    ) -> list[float]:
        error = error_law(factor, excess, regression, regression.weights)
        return [error(n) for n in sizes]

    return statistics
