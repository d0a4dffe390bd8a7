"""Learning from N: learning curves, sample complexity, and how hard the labels are.

Source: symbind (closed form, `ridge_law`); the setting is Theorem "transformers
generalise" of arXiv 2310.09753.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from numerics.architecture import Architecture
from numerics.averages.linalg import singular_system, singular_values
from numerics.learning.ridge_law import Regression, error_law
from numerics.protocols import Statistics, TemplateMatrix
from numerics.shapes import Float64
from numerics.template_matrix.given import matrix_of
from symbind_theory.interval import Interval
from symbind_theory.records.check import Alignment, SampleComplexity
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import (
    InputError,
    finite_number,
    positive_integer,
    shorten,
)

__all__ = [
    "DEFAULT_ALPHA",
    "LearningCurve",
    "alignment",
    "learning_curve",
    "relative_eigenvalue",
    "sample_complexity",
    "task_regression",
]

DEFAULT_ALPHA = 1e-3
"""Ridge λ, in units of the kernel, whose diagonal is at most 1 for the cosine."""

# Beyond this many strings the answer is "never" for any practical purpose.
_LARGEST = 1e15


@dataclass(frozen=True)
class LearningCurve:
    """Expected squared error on unseen symbols against the number of strings.

    Attributes:
        sizes: n, numbers of training strings.
        mse: for each size, the closed form at the expected counts n_i = n·weight_i.
        intervals: for each size, `mse` with the error bar that N's estimate implies.
        random_mse: the closed form averaged over random counts; None without draws.
        random_error: its standard error over the draws. Where n·weight_i is so small
            that template i may not occur at all, rare draws decide the average, and
            both are too small unless the draws are many times their inverse
            probability.
        alpha: ridge.
        noise: standard deviation of the training labels' noise.
    """

    sizes: tuple[int, ...]
    mse: Float64[np.ndarray, " sizes"]
    intervals: tuple[Interval, ...]
    random_mse: Float64[np.ndarray, " sizes"] | None
    random_error: Float64[np.ndarray, " sizes"] | None
    alpha: float
    noise: float


def learning_curve(
    task: TemplateTask,
    architecture: Architecture | None = None,
    sizes: Sequence[int] = (100, 1000, 10_000, 100_000),
    alpha: float = DEFAULT_ALPHA,
    *,
    noise: float | None = None,
    draws: int = 0,
    seed: int = 0,
    gram: TemplateMatrix | None = None,
) -> LearningCurve:
    """The learning curve that N implies.

    Training strings share no symbol and come from each template in proportion to its
    weight; with `draws` also each from a template chosen at random by weight.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> curve = learning_curve(task, sizes=[100, 1000, 10_000])
    >>> bool((np.diff(curve.mse) < 0).all())
    True

    Args:
        task: a task with real labels.
        architecture: the transformer; when None that of `gram`, or `Architecture()`.
        sizes: numbers of training strings, ≥ 0.
        alpha: ridge λ > 0. Raise it for noisy labels. Without noise a smaller one gives
            no larger error where K_self − diag N is one number for all templates
            (`ridge_law` has the proof); where it differs between them, try larger ones.
        noise: standard deviation of the training labels' noise; the task's when None.
        draws: how many draws of random counts n_i to average over, ≥ 2, or 0.
        seed: equal seeds give equal draws.
        gram: the task's template matrix if it is there already, estimated or known.

    Raises:
        InputError: symbolic labels, a number out of range, or a gram of other templates
            or of another architecture.
    """
    regression = task_regression(task, alpha, noise)
    read = tuple(positive_integer("sizes", n, low=0) for n in sizes)
    positive_integer("seed", seed, low=0)
    if draws:
        positive_integer("draws", draws, low=2)
    gram = matrix_of(task.templates, architecture, gram)
    intervals = tuple(
        _from_units(interval, regression)
        for interval in gram.intervals(_errors_after(read, regression))
    )
    mse = np.array([interval.value for interval in intervals])
    average = error = None
    if draws:
        generator = np.random.default_rng(seed)
        errors = np.array(
            [_random_errors(gram, regression, n, draws, generator) for n in read]
        )
        average = regression.from_units(1.0) * errors.mean(1)
        error = regression.from_units(1.0) * errors.std(1, ddof=1) / math.sqrt(draws)
    return LearningCurve(
        sizes=read,
        mse=mse,
        intervals=intervals,
        random_mse=average,
        random_error=error,
        alpha=alpha,
        noise=regression.noise * regression.unit,
    )


def sample_complexity(
    task: TemplateTask,
    architecture: Architecture | None = None,
    target: float = 0.01,
    alpha: float = DEFAULT_ALPHA,
    *,
    noise: float | None = None,
    gram: TemplateMatrix | None = None,
) -> SampleComplexity:
    """The number of training strings that N implies for a target error.

    Training strings share no symbol and come from each template in proportion to its
    weight.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> few = sample_complexity(task, target=0.5).interval
    >>> many = sample_complexity(task, target=0.01).interval
    >>> few.high < many.low
    True

    Args:
        task: a task with real labels.
        architecture: the transformer; when None that of `gram`, or `Architecture()`.
        target: mean squared error aimed at, > 0.
        alpha: ridge λ > 0. Raise it for noisy labels; without noise, as for
            `learning_curve`.
        noise: standard deviation of the training labels' noise; the task's when None.
        gram: the task's template matrix if it is there already, estimated or known.

    Returns:
        A record whose `n` is the smallest number of strings at which the closed form is
        at most the target (None where 1e15 are not enough), with `interval`, the same
        as a real number with the error bar that N's estimate implies. The search
        doubles n and then bisects: with label noise the error need not fall throughout,
        and a crossing between two doublings may be missed.

    Raises:
        InputError: symbolic labels, a number out of range, or a gram of other templates
            or of another architecture.
    """
    finite_number("target", target, low=0, strict=True)
    regression = task_regression(task, alpha, noise)
    gram = matrix_of(task.templates, architecture, gram)
    return _complexity(gram, regression, target)


def relative_eigenvalue(gram: TemplateMatrix, alpha: float = DEFAULT_ALPHA) -> Interval:
    """The smallest eigenvalue of N against e, which sets how much data is needed.

    e_i = K_self,i − N_ii + λ is what n_i strings of template i average away: N + E/n
    with E = diag(e) decides the error, so λ_min(N) counts in units of e. This is the
    smallest eigenvalue of E^{−½} N E^{−½}, λ_min(N)/e where all e_i are equal.

    >>> from numerics import template_gram
    >>> gram = template_gram(["?a ?a ?b ?b", "?a ?b ?a ?b"])
    >>> ratio = relative_eigenvalue(gram, alpha=1e-3)
    >>> smallest = gram.smallest_eigenvalue.value / (gram.excess.mean() + 1e-3)
    >>> print(f"{ratio.value / smallest:.2f}")
    1.00

    Args:
        gram: the template matrix.
        alpha: ridge λ > 0. Choose the one that the regression uses; raising it lowers
            the eigenvalue.

    Raises:
        InputError: a ridge that is not positive.

    Source: symbind; docs/estimation.md, section 5.
    """
    finite_number("alpha", alpha, low=0, strict=True)

    def statistic(
        factor: Float64[np.ndarray, "rows r"], excess: Float64[np.ndarray, " r"]
    ) -> float:
        return float(singular_values(factor / np.sqrt(excess + alpha))[-1] ** 2)

    return gram.interval(statistic)


def alignment(
    task: TemplateTask,
    architecture: Architecture | None = None,
    target: float = 0.01,
    alpha: float = DEFAULT_ALPHA,
    *,
    noise: float | None = None,
    gram: TemplateMatrix | None = None,
) -> Alignment:
    """How the labels lie to N's small directions, beside the hardest labels.

    With n_i strings the error of template i is about [N⁻¹y]_i e_i / n_i: labels decide
    as much as λ_min does. yᵀN⁻¹y is between |y|²/λ_max and |y|²/λ_min; the hardest
    labelling is the eigenvector of λ_min, N restricted to templates that occur.

    Args:
        task: a task with real labels.
        architecture: the transformer; when None that of `gram`, or `Architecture()`.
        target: mean squared error aimed at, > 0.
        alpha: ridge λ > 0, of the strings needed; yᵀN⁻¹y has none. Raise it for noisy
            labels.
        noise: standard deviation of the training labels' noise; the task's when None.
        gram: the task's template matrix if it is there already, estimated or known.

    Raises:
        InputError: symbolic labels, a number out of range, or a gram of other templates
            or of another architecture.
    """
    finite_number("target", target, low=0, strict=True)
    regression = task_regression(task, alpha, noise)
    gram = matrix_of(task.templates, architecture, gram)
    labels = regression.labels

    def energy(
        factor: Float64[np.ndarray, "rows r"], excess: Float64[np.ndarray, " r"]
    ) -> float:
        _, singular, right = singular_system(factor)
        part = right @ labels
        if len(singular) < len(labels) or singular[-1] == 0:
            return math.inf if part.any() else 0.0
        return float(((part / singular) ** 2).sum())

    hardest = _hardest(gram, regression)
    return Alignment(
        _from_units(gram.interval(energy), regression),
        tuple((hardest.labels * hardest.unit).tolist()),
        _complexity(gram, hardest, target),
    )


def _hardest(gram: TemplateMatrix, regression: Regression) -> Regression:
    """The eigenvector of λ_min with the mean square of the labels."""
    weights, labels = regression.weights, regression.labels
    occurs = weights > 0
    _, _, right = singular_system(gram.factor[:, occurs])
    direction = np.zeros_like(labels)
    direction[occurs] = right[-1] * np.sign(right[-1][np.abs(right[-1]).argmax()])
    size = math.sqrt(float(weights @ labels**2) / float(weights @ direction**2))
    return replace(regression, labels=(size or 1.0) * direction)


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


def _from_units(interval: Interval, regression: Regression) -> Interval:
    ends = (interval.value, interval.low, interval.high)
    value, low, high = map(regression.from_units, ends)
    return Interval(value, low, high, interval.level)


def _errors_after(sizes: Sequence[int], regression: Regression) -> Statistics:
    """The expected error after n strings, n_i = n·weight_i, for each size n."""

    def statistics(
        factor: Float64[np.ndarray, "rows r"], excess: Float64[np.ndarray, " r"]
    ) -> list[float]:
        error = error_law(factor, excess, regression, regression.weights)
        return [error(n) for n in sizes]

    return statistics


def _random_errors(
    gram: TemplateMatrix,
    regression: Regression,
    n: int,
    draws: int,
    generator: np.random.Generator,
) -> list[float]:
    """The expected error at each of so many draws of the counts of n strings."""
    counts = generator.multinomial(n, regression.weights, size=draws).astype(float)
    factor, excess = gram.factor, gram.excess
    return [error_law(factor, excess, regression, c)(1.0) for c in counts]


def _complexity(
    gram: TemplateMatrix, regression: Regression, target: float
) -> SampleComplexity:
    """Where the error law along n·weights meets the target."""
    goal = regression.in_units(target)

    def needed(
        factor: Float64[np.ndarray, "rows r"], excess: Float64[np.ndarray, " r"]
    ) -> float:
        error = error_law(factor, excess, regression, regression.weights)
        return _smallest(lambda n: error(n) <= goal)

    interval = gram.interval(needed)
    reached = math.isfinite(interval.value)
    n = math.ceil(interval.value) if reached else None
    return SampleComplexity(
        n=n, interval=interval, target=target, alpha=regression.alpha
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
