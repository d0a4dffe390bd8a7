"""Whether a vocabulary has enough symbols: the error where training strings share them.

Strings that share symbols are no independent evidence of which positions are equal, and
with few symbols a test string is unlike all of them. How much the error is cannot be
read off the data diversity ρ (claim C8): it is simulated, and where that takes too many
strings it is found to first order in the number of strings that share symbols.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice
from typing import Literal

import numpy as np

from numerics.architecture import Architecture
from numerics.estimators.transformer_kernel import TransformerKernelRegressor
from numerics.estimators.unseen_error import simulated_error
from numerics.learning.collision_bound import diversity_bound
from numerics.learning.curves import learning_curve
from numerics.learning.finite_vocabulary import perturbed_curve
from numerics.protocols import Progress, TemplateMatrix
from numerics.strings.architecture_kernel import kernel_of
from symbind_theory.interval import Interval
from symbind_theory.laws.arguments import check_vocabulary, symbol_names
from symbind_theory.laws.substitution_laws import Probabilities, Uniform
from symbind_theory.records.learning import FiniteDiversity, SampleComplexity
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import check_callback, positive_integer

__all__ = ["finite_diversity"]

# Of strings in a training set, and of tokens that they draw from.
_MOST_STRINGS = 20_000
_MOST_TOKENS = 1_000_000
# Beyond the strings that are enough where none share symbols.
_MULTIPLES = (1, 4, 16)
_MULTIPLES_TO_FIRST_ORDER = (1, 1.25, 4, 16)
_POINTS = 2**13


_Found = tuple[Interval, Literal["simulation", "first order"]]


def finite_diversity(
    task: TemplateTask,
    vocabulary: int | None,
    complexity: SampleComplexity | None,
    gram: TemplateMatrix,
    architecture: Architecture,
    *,
    sets: int = 8,
    seed: int = 0,
    progress: Progress | None = None,
) -> FiniteDiversity | None:
    """The error with a finite vocabulary, at the strings needed without it.

    Where these leave more than the target, at more strings too.

    Args:
        task: the task, whose laws are followed.
        vocabulary: number of tokens that substitutions draw from; those that the laws
            name when None.
        complexity: the strings needed where none share symbols; None for symbolic
            labels, which have no error.
        gram: the task's template matrix.
        architecture: the transformer.
        sets: independent training sets of each size, ≥ 2. Raise it for narrower
            intervals.
        seed: from which training sets and kernel estimates follow.
        progress: called with (training sets done, training sets of that size).

    Returns:
        The record; None where no vocabulary is given and the laws name none.

    Raises:
        InputError: too small a vocabulary, one too large for its law, or a progress
            that is no function.
    """
    check_callback("progress", progress)
    named = _named(task)
    if vocabulary is None:
        if not named:
            return None
        vocabulary = len(named)
    positive_integer("vocabulary", vocabulary)
    check_vocabulary(vocabulary, task.templates)
    diversity = _exactly(task.diversity(vocabulary), gram.level)
    found = FiniteDiversity(vocabulary=vocabulary, diversity=diversity)
    if complexity is None:
        return found
    errors: dict[int, _Found] = {}
    n, alpha = complexity.n, complexity.alpha
    too_many = vocabulary > _MOST_TOKENS or (n or 0) > _MOST_STRINGS
    if n and too_many and all(isinstance(law, Uniform) for law in task.laws):
        errors |= _first_order(task, vocabulary, n, complexity, architecture, gram)
    if vocabulary <= _MOST_TOKENS:
        fresh = symbol_names([*task.regular_tokens, *named])
        tokens = [*named, *islice(fresh, vocabulary - len(named))]
        # Errors of kernel values are in the interval: fewer points than usual do.
        model = TransformerKernelRegressor(architecture, alpha, progress=None)
        model.set_params(kernel=gram.kernel, points=_POINTS)
        for size in _sizes(n):
            error = simulated_error(
                task,
                tokens,
                size,
                model,
                sets=sets,
                level=gram.level,
                seed=seed,
                progress=progress,
            )
            errors[size] = error, "simulation"
            if error.high <= complexity.target:
                break
    sizes = tuple(sorted(errors))
    apart = learning_curve(task, None, sizes, alpha, counts="random", gram=gram)
    return FiniteDiversity(
        vocabulary=vocabulary,
        diversity=diversity,
        sizes=sizes,
        mse=tuple(errors[size][0] for size in sizes),
        method=tuple(errors[size][1] for size in sizes),
        apart=apart.intervals,
    )


def _named(task: TemplateTask) -> list[str]:
    """The tokens that laws of the task give a probability."""
    laws = [law for law in task.laws if isinstance(law, Probabilities)]
    return list(dict.fromkeys(token for law in laws for token in law.tokens))


def _exactly(diversity: Fraction | Interval | float, level: float) -> Interval:
    """ρ between floats that contain it."""
    if isinstance(diversity, Interval):
        return Interval(diversity.value, diversity.low, diversity.high, level)
    value = float(diversity)
    return Interval(value, value, value, level)


def _sizes(n: int | None) -> tuple[int, ...]:
    """Numbers of strings to simulate."""
    if not n or n > _MOST_STRINGS:
        return (_MOST_STRINGS,)
    return tuple(sorted({min(k * n, _MOST_STRINGS) for k in _MULTIPLES}))


def _first_order(
    task: TemplateTask,
    vocabulary: int,
    n: int,
    complexity: SampleComplexity,
    architecture: Architecture,
    gram: TemplateMatrix,
) -> dict[int, _Found]:
    """The error to first order in collisions, between 0 and the bound by ρ.

    At n strings the bound may be above the target even where collisions are next to
    none, so more strings are tried, as long as collisions are a small change.
    """
    sizes = [math.ceil(k * n) for k in _MULTIPLES_TO_FIRST_ORDER]
    kernel, alpha = kernel_of(architecture, gram.kernel), complexity.alpha
    curve = perturbed_curve(task, vocabulary, None, sizes, alpha, kernel=kernel)
    rho = _exactly(task.diversity(vocabulary), gram.level).low
    found: dict[int, _Found] = {}
    for size, mse in zip(sizes, curve.mse, strict=True):
        if np.isnan(mse):
            break
        bound = diversity_bound(task, size, rho, alpha=alpha, kernel=kernel).mse
        error = Interval(float(mse), 0.0, max(float(mse), bound), gram.level)
        found[size] = error, "first order"
        if error.high <= complexity.target:
            break
    return found
