"""C2: an MLP's expected loss on unseen symbols is at least its floor.

By the coupling (C1) f(x; θ_t) and f(Πx; θ_t) have one law when Π permutes unseen
symbols position by position. So all strings of one skeleton have outputs of one law F,
and its templates' expected squared loss Σ_i μ_i E(F − y_i)² is at least their weight
times the variance of their labels. Over all skeletons, floor = E[Var(y | skeleton)].

The floor is held with a wide margin and catches little. What a symmetric network may
not do at all is tell a test string from an *independent slot fill* of its skeleton:

    D = test loss − average loss over slot fills with the string's own label,  E D = 0.

Student's statistic of D over independent initialisations (same data, same batches) has
to stay below 4. A network that generalises would have D ≤ −floor, because the average
of *any* function over slot fills is at least the floor: templates of one skeleton have
the same fills, and no number is near two labels. This is checked network by network,
and the floor itself exactly: it is what E[y | skeleton], the best function of the
skeleton, misses.

Mutants: half the floor claimed; an embedding tied across positions; two positions whose
first layers start with correlation −1. The last two see whether two symbols are equal
before training begins.

Source: arXiv 2310.09753, on the failure of MLPs, for a constant c > 0 and templates
without regular tokens; the explicit floor and the statistic are symbind's.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.stats import t

from numerics.networks.mlp import MLP
from numerics.networks.training import Training
from numerics.shapes import Float64
from proofs_check.arguments import record
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.mlp_data import MLPData, MLPSizes, diverged
from proofs_check.evidence.token_labels import report_on_labels
from proofs_check.judgements import (
    at_least,
    equals,
    mean_interval,
    proportion_interval,
    proved,
    reported,
)
from proofs_check.remedies import more
from symbind_theory import builtin_task
from symbind_theory.interval import Interval
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import (
    as_float,
    exact_real,
    finite_number,
    positive_integer,
)

__all__ = ["CHECKER", "SIZES", "mlp_floor"]

# A network that generalises has |D| of at least the floor: a quarter of it is resolved.
_RESOLVED = 0.25
_ROUNDING = 1e-12


def mlp_floor(
    task: TemplateTask,
    mlp: MLP | None = None,
    training: Training | None = None,
    *,
    networks: int | None = None,
    deviations: float = 4.0,
    floor: Any = None,
    sizes: MLPSizes | None = None,
    seed: int = 0,
    effort: str = "quick",
) -> Report:
    """Train independent initialisations, and hold their test losses against the floor.

    >>> report = mlp_floor(builtin_task("same-different"), training=Training(steps=20))
    >>> report.findings[0].outcome.name
    'HOLDS'

    Args:
        task: the task; labels that are tokens are read one-hot, each against the floor
            of telling it from the others.
        mlp: the network; `MLP()` when None.
        training: its training, by any loss; as many steps as the effort says when None.
            Test losses are squared.
        networks: independent initialisations, ≥ 2; 48 or more for the Student
            statistic to be near normal; as many as the effort says when None.
        deviations: how many standard errors D may be away from 0, > 0. This sets the
            false-alarm rate of the finding, twice Student's tail.
        floor: the least expected loss that is claimed; `task.mlp_floor()` when None.
        sizes: how much data there is; `MLPSizes()` when None, with a symbol for each
            wildcard at least.
        seed: from which the data, the initial weights and the order of the strings
            follow.
        effort: "quick", "standard" or "full": how many networks are trained, and how
            long. Raise it where a finding is undecided.

    Raises:
        InputError: an argument out of range.
    """
    chosen = SIZES[effort]
    networks = chosen.networks if networks is None else networks
    training = training or Training(steps=chosen.steps)
    setting = _Setting(
        mlp=record("mlp", mlp or MLP(), MLP),
        training=record("training", training, Training),
        networks=positive_integer("networks", networks, low=2),
        deviations=finite_number("deviations", deviations, low=0, strict=True),
        claimed=None if floor is None else exact_real("floor", floor),
        sizes=None if sizes is None else record("sizes", sizes, MLPSizes),
        seed=positive_integer("seed", seed, low=0),
    )
    return report_on_labels("C2", task, setting.findings)


@dataclass(frozen=True, slots=True)
class _Setting:
    """Networks and their training; `claimed` is a floor other than the task's."""

    mlp: MLP
    training: Training
    networks: int
    deviations: float
    claimed: Any
    sizes: MLPSizes | None
    seed: int

    def findings(self, task: TemplateTask) -> list[Finding]:
        """What networks trained on a task with real labels do on unseen symbols."""
        data = MLPData.draw(task, self.sizes, self.seed)
        stack = data.trained(self.mlp, self.training, self.networks, self.seed)
        test, orbit = data.loss(stack, data.test), data.loss(stack, data.fills)
        undecided = diverged(test + orbit, self.training)
        if undecided is not None:
            return [undecided]
        exact = task.mlp_floor() if self.claimed is None else self.claimed
        floor = as_float(exact)
        below = proportion_interval(int((test < floor).sum()), self.networks)
        return [
            proved(
                f"the best function of the skeleton has the expected loss {exact}",
                _best_of_skeleton(task) == exact,
            ),
            proved(
                "every network's average over slot fills is at least the floor",
                bool((orbit >= floor * (1 - _ROUNDING)).all()),
            ),
            *_expectation(test, floor),
            *_orbit_statistic(
                _orbit_differences(test, orbit),
                floor or float(data.weights @ data.targets**2) or 1.0,
                self.deviations,
            ),
            reported("share of single networks under the floor", below),
            reported("training loss", mean_interval(data.training_loss(stack))),
        ]


def _best_of_skeleton(task: TemplateTask) -> Any:
    """E y² − E (E[y | skeleton])², exactly: what E[y | skeleton] misses."""
    mass: dict[object, Any] = defaultdict(Fraction)
    sum_of_labels: dict[object, Any] = defaultdict(Fraction)
    mean_square: Any = Fraction(0)
    for (template, label), weight in zip(task, task.weights, strict=True):
        y: Any = label
        mass[template.skeleton] += weight
        sum_of_labels[template.skeleton] += weight * y
        mean_square += weight * y**2
    explained = (sum_of_labels[s] ** 2 / mass[s] for s in mass if mass[s])
    return mean_square - sum(explained)


def _expectation(test: Float64[np.ndarray, " n"], floor: float) -> list[Finding]:
    """The mean test loss against the floor; a floor of 0 needs no test."""
    statement = "expected loss on unseen symbols"
    mean = mean_interval(test)
    if not floor:
        return [reported(f"{statement}; the floor is 0", mean)]
    statement += " against the floor"
    return [at_least(statement, mean, floor, more("networks", len(test)))]


def _orbit_differences(
    test: Float64[np.ndarray, " n"], orbit: Float64[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """D, with rounding taken for 0: strings without wildcards are their own fills."""
    difference = test - orbit
    return np.where(np.abs(difference) <= _ROUNDING * (test + orbit), 0.0, difference)


def _orbit_statistic(
    differences: Float64[np.ndarray, " n"], scale: float, deviations: float
) -> list[Finding]:
    """E D = 0 with Student's interval of so many standard errors, and z.

    Resolved to a part of the floor, or of the labels' mean square where that is 0.
    """
    statement = "mean of D, test loss less its average over slot fills"
    n, mean = len(differences), float(differences.mean())
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    if not error:
        return [proved(f"{statement}, is 0", mean == 0)]
    level = 1 - 2 * float(t.sf(deviations, n - 1))
    reach = deviations * error
    interval = Interval(mean, mean - reach, mean + reach, level)
    z = mean / error
    return [
        equals(statement, interval, 0.0, _RESOLVED * scale, more("networks", n)),
        reported("z of D", Interval(z, z - deviations, z + deviations, level)),
    ]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes of the ledger's trials on a built-in task.

    Attributes:
        steps: updates of each training.
        networks: independent initialisations.
    """

    steps: int
    networks: int


SIZES = ByEffort(
    quick=_Sizes(steps=60, networks=128),
    standard=_Sizes(steps=200, networks=384),
    full=_Sizes(steps=400, networks=1024),
)


def _on(
    task: str, mlp: MLP | None = None, deviations: float = 4.0
) -> Callable[[Effort, int], Report]:
    """The checker on a built-in task."""
    return lambda effort, seed: mlp_floor(
        builtin_task(task),
        mlp,
        Training(steps=SIZES[effort].steps),
        networks=SIZES[effort].networks,
        deviations=deviations,
        seed=seed,
    )


CHECKER = Checker(
    "C2",
    mlp_floor,
    instances=(
        Instance("same-different", _on("same-different")),
        # Five, so that the ledger's false alarms are those of the line above.
        Instance("variable-assignment", _on("variable-assignment", deviations=5.0)),
    ),
    mutants=(
        Mutant(
            "half the floor claimed",
            lambda effort, seed: mlp_floor(
                builtin_task("same-different"),
                training=Training(),
                networks=64,
                floor=Fraction(1, 2),
                seed=seed,
            ),
            refuted_by="the best function of the skeleton",
        ),
        Mutant(
            "embedding tied across positions",
            _on("same-different", MLP(first_layer="tied")),
            refuted_by="mean of D",
        ),
        Mutant(
            "first layers of two positions correlated -1",
            _on("same-different", MLP(first_layer="opposed")),
            refuted_by="mean of D",
        ),
    ),
)
