"""From the estimators' records to plain ones: what `check` returns and reports show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from symbind_theory.headlines import conclude
from symbind_theory.interval import Interval
from symbind_theory.laws.substitution_laws import Probabilities
from symbind_theory.records.architecture import ArchitectureRecord
from symbind_theory.records.check import CheckResult, Estimates, Gap
from symbind_theory.records.learning import (
    Alignment,
    Curve,
    FiniteDiversity,
    SampleComplexity,
)
from symbind_theory.separation.decisions import decide
from symbind_theory.separation.incidence import incidence_of
from symbind_theory.separation.leading_gaps import LeadingGap, separation
from symbind_theory.separation.theorem_s import Decision
from symbind_theory.tasks import TemplateTask
from symbind_theory.verdicts import reach_verdicts
from symbind_theory.version import __version__

if TYPE_CHECKING:
    from numerics import AttentionMatrix, DeepGram, TemplateGram
    from numerics.protocols import Progress

__all__ = [
    "Learning",
    "check_result",
    "curve_sizes",
    "diversity_of",
    "learn_from",
    "shares_symbols",
    "summarise",
]

# Without a number of strings that is enough, the curve ends where data sets do.
_LARGE_DATA_SET = 10**6


@dataclass(frozen=True, slots=True)
class Learning:
    """What N implies for learning; nothing for symbolic labels.

    Attributes:
        complexity: strings needed.
        alignment: how the labels lie to N.
        curve: the learning curve.
    """

    complexity: SampleComplexity | None = None
    alignment: Alignment | None = None
    curve: Curve | None = None


def learn_from(
    task: TemplateTask,
    gram: AttentionMatrix,
    target: float,
    alpha: float | None,
    seed: int,
) -> Learning:
    """Strings needed, the labels' alignment and the learning curve, from N.

    Args:
        task: the task.
        gram: its template matrix.
        target: mean squared error aimed at.
        alpha: ridge; the usual one when None.
        seed: of what is drawn.
    """
    from numerics import alignment, learning_curve, sample_complexity
    from numerics.learning.curves import DEFAULT_ALPHA

    if task.symbolic:
        return Learning()
    alpha = DEFAULT_ALPHA if alpha is None else alpha
    complexity = sample_complexity(
        task, target=target, alpha=alpha, seed=seed, gram=gram
    )
    sizes = curve_sizes(complexity)
    curve = learning_curve(
        task, None, sizes, alpha, counts="random", seed=seed, gram=gram
    )
    return Learning(
        complexity=complexity,
        alignment=alignment(task, target=target, alpha=alpha, seed=seed, gram=gram),
        curve=Curve(curve.sizes, curve.intervals, curve.alpha),
    )


def shares_symbols(task: TemplateTask, vocabulary: int | None) -> bool:
    """Whether a vocabulary is known, in which training strings share symbols.

    Args:
        task: whose laws may name one.
        vocabulary: number of tokens, where it is given.
    """
    return vocabulary is not None or Probabilities in map(type, task.laws)


def diversity_of(
    task: TemplateTask,
    vocabulary: int | None,
    complexity: SampleComplexity | None,
    gram: AttentionMatrix,
    seed: int,
    progress: Progress | None,
) -> FiniteDiversity | None:
    """The error where training strings share symbols, if a vocabulary is known.

    Args:
        task: the task.
        vocabulary: number of tokens; those that the laws name when None.
        complexity: strings needed where none are shared.
        gram: the template matrix.
        seed: of training sets.
        progress: called with (training sets done, training sets in all).
    """
    if not shares_symbols(task, vocabulary):
        return None
    # Loads scikit-learn, which takes a second.
    from numerics.estimators.enough_symbols import finite_diversity

    return finite_diversity(
        task,
        vocabulary,
        complexity,
        gram,
        gram.architecture,
        seed=seed,
        progress=progress,
    )


def check_result(
    task: TemplateTask,
    gram: TemplateGram | DeepGram,
    learned: Learning,
    diversity: FiniteDiversity | None,
    seed: int,
) -> CheckResult:
    """Decisions, verdicts and all that was found, as one record.

    Args:
        task: the task.
        gram: its template matrix.
        learned: what that implies for learning.
        diversity: the error where training strings share symbols.
        seed: of the points.
    """
    architecture, kernel, needed = gram.architecture, gram.kernel, learned.complexity
    described = architecture.record()
    decision = decide(task.templates, described, kernel)
    smallest, least = gram.smallest_eigenvalue, gram.more_points
    b = described.identity_vo
    # What b mends is known where it is trained, and the tangent kernel holds it.
    plain = described.one_layer and (kernel == "nngp" or b <= 0)
    verdicts = reach_verdicts(task, decision, smallest, needed, b, least, plain)
    return CheckResult(
        task=task,
        architecture=described,
        kernel=kernel,
        equivalent_pairs=task.equivalent_pairs(),
        overlapping_pairs=task.overlapping_pairs("symbols"),
        overlapping_pairs_any=task.overlapping_pairs("any"),
        collapsed_pairs=tuple((c.i, c.j) for c in decision.collapses),
        mlp_floor=task.mlp_floor(),
        estimates=summarise(gram, described, decision),
        sample_complexity=needed,
        alignment=learned.alignment,
        learning_curve=learned.curve,
        finite_diversity=diversity,
        headline=conclude(task, verdicts, needed, diversity, described, kernel),
        verdicts=verdicts,
        seed=seed,
        version=__version__,
    )


def summarise(
    gram: AttentionMatrix, architecture: ArchitectureRecord, decision: Decision
) -> Estimates:
    """The numbers of a Gram record as plain frozen tuples, exact ones beside them."""

    def rows(matrix: Any) -> tuple[tuple[float, ...], ...]:
        return tuple(map(tuple, matrix.tolist()))

    width = gram.halfwidth
    return Estimates(
        gaps=_gaps(gram, architecture, decision),
        attention=rows(gram.attention),
        attention_halfwidth=rows(width["attention"]),
        attention_self=tuple(gram.attention_self.tolist()),
        matrix=rows(gram.matrix),
        matrix_halfwidth=rows(width["matrix"]),
        matrix_self=tuple(gram.matrix_self.tolist()),
        eigenvalues=gram.eigenvalues,
        smallest_eigenvalue=gram.smallest_eigenvalue,
        condition_number=gram.condition_number,
        attention_smallest_eigenvalue=gram.attention_smallest_eigenvalue,
        level=gram.level,
        points=gram.points,
        method=gram.method,
        device=gram.device,
    )


def curve_sizes(complexity: SampleComplexity) -> tuple[int, ...]:
    """Numbers of strings, four a decade, from 1 to past the one that is enough."""
    enough = _LARGE_DATA_SET if complexity.n is None else max(complexity.n, 10)
    decades = math.ceil(math.log10(enough) + 0.5)
    # The first quarters of a decade round to 2, 3 and 6.
    return tuple(round(10 ** (step / 4)) for step in range(4 * decades + 1))


def _gaps(
    gram: AttentionMatrix, architecture: ArchitectureRecord, decision: Decision
) -> tuple[Gap, ...]:
    """Every pair's gap: the estimate, and how it starts in beta."""
    seen = [incidence_of(t, architecture.readout) for t in gram.templates]
    identities = architecture.identity_kq != 0, architecture.identity_vo != 0
    equal = _equal_features(architecture, decision)
    gaps = []
    for i, j in combinations(range(len(seen)), 2):
        leading = separation(seen[i], seen[j], *identities)
        order, coefficient = _beginning(leading, architecture, (i, j) in equal)
        value, width = float(gram.gaps[i, j]), float(gram.halfwidth["gaps"][i, j])
        estimate = Interval(value, max(0.0, value - width), value + width, gram.level)
        gaps.append(Gap(i, j, estimate, order, coefficient))
    return tuple(gaps)


def _equal_features(
    architecture: ArchitectureRecord, decision: Decision
) -> set[tuple[int, int]]:
    """The pairs that collapse because their features are equal, whatever φ is."""
    if architecture.activation.kind == "constant":
        return set()
    if not architecture.one_layer:
        return {(c.i, c.j) for c in decision.collapses if c.identical}
    # At γ = 0 templates collapse by equal features, whatever β is.
    return {(c.i, c.j) for c in decision.collapses if architecture.gamma == 0}


def _beginning(
    leading: LeadingGap, architecture: ArchitectureRecord, equal: bool
) -> tuple[int | None, str | None]:
    """Order and coefficient, as far as they hold at this γ: known of one layer."""
    if leading.order is None or equal:
        return None, "0"
    if not architecture.one_layer:
        return None, None
    if architecture.gamma == 0 and not any(power == 0 for power, *_ in leading.terms):
        return None, None
    exact = leading.in_gamma(architecture.identity_kq, architecture.identity_vo)
    return leading.order, str(exact)
