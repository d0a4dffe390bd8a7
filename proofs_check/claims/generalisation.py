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

from numerics import Architecture, template_gram
from numerics.protocols import TemplateMatrix
from numerics.template_matrix.given import architecture_of, matrix_of
from proofs_check.arguments import record, the_task
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.learning_setting import LearningSetting, TrainingSizes
from proofs_check.evidence.token_labels import report_on_labels
from proofs_check.evidence.trained_regression import TrainedRegression
from proofs_check.evidence.unlearnable import copied_label
from proofs_check.judgements import TEST_LEVEL
from symbind_theory.records.ledger import Report
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import finite_number, positive_integer

__all__ = ["CHECKER", "SIZES", "generalisation"]

# For the closed form: λ_min(N) to better than a hundredth where it is 1e-3.
_MAX_POINTS = 2**13


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
    if meant.identity_vo <= 0 and (copied := copied_label(task)) is not None:
        return Report("C5", (copied,))
    return report_on_labels("C5", task, TrainedRegression(setting).findings)


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
