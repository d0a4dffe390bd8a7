"""Kernel regression on as many strings as a task asks for, for C5 and C11.

The closed form says how many that are. They may be more than there is time for: then
the same transformer with more strings, or another one, is what is said to pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from numerics import (
    Architecture,
    TransformerKernelRegressor,
    learning_curve,
    sample_complexity,
)
from numerics.learning.curves import task_regression
from numerics.learning.random_counts import errors_at
from numerics.protocols import TemplateMatrix
from numerics.shapes import Float64
from numerics.template_matrix.estimate import gram_of
from proofs_check.evidence.training_sets import fresh_sample, vocabulary_tokens
from proofs_check.evidence.unseen_error import fresh_error, left_by_solver
from proofs_check.judgements import mean_interval, widened
from proofs_check.remedies import as_call, larger
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding
from symbind_theory.tasks import Sample, TemplateTask
from symbind_theory.validation import positive_integer

__all__ = ["LargeSets", "LearningSetting", "TrainingSizes"]

# Large sets are to reach this part of the target by the closed form, where labels have
# no noise and where they do. Without it the counts of each template alone are random;
# with it the error varies as much as it is large: eight sets know the mean of the
# squares of one normal number to a factor of seven.
_SPARE = 2
_SPARE_WITH_NOISE = 8

# β and γ of transformers that need fewer strings, on all built-in tasks.
_SHARPER = ((3.0, 1.0), (6.0, 2.0))
_TRIAL_POINTS = 2**10
# Sets whose linear systems are held at a time.
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class TrainingSizes:
    """How many strings and training sets `generalisation` takes.

    Attributes:
        few: strings of a small set, whose error is held against the closed form.
        few_sets: how many small sets there are, ≥ 2.
        many: strings of a large set, after which the error is to be below the target;
            when None as many as the closed form asks for.
        most: strings of a large set at most, where `many` is None.
        many_sets: how many large sets there are, ≥ 2.
        vocabulary: tokens that substitutions of large sets draw from, or their
            number; when None no two of their strings share a symbol. In small sets no
            two ever do.

    Raises:
        InputError: a number out of range.
    """

    few: int = 128
    few_sets: int = 96
    many: int | None = None
    most: int = 2**15
    many_sets: int = 8
    vocabulary: int | Sequence[str] | None = None

    def __post_init__(self) -> None:
        positive_integer("few", self.few)
        positive_integer("few_sets", self.few_sets, low=2)
        if self.many is not None:
            positive_integer("many", self.many)
        positive_integer("most", self.most)
        positive_integer("many_sets", self.many_sets, low=2)


@dataclass(frozen=True, slots=True)
class LargeSets:
    """Errors on unseen symbols after training on large sets.

    Attributes:
        strings: how many a set has.
        observed: their mean over the sets.
        closed: the closed form at the expected counts of each template.
        expected: at most the mean of the closed form at the counts of each set;
            infinite where it does not apply.
    """

    strings: int
    observed: Interval
    closed: Interval
    expected: float


@dataclass(frozen=True)
class LearningSetting:
    """What decides how many strings a transformer needs: arguments of C5 and C11.

    Attributes:
        architecture: the transformer.
        target: mean squared error to be reached on unseen symbols.
        alpha: ridge.
        noise: standard deviation of training labels' noise; the task's when None.
        sizes: how many strings may be drawn.
        gram: N.
        seed: from which other transformers' N follow.
    """

    architecture: Architecture
    target: float
    alpha: float
    noise: float | None
    sizes: TrainingSizes
    gram: TemplateMatrix
    seed: int

    def goal(self, task: TemplateTask) -> float:
        """The target, or the floor of an MLP where that is smaller.

        Args:
            task: with real labels, as for all that follows.
        """
        return min(self.target, float(task.mlp_floor() or self.target))

    def needed(self, task: TemplateTask) -> Interval:
        """The strings after which the closed form is well below the goal."""
        noisy = task.noise > 0 if self.noise is None else self.noise > 0
        return sample_complexity(
            task,
            target=self.goal(task) / (_SPARE_WITH_NOISE if noisy else _SPARE),
            alpha=self.alpha,
            noise=self.noise,
            gram=self.gram,
        ).interval

    def strings(self, task: TemplateTask) -> int | None:
        """How many strings a large set has; None where too many are needed."""
        sizes = self.sizes
        if sizes.many is not None:
            return sizes.many
        needed = self.needed(task).high
        return None if needed > sizes.most else max(math.ceil(needed), sizes.few)

    def closed_form(self, task: TemplateTask, strings: int) -> Interval:
        """The error after so many strings, at the expected counts of each template."""
        curve = learning_curve(
            task, None, [strings], self.alpha, noise=self.noise, gram=self.gram
        )
        return curve.intervals[0]

    def given_counts(
        self, task: TemplateTask, sets: Sequence[Sample]
    ) -> tuple[Float64[np.ndarray, " sets"], Interval]:
        """Expected errors given how many strings of each template the sets have.

        Their mean has the interval that follows from N's: a set whose counts are far
        from the weights depends on N more than one at the mean counts.
        """
        drawn = [np.array(sample.template_indices) for sample in sets]
        counts = np.stack([np.bincount(i, minlength=len(task)) for i in drawn])
        regression = task_regression(task, self.alpha, self.noise)

        def errors(
            factor: Float64[np.ndarray, "rows r"], excess: Float64[np.ndarray, " r"]
        ) -> Float64[np.ndarray, " sets"]:
            parts = np.array_split(counts.astype(float), -(-len(counts) // _AT_ONCE))
            found = [errors_at(factor, excess, regression, part) for part in parts]
            return np.concatenate(found)

        unit = regression.unit
        values = errors(self.gram.factor, self.gram.excess) * unit * unit
        mean = self.gram.interval(lambda *given: float(errors(*given).mean()))
        return values, regression.interval_from_units(mean)

    def errors(
        self,
        task: TemplateTask,
        model: TransformerKernelRegressor,
        strings: int,
        seeds: Sequence[int],
    ) -> LargeSets:
        """Errors of large sets, one for each seed, and what they are held against."""
        sizes, observed, drawn, left = self.sizes, [], [], 0.0
        largest = float(self.gram.matrix_self.max())
        for seed in seeds:
            sample = _many_strings(task, sizes, strings, seed)
            observed.append(fresh_error(model, task, sample))
            drawn.append(sample)
            left = max(left, left_by_solver(model, sample, largest))
        closed = self.closed_form(task, strings)
        # Collisions are not in the closed form.
        expected = math.inf
        if sizes.vocabulary is None:
            expected = self.given_counts(task, drawn)[1].high
        mean = mean_interval(np.array(observed))
        # (f + δ − y)² for each template, of which the mean square is the error.
        mean = widened(mean, left * (2 * math.sqrt(max(observed)) + left))
        return LargeSets(strings, mean, closed, expected)

    def out_of_reach(self, task: TemplateTask) -> Finding:
        """More strings are needed than may be drawn: what to pass instead."""
        needed = self.needed(task)
        remedy = self._another(task)
        if math.isfinite(needed.high):
            sizes = replace(self.sizes, most=larger(math.ceil(needed.high), 1.0))
            remedy = f"sizes={as_call(sizes)}, or else {remedy}"
        return Finding(
            f"strings after which the closed form is well below {self.goal(task):.4g}",
            Outcome.UNDECIDED,
            needed,
            f"at most {self.sizes.most}, which may be drawn: pass {remedy}",
        )

    def more_strings(self, task: TemplateTask, strings: int) -> str:
        """What to pass where the error is still above the target.

        Args:
            task: with real labels.
            strings: how many there were.
        """
        needed = self.needed(task).high
        if not math.isfinite(needed):
            return self._another(task)
        many = larger(max(math.ceil(needed), 2 * strings), 1.0)
        sizes = replace(self.sizes, many=many)
        if isinstance(sizes.vocabulary, int):
            # Among as few symbols more strings share more of them.
            grown = larger(sizes.vocabulary, many / strings)
            sizes = replace(sizes, vocabulary=grown)
        return f"sizes={as_call(sizes)}"

    def _another(self, task: TemplateTask) -> str:
        """A transformer that needs fewer strings, and how many may be drawn for it."""
        trials = [self._with(task, beta, gamma) for beta, gamma in _SHARPER]
        best = min(trials, key=lambda one: one.needed(task).value)
        needed = best.needed(task).value
        words = f"architecture={as_call(best.architecture)}"
        if not math.isfinite(needed):
            return f"{words} and a larger target"
        # From few points it is known to a third or so.
        if 2 * needed > self.sizes.most:
            sizes = replace(self.sizes, many=None, most=larger(math.ceil(needed), 2.0))
            words += f", sizes={as_call(sizes)}"
        return words

    def _with(self, task: TemplateTask, beta: float, gamma: float) -> LearningSetting:
        """The same for another transformer, from few points."""
        architecture = replace(self.architecture, beta=beta, gamma=gamma)
        gram = gram_of(
            self.gram.kernel,
            task.templates,
            architecture,
            max_points=_TRIAL_POINTS,
            seed=self.seed,
        )
        return replace(self, architecture=architecture, gram=gram)


def _many_strings(
    task: TemplateTask, sizes: TrainingSizes, strings: int, seed: int
) -> Sample:
    """A set after which the error is to be below the target."""
    if sizes.vocabulary is None:
        return fresh_sample(task, strings, seed)
    return task.sample(strings, vocabulary_tokens(task, sizes.vocabulary), seed)
