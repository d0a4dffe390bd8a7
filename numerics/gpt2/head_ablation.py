"""Heads of a language model taken out, and whether the best-ranked ones matter most.

A head's output is a slice of the input of the layer's output projection: positions
h e, …, (h + 1) e − 1 for head h of width e. It is set to zero while a context lasts,
and so is the head's b where it has one, which copies past that projection.

The k heads ranked first are compared with R random sets, each with as many heads of
each layer: uniformly drawn among all such sets, and asked the same prompts. If the
ranked set were such a draw itself, its rank among all R + 1 would be uniform, so

    p = (1 + #{random sets with at most its accuracy}) / (R + 1)

is at most any α with probability at most α.

Source: symbind; ranks after Phipson & Smyth 2010 on random permutations.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from numerics.gpt2.cluster_intervals import Accuracy, paired_difference
from numerics.gpt2.in_context import (
    Answers,
    accuracy_of,
    answer_prompts,
    next_token_logits,
)
from numerics.gpt2.local_models import LocalModel
from numerics.gpt2.prompts import Prompts
from numerics.protocols import Progress
from symbind_theory.interval import Interval
from symbind_theory.validation import InputError, check_index, positive_integer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = [
    "Ablation",
    "Head",
    "ablate_ranked",
    "ablated_heads",
    "output_projections",
    "random_sets",
]

Head = tuple[int, int]
"""A layer and a head of it, both from 0."""


@dataclass(frozen=True)
class Ablation:
    """What taking out the first k ranked heads does, beside random ones.

    Attributes:
        heads: the ranked heads.
        intact: accuracy with all heads.
        without: accuracy without the ranked ones.
        loss: intact less without, on the same prompts.
        random: accuracy without each of the random sets.
        random_excess: accuracy without a random set, on average over them, less that
            without the ranked heads, on the same prompts.
        p: of the rank; small where the ranked heads matter more than random ones.
    """

    heads: tuple[Head, ...]
    intact: Accuracy
    without: Accuracy
    loss: Interval
    random: tuple[float, ...]
    random_excess: Interval
    p: float


def output_projections(model: PreTrainedModel, family: str) -> list[torch.nn.Module]:
    """The module of each layer whose input is the heads' outputs side by side.

    Args:
        model: of transformers.
        family: "gpt2" or "llama".

    Raises:
        InputError: another family.
    """
    name = "c_proj" if family == "gpt2" else "o_proj"
    return [getattr(attention, name) for attention in _attentions(model, family)]


def _attentions(model: PreTrainedModel, family: str) -> list[torch.nn.Module]:
    """The attention of each layer."""
    # Annotated loosely: the layout is the family's.
    layout: Any = model
    if family == "gpt2":
        return [block.attn for block in layout.transformer.h]
    if family == "llama":
        return [block.self_attn for block in layout.model.layers]
    raise InputError(f"family is {family!r}; expected one of gpt2, llama")


@contextmanager
def ablated_heads(
    model: PreTrainedModel, family: str, heads: Iterable[Head]
) -> Iterator[None]:
    """Heads add nothing to the stream inside this context, and do again after it.

    Args:
        model: of transformers.
        family: "gpt2" or "llama".
        heads: those to take out; one that is named twice counts once.

    Raises:
        InputError: a layer or a head that there is not, or another family.
    """
    projections = output_projections(model, family)
    count = model.config.num_attention_heads
    by_layer: dict[int, list[int]] = {}
    for layer, head in heads:
        check_index("layer", layer, len(projections))
        by_layer.setdefault(layer, []).append(check_index("head", head, count))
    attentions = _attentions(model, family)
    with ExitStack() as undone:
        for layer, chosen in by_layer.items():
            hook = projections[layer].register_forward_pre_hook(_zeroing(chosen, count))
            undone.callback(hook.remove)
            copied = getattr(attentions[layer], "identity_vo", None)
            if copied is not None:
                undone.enter_context(_zeroed(copied, chosen))
        yield


@contextmanager
def _zeroed(scalars: torch.Tensor, heads: Sequence[int]) -> Iterator[None]:
    """Some heads' scalars are 0 inside this context, and as before after it."""
    kept = scalars.detach().clone()
    try:
        with torch.no_grad():
            scalars[list(heads)] = 0
        yield
    finally:
        with torch.no_grad():
            scalars.copy_(kept)


def _zeroing(heads: Sequence[int], count: int) -> Callable[..., Any]:
    """A hook that sets some heads' slices of a projection's input to zero."""
    chosen = torch.tensor(heads)

    def hook(_: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        outputs = arguments[0].unflatten(-1, (count, -1)).clone()
        outputs[..., chosen.to(outputs.device), :] = 0
        return (outputs.flatten(-2), *arguments[1:])

    return hook


def random_sets(
    heads: Sequence[Head], per_layer: int, sets: int, seed: int
) -> list[tuple[Head, ...]]:
    """Random sets with as many heads of each layer as a given set has.

    Args:
        heads: the given set.
        per_layer: heads in a layer.
        sets: R, how many.
        seed: of the draws.
    """
    generator = random.Random(f"{positive_integer('seed', seed, low=0)} sets of heads")
    wanted = sorted(Counter(layer for layer, _ in heads).items())
    return [
        tuple(
            (layer, head)
            for layer, count in wanted
            for head in sorted(generator.sample(range(per_layer), count))
        )
        for _ in range(sets)
    ]


def ablate_ranked(
    local: LocalModel,
    heads: Sequence[Head],
    prompts: Prompts,
    *,
    sets: int = 19,
    seed: int = 0,
    level: float = 0.95,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> Ablation:
    """Accuracy without the heads that a ranking puts first, and without random ones.

    Args:
        local: the model.
        heads: those of the ranking, distinct.
        prompts: asked each time.
        sets: R, random sets, at least two; p is at least 1/(R + 1). Raise it for a
            smaller p.
        seed: of the random sets.
        level: coverage of intervals, in (0, 1).
        batch_size: prompts that go through the model together.
        progress: called with prompts done and in all.

    Raises:
        InputError: no heads, one that there is not or that is named twice, or fewer
            than two sets.
    """
    positive_integer("sets", sets, low=2)
    if not heads or len(set(heads)) < len(heads):
        raise InputError(
            f"heads are {len(heads)}, {len(set(heads))} of them distinct; expected at "
            "least one, each once"
        )
    model = local.model
    drawn = random_sets(heads, model.config.num_attention_heads, sets, seed)
    taken = [(), tuple(heads), *drawn]
    n = len(prompts.prompts)
    answers: list[Answers] = []
    for i, chosen in enumerate(taken):

        def advance(done: int, _: int, before: int = i * n) -> None:
            if progress is not None:
                progress(before + done, n * len(taken))

        with ablated_heads(model, local.family, chosen):
            logits = next_token_logits(model)
            answers.append(
                answer_prompts(logits, prompts, batch_size=batch_size, progress=advance)
            )
    intact, without, *others = answers
    values = [float(a.shares.mean()) for a in others]
    mean = np.mean([a.shares for a in others], axis=0)
    # Counts are compared: means of equal counts can differ by rounding.
    as_low = sum(int(a.right.sum()) <= int(without.right.sum()) for a in others)
    return Ablation(
        heads=tuple(heads),
        intact=accuracy_of(intact, level),
        without=accuracy_of(without, level),
        loss=paired_difference(intact.shares, without.shares, level),
        random=tuple(values),
        random_excess=paired_difference(mean, without.shares, level),
        p=(1 + as_low) / (sets + 1),
    )
