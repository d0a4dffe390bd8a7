"""How many training strings N implies for a target error, and how hard the labels are.

Counts of strings are random: the error is averaged over them (`random_counts`).

Source: symbind (closed form, `ridge_law`); the setting is Theorem "transformers
generalise" of arXiv 2310.09753.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from scipy.optimize import brentq

from numerics.architecture import Architecture
from numerics.averages.linalg import singular_system, singular_values
from numerics.learning.curves import DEFAULT_ALPHA, task_regression
from numerics.learning.random_counts import Counting, error_over_counts
from numerics.learning.ridge_law import Regression, error_law
from numerics.protocols import TemplateMatrix
from numerics.shapes import Float64
from numerics.template_matrix.given import check_kind, matrix_of
from symbind_theory.interval import Interval
from symbind_theory.records.architecture import ArchitectureRecord
from symbind_theory.records.learning import Alignment, SampleComplexity
from symbind_theory.separation.decisions import decide
from symbind_theory.task_lines import TaskInput, read_task
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template
from symbind_theory.validation import (
    InputError,
    finite_number,
    one_of,
    positive_integer,
)

__all__ = ["alignment", "least_error", "relative_eigenvalue", "sample_complexity"]

# Beyond this many strings the answer is "never" for any practical purpose.
_LARGEST = 1e15

# Of the target: logarithms of less are of no use.
_TINY = 1e-300


def sample_complexity(
    task: TaskInput,
    architecture: Architecture | None = None,
    target: float = 0.01,
    alpha: float = DEFAULT_ALPHA,
    *,
    noise: float | None = None,
    counts: Counting = "random",
    seed: int = 0,
    gram: TemplateMatrix | None = None,
) -> SampleComplexity:
    """The number of training strings that N implies for a target error.

    Training strings share no symbol, and each is from a template chosen at random by
    weight.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> few = sample_complexity(task, target=0.5).interval
    >>> many = sample_complexity(task, target=0.01).interval
    >>> few.high < many.low
    True

    Args:
        task: a task with real labels, or lines such as "?a ?a -> 1".
        architecture: the transformer; when None that of `gram`, or `Architecture()`.
        target: mean squared error aimed at, > 0.
        alpha: ridge λ > 0. Raise it for noisy labels; without noise, as for
            `learning_curve`.
        noise: standard deviation of the training labels' noise; the task's when None.
        counts: "random" as data sets have them, or "expected", the closed form at
            n_i = n·weight_i. Choose "expected" where many architectures are compared
            and n is large: it is much quicker.
        seed: of the sample of counts, where they are too many to sum over.
        gram: the task's template matrix if it is there already, estimated or known.

    Returns:
        A record whose `n` is the smallest number of strings after which the expected
        error is at most the target. It is None where 1e15 are not enough, and the
        interval begins at infinity where no number is for certain: templates with one
        row of N get one prediction. `interval` covers the estimate of N and the average
        over counts. It leaves out by how much a single training set may differ from the
        average, and training strings that share symbols. The search looks for one
        crossing: with label noise the error need not fall throughout, and another may
        be missed.

    Raises:
        InputError: symbolic labels, a number out of range, or a gram of other templates
            or of another architecture.
    """
    finite_number("target", target, low=0, strict=True)
    one_of("counts", counts, get_args(Counting))
    positive_integer("seed", seed, low=0)
    task = read_task(task)
    regression = task_regression(task, alpha, noise)
    gram = matrix_of(task.templates, architecture, gram)
    return _complexity(gram, regression, target, seed, counts)


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
        InputError: a ridge that is not positive, or something else than a template
            matrix.

    Source: symbind; docs/estimation.md, section 6.
    """
    finite_number("alpha", alpha, low=0, strict=True)
    check_kind("gram", gram, TemplateMatrix)

    def statistic(
        factor: Float64[np.ndarray, "rows r"], excess: Float64[np.ndarray, " r"]
    ) -> float:
        return float(singular_values(factor / np.sqrt(excess + alpha))[-1] ** 2)

    return gram.interval(statistic)


def alignment(
    task: TaskInput,
    architecture: Architecture | None = None,
    target: float = 0.01,
    alpha: float = DEFAULT_ALPHA,
    *,
    noise: float | None = None,
    seed: int = 0,
    gram: TemplateMatrix | None = None,
) -> Alignment:
    """How the labels lie to N's small directions, beside labels along the smallest.

    With n_i strings the error of template i is about [N⁻¹y]_i e_i / n_i: labels decide
    as much as λ_min does. yᵀN⁻¹y is between |y|²/λ_max and |y|²/λ_min. The
    record's `hardest` are labels along the eigenvector of λ_min, N restricted to
    templates that occur. Where weights are even and all e_i equal, no labels of that
    size have a larger error at the expected counts; with uneven weights others, the
    task's own among them, may need more strings.

    Args:
        task: a task with real labels, or lines such as "?a ?a -> 1".
        architecture: the transformer; when None that of `gram`, or `Architecture()`.
        target: mean squared error aimed at, > 0.
        alpha: ridge λ > 0, of the strings needed; yᵀN⁻¹y has none. Raise it for noisy
            labels.
        noise: standard deviation of the training labels' noise; the task's when None.
        seed: of the sample of counts, where they are too many to sum over.
        gram: the task's template matrix if it is there already, estimated or known.

    Raises:
        InputError: symbolic labels, a number out of range, labels along the smallest
            direction that float64 does not hold, or a gram of other templates or of
            another architecture.
    """
    finite_number("target", target, low=0, strict=True)
    positive_integer("seed", seed, low=0)
    task = read_task(task)
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
    hardest_labels = tuple(y * hardest.unit for y in hardest.labels.tolist())
    if not all(map(math.isfinite, hardest_labels)):
        raise InputError(
            f"labels are up to {hardest.unit:g} in size, and those along N's smallest "
            "direction with their mean square leave float64; expected smaller ones: "
            "divide labels and noise by one number, and the target by its square"
        )
    of_labels = gram.interval(energy)
    if math.isinf(of_labels.value) and gram.smallest_eigenvalue.high == 0:
        # N is singular by proof: it has no inverse.
        of_labels = Interval(math.inf, math.inf, math.inf, gram.level)
    return Alignment(
        regression.interval_from_units(of_labels),
        hardest_labels,
        _complexity(gram, hardest, target, seed),
    )


def _hardest(gram: TemplateMatrix, regression: Regression) -> Regression:
    """The eigenvector of λ_min with the mean square of the labels."""
    weights, labels = regression.weights, regression.labels
    occurs = weights > 0
    _, _, right = singular_system(gram.factor[:, occurs])
    direction = np.zeros_like(labels)
    direction[occurs] = right[-1] * np.sign(right[-1][np.abs(right[-1]).argmax()])
    # Products of the roots: a weight near the least float64 times a square is 0.
    root = np.sqrt(weights)
    size = float(np.linalg.norm(root * labels) / np.linalg.norm(root * direction))
    return replace(regression, labels=(size or 1.0) * direction)


def _complexity(
    gram: TemplateMatrix,
    regression: Regression,
    target: float,
    seed: int,
    counts: Counting = "random",
) -> SampleComplexity:
    """Where the error, averaged over the counts of n strings, meets the target."""
    goal = regression.in_units(target)
    record = None if gram.architecture is None else gram.architecture.record()
    never = _least(gram.templates, record, regression) > goal
    closed = error_law(gram.factor, gram.excess, regression, regression.weights)
    start = math.inf if never else _smallest(closed, goal)
    n = None
    if never:
        interval = Interval(math.inf, math.inf, math.inf, gram.level)
    elif start == 0:
        n, interval = 0, Interval(0.0, 0.0, 0.0, gram.level)
    elif counts == "expected":
        interval = _around(gram, regression, None, goal, seed)
        n = math.ceil(start) if math.isfinite(start) else None
    else:
        if math.isfinite(start):

            def excess(n: int) -> float:
                chance = error_over_counts(gram, regression, n, seed)
                return math.log(max(closed(n) * chance.value / goal, _TINY))

            n = _smallest_whole(excess, math.ceil(start))
        interval = _around(gram, regression, n, goal, seed)
    return SampleComplexity(
        n=n, interval=interval, target=target, alpha=regression.alpha
    )


def _around(
    gram: TemplateMatrix, regression: Regression, n: int | None, goal: float, seed: int
) -> Interval:
    """The number of strings with the error bar of N and of the average over counts.

    Chance multiplies the error at n by a factor, which is taken as one number for all N
    in the interval: there the closed form falls to the goal over the factor.
    """
    closed = error_law(gram.factor, gram.excess, regression, regression.weights)
    chance = Interval(1.0, 1.0, 1.0)
    if n is not None:
        goal = closed(n)
        chance = error_over_counts(gram, regression, n, seed)

    def needed(
        factor: Float64[np.ndarray, "rows r"], excess: Float64[np.ndarray, " r"]
    ) -> float:
        error = error_law(factor, excess, regression, regression.weights)
        return _smallest(error, goal)

    about = gram.interval(needed)
    if n is None or not 0 < about.value < math.inf:
        return about
    fall = max(0.0, 1 - closed(1.01 * n) / goal) / 0.01
    width = chance.halfwidth / chance.value
    width = n * width / fall if fall else math.copysign(math.inf, width)
    width = width if chance.halfwidth else 0.0
    scale = n / about.value
    low = max(0.0, about.low * scale - width)
    return Interval(float(n), low, about.high * scale + width, about.level)


def least_error(
    task: TemplateTask, architecture: ArchitectureRecord, alpha: float = DEFAULT_ALPHA
) -> float:
    """The error that no number of strings gets below, by proof; 0 unless N is singular.

    Templates with one row of N get one prediction, at best the mean of their labels;
    those whose rows are positive multiples get predictions of one sign.

    Args:
        task: a task with real labels.
        architecture: the transformer.
        alpha: ridge λ > 0.

    Raises:
        InputError: symbolic labels, or a ridge that is not positive.
    """
    regression = task_regression(task, alpha)
    least = _least(task.templates, architecture, regression)
    return regression.from_units(least)


def _least(
    templates: Sequence[Template],
    architecture: ArchitectureRecord | None,
    regression: Regression,
) -> float:
    """The least error in units of the regression, where templates collapse.

    Rows of N that are positive multiples of one another, as the cosine's are where
    features are equal and self values are not, give predictions of one sign: of two
    labels of opposite signs one is missed by all of its size, at least.
    """
    group = list(range(len(templates)))
    of_one_sign: list[tuple[int, int]] = []
    if architecture is not None:
        collapses = decide(templates, architecture).collapses
        pairs = [(c.i, c.j) for c in collapses if c.identical]
        if architecture.hypotheses.activation == "cosine":
            of_one_sign = [(c.i, c.j) for c in collapses if not c.identical]
    else:
        canonical = [t.canonical() for t in templates]
        pairs = [(canonical.index(t), j) for j, t in enumerate(canonical)]
    for i, j in pairs:
        group[j] = min(group[i], group[j])
    labels, weights = regression.labels, regression.weights
    masses = np.bincount(group, weights)
    sums = np.bincount(group, weights * labels)
    means = np.divide(sums, masses, out=np.zeros_like(sums), where=masses > 0)
    squares = weights * labels**2
    missed = [
        min(squares[i], squares[j]) for i, j in of_one_sign if labels[i] * labels[j] < 0
    ]
    return float(max([weights @ (labels - means[group]) ** 2, *missed]))


def _smallest(error: Callable[[float], float], goal: float) -> float:
    """The real n ≥ 0 where the error comes down to the goal; inf if it does not."""
    if error(0.0) <= goal:
        return 0.0
    high = 1.0
    while error(high) > goal:
        high *= 2
        if high > _LARGEST:
            return math.inf
    low = high / 2 if high > 1 else 0.0
    # Near straight on logarithmic axes, where it falls as a power of n.
    crossing: Any = brentq(
        lambda n: math.log(max(error(n) / goal, _TINY)), low, high, xtol=1e-9 * high
    )
    return float(crossing)


def _smallest_whole(excess: Callable[[int], float], start: int) -> int | None:
    """The whole n ≥ 1 where `excess(n)` turns non-positive, sought around `start`."""
    low = high = start
    while excess(high) > 0:
        low, high = high, 2 * high
        if high > _LARGEST:
            return None
    while low > 0 and excess(low) <= 0:
        low, high = low // 2, low
    if low == 0:
        return high
    if high - low > 1:
        # Near straight on logarithmic axes; the ends are met to the last digit.
        ends = {math.log(low): low, math.log(high): high}
        crossing: Any = brentq(
            lambda x: excess(ends.get(x) or round(math.exp(x))),
            *ends,
            xtol=0.25 / high,
        )
        high = ends.get(crossing) or round(math.exp(crossing))
        while excess(high) > 0:
            high += 1
        while high > 1 and excess(high - 1) <= 0:
            high -= 1
    return high
