"""The loss of a language model on a text that chose nothing, with an interval.

    loss = −(1/n) Σ_t log p(x_t | earlier tokens of its block),   perplexity = exp loss

Neighbouring blocks are about the same things, so that single losses are no independent
numbers. Blocks are put into groups of neighbours; the means of the groups are near to
independent, and their spread gives the interval by Student's t. It is for texts like
the one held out; how much another seed of training would change is another question.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from numerics.averages.student import mean_interval
from numerics.shapes import Int64
from symbind_theory.interval import Interval

__all__ = ["TextLoss", "block_losses", "text_loss", "token_losses"]

_GROUPS = 20


@dataclass(frozen=True)
class TextLoss:
    """What a model's predictions of a text are worth.

    Attributes:
        loss: the mean over tokens, in nats; the interval is over texts, and as wide as
            the line where the text has a single block.
        tokens: how many tokens were predicted.
    """

    loss: Interval
    tokens: int

    @property
    def perplexity(self) -> Interval:
        """exp of the loss."""
        loss = self.loss
        value, low, high = (
            math.exp(x) if x < 700 else math.inf
            for x in (loss.value, loss.low, loss.high)
        )
        return Interval(value, low, high, loss.level)


def token_losses(model: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """−log p of each token but the first: blocks × T.

    Args:
        model: a causal language model of transformers.
        tokens: blocks × (T + 1).
    """
    logits = model(tokens[:, :-1], use_cache=False).logits
    targets = tokens[:, 1:]
    # In float32 at least, whatever the model computes in.
    losses = nn.functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), reduction="none"
    )
    return losses.view_as(targets)


@torch.inference_mode()
def block_losses(
    model: nn.Module, tokens: Int64[torch.Tensor, "blocks positions"], batch: int
) -> np.ndarray:
    """The mean loss of each block, in float64; the model is put in evaluation mode.

    Args:
        model: a causal language model of transformers.
        tokens: blocks × (T + 1).
        batch: how many blocks at a time. Lower it where memory is short.
    """
    model.eval()
    device = next(model.parameters()).device
    rows = [
        token_losses(model, part.to(device)).double().mean(1).cpu()
        for part in tokens.split(batch)
    ]
    return torch.cat(rows).numpy()


def text_loss(
    model: nn.Module,
    tokens: Int64[torch.Tensor, "blocks positions"],
    batch: int = 8,
    level: float = 0.95,
) -> TextLoss:
    """The loss on a text, with an interval over texts like it.

    Args:
        model: a causal language model of transformers.
        tokens: blocks × (T + 1).
        batch: how many blocks at a time. Lower it where memory is short.
        level: coverage of the interval, in (0, 1).
    """
    losses = block_losses(model, tokens, batch)
    mean = float(losses.mean())
    count = tokens.shape[0] * (tokens.shape[1] - 1)
    if len(losses) < 2:
        return TextLoss(Interval(mean, 0.0, math.inf, level), count)
    groups = np.array_split(losses, min(_GROUPS, len(losses)))
    spread = mean_interval(np.array([group.mean() for group in groups]), level)
    reach = (spread.high - spread.low) / 2
    return TextLoss(Interval(mean, mean - reach, mean + reach, level), count)
