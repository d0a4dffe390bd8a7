"""Kernel regression on strings against what N says of it, for C5 and C11.

The observed side is a regressor that knows no templates: it is fitted to strings with
noisy labels and asked about symbols outside the training strings. Given the counts of
each template only the noise is random, so that the error less the closed form at the
counts of the same set has mean 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from numerics import TransformerKernelRegressor
from proofs_check.evidence.learning_setting import LargeSets, LearningSetting
from proofs_check.evidence.training_sets import fresh_sample
from proofs_check.evidence.unlearnable import conflicting_labels, singular_matrix
from proofs_check.evidence.unseen_error import fresh_error
from proofs_check.judgements import (
    TEST_LEVEL,
    at_most,
    equals,
    mean_interval,
    reported,
)
from proofs_check.remedies import more_of
from proofs_check.seeds import seed_array
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding
from symbind_theory.separation.decisions import decide
from symbind_theory.tasks import Sample, TemplateTask

__all__ = ["TrainedRegression"]

# For kernel values of strings that share tokens: off by 2e-3, below the default ridge.
_POINTS = 2**12

# Agreement to a tenth of the error: what 16 strings more than 128 would change.
_RESOLUTION = 1 / 10

# Strings after which an error is shown that no number of strings would lower.
_IN_VAIN = 2000


@dataclass(frozen=True)
class TrainedRegression:
    """Kernel regressors, trained on as many strings as are needed.

    Attributes:
        setting: what decides how many that are.
    """

    setting: LearningSetting

    def findings(self, task: TemplateTask) -> list[Finding]:
        """What kernel regression does on a task with real labels.

        Args:
            task: whose labels are numbers.
        """
        setting, sizes = self.setting, self.setting.sizes
        seeds = seed_array((sizes.few_sets + sizes.many_sets,), setting.seed).tolist()
        kernel = setting.gram.kernel
        model = TransformerKernelRegressor(
            setting.architecture,
            setting.alpha,
            kernel=kernel,
            points=_POINTS,
            seed=setting.seed,
        )
        name = (
            "λ_min(N)" if kernel == "nngp" else "λ_min of the tangent kernel's matrix"
        )
        findings = [reported(name, setting.gram.smallest_eigenvalue)]
        decision = decide(task.templates, setting.architecture.record(), kernel)
        alike = ((pair.i, pair.j) for pair in decision.collapses if pair.identical)
        if (conflict := conflicting_labels(task, alike, "kernel")) is not None:
            many = sizes.many or min(_IN_VAIN, sizes.most)
            errors = setting.errors(task, model, many, seeds[sizes.few_sets :])
            statement = f"squared error on unseen symbols after {many} strings"
            vain = at_most(statement, errors.observed, setting.target)
            return [*findings, conflict, vain]
        if decision.outcome is Outcome.REFUTED:
            return [*findings, singular_matrix(task, decision, setting.architecture)]
        few = [fresh_sample(task, sizes.few, s) for s in seeds[: sizes.few_sets]]
        findings.append(self._as_the_closed_form(task, model, few))
        many = setting.strings(task)
        if many is None:
            return [*findings, setting.out_of_reach(task)]
        errors = setting.errors(task, model, many, seeds[sizes.few_sets :])
        return [*findings, *self._reached(task, errors)]

    def _as_the_closed_form(
        self,
        task: TemplateTask,
        model: TransformerKernelRegressor,
        drawn: list[Sample],
    ) -> Finding:
        """The mean difference from the closed form at the counts of each set."""
        given, closed = self.setting.given_counts(task, drawn)
        observed = np.array([fresh_error(model, task, sample) for sample in drawn])
        difference = mean_interval(observed - given, (1 + TEST_LEVEL) / 2)
        # N is estimated for the closed form and again, from more points, by the
        # regressor.
        reach = difference.halfwidth + 2 * closed.halfwidth
        level = difference.level + self.setting.gram.level - 1
        value = difference.value
        return equals(
            f"squared error on unseen symbols after {len(drawn[0].strings)} strings, "
            "less the closed form",
            Interval(value, value - reach, value + reach, level),
            0.0,
            _RESOLUTION * closed.value,
            more_of("sizes", self.setting.sizes, "few_sets"),
        )

    def _reached(self, task: TemplateTask, errors: LargeSets) -> list[Finding]:
        """Whether the error of large sets is below the target and an MLP's floor."""
        target, observed = self.setting.target, errors.observed
        remedy = self.setting.more_strings(task, errors.strings)
        at, error = f"after {errors.strings} strings", "squared error on unseen symbols"
        contrary = errors.expected <= target
        findings = [
            _below(f"closed form {at}", errors.closed, target, False, remedy),
            _below(f"{error} {at}", observed, target, contrary, remedy),
        ]
        if floor := float(task.mlp_floor() or 0):
            contrary = errors.expected <= floor
            statement = f"the same error {at} against the floor of an MLP"
            findings.append(_below(statement, observed, floor, contrary, remedy))
        return findings


def _below(
    statement: str, estimate: Interval, bound: float, contrary: bool, remedy: str
) -> Finding:
    """Whether an error is at most a bound; above it, whether that speaks against N.

    Args:
        statement: what is estimated.
        estimate: the error, with its interval.
        bound: the target, or an MLP's floor.
        contrary: whether the strings were enough by the closed form: only then does an
            error above the bound refute anything.
        remedy: what to pass otherwise.
    """
    finding = at_most(statement, estimate, bound, remedy=lambda _: remedy)
    if finding.outcome is not Outcome.REFUTED or contrary:
        return finding
    expected = f"{finding.expected}: pass {remedy}"
    return replace(finding, outcome=Outcome.UNDECIDED, expected=expected)
