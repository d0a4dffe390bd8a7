"""A model trained on n strings of a task, and asked about unseen symbols.

A string and its label are written without shots, and the loss is the cross-entropy of
the label's token alone, over the whole vocabulary. The words of a class are halved at
random: training strings have symbols of one half, test strings of the other. Which word
stands for which label is turned by one from seed to seed.

The variants:

    plain          all weights are trained
    kq, vo, both   scalars a head, 0 at first, are added and trained with the weights
    scalars-only   both scalars of each head are trained, the weights are frozen

The recipe is AdamW at a constant rate, without dropout: a run is a function of its
seed. A seed is a cluster of test prompts; intervals are over seeds.

Source: Boix-Adserà et al., arXiv 2310.09753, on language models with the two scalars.
"""

from __future__ import annotations

import copy
import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from numerics.gpt2.cluster_intervals import Accuracy, clustered_accuracy
from numerics.gpt2.in_context import answer_prompts, check_context, next_token_logits
from numerics.gpt2.local_models import LocalModel, check_memory
from numerics.gpt2.prompts import Prompt, Prompts, PromptWriter
from numerics.protocols import Progress
from symbind_theory.validation import (
    InputError,
    finite_number,
    one_of,
    positive_integer,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = [
    "VARIANTS",
    "FineTuned",
    "FineTunedRun",
    "Recipe",
    "check_fine_tuning",
    "fine_tune",
    "variants_of",
]

VARIANTS = ("plain", "kq", "vo", "both", "scalars-only")
"""What can be trained."""

# The weights, their gradients and the two moments of AdamW.
_COPIES = 4


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained.

    Attributes:
        epochs: passes over the strings, ≥ 1. Raise it where the last loss is not small.
        rate: of the weights. Lower it where the loss rises.
        scalar_rate: of the scalars, which start at 0 and are few.
        batch_size: strings a step.
        test_prompts: unseen strings at the end, at least.

    Raises:
        InputError: a number out of range.
    """

    epochs: int = 10
    rate: float = 5e-5
    scalar_rate: float = 1e-2
    batch_size: int = 16
    test_prompts: int = 200

    def __post_init__(self) -> None:
        positive_integer("epochs", self.epochs)
        finite_number("rate", self.rate, low=0, strict=True)
        finite_number("scalar_rate", self.scalar_rate, low=0, strict=True)
        positive_integer("batch_size", self.batch_size)
        positive_integer("test_prompts", self.test_prompts)


@dataclass(frozen=True, slots=True)
class FineTunedRun:
    """One training run.

    Attributes:
        seed: of the strings, of their order, and of the halves of the words.
        first_loss: mean loss of the first epoch, each batch before its step.
        last_loss: that of the last epoch.
        seen: accuracy on the training strings after training.
        unseen: accuracy on strings of unseen symbols.
    """

    seed: int
    first_loss: float
    last_loss: float
    seen: float
    unseen: float


@dataclass(frozen=True)
class FineTuned:
    """The runs of one variant on so many strings.

    Attributes:
        variant: one of `VARIANTS`.
        strings: n.
        runs: one a seed.
        test_prompts: strings of unseen symbols in a run.
        chance: the share of right answers of a guess.
    """

    variant: str
    strings: int
    runs: tuple[FineTunedRun, ...]
    test_prompts: int
    chance: float

    def unseen(self, level: float) -> Accuracy:
        """The accuracy on unseen symbols, with its interval over seeds.

        Args:
            level: coverage of the interval, in (0, 1).
        """
        shares = np.array([run.unseen for run in self.runs])
        return clustered_accuracy(shares, self.test_prompts, self.chance, level)


def variants_of(local: LocalModel) -> tuple[str, ...]:
    """The variants that a model can be trained in.

    Args:
        local: the model; scalars are added to a GPT-2 that has none. Those that a model
            has already are trained as weights are.
    """
    return VARIANTS if local.model.config.model_type == "gpt2" else VARIANTS[:1]


def fine_tune(
    local: LocalModel,
    writer: PromptWriter,
    words: Sequence[str],
    strings: int,
    *,
    variant: str = "plain",
    seeds: Sequence[int] = (0, 1, 2),
    recipe: Recipe | None = None,
    progress: Progress | None = None,
) -> FineTuned:
    """Train copies of a model, one a seed; the model itself stays as it is.

    Args:
        local: the model.
        writer: of the task's strings.
        words: the symbols, halved for training and test.
        strings: n, to train on, ≥ 1.
        variant: one of `VARIANTS`.
        seeds: at least two, distinct.
        recipe: how to train; the usual one when None.
        progress: called with steps done and in all.

    Raises:
        InputError: a variant that the model cannot have, too few seeds or words, or
            too little free memory.
    """
    recipe = recipe or Recipe()
    one_of("variant", variant, variants_of(local))
    positive_integer("strings", strings)
    if len(set(seeds)) < max(2, len(seeds)):
        raise InputError(
            f"seeds are {list(seeds)}; expected at least two, each once: intervals are "
            "over seeds"
        )
    check_fine_tuning(local, writer, words)
    steps = recipe.epochs * math.ceil(strings / recipe.batch_size)
    runs, chances, tested = [], [], 0
    for i, seed in enumerate(seeds):

        def advance(done: int, _: int, before: int = i * steps) -> None:
            if progress is not None:
                progress(before + done, steps * len(seeds))

        train, test = _split_prompts(writer, words, strings, recipe, seed)
        runs.append(_run(local, train, test, variant, recipe, seed, advance))
        chances.append(test.chance)
        tested = len(test.prompts)
    chance = float(np.mean(chances))
    return FineTuned(variant, strings, tuple(runs), tested, chance)


def check_fine_tuning(
    local: LocalModel, writer: PromptWriter, words: Sequence[str]
) -> None:
    """See that a model can be trained on a task, before any work.

    Args:
        local: the model.
        writer: of the task's strings.
        words: the symbols.

    Raises:
        InputError: too few words to halve, strings longer than the model's context, or
            too little free memory.
    """
    _, test = _split_prompts(writer, words, 1, Recipe(test_prompts=1), 0)
    check_context(local.model, test)
    size = sum(p.numel() * p.element_size() for p in local.model.parameters())
    check_memory(_COPIES * size, "a copy of the model in training")


def _split_prompts(
    writer: PromptWriter, words: Sequence[str], strings: int, recipe: Recipe, seed: int
) -> tuple[Prompts, Prompts]:
    """Training and test prompts, which share no symbol."""
    usable = writer.usable(words)
    generator = random.Random(f"{positive_integer('seed', seed, low=0)} halves")
    first = set(generator.sample(range(len(usable)), len(usable) // 2))
    halves = (
        [word for i, word in enumerate(usable) if i in first],
        [word for i, word in enumerate(usable) if i not in first],
    )
    turn = (seed % writer.size,)
    train = writer.draw(halves[0], 0, strings, 2 * seed, rotations=turn)
    # Clusters are drawn until labels are balanced; a run has the n first of them.
    train = replace(train, prompts=train.prompts[:strings])
    tested = recipe.test_prompts
    return train, writer.draw(halves[1], 0, tested, 2 * seed + 1, rotations=turn)


def _run(
    local: LocalModel,
    train: Prompts,
    test: Prompts,
    variant: str,
    recipe: Recipe,
    seed: int,
    advance: Progress,
) -> FineTunedRun:
    model, groups = _prepared(local, variant, recipe)
    optimiser = torch.optim.AdamW(groups)
    order = torch.Generator().manual_seed(seed)
    n = len(train.prompts)
    batches = math.ceil(n / recipe.batch_size)
    epochs: list[float] = []
    for epoch in range(recipe.epochs):
        total = 0.0
        shuffled = torch.randperm(n, generator=order).split(recipe.batch_size)
        for step, chosen in enumerate(shuffled):
            batch = [train.prompts[int(i)] for i in chosen]
            loss = _loss(model, batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(batch)
            advance(epoch * batches + step + 1, recipe.epochs * batches)
        epochs.append(total / n)
    logits = next_token_logits(model)
    seen = answer_prompts(logits, train, batch_size=recipe.batch_size)
    unseen = answer_prompts(logits, test, batch_size=recipe.batch_size)
    return FineTunedRun(
        seed=seed,
        first_loss=epochs[0],
        last_loss=epochs[-1],
        seen=float(seen.right.mean()),
        unseen=float(unseen.right.mean()),
    )


def _prepared(
    local: LocalModel, variant: str, recipe: Recipe
) -> tuple[PreTrainedModel, list[dict[str, Any]]]:
    """A copy to train, and what of it is trained at which rate."""
    # In evaluation mode there is no dropout.
    model: Any = copy.deepcopy(local.model).eval()
    scalars: dict[str, torch.nn.Parameter] = {}
    if variant != "plain":
        from numerics.gpt2.identity_model import (
            add_identity_scalars,
            freeze_all_but_scalars,
            scalar_parameters,
        )

        alone = variant == "scalars-only"
        model = add_identity_scalars(model, which="both" if alone else variant).eval()
        if variant != "kq":
            # b needs the attention weights, which fused attention does not make.
            model.set_attn_implementation("eager")
        if alone:
            freeze_all_but_scalars(model)
        scalars = dict(scalar_parameters(model))
    named = model.named_parameters()
    weights = [p for name, p in named if p.requires_grad and name not in scalars]
    groups = [
        {"params": weights, "lr": recipe.rate},
        # Decay would pull towards 0 what starts there.
        {
            "params": list(scalars.values()),
            "lr": recipe.scalar_rate,
            "weight_decay": 0.0,
        },
    ]
    return model, [group for group in groups if group["params"]]


def _loss(model: PreTrainedModel, batch: Sequence[Prompt]) -> torch.Tensor:
    """Mean cross-entropy of the labels' tokens."""
    lengths: dict[int, list[Prompt]] = defaultdict(list)
    for prompt in batch:
        lengths[len(prompt.tokens)].append(prompt)
    # Annotated loosely: its call is typed by the family.
    forward: Any = model
    total = torch.zeros((), device=model.device)
    for same in lengths.values():
        tokens = torch.tensor([p.tokens for p in same], device=model.device)
        answers = [p.candidates[p.answer] for p in same]
        result = forward(input_ids=tokens, use_cache=False, logits_to_keep=1)
        targets = torch.tensor(answers, device=model.device)
        total = total + functional.cross_entropy(
            result.logits[:, -1].float(), targets, reduction="sum"
        )
    return total / len(batch)
