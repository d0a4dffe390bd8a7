"""C12: a finite transformer, all of it trained, falls below what an MLP can reach.

C5 is about the kernel of infinitely wide transformers, C11 about networks that stay
near their tangent kernel. Here networks have some dozens of entries a token and leave
it: they start small and are trained by Adam in all their layers. Each head has a
multiple a of the identity between its keys and queries,

    attention = softmax(x̂ W_K W_Qᵀ x̂ᵀ/√e + a x̂ x̂ᵀ),

which starts at 0 and is trained with the rest. The best epoch is chosen on strings of
validation symbols; on yet other symbols two things are put to the test:

1. *The mean.* No MLP has an expected squared error below
   E_skeleton[Var(label | skeleton)], its floor (C2). The mean error of independent
   networks, each on strings of its own, is below.
2. *Single networks.* Errors are skewed: most are near 0, some trainings find nothing.
   So there is a test that takes them for nothing else: half the networks at least are
   below the floor, with the exact interval of a proportion.

How many strings are enough is a property of the task, and of the training. An error
above the floor refutes the claim only where so many were claimed to be enough; where
they were not, more are what to pass. It is refuted where no number is enough: two
templates that occur have different labels, and no network of the kind tells them apart,
however it is trained (`evidence.indistinguishable`); or a label is copied, which fails
as the width grows without b (C7). With β = 0 a network with normalisation may tell more
apart than its kernel at the start: nothing is refuted by proof there, it is trained.

Mutants: an MLP in the transformer's place; the transformer without a, after as many
strings; αβ and βα with different labels; αβα and αββ without positions.

Source: arXiv 2310.09753, on experiments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER
from numerics.networks.mlp import MLP
from numerics.networks.training import Training
from numerics.shapes import Float64
from proofs_check.arguments import record, the_task
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.finite_networks import (
    FiniteTransformer,
    Network,
    NetworkSizes,
    NetworkTraining,
    without_floor,
)
from proofs_check.evidence.mlp_data import diverged
from proofs_check.evidence.token_labels import report_on_labels
from proofs_check.evidence.unlearnable import copied_label
from proofs_check.judgements import (
    at_least,
    at_most,
    mean_interval,
    proportion_interval,
    reported,
)
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.validation import (
    InputError,
    as_float,
    finite_number,
    positive_integer,
)

__all__ = ["CHECKER", "SIZES", "trained_transformer"]

_TRAINING = Training(learning_rate=5e-3, batch_size=128)


def trained_transformer(
    task: TemplateTask,
    network: Network | None = None,
    training: Training | None = None,
    target: float | None = None,
    *,
    enough: bool = False,
    sizes: NetworkSizes | None = None,
    seed: int = 0,
    effort: str = "quick",
) -> Report:
    """Train finite transformers, and hold their errors against an MLP's floor.

    >>> few = NetworkSizes(networks=2, epochs=5)
    >>> task = builtin_task("same-different")
    >>> trained_transformer(task, sizes=few).outcome.value
    'UNDECIDED'

    Args:
        task: whose labels' noise is in training labels only; labels that are tokens are
            read one-hot, each against the floor of telling it from the others.
        network: what is trained; `FiniteTransformer()` when None.
        training: optimiser, rate and batches; Adam at 5e-3 when None. Steps and loss
            are those of `sizes` and of squared errors.
        target: mean squared error to be reached, > 0; an MLP's floor when None, or
            where that is smaller.
        enough: whether so many strings are claimed to be enough. Then an error above
            the target refutes the claim; otherwise it leaves it undecided, and more
            strings are what to pass.
        sizes: how many networks, strings and epochs; what the effort says when None.
        seed: from which strings, initial weights and orders follow.
        effort: "quick", "standard" or "full": how many networks are trained, and how
            long. Raise it where the claim is undecided.

    Raises:
        InputError: a task whose skeletons decide its labels, or whose law names its
            tokens; or an argument out of range.
    """
    task = the_task(task)
    network = network or FiniteTransformer()
    if not isinstance(network, MLP):
        record("network", network, FiniteTransformer)
    setting = NetworkTraining(
        training=record("training", training or _TRAINING, Training),
        sizes=record("sizes", sizes or SIZES[effort].task, NetworkSizes),
        enough=enough,
        seed=positive_integer("seed", seed, low=0),
    )
    if target is not None:
        finite_number("target", target, low=0, strict=True)
    if (silent := without_floor(task)) is not None:
        raise InputError(silent)
    copies = isinstance(network, MLP) or network.copies
    if not copies and (copied := copied_label(task)) is not None:
        return Report("C12", (copied,))
    if (long := setting.too_long(task, 1)) is not None:
        return Report("C12", (long,))

    def findings(numbers: TemplateTask) -> list[Finding]:
        return _findings(numbers, network, setting, target)

    return report_on_labels("C12", task, findings)


def _findings(
    task: TemplateTask,
    network: Network,
    setting: NetworkTraining,
    target: float | None,
) -> list[Finding]:
    """What networks do on a task with real labels."""
    floor = as_float(task.mlp_floor())
    if not floor:
        return [reported("an MLP's floor is 0: the labels follow from the skeletons")]
    if isinstance(network, FiniteTransformer):
        conflict = network.conflict(task)
        if conflict is not None:
            return [conflict]
    (errors,) = setting.errors(task, network)
    lost = diverged(errors, setting.training)
    if lost is not None:
        return [lost]
    return _below(errors, min(target or floor, floor), setting)


def _below(
    errors: Float64[np.ndarray, " networks"], goal: float, setting: NetworkTraining
) -> list[Finding]:
    """The mean error, and the share of networks, held against the goal."""
    strings = setting.more_strings
    after = f"on unseen symbols after {setting.sizes.strings} strings"
    mean = at_most(
        f"mean squared error {after}",
        mean_interval(errors),
        goal,
        remedy=lambda _: strings,
    )
    below = int((errors < goal).sum())
    # More networks help only where the half that is looked for is there.
    decided_by_networks = 2 * below > len(errors)
    share = at_least(
        f"share of networks whose error {after} is below {goal:.4g}",
        proportion_interval(below, len(errors)),
        0.5,
        setting.more_networks if decided_by_networks else lambda _: strings,
    )
    return [setting.judged(mean, strings), setting.judged(share, strings)]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Networks on a user's own task, and of the ledger's trials.

    Attributes:
        task: networks on any task.
        transformers: those on αβα and αββ; at quick effort with the epochs of C13's
            pairs, half of which they are.
        noisy: those on labels with noise.
        mlps: the mutant's, which take little time.
    """

    task: NetworkSizes
    transformers: NetworkSizes
    noisy: NetworkSizes
    mlps: NetworkSizes


SIZES = ByEffort(
    quick=_Sizes(
        task=NetworkSizes(),
        transformers=NetworkSizes(networks=18, epochs=20),
        noisy=NetworkSizes(networks=18),
        mlps=NetworkSizes(networks=96),
    ),
    standard=_Sizes(
        task=NetworkSizes(
            strings=512, networks=32, epochs=60, held_out=256, most_tokens=30_000_000
        ),
        transformers=NetworkSizes(networks=48),
        noisy=NetworkSizes(networks=48),
        mlps=NetworkSizes(networks=192),
    ),
    full=_Sizes(
        task=NetworkSizes(
            strings=2048,
            networks=64,
            epochs=100,
            held_out=512,
            most_tokens=1_000_000_000,
        ),
        transformers=NetworkSizes(networks=128),
        noisy=NetworkSizes(networks=128),
        mlps=NetworkSizes(networks=384, most_tokens=3_000_000),
    ),
)

_LAST = FiniteTransformer(
    replace(PAPER, readout="last"),
    BlockShape(width=128, heads=2, head_width=16, hidden=64),
)
_NOISY = TemplateTask(["?a ?a", "?a ?b"], [1, -1], noise=0.3)
# Of labels 1 and -1, for a margin on either side.
_HALF = 0.5


def _aba_abb(effort: Effort, seed: int, network: FiniteTransformer = _LAST) -> Report:
    return trained_transformer(
        builtin_task("aba-abb"),
        network,
        target=_HALF,
        enough=True,
        sizes=SIZES[effort].transformers,
        seed=seed,
    )


def _same_different(effort: Effort, seed: int) -> Report:
    sizes = SIZES[effort].noisy
    return trained_transformer(_NOISY, enough=True, sizes=sizes, seed=seed)


def _mlp(effort: Effort, seed: int) -> Report:
    return trained_transformer(
        _NOISY, MLP(width=64), enough=True, sizes=SIZES[effort].mlps, seed=seed
    )


def _without_a(effort: Effort, seed: int) -> Report:
    return _aba_abb(effort, seed, _LAST.without_scalars)


def _equivalent(_: Effort, seed: int) -> Report:
    return trained_transformer(TemplateTask(["?a ?b", "?b ?a"], [1, -1]), seed=seed)


def _without_positions(_: Effort, seed: int) -> Report:
    blind = FiniteTransformer(replace(PAPER, gamma=0.0))
    return trained_transformer(builtin_task("aba-abb"), blind, seed=seed)


CHECKER = Checker(
    "C12",
    trained_transformer,
    instances=(
        Instance("αβα and αββ, half the floor, last", _aba_abb),
        Instance("same-different with noise", _same_different),
    ),
    mutants=(
        Mutant(
            "an MLP in the transformer's place",
            _mlp,
            refuted_by="mean squared error on unseen symbols",
        ),
        Mutant(
            "the transformer without a, after as many strings",
            _without_a,
            refuted_by="mean squared error on unseen symbols",
        ),
        Mutant(
            "αβ and βα with different labels",
            _equivalent,
            refuted_by="differ to the network on fresh symbols",
        ),
        Mutant(
            "αβα and αββ without positions",
            _without_positions,
            refuted_by="differ to the network on fresh symbols",
        ),
    ),
    silent=without_floor,
)
"""The checker of C12."""
