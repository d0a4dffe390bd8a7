"""C5: trained on enough diverse data, the kernel generalises to unseen symbols.

On n_i strings of template i that share no symbol, ridge regression with the kernel of
the transformer predicts symbols that it has never seen with the error

    E MSE = Σ_i μ_i { [(I + NΛ)⁻¹ y]_i² + σ² Σ_j H_ij² / n_j },   H = NΛ (I + NΛ)⁻¹,

Λ = diag(n_i / e_i), e_i = K_self,i − N_ii + α. With N non-singular it falls to 0 as n
grows, below any target and below what an MLP can reach (C2).

The observed side is a regressor that knows no templates: `TransformerKernelRegressor`
is fitted to strings with noisy labels and asked about symbols outside the training
strings. Given the counts n_i only the noise is random, so the error less the closed
form at the counts of the same set has mean 0: what the counts do to the
error, most of its spread, is taken out, and sets are independent. Halfwidths include
what the error of N may do to the closed form, on either side.

How many strings are enough is a property of the task, from 500 for αα/αβ to ten million
for relational match-to-sample with the same transformer. So the large sets take as many
as the closed form asks for; where that is more than may be drawn, nothing is refuted:
the claim is undecided, and what to pass is said. It is refuted where no number is
enough: two templates that N does not tell apart have different labels, or a label is
copied from the string, which fails as the width grows without b (C7). An error above
the target where the closed form at the same counts is below refutes it as well.

Mutants: two templates that are one up to renaming, with different labels; αβα and αββ
without positions, where N is singular too: in both the error stays that of a constant
however large n is; the closed form of another transformer, or without the noise.

Source: arXiv 2310.09753, on transformers with real labels; the closed form: symbind,
docs/estimation.md, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from numerics import (
    Architecture,
    TransformerKernelRegressor,
    template_gram,
)
from numerics.protocols import TemplateMatrix
from numerics.template_matrix.given import architecture_of, matrix_of
from proofs_check.arguments import record, the_task
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.learning_setting import (
    LargeSets,
    LearningSetting,
    TrainingSizes,
)
from proofs_check.evidence.token_labels import report_on_labels
from proofs_check.evidence.training_sets import (
    fresh_sample,
)
from proofs_check.evidence.unlearnable import (
    conflicting_labels,
    copied_label,
    singular_matrix,
)
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
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.separation.decisions import decide
from symbind_theory.tasks import Sample, TemplateTask
from symbind_theory.validation import finite_number, positive_integer

__all__ = ["CHECKER", "SIZES", "generalisation"]

# For kernel values of strings that share tokens: off by 2e-3, below the default ridge.
_POINTS = 2**12

# For the closed form: λ_min(N) to better than a hundredth where it is 1e-3.
_MAX_POINTS = 2**13

# Agreement to a tenth of the error: what 16 strings more than 128 would change.
_RESOLUTION = 1 / 10

# Strings after which an error is shown that no number of strings would lower.
_IN_VAIN = 2000


def generalisation(
    task: TemplateTask,
    architecture: Architecture | None = None,
    target: float = 0.05,
    *,
    alpha: float = 1e-2,
    sizes: TrainingSizes | None = None,
    gram: TemplateMatrix | None = None,
    noise: float | None = None,
    seed: int = 0,
    effort: str = "quick",
) -> Report:
    """Whether kernel regression generalises to unseen symbols as N says.

    >>> task = TemplateTask(["X ?a", "Y ?a"], [1, -1])
    >>> generalisation(task).outcome.value
    'HOLDS'

    Args:
        task: whose labels' noise is in training labels only; labels that are tokens are
            read one-hot.
        architecture: the transformer; when None that of `gram`, or `Architecture()`.
        target: mean squared error to be reached on unseen symbols, > 0; an MLP's floor
            where that is smaller. Raise it where the strings needed are too many.
        alpha: ridge > 0. Raise it for noisy labels.
        sizes: how large and how many training sets are; what the effort says when None.
        gram: N for the closed form; estimated when None.
        noise: standard deviation ≥ 0 of training labels' noise in the closed form; the
            task's when None.
        seed: from which the training sets and the estimates of the kernel follow.
        effort: "quick", "standard" or "full": how many strings may be drawn. Raise it
            where the claim is undecided.

    Raises:
        InputError: an argument out of range, or a gram of other templates or of another
            architecture.
    """
    task = the_task(task)
    meant = architecture_of(architecture, gram)
    setting = LearningSetting(
        architecture=meant,
        target=finite_number("target", target, low=0, strict=True),
        alpha=finite_number("alpha", alpha, low=0, strict=True),
        noise=noise,
        sizes=record("sizes", sizes or SIZES[effort].task, TrainingSizes),
        gram=matrix_of(
            task.templates,
            meant,
            gram,
            max_points=_MAX_POINTS,
            seed=positive_integer("seed", seed, low=0),
            level=(1 + TEST_LEVEL) / 2,
        ),
        seed=seed,
    )
    if task.copied and meant.identity_vo <= 0:
        return Report("C5", (copied_label(task),))
    return report_on_labels("C5", task, _Trained(setting).findings)


@dataclass(frozen=True)
class _Trained:
    """Kernel regressors, trained on as many strings as are needed."""

    setting: LearningSetting

    def findings(self, task: TemplateTask) -> list[Finding]:
        """What kernel regression does on a task with real labels."""
        setting, sizes = self.setting, self.setting.sizes
        seeds = seed_array((sizes.few_sets + sizes.many_sets,), setting.seed).tolist()
        model = TransformerKernelRegressor(
            setting.architecture, setting.alpha, points=_POINTS, seed=setting.seed
        )
        findings = [reported("λ_min(N)", setting.gram.smallest_eigenvalue)]
        decision = decide(task.templates, setting.architecture.record())
        if (conflict := conflicting_labels(task, decision)) is not None:
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


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Training sets of a user's own task, and of the ledger's trials.

    Attributes:
        task: sets of any task, as large as it needs.
        same_different: sets of two templates, where strings may share symbols.
        three_templates: sets of three templates and much noise.
        without_noise: sets of three templates, where the closed form forgets noise.
    """

    task: TrainingSizes
    same_different: TrainingSizes
    three_templates: TrainingSizes
    without_noise: TrainingSizes


SIZES = ByEffort(
    quick=_Sizes(
        task=TrainingSizes(few_sets=96, most=2**15),
        same_different=TrainingSizes(
            few_sets=96, many=2000, many_sets=8, vocabulary=2000
        ),
        three_templates=TrainingSizes(few_sets=640, many=2000, many_sets=8),
        without_noise=TrainingSizes(few_sets=192, many=2000, many_sets=6),
    ),
    standard=_Sizes(
        task=TrainingSizes(few_sets=384, most=2**18),
        same_different=TrainingSizes(
            few_sets=1600, many=2000, many_sets=32, vocabulary=2000
        ),
        three_templates=TrainingSizes(few_sets=1600, many=2000, many_sets=32),
        without_noise=TrainingSizes(few_sets=400, many=2000, many_sets=6),
    ),
    full=_Sizes(
        task=TrainingSizes(few_sets=1600, most=2**20),
        same_different=TrainingSizes(
            few_sets=12_800, many=2000, many_sets=128, vocabulary=2000
        ),
        three_templates=TrainingSizes(few_sets=12_800, many=2000, many_sets=128),
        without_noise=TrainingSizes(few_sets=800, many=2000, many_sets=6),
    ),
)

_ARCHITECTURE = Architecture(beta=2.0)
_TASK = TemplateTask(["?a ?a", "?a ?b"], [1, -1], noise=0.3)
# So much noise that it makes a good part of the error after 128 strings.
_THREE = TemplateTask(["?a ?a", "?a ?b", "X ?a"], [1, -1, 0.5], [2, 1, 1], noise=3)
_THREE_TARGET = 0.4
_MUTANT_SIZES = TrainingSizes(few_sets=24, many=2000, many_sets=6)


def _same_different(effort: Effort, seed: int) -> Report:
    sizes = SIZES[effort].same_different
    return generalisation(_TASK, _ARCHITECTURE, sizes=sizes, seed=seed)


def _three_templates(effort: Effort, seed: int) -> Report:
    sizes = SIZES[effort].three_templates
    return generalisation(_THREE, _ARCHITECTURE, _THREE_TARGET, sizes=sizes, seed=seed)


def _without_noise(effort: Effort, seed: int) -> Report:
    sizes = SIZES[effort].without_noise
    return generalisation(
        _THREE, _ARCHITECTURE, _THREE_TARGET, sizes=sizes, noise=0.0, seed=seed
    )


def _equivalent(_: Effort, seed: int) -> Report:
    task = TemplateTask(["?a ?b", "?b ?a"], [1, -1])
    return generalisation(task, _ARCHITECTURE, sizes=_MUTANT_SIZES, seed=seed)


def _without_positions(_: Effort, seed: int) -> Report:
    task = TemplateTask(["?a ?b ?a", "?a ?b ?b"], [1, -1])
    blind = Architecture(beta=2.0, gamma=0.0)
    return generalisation(task, blind, sizes=_MUTANT_SIZES, seed=seed)


def _another_kernel(_: Effort, seed: int) -> Report:
    gram = template_gram(
        _TASK.templates, Architecture(beta=1.0), seed=seed, level=TEST_LEVEL
    )
    # By its own name it would be refused.
    mislabelled = replace(gram, architecture=_ARCHITECTURE)
    return generalisation(
        _TASK, _ARCHITECTURE, sizes=_MUTANT_SIZES, gram=mislabelled, seed=seed
    )


CHECKER = Checker(
    "C5",
    generalisation,
    instances=(
        Instance("same-different with noise, 2000 tokens", _same_different),
        Instance("three templates, much noise, no collisions", _three_templates),
    ),
    mutants=(
        Mutant(
            "αβ and βα with different labels",
            _equivalent,
            refuted_by="squared error on unseen symbols after 2000",
        ),
        Mutant(
            "αβα and αββ without positions",
            _without_positions,
            refuted_by="squared error on unseen symbols after 2000",
        ),
        Mutant(
            "the closed form of a kernel with β = 1",
            _another_kernel,
            refuted_by="less the closed form",
        ),
        Mutant(
            "the closed form without the labels' noise",
            _without_noise,
            refuted_by="less the closed form",
        ),
    ),
)
