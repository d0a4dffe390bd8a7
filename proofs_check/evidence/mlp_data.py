"""What MLPs are trained and tested on: a task's strings as numbers, seen and unseen.

Regular tokens and the symbols of training come first, then symbols that training never
shows. Test strings have unseen symbols only. Independent slot fills put an unseen
symbol at each wildcard *position*, whatever the other positions have: the orbit of a
test string under permutations of the unseen symbols, one for each position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch

from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.training import Training, train
from numerics.shapes import Float64, Int64
from numerics.strings.patterns import Vocabulary
from proofs_check.evidence.training_sets import law_tokens, most_wildcards
from proofs_check.remedies import as_call
from proofs_check.seeds import numpy_stream, torch_stream
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template, fresh_tokens
from symbind_theory.validation import InputError, positive_integer, shorten

__all__ = [
    "MLPData",
    "MLPSizes",
    "diverged",
    "permute",
    "random_permutations",
    "slower",
]


@dataclass(frozen=True, slots=True)
class MLPSizes:
    """How many strings and symbols an MLP is trained and tested on.

    Attributes:
        strings: training strings, ≥ 1.
        seen: symbols of training, at least as many as any template has wildcards;
            where a law names its symbols, those of the laws are taken instead.
        unseen: symbols that training never shows, at least as many as any template has
            wildcards, and ≥ 2.
        test: test strings of each template, ≥ 1.
        fills: independent slot fills of each template, ≥ 1.

    Raises:
        InputError: a number out of range.
    """

    strings: int = 128
    seen: int = 16
    unseen: int = 8
    test: int = 32
    fills: int = 128

    def __post_init__(self) -> None:
        for name in ("strings", "seen", "test", "fills"):
            positive_integer(name, getattr(self, name))
        positive_integer("unseen", self.unseen, low=2)


@dataclass(frozen=True)
class MLPData:
    """A training set, and strings of symbols that it does not have.

    Attributes:
        tokens: training strings as numbers.
        labels: the training strings' labels, noise included.
        test: test strings of each template.
        fills: each template with its wildcard positions filled independently, the
            templates of one skeleton alike.
        targets: label of each template.
        weights: probability of each template.
        floor: the task's MLP floor, exact to rounding.
        vocabulary: number of tokens.
        unseen: how many tokens, the last ones, training does not show.
    """

    tokens: Int64[torch.Tensor, "n k"]
    labels: Float64[torch.Tensor, " n"]
    test: Int64[torch.Tensor, "r s k"]
    fills: Int64[torch.Tensor, "r f k"]
    targets: Float64[torch.Tensor, " r"]
    weights: Float64[torch.Tensor, " r"]
    floor: float
    vocabulary: int
    unseen: int

    @classmethod
    def draw(cls, task: TemplateTask, sizes: MLPSizes | None, seed: int) -> MLPData:
        """Draw training strings by the task's laws, test strings and fills uniformly.

        Args:
            task: with real labels.
            sizes: how much is drawn; `MLPSizes()` when None, with more symbols where
                templates have more wildcards.
            seed: from which all draws follow.

        Raises:
            InputError: symbolic labels, or fewer symbols than wildcards.
        """
        if sizes is None:
            usual, needed = MLPSizes(), most_wildcards(task)
            sizes = MLPSizes(
                seen=max(usual.seen, needed), unseen=max(usual.unseen, needed)
            )
        _check(task, sizes)
        regular, named = task.regular_tokens, law_tokens(task)
        # A law that names few symbols leaves other templates their own wildcards.
        seen = max(most_wildcards(task), len(named)) if named else sizes.seen
        shown = len(regular) + seen
        fresh = fresh_tokens([*regular, *named])
        others = islice(fresh, seen - len(named) + sizes.unseen)
        names = [*regular, *named, *others]
        vocabulary = Vocabulary(names)
        sample = task.sample(sizes.strings, names[len(regular) : shown], seed)
        generator = numpy_stream(seed)
        last = np.arange(shown, len(names))
        orders = np.tile(last, (len(task), sizes.test, 1))
        distinct = generator.permuted(orders, axis=-1)
        test = [
            _strings(template, _wildcard_numbers(template), images, vocabulary)
            for template, images in zip(task.templates, distinct, strict=True)
        ]
        slots = generator.choice(last, (sizes.fills, task.length))
        fills = [
            _strings(template, range(task.length), slots, vocabulary)
            for template in task.templates
        ]
        labels = [float(y) for y in sample.labels]
        return cls(
            tokens=torch.from_numpy(vocabulary.read(sample.strings)),
            labels=torch.tensor(labels, dtype=torch.float64),
            test=torch.from_numpy(np.stack(test)),
            fills=torch.from_numpy(np.stack(fills)),
            targets=torch.tensor([float(y) for y in task.labels], dtype=torch.float64),
            weights=torch.tensor([float(w) for w in task.weights], dtype=torch.float64),
            # None is for symbolic labels, which were refused.
            floor=float(task.mlp_floor() or 0),
            vocabulary=len(names),
            unseen=sizes.unseen,
        )

    def loss(
        self, stack: MLPStack, strings: Int64[torch.Tensor, "r s k"]
    ) -> Float64[np.ndarray, " networks"]:
        """Each network's expected squared loss, Σ_i weight_i · mean (f − label_i)².

        Args:
            stack: the networks.
            strings: some strings of each template, such as `test` or `fills`.
        """
        outputs = stack.outputs(strings.flatten(0, 1)).unflatten(1, strings.shape[:2])
        losses = (outputs - self.targets[:, None]).square().mean(2)
        return (losses @ self.weights).numpy()

    def training_loss(self, stack: MLPStack) -> Float64[np.ndarray, " networks"]:
        """Each network's mean squared loss on the training strings, noise included."""
        return (stack.outputs(self.tokens) - self.labels).square().mean(1).numpy()

    def trained(
        self, mlp: MLP, training: Training, networks: int, seed: int
    ) -> MLPStack:
        """Networks trained on these strings from independent initialisations."""
        generator = torch_stream(seed, 0)
        length = self.tokens.shape[1]
        stack = MLPStack(mlp, networks, length, self.vocabulary, generator)
        return train(stack, self.tokens, self.labels, training, generator)


def _check(task: TemplateTask, sizes: MLPSizes) -> None:
    """Refuse tasks that leave no symbol unseen, or that an MLP has no output for."""
    if task.symbolic:
        raise InputError(
            f"labels are symbolic, such as {task.labels[0]!r}; expected numbers: the "
            "MLP has one output"
        )
    needed = most_wildcards(task)
    for name in ("seen", "unseen"):
        if getattr(sizes, name) < needed:
            raise InputError(
                f"{name} is {getattr(sizes, name)}; expected at least {needed} "
                f"symbols, for the wildcards of {shorten(task.name or 'the task')}"
            )


def _wildcard_numbers(template: Template) -> list[int]:
    """At each position the number of its wildcard; 0 at regular positions."""
    numbers = [0] * template.length
    for number, positions in enumerate(template.wildcard_positions.values()):
        for position in positions:
            numbers[position] = number
    return numbers


def _strings(
    template: Template,
    slots: Sequence[int],
    images: Int64[np.ndarray, "s slots"],
    vocabulary: Vocabulary,
) -> Int64[np.ndarray, "s k"]:
    """The template with `images[:, slots[p]]` at each wildcard position p."""
    columns = [
        images[:, slot]
        if token is None
        else np.full(len(images), vocabulary.number(token))
        for token, slot in zip(template.skeleton, slots, strict=True)
    ]
    return np.stack(columns, axis=1)


def random_permutations(
    length: int, vocabulary: int, moved: int, generator: torch.Generator
) -> Int64[torch.Tensor, "k m"]:
    """Π: at each position an independent uniform permutation of the last tokens.

    It is drawn again if it is the same at all positions, which only gives symbols new
    names: an embedding shared by all positions sees no difference then. A string of one
    position has it drawn again if it moves nothing.

    Args:
        length: k.
        vocabulary: m, number of tokens.
        moved: how many tokens, the last ones, are permuted, ≥ 2.
        generator: from which the permutations are drawn.
    """
    kept = vocabulary - moved
    permutations = torch.arange(vocabulary).repeat(length, 1)
    renaming = permutations[0].clone()
    while (permutations == renaming).all():
        for row in permutations:
            row[kept:] = kept + torch.randperm(moved, generator=generator)
        if length > 1:
            renaming = permutations[0].clone()
    return permutations


def permute(
    permutations: Int64[torch.Tensor, "k m"], tokens: Int64[torch.Tensor, "... k"]
) -> Int64[torch.Tensor, "... k"]:
    """Πx: token t at position p becomes π_p(t)."""
    return permutations[torch.arange(tokens.shape[-1]), tokens]


def diverged(
    losses: Float64[np.ndarray, " networks"], training: Training
) -> Finding | None:
    """An undecided finding where losses are not finite, else None.

    Args:
        losses: one of each network.
        training: how they were trained.
    """
    lost = int((~np.isfinite(losses)).sum())
    if not lost:
        return None
    return Finding(
        f"{lost} of {len(losses)} networks left the finite numbers in training",
        Outcome.UNDECIDED,
        expected=f"none: lower the learning rate, pass {slower(training)}",
    )


def slower(training: Training) -> str:
    """The argument for a training that may stay finite: a tenth of the rate.

    Args:
        training: one that left the finite numbers.
    """
    rate = float(f"{training.learning_rate / 10:.2g}")
    return f"training={as_call(replace(training, learning_rate=rate))}"
