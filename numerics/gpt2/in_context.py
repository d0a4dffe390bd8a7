"""How often a model's next token is the right answer to prompts.

Prompts of equally many tokens go through the model together, so that no token is ever
padded. The answer is the candidate of the largest logit, the first of equal ones; the
free answer is the token of the largest logit of all.

The model is any function from tokens to the logits of the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from numerics.gpt2.cluster_intervals import Accuracy, clustered_accuracy
from numerics.gpt2.prompts import Prompt, Prompts
from numerics.protocols import Progress
from numerics.shapes import Bool, Float, Float64, Int64
from symbind_theory.validation import InputError, positive_integer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = [
    "Answers",
    "NextTokenLogits",
    "accuracy_of",
    "answer_prompts",
    "check_context",
    "next_token_logits",
]

NextTokenLogits = Callable[
    [Int64[torch.Tensor, "n t"]], Float[torch.Tensor, "n vocabulary"]
]
"""The logits of the token after each of n sequences of t tokens."""


@dataclass(frozen=True)
class Answers:
    """What a model has answered to prompts, in their order.

    Attributes:
        right: whether the answer among the candidates is the right one.
        free_right: whether the likeliest token of all is.
        probability: what the right candidate has of the candidates' probability.
        size: prompts in a cluster, which lie side by side.
        chance: the share of right answers of a guess among candidates.
    """

    right: Bool[np.ndarray, " n"]
    free_right: Bool[np.ndarray, " n"]
    probability: Float64[np.ndarray, " n"]
    size: int
    chance: float

    @property
    def shares(self) -> Float64[np.ndarray, " clusters"]:
        """The share of right answers in each cluster."""
        return self.right.reshape(-1, self.size).mean(axis=1, dtype=np.float64)

    @property
    def free_shares(self) -> Float64[np.ndarray, " clusters"]:
        """The share of right free answers in each cluster."""
        return self.free_right.reshape(-1, self.size).mean(axis=1, dtype=np.float64)


def next_token_logits(model: PreTrainedModel) -> NextTokenLogits:
    """A causal model of transformers as a function from tokens to logits."""
    # Annotated loosely: its call is typed by the family.
    forward: Any = model

    @torch.inference_mode()
    def logits(tokens: Int64[torch.Tensor, "n t"]) -> Float[torch.Tensor, "n v"]:
        seen = tokens.to(model.device)
        result = forward(input_ids=seen, use_cache=False, logits_to_keep=1)
        return result.logits[:, -1]

    return logits


def check_context(model: PreTrainedModel, prompts: Prompts) -> None:
    """See that no prompt is longer than the model's context.

    Args:
        model: of transformers.
        prompts: to be asked.

    Raises:
        InputError: one is.
    """
    most = model.config.max_position_embeddings
    longest = max(len(prompt.tokens) for prompt in prompts.prompts)
    if longest > most:
        raise InputError(
            f"the longest prompt has {longest} tokens; expected at most {most}, the "
            "model's context: choose fewer shots"
        )


def answer_prompts(
    logits: NextTokenLogits,
    prompts: Prompts,
    *,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> Answers:
    """Ask a model all prompts.

    Args:
        logits: the model.
        prompts: the prompts.
        batch_size: prompts that go through the model together. Raise it where memory
            allows and prompts are short.
        progress: called with prompts done and in all.

    Raises:
        InputError: a batch size below 1.
    """
    positive_integer("batch_size", batch_size)
    n = len(prompts.prompts)
    right, free_right = np.zeros(n, bool), np.zeros(n, bool)
    probability = np.zeros(n)
    done = 0
    for chosen in _batches(prompts.prompts, batch_size):
        batch = [prompts.prompts[i] for i in chosen]
        # float64 so that shares of probabilities are exact to rounding of the logits.
        rows = logits(torch.tensor([prompt.tokens for prompt in batch])).double()
        for i, prompt, row in zip(chosen, batch, rows, strict=True):
            among = row[list(prompt.candidates)]
            right[i] = int(among.argmax()) == prompt.answer
            free_right[i] = int(row.argmax()) == prompt.candidates[prompt.answer]
            probability[i] = float(among.softmax(0)[prompt.answer])
        done += len(chosen)
        if progress is not None:
            progress(done, n)
    return Answers(right, free_right, probability, prompts.size, prompts.chance)


def _batches(prompts: Sequence[Prompt], most: int) -> Iterator[list[int]]:
    """Indices of prompts of one length, at most so many together."""
    lengths: dict[int, list[int]] = {}
    for i, prompt in enumerate(prompts):
        lengths.setdefault(len(prompt.tokens), []).append(i)
    for same in lengths.values():
        for start in range(0, len(same), most):
            yield same[start : start + most]


def accuracy_of(answers: Answers, level: float, *, free: bool = False) -> Accuracy:
    """The accuracy of answers, with its interval over clusters.

    Args:
        answers: to prompts whose queries have all labels equally often.
        level: coverage of the interval, in (0, 1).
        free: of the likeliest tokens of all instead of the candidates; then chance
            stands for no guess, and is 0.
    """
    shares = answers.free_shares if free else answers.shares
    chance = 0.0 if free else answers.chance
    return clustered_accuracy(shares, answers.size, chance, level)
