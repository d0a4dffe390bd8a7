"""C11: with all layers trained, in the tangent regime, a transformer generalises too.

C5 is about a transformer whose readout alone is trained. Where gradient flow trains all
layers of a wide network and its output starts at 0, the limit is kernel regression with
the tangent kernel Θ (Jacot et al. 2018), at any depth. Three things are put to the
test:

1. *N decides Θ.* Θ's matrix is N plus the Gram matrices of all other parameters'
   gradients: λ_min(Θ) ≥ λ_min(N), so that Theorems S and D hold for it, and where they
   find that N is singular so is Θ's matrix (docs/theorem-d.md, section 6).
2. *The closed form.* The error of ridge regression with Θ on n_i strings of template i
   follows from Θ's matrix and from e_i = Θ_self,i − Θ_ii + α as that of C5 does from N.
   It is held against regressors that know no templates.
3. *Unseen symbols.* After as many strings as the closed form asks for, the error is
   below the target and below an MLP's floor.

Whether a network of finite width stays near its tangent kernel is not looked at here.

Mutants: αβα and αββ without positions, where Θ is singular too and the error stays; the
closed form of the kernel whose readout alone is trained, said to be Θ's; the tangent
kernel of another transformer, held against this one's N.

Source: symbind, on a question of the public review of arXiv 2310.09753.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from numerics import Architecture, DeepGram, tangent_gram, template_gram
from numerics.protocols import TemplateMatrix
from numerics.template_matrix.given import architecture_of, checked_matrix
from proofs_check.arguments import record, the_task
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.learning_setting import LearningSetting, TrainingSizes
from proofs_check.evidence.token_labels import report_on_labels
from proofs_check.evidence.trained_regression import TrainedRegression
from proofs_check.evidence.unlearnable import copied_label
from proofs_check.judgements import TEST_LEVEL
from proofs_check.seeds import seed_words
from symbind_theory import TemplateTask
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = ["CHECKER", "SIZES", "tangent_regime"]

# Of both kernels: λ_min to a few hundredths for templates of few symbols.
_MAX_POINTS = 2**12


def tangent_regime(
    task: TemplateTask,
    architecture: Architecture | None = None,
    target: float = 0.05,
    *,
    alpha: float = 1e-2,
    sizes: TrainingSizes | None = None,
    gram: TemplateMatrix | None = None,
    seed: int = 0,
    effort: str = "quick",
) -> Report:
    """Whether regression with the tangent kernel generalises to unseen symbols.

    >>> task = TemplateTask(["X ?a", "Y ?a"], [1, -1])
    >>> tangent_regime(task).outcome.value
    'HOLDS'

    Args:
        task: whose labels' noise is in training labels only; labels that are tokens are
            read one-hot.
        architecture: the transformer, of one layer or deep; when None that of `gram`,
            or `Architecture()`.
        target: mean squared error to be reached on unseen symbols, > 0; an MLP's floor
            where that is smaller. Raise it where the strings needed are too many.
        alpha: ridge > 0. Raise it for noisy labels.
        sizes: how large and how many training sets are; what the effort says when None.
        gram: the tangent kernel's matrix for the closed form; estimated when None.
        seed: from which the training sets and the estimates of both kernels follow.
        effort: "quick", "standard" or "full": how many strings may be drawn. Raise it
            where the claim is undecided.

    Raises:
        InputError: an argument out of range, or a gram of other templates, of another
            architecture or of another kernel.
    """
    task = the_task(task)
    meant = architecture_of(architecture, gram)
    seeds = seed_words(2, positive_integer("seed", seed, low=0))
    setting = LearningSetting(
        architecture=meant,
        target=finite_number("target", target, low=0, strict=True),
        alpha=finite_number("alpha", alpha, low=0, strict=True),
        noise=None,
        sizes=record("sizes", sizes or SIZES[effort].task, TrainingSizes),
        gram=_tangent(task, meant, gram, seeds[0]),
        seed=seed,
    )
    if meant.identity_vo <= 0 and (copied := copied_label(task)) is not None:
        return Report("C11", (copied,))
    above = _no_less_than_n(task, setting, seeds[1])
    report = report_on_labels("C11", task, TrainedRegression(setting).findings)
    return Report("C11", (above, *report.findings))


def _tangent(
    task: TemplateTask,
    architecture: Architecture,
    gram: TemplateMatrix | None,
    seed: int,
) -> TemplateMatrix:
    """The matrix of the tangent kernel, as it is given or as it is estimated.

    Raises:
        InputError: a matrix of something else.
    """
    if gram is None:
        return _estimate(task, architecture, seed)
    checked_matrix("gram", gram, task.templates, architecture)
    if gram.kernel != "ntk":
        raise InputError(
            f"gram is of the kernel {gram.kernel!r}; expected 'ntk', as tangent_gram "
            "returns"
        )
    return gram


def _estimate(task: TemplateTask, architecture: Architecture, seed: int) -> DeepGram:
    return tangent_gram(
        task.templates,
        architecture,
        rel_tol=0.02,
        max_points=_MAX_POINTS,
        seed=seed,
        level=(1 + TEST_LEVEL) / 2,
        device="cpu",
    )


def _no_less_than_n(task: TemplateTask, setting: LearningSetting, seed: int) -> Finding:
    """λ_min(Θ) ≥ λ_min(N), refuted where the intervals are the other way round."""
    plain = template_gram(
        task.templates,
        setting.architecture,
        rel_tol=0.02,
        max_points=_MAX_POINTS,
        seed=seed,
        level=(1 + TEST_LEVEL) / 2,
        device="cpu",
    )
    tangent, other = setting.gram.smallest_eigenvalue, plain.smallest_eigenvalue
    return Finding(
        "λ_min(N), no more than that of the tangent kernel's matrix",
        Outcome.REFUTED if tangent.high < other.low else Outcome.HOLDS,
        other,
        f"at most {tangent.high:.4g}",
        false_alarm=1 - TEST_LEVEL,
    )


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Training sets of a user's own task, and of the ledger's trials.

    Attributes:
        task: sets of any task, as large as it needs.
        trial: sets of two templates.
    """

    task: TrainingSizes
    trial: TrainingSizes


SIZES = ByEffort(
    quick=_Sizes(
        task=TrainingSizes(few_sets=96, most=2**15),
        trial=TrainingSizes(few_sets=96, many=2000, many_sets=8),
    ),
    standard=_Sizes(
        task=TrainingSizes(few_sets=384, most=2**18),
        trial=TrainingSizes(few_sets=1600, many=2000, many_sets=32),
    ),
    full=_Sizes(
        task=TrainingSizes(few_sets=1600, most=2**20),
        trial=TrainingSizes(few_sets=12_800, many=2000, many_sets=128),
    ),
)

_ONE_LAYER = Architecture(beta=2.0)
_DEEP = Architecture(
    beta=2.0, readout="last", depth=2, residual=1.0, normalisation="pre"
)
_TASK = TemplateTask(["?a ?a", "?a ?b"], [1, -1], noise=0.3)
_MUTANT_SIZES = TrainingSizes(few_sets=24, many=2000, many_sets=6)


def _same_different(architecture: Architecture, effort: Effort, seed: int) -> Report:
    sizes = SIZES[effort].trial
    return tangent_regime(_TASK, architecture, 0.2, sizes=sizes, seed=seed)


def _one_layer(effort: Effort, seed: int) -> Report:
    return _same_different(_ONE_LAYER, effort, seed)


def _two_blocks(effort: Effort, seed: int) -> Report:
    return _same_different(_DEEP, effort, seed)


def _without_positions(_: Effort, seed: int) -> Report:
    task = TemplateTask(["?a ?b ?a", "?a ?b ?b"], [1, -1])
    blind = replace(_DEEP, gamma=0.0, readout="cls")
    return tangent_regime(task, blind, sizes=_MUTANT_SIZES, seed=seed)


def _readout_alone(_: Effort, seed: int) -> Report:
    plain = template_gram(
        _TASK.templates, _DEEP, max_points=_MAX_POINTS, seed=seed, level=TEST_LEVEL
    )
    # By its own name it would be refused.
    mislabelled = replace(plain, kernel="ntk")
    return tangent_regime(_TASK, _DEEP, 0.2, sizes=_MUTANT_SIZES, gram=mislabelled)


def _another_transformer(_: Effort, seed: int) -> Report:
    cooler = _estimate(_TASK, Architecture(beta=0.3, readout="last"), seed)
    mislabelled = replace(cooler, architecture=_DEEP)
    return tangent_regime(_TASK, _DEEP, 0.2, sizes=_MUTANT_SIZES, gram=mislabelled)


CHECKER = Checker(
    "C11",
    tangent_regime,
    instances=(
        Instance("same-different with noise, one layer", _one_layer),
        Instance("same-different with noise, two blocks, pre, last", _two_blocks),
    ),
    mutants=(
        Mutant(
            "αβα and αββ without positions",
            _without_positions,
            refuted_by="squared error on unseen symbols after 2000",
        ),
        Mutant(
            "the closed form of the kernel whose readout alone is trained",
            _readout_alone,
            refuted_by="less the closed form",
        ),
        Mutant(
            "the tangent kernel of another transformer",
            _another_transformer,
            refuted_by="λ_min(N), no more than",
        ),
    ),
)
