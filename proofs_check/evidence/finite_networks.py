"""Finite networks, trained in all their layers and asked about unseen symbols.

Each network has training strings, a start and an order of the strings of its own, so
that errors are independent. The best epoch is chosen on validation symbols, and what is
reported comes from yet other symbols (`numerics.networks.unseen_strings`). Labels are
centred and scaled to variance 1 for training, and errors are scaled back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
from torch.nn.utils import parametrize

from numerics import Architecture
from numerics.networks.blocks import BlockShape, Identity
from numerics.networks.deep_transformer import PAPER, DeepTransformer, Initialisation
from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.training import Training
from numerics.networks.unseen_strings import UnseenSymbols, unseen_symbols
from numerics.networks.unseen_training import Diverged, Schedule, train_unseen
from numerics.protocols import Trainable
from numerics.shapes import Float, Float64
from proofs_check.evidence.indistinguishable import alike_pairs
from proofs_check.evidence.token_labels import one_hot
from proofs_check.evidence.unlearnable import conflicting_labels
from proofs_check.judgements import exactly
from proofs_check.remedies import Remedy, as_call, larger, more_of
from proofs_check.seeds import seed_array, torch_stream
from symbind_theory.laws.substitution_laws import Probabilities
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import as_float, finite_number, one_of, positive_integer

__all__ = [
    "FiniteTransformer",
    "Network",
    "NetworkSizes",
    "NetworkTraining",
    "without_floor",
]

# Epochs between two looks at the validation error: one costs as much as an update.
_LOOK_EVERY = 5


@dataclass(frozen=True, slots=True)
class FiniteTransformer:
    """A transformer of finite width.

    Attributes:
        architecture: its blocks, with the a and b that each head starts with.
        shape: their sizes.
        gain: g of its initialisation (`numerics.networks.deep_transformer`).
        trained: the scalars that training moves: "kq" for each head's a, "vo" for its
            b.
        identity_unit: what a is for each unit of the number that is trained, > 0. At
            1/width a has the theory's scaling, in which Adam moves it as little as it
            does any other entry.

    Raises:
        InputError: a number out of range, or no such scalar.
    """

    architecture: Architecture = PAPER
    shape: BlockShape = field(
        default_factory=lambda: BlockShape(width=128, heads=4, head_width=16, hidden=64)
    )
    gain: float = 0.2
    trained: tuple[Identity, ...] = ("kq",)
    identity_unit: float = 1.0

    def __post_init__(self) -> None:
        finite_number("gain", self.gain, low=0, strict=True)
        finite_number("identity_unit", self.identity_unit, low=0, strict=True)
        for name in self.trained:
            one_of("trained", name, ("kq", "vo"))

    @property
    def without_scalars(self) -> FiniteTransformer:
        """The same, with no scalar trained."""
        return replace(self, trained=())

    @property
    def copies(self) -> bool:
        """Whether its heads have a b, so that it can copy a symbol."""
        return "vo" in self.trained or self.architecture.identity_vo > 0

    def conflict(self, task: TemplateTask) -> Finding | None:
        """Two templates with different labels that no such network tells apart.

        However it is trained, and whichever scalars it starts with.

        Args:
            task: whose labels are compared.
        """
        alike = alike_pairs(task.templates, self.architecture)
        return conflicting_labels(task, alike, "network")

    def built(self, data: UnseenSymbols, seed: int) -> DeepTransformer:
        """The network at its start.

        Args:
            data: whose strings it reads.
            seed: equal seeds give equal weights, whichever scalars are trained.
        """
        start = Initialisation(trained_identity=self.trained, gain=self.gain, seed=seed)
        network = DeepTransformer(
            data.vocabulary, data.length, self.architecture, self.shape, start
        )
        if "kq" in self.trained and self.identity_unit != 1:
            for attention in network.attentions:
                unit = _Unit(self.identity_unit)
                parametrize.register_parametrization(attention, "identity_kq", unit)
        return network


class _Unit(torch.nn.Module):
    """a as a multiple of the number that is trained."""

    def __init__(self, unit: float) -> None:
        super().__init__()
        self._unit = unit

    def forward(
        self, trained: Float[torch.Tensor, " heads"]
    ) -> Float[torch.Tensor, " heads"]:
        """a, of the number that is trained."""
        return self._unit * trained

    def right_inverse(
        self, a: Float[torch.Tensor, " heads"]
    ) -> Float[torch.Tensor, " heads"]:
        """The number that is trained, of the a to start with."""
        return a / self._unit


Network = FiniteTransformer | MLP
"""What is trained; an MLP is here to fail."""


@dataclass(frozen=True, slots=True)
class NetworkSizes:
    """How many networks are trained, how long, and on how many strings.

    Attributes:
        strings: n, on which a network is trained; on as many symbols.
        networks: independent networks, ≥ 2. That half of all networks do something is
            known from 18 that all do it, or from 24 of which one does not.
        epochs: passes over the strings.
        held_out: strings of validation, and of the test.
        most_tokens: tokens that all networks may read in training: those of the
            strings, in each epoch. Raise it for long strings or many labels.

    Raises:
        InputError: a number out of range.
    """

    strings: int = 128
    networks: int = 24
    epochs: int = 30
    held_out: int = 128
    most_tokens: int = 2_000_000

    def __post_init__(self) -> None:
        positive_integer("strings", self.strings)
        positive_integer("networks", self.networks, low=2)
        positive_integer("epochs", self.epochs)
        positive_integer("held_out", self.held_out)
        positive_integer("most_tokens", self.most_tokens)


@dataclass(frozen=True)
class NetworkTraining:
    """How networks are trained; arguments of C12 and C13.

    Attributes:
        training: optimiser, rate and batches.
        sizes: how many networks, and on how many strings.
        enough: whether so many strings are claimed to be enough.
        seed: from which all random numbers follow.
    """

    training: Training
    sizes: NetworkSizes
    enough: bool
    seed: int

    def errors(
        self, task: TemplateTask, *networks: Network
    ) -> Float64[np.ndarray, "kinds networks"]:
        """Mean squared errors on unseen symbols; not finite where training diverges.

        Args:
            task: with real labels, not all the same.
            *networks: kinds of networks, which share strings, seeds and orders: errors
                of one column are paired.
        """
        sizes, (scaled, unit) = self.sizes, _standardised(task)
        seeds = seed_array((sizes.networks, 3), self.seed).tolist()
        found = np.empty((len(networks), sizes.networks))
        for column, (strings, start, order) in enumerate(seeds):
            data = unseen_symbols(
                scaled, sizes.strings, strings, held_out=sizes.held_out
            )
            for row, network in enumerate(networks):
                found[row, column] = _trained_error(
                    network, data, self.training, sizes.epochs, start, order
                )
        return found * unit**2

    def too_long(self, task: TemplateTask, kinds: int) -> Finding | None:
        """An undecided finding where there is more to read than may be read.

        Args:
            task: any task.
            kinds: how many kinds of networks are trained.
        """
        sizes, labels = self.sizes, sum(floor > 0 for floor in _floors(task))
        trainings = kinds * labels * sizes.networks * sizes.epochs
        tokens = trainings * sizes.strings * task.length
        if tokens <= sizes.most_tokens:
            return None
        allowed = replace(sizes, most_tokens=larger(tokens, 1.0))
        return Finding(
            "tokens that networks would read in training",
            Outcome.UNDECIDED,
            exactly(float(tokens)),
            f"at most {sizes.most_tokens}, which may be read: pass "
            f"sizes={as_call(allowed)}",
        )

    @property
    def more_strings(self) -> str:
        """The argument for four times as many strings, which may then be read."""
        return more_of("sizes", self.sizes, "strings", "most_tokens")(4.0)

    @property
    def fewer_strings(self) -> str:
        """The argument for a quarter of the strings."""
        fewer = replace(self.sizes, strings=max(1, self.sizes.strings // 4))
        return f"sizes={as_call(fewer)}"

    @property
    def more_networks(self) -> Remedy:
        """The remedy that is more networks, whose strings may then be read."""
        return more_of("sizes", self.sizes, "networks", "most_tokens")

    def judged(self, finding: Finding, remedy: str) -> Finding:
        """The finding, undecided where it is refuted and nothing was claimed.

        Args:
            finding: on networks that were trained on so many strings.
            remedy: the argument for another number of them.
        """
        if self.enough or finding.outcome is not Outcome.REFUTED:
            return finding
        expected = f"{finding.expected}: pass {remedy}"
        return replace(finding, outcome=Outcome.UNDECIDED, expected=expected)


def _trained_error(
    network: Network,
    data: UnseenSymbols,
    training: Training,
    epochs: int,
    start: int,
    order: int,
) -> float:
    """The test's error at the best epoch; infinite where training diverges."""
    model = _built(network, data, start)
    schedule = Schedule(epochs, look_every=_LOOK_EVERY)
    try:
        return train_unseen(model, data, training, schedule, order).best.test
    except Diverged:
        return math.inf


def _built(network: Network, data: UnseenSymbols, seed: int) -> Trainable:
    """The network at its start."""
    if isinstance(network, FiniteTransformer):
        return cast(Trainable, network.built(data, seed))
    generator = torch_stream(seed)
    return MLPStack(
        network, 1, data.length, data.vocabulary, generator, dtype=torch.float32
    )


def _standardised(task: TemplateTask) -> tuple[TemplateTask, float]:
    """The task with labels of mean 0 and variance 1, and what 1 stands for."""
    labels = np.array([as_float(label) for label in task.labels])
    weights = np.array([float(weight) for weight in task.weights])
    mean = float(weights @ labels)
    unit = math.sqrt(float(weights @ (labels - mean) ** 2))
    scaled = TemplateTask(
        task.templates,
        ((labels - mean) / unit).tolist(),
        task.weights,
        laws=task.laws,
        noise=task.noise / unit,
    )
    return scaled, unit


def _floors(task: TemplateTask) -> Sequence[float]:
    """An MLP's floor, of each label where labels are tokens."""
    numbers = one_hot(task).values() if task.symbolic else [task]
    return [as_float(each.mlp_floor()) for each in numbers]


def without_floor(task: TemplateTask) -> str | None:
    """Why claims on what MLPs cannot do say nothing about a task, if they do not.

    Args:
        task: any task.
    """
    if not any(floor > 0 for floor in _floors(task)):
        return (
            "the labels follow from the skeletons, so that an MLP's floor is 0; "
            "expected templates of one skeleton with different labels"
        )
    if any(isinstance(law, Probabilities) for law in task.laws):
        return (
            "a law names its tokens, so that training and test strings would share "
            "them; expected uniform or zipf laws"
        )
    return None
