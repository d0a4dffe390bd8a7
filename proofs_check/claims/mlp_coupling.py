"""C1: permuting symbols position by position couples an MLP's training runs exactly.

Let Π permute the tokens independently at each position. An MLP reads the flattened
one-hot string, so that f(Πx; Πθ) = f(x; θ), where Πθ has the rows of the first layer
permuted. Gradients follow: training from Πθ₀ on ΠD with the same batches gives Πθ_t
after every step, whatever the loss, for every optimiser that treats all numbers of a
layer alike. If Π moves only tokens that D never shows at their positions, ΠD = D; as
Πθ₀ has the law of θ₀, f(x; θ_t) and f(Πx; θ_t) then have one law: αα and αβ look alike.

The test trains both runs in lockstep and compares them after every step. It is sharp: a
first layer read as a gather adds the same numbers in the same order, so that both agree
to the last bit. A product with the one-hot string, and clipping by a norm over the
whole network, may add the same numbers in another order, which leaves rounding.

Mutants: an embedding tied across positions, which has no permutation at one position;
permuted data without permuted weights; permuted weights without permuted data where Π
moves symbols that training has seen.

Source: arXiv 2310.09753, on the failure of MLPs; the lockstep test is symbind's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.training import Training, training_steps
from proofs_check.arguments import record
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.lockstep import ROUNDING, Differences, relative_difference
from proofs_check.evidence.mlp_data import (
    MLPData,
    MLPSizes,
    permute,
    random_permutations,
)
from proofs_check.evidence.token_labels import report_on_labels
from proofs_check.judgements import exactly, proved, reported
from proofs_check.seeds import python_generator, torch_stream
from proofs_check.strategies import mlps, trainings
from symbind_theory import builtin_task
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.strategies import tasks
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import one_of, positive_integer

__all__ = [
    "CHECKER",
    "MOVED",
    "PERMUTED",
    "ROUNDING",
    "SIZES",
    "drawn_coupling",
    "mlp_coupling",
]

PERMUTED = ("weights and data", "data", "weights")
"""What Π acts on before the second run; the claim is about both."""

MOVED = ("unseen", "all")
"""Which tokens Π moves: those that training never shows, or every token."""


def mlp_coupling(
    task: TemplateTask,
    mlp: MLP | None = None,
    training: Training | None = None,
    *,
    permuted: str = "weights and data",
    moved: str = "unseen",
    sizes: MLPSizes | None = None,
    seed: int = 0,
    effort: str = "quick",
) -> Report:
    """Train an MLP and its permuted twin in lockstep, and compare them at every step.

    >>> task = builtin_task("same-different")
    >>> mlp_coupling(task, training=Training(steps=5)).outcome.name
    'HOLDS'

    Args:
        task: the task; labels that are tokens are read one-hot.
        mlp: the network; `MLP()` when None.
        training: its training; as many steps as the effort says when None. Rounding
            grows with the steps where the first layer is "dense" or gradients are
            clipped.
        permuted: one of `PERMUTED`. "weights" is as good as both where `moved` is
            "unseen", because training has nothing to permute.
        moved: one of `MOVED`.
        sizes: how much data there is; `MLPSizes()` when None, with a symbol for each
            wildcard at least.
        seed: from which the data, Π, the initial weights and the order of the strings
            follow.
        effort: "quick", "standard" or "full": how long the training is.

    Raises:
        InputError: an argument out of range.
    """
    one_of("permuted", permuted, PERMUTED)
    one_of("moved", moved, MOVED)
    positive_integer("seed", seed, low=0)
    mlp = record("mlp", mlp or MLP(), MLP)
    training = training or Training(steps=SIZES[effort].steps)
    setting = _Setting(
        mlp=mlp,
        training=record("training", training, Training),
        permuted=permuted,
        moved=moved,
        sizes=None if sizes is None else record("sizes", sizes, MLPSizes),
        seed=seed,
    )
    return report_on_labels("C1", task, setting.findings)


@dataclass(frozen=True, slots=True)
class _Setting:
    """A network, its training and what Π does; the arguments of `mlp_coupling`."""

    mlp: MLP
    training: Training
    permuted: str
    moved: str
    sizes: MLPSizes | None
    seed: int

    def findings(self, task: TemplateTask) -> list[Finding]:
        """What a run and its twin differ by on a task with real labels."""
        data = MLPData.draw(task, self.sizes, self.seed)
        generator = torch_stream(self.seed, 0)
        order, same_order = torch_stream(self.seed, 1), torch_stream(self.seed, 1)
        moving = data.unseen if self.moved == "unseen" else data.vocabulary
        permutations = random_permutations(
            task.length, data.vocabulary, moving, generator
        )
        stack = MLPStack(self.mlp, 1, task.length, data.vocabulary, generator)
        twin, shown = deepcopy(stack), data.tokens
        if "weights" in self.permuted:
            twin = stack.permuted(permutations)
        if "data" in self.permuted:
            shown = permute(permutations, data.tokens)
        lockstep = zip(
            training_steps(stack, data.tokens, data.labels, self.training, order),
            training_steps(twin, shown, data.labels, self.training, same_order),
            strict=True,
        )
        uniform = torch.randint(data.vocabulary, (64, task.length), generator=generator)
        probes = torch.cat([data.tokens, data.test.flatten(0, 1), uniform])
        start = stack.outputs(probes)
        largest = Differences.between(stack, twin, probes, permutations)
        for _ in lockstep:
            now = Differences.between(stack, twin, probes, permutations)
            largest = largest.maximum(now)
        exact = self.mlp.first_layer != "dense" and self.training.clip is None
        findings = largest.findings(self.training, 0.0 if exact else ROUNDING)
        if self.moved == "unseen":
            same = torch.equal(permute(permutations, data.tokens), data.tokens)
            statement = "Π moves no token of training, so that ΠD = D"
            findings.append(proved(statement, same))
        change = relative_difference(stack.outputs(probes), start)
        if math.isfinite(change):
            statement = "relative change of the outputs by training"
            findings.append(reported(statement, exactly(change)))
        return findings


def drawn_coupling(
    examples: int,
    networks: st.SearchStrategy[MLP] | None = None,
    *,
    shrink: bool = True,
    seed: int = 0,
) -> Report:
    """Search for a task, a network and a training that break the coupling.

    Hypothesis draws them: tasks with real labels, any depth, activation, loss,
    optimiser, order of the strings, and Π on unseen or on all tokens.

    Args:
        examples: how many cases are drawn, ≥ 1.
        networks: how networks are drawn; all that the claim is about when None.
        shrink: whether to look for the smallest counterexample once there is one.
        seed: from which the draws follow.

    Raises:
        InputError: a number out of range.
    """
    positive_integer("examples", examples)
    cases = st.builds(
        _Case,
        tasks(max_length=4, max_wildcards=3),
        mlps() if networks is None else networks,
        trainings(),
        st.sampled_from(MOVED),
        st.integers(0, 2**16),
    )
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    outcomes: list[Outcome] = []

    def breaks(case: _Case) -> bool:
        outcomes.append(case.report().outcome)
        return outcomes[-1] is Outcome.REFUTED

    try:
        broken = find(
            cases,
            breaks,
            settings=settings(
                max_examples=examples,
                derandomize=False,
                database=None,
                deadline=None,
                phases=phases,
                suppress_health_check=[
                    HealthCheck.too_slow,
                    HealthCheck.data_too_large,
                    HealthCheck.filter_too_much,
                    HealthCheck.large_base_example,
                ],
                verbosity=Verbosity.quiet,
            ),
            random=python_generator(seed),
        )
    except NoSuchExample:
        held, drawn = outcomes.count(Outcome.HOLDS), len(outcomes)
        statement = f"coupled in all {drawn} tasks, networks and trainings drawn"
        if held < drawn:
            statement += f", but for {drawn - held} that left the finite numbers"
        # A search most of whose cases say nothing says nothing.
        outcome = Outcome.HOLDS if 2 * held > drawn else Outcome.UNDECIDED
        return Report("C1", (Finding(statement, outcome),))
    counterexample = proved(f"coupled in all cases drawn, also in {broken}", False)
    return Report("C1", (counterexample, *broken.report().findings))


@dataclass(frozen=True)
class _Case:
    """A task, a network and a training, as Hypothesis draws them."""

    task: TemplateTask
    mlp: MLP
    training: Training
    moved: str
    seed: int

    def __str__(self) -> str:
        return (
            f"{self.task} by {self.mlp} and {self.training} with {self.moved} tokens "
            f"moved and seed {self.seed}"
        )

    def report(self) -> Report:
        """The checker on this case, with little data."""
        return mlp_coupling(
            self.task,
            self.mlp,
            self.training,
            moved=self.moved,
            sizes=MLPSizes(strings=40, seen=6, unseen=4, test=4, fills=1),
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes of the ledger's trials.

    Attributes:
        steps: updates of a training on a built-in task.
        examples: cases that Hypothesis draws.
        shrink: whether Hypothesis looks for the smallest counterexample.
    """

    steps: int
    examples: int
    shrink: bool


SIZES = ByEffort(
    quick=_Sizes(steps=10, examples=60, shrink=False),
    standard=_Sizes(steps=50, examples=500, shrink=True),
    full=_Sizes(steps=100, examples=5000, shrink=True),
)


def _on(
    task: str,
    mlp: MLP | None = None,
    clip: float | None = None,
    permuted: str = "weights and data",
    moved: str = "unseen",
) -> Callable[[Effort, int], Report]:
    """The checker on a built-in task."""
    return lambda effort, seed: mlp_coupling(
        builtin_task(task),
        mlp,
        Training(steps=SIZES[effort].steps, optimiser="adamw", clip=clip),
        permuted=permuted,
        moved=moved,
        seed=seed,
    )


def _drawn(
    networks: st.SearchStrategy[MLP] | None = None,
) -> Callable[[Effort, int], Report]:
    """The search of Hypothesis, among all networks when None."""
    return lambda effort, seed: drawn_coupling(
        SIZES[effort].examples, networks, shrink=SIZES[effort].shrink, seed=seed
    )


CHECKER = Checker(
    "C1",
    mlp_coupling,
    instances=(
        Instance("same-different, unseen symbols moved", _on("same-different")),
        Instance(
            "variable-assignment, all tokens moved, one-hot product, clipped",
            _on("variable-assignment", MLP(first_layer="dense"), 0.1, moved="all"),
        ),
        Instance("tasks, networks and trainings drawn by Hypothesis", _drawn()),
    ),
    mutants=(
        Mutant(
            "embedding tied across positions",
            _on("same-different", MLP(first_layer="tied")),
            refuted_by="of f(Πx; θ')",
        ),
        Mutant(
            "data permuted, weights not",
            _on("same-different", permuted="data", moved="all"),
            refuted_by="of f(Πx; θ') from f(x; θ)",
        ),
        Mutant(
            "symbols moved that training has seen",
            _on("same-different", permuted="weights", moved="all"),
            refuted_by="of f(Πx; θ') from f(x; θ)",
        ),
        Mutant(
            "tied embeddings drawn by Hypothesis",
            _drawn(mlps(first_layers=["tied"])),
            refuted_by="coupled in all cases drawn",
        ),
    ),
)
