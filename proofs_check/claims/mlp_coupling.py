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
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass

import torch
from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.training import Training, training_steps
from numerics.shapes import Int64
from proofs_check.arguments import record, task_with_numbers
from proofs_check.checker import Checker, Effort, Instance, Mutant
from proofs_check.evidence.mlp_data import (
    MLPData,
    Sizes,
    permute,
    random_permutations,
)
from proofs_check.judgements import at_most, proved, reported
from proofs_check.seeds import python_generator, torch_stream
from proofs_check.strategies import mlps, trainings
from symbind_theory import builtin_task
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.strategies import tasks
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import one_of, positive_integer

__all__ = ["CHECKER", "MOVED", "PERMUTED", "ROUNDING", "drawn_coupling", "mlp_coupling"]

PERMUTED = ("weights and data", "data", "weights")
"""What Π acts on before the second run; the claim is about both."""

MOVED = ("unseen", "all")
"""Which tokens Π moves: those that training never shows, or every token."""

ROUNDING = 1e-11
"""Largest relative difference put down to the order of sums.

Measured: at most 1e-12 in a hundred steps. Mutants differ by a tenth and more."""


def mlp_coupling(
    task: TemplateTask,
    mlp: MLP | None = None,
    training: Training | None = None,
    *,
    permuted: str = "weights and data",
    moved: str = "unseen",
    sizes: Sizes | None = None,
    seed: int = 0,
) -> Report:
    """Train an MLP and its permuted twin in lockstep, and compare them at every step.

    >>> task = builtin_task("same-different")
    >>> mlp_coupling(task, training=Training(steps=5)).outcome.name
    'HOLDS'

    Args:
        task: a task with real labels.
        mlp: the network; `MLP()` when None.
        training: its training; `Training(steps=20)` when None. Rounding grows with the
            steps where the first layer is "dense" or gradients are clipped.
        permuted: one of `PERMUTED`. "weights" is as good as both where `moved` is
            "unseen", because training has nothing to permute.
        moved: one of `MOVED`.
        sizes: of the data; `Sizes()` when None.
        seed: of the data, Π, the initial weights and the order of the strings.

    Raises:
        InputError: symbolic labels, a law that names its tokens, or an argument out of
            range.
    """
    one_of("permuted", permuted, PERMUTED)
    one_of("moved", moved, MOVED)
    positive_integer("seed", seed, low=0)
    task = task_with_numbers(task)
    mlp = record("mlp", mlp or MLP(), MLP)
    training = record("training", training or Training(steps=20), Training)
    data = MLPData.draw(task, sizes or Sizes(), seed)
    generator = torch_stream(seed, 0)
    order, same_order = torch_stream(seed, 1), torch_stream(seed, 1)
    moving = data.unseen if moved == "unseen" else data.vocabulary
    permutations = random_permutations(task.length, data.vocabulary, moving, generator)
    stack = MLPStack(mlp, 1, task.length, data.vocabulary, generator)
    twin = stack.permuted(permutations) if "weights" in permuted else deepcopy(stack)
    shown = permute(permutations, data.tokens) if "data" in permuted else data.tokens
    lockstep = zip(
        training_steps(stack, data.tokens, data.labels, training, order),
        training_steps(twin, shown, data.labels, training, same_order),
        strict=True,
    )
    uniform = torch.randint(data.vocabulary, (64, task.length), generator=generator)
    probes = torch.cat([data.tokens, data.test.flatten(0, 1), uniform])
    start = stack.outputs(probes)
    apart = _Apart.between(stack, twin, probes, permutations)
    for _ in lockstep:
        apart = apart.or_more(_Apart.between(stack, twin, probes, permutations))
    exact = mlp.first_layer != "dense" and training.clip is None
    findings = apart.findings(training.steps, 0.0 if exact else ROUNDING)
    if moved == "unseen":
        same = torch.equal(permute(permutations, data.tokens), data.tokens)
        findings.append(proved("Π moves no token of training, so that ΠD = D", same))
    change = _relative(stack.outputs(probes), start)
    if math.isfinite(change):
        found = Interval(change, change, change, 1.0)
        findings.append(reported("relative change of the outputs by training", found))
    return Report("C1", tuple(findings))


@dataclass(frozen=True, slots=True)
class _Apart:
    """Largest relative differences between a run and its twin; NaN beyond float64."""

    outputs: float
    weights: float

    @classmethod
    def between(
        cls,
        stack: MLPStack,
        twin: MLPStack,
        probes: Int64[torch.Tensor, "n k"],
        permutations: Int64[torch.Tensor, "k m"],
    ) -> _Apart:
        """f(Πx; twin) against f(x; θ), and the twin's weights against Πθ."""
        moved = twin.outputs(permute(permutations, probes))
        expected = stack.permuted(permutations).parameters()
        pairs = zip(twin.parameters(), expected, strict=True)
        return cls(
            _relative(moved, stack.outputs(probes)),
            _largest(_relative(one.detach(), other.detach()) for one, other in pairs),
        )

    def or_more(self, other: _Apart) -> _Apart:
        """The larger of both."""
        return _Apart(
            _largest((self.outputs, other.outputs)),
            _largest((self.weights, other.weights)),
        )

    def findings(self, steps: int, tolerance: float) -> list[Finding]:
        """Both held against the tolerance; undecided beyond float64."""
        what = "largest relative difference, before training and after each of"
        statements = {
            f"{what} {steps} steps, of f(Πx; θ') from f(x; θ)": self.outputs,
            f"{what} {steps} steps, of the weights θ' from Πθ": self.weights,
        }
        return [
            at_most(statement, Interval(found, found, found, 1.0), tolerance)
            if math.isfinite(found)
            else Finding(
                f"{statement}: training left the finite numbers",
                Outcome.UNDECIDED,
                expected="finite outputs: lower the learning rate",
            )
            for statement, found in statements.items()
        ]


def _relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference in units of the largest number; 0 where all numbers are 0."""
    apart = (found - expected).abs().max()
    scale = torch.maximum(found.abs().max(), expected.abs().max())
    return float(apart / scale) if apart else 0.0


def _largest(numbers: Iterable[float]) -> float:
    """The largest; NaN if one is NaN, which Python's max may overlook."""
    return float(torch.tensor(list(numbers), dtype=torch.float64).max())


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
        examples: how many to draw, ≥ 1.
        networks: of which networks; all that the claim is about when None.
        shrink: whether to look for the smallest counterexample once there is one.
        seed: of the draws.

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
                phases=[Phase.generate, Phase.shrink][: 1 + shrink],
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
        # A search most of whose runs say nothing says nothing.
        outcome = Outcome.HOLDS if 2 * held > drawn else Outcome.UNDECIDED
        return Report("C1", (Finding(statement, outcome),))
    counterexample = proved(f"coupled in all cases drawn, also in {broken}", False)
    return Report("C1", (counterexample, *broken.report().findings))


@dataclass(frozen=True)
class _Case:
    """What Hypothesis draws."""

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
        """The checker on it."""
        return mlp_coupling(
            self.task,
            self.mlp,
            self.training,
            moved=self.moved,
            sizes=Sizes(strings=40, seen=6, unseen=4, test=4, fills=1),
            seed=self.seed,
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
        Training(steps=effort.choose(10, 50, 100), optimiser="adamw", clip=clip),
        permuted=permuted,
        moved=moved,
        seed=seed,
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
        Instance(
            "tasks, networks and trainings drawn by Hypothesis",
            lambda effort, seed: drawn_coupling(
                effort.choose(60, 500, 5000),
                shrink=effort is not Effort.QUICK,
                seed=seed,
            ),
        ),
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
            lambda effort, seed: drawn_coupling(
                effort.choose(60, 500, 5000),
                mlps(first_layers=["tied"]),
                shrink=effort is not Effort.QUICK,
                seed=seed,
            ),
            refuted_by="coupled in all cases drawn",
        ),
    ),
)
