"""Where heads attend in random tokens that are repeated: three scores of the field.

A string is n tokens drawn without replacement and the same n again, after the token
that begins texts where the tokenizer has one. With A the attention of a head, rows
that attend, and positions t of the drawn tokens,

    previous token      mean over t, but for the first, of A[t, t − 1]
    duplicate token     mean over t of the second half of A[t, t − n]
    induction           mean over t of the second half of A[t, t − n + 1].

The tokens are random, so that nothing but repetition can be used: the copy earlier on,
and the token that came after it. Equal attention to the t + 1 positions that a position
may attend to, counted from 0, gives the mean of 1/(t + 1) over the same t.

Strings are independent: the intervals are Student's, for the mean over strings.

Source: Elhage et al. (2021), "A mathematical framework for transformer circuits";
Olsson et al. (2022), "In-context learning and induction heads".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from numerics.averages.student import mean_interval
from numerics.gpt2.local_models import LocalModel
from numerics.protocols import Progress
from numerics.shapes import Float, Float64, Int64
from symbind_theory.records.heads import PATTERNS, PatternScore
from symbind_theory.validation import InputError

__all__ = [
    "LENGTH",
    "Repetition",
    "draw_repetitions",
    "measure_patterns",
    "pattern_means",
    "pattern_scores",
    "usual_length",
]

LENGTH = 50
"""Tokens before they are repeated, where the model has room for them."""


@dataclass(frozen=True)
class Repetition:
    """Where the drawn tokens of a string lie.

    Attributes:
        start: the position of the first drawn token, 0 or 1.
        length: n.
    """

    start: int
    length: int

    def places(self, pattern: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions that attend, and the one that each attends to.

        Args:
            pattern: one of `PATTERNS`.
        """
        first, n = self.start, self.length
        if pattern == "previous_token":
            rows = torch.arange(first + 1, first + 2 * n)
            return rows, rows - 1
        rows = torch.arange(first + n, first + 2 * n)
        back = {"duplicate_token": n, "induction": n - 1}[pattern]
        return rows, rows - back

    def chance(self, pattern: str) -> float:
        """The score of equal attention to all positions up to the one that attends.

        Args:
            pattern: one of `PATTERNS`.
        """
        rows, _ = self.places(pattern)
        return float((1 / (rows + 1).double()).mean())


def usual_length(model: LocalModel) -> int:
    """50 tokens before they are repeated, or as many as the model has room for."""
    most = (_positions(model) - 1) // 2
    return max(2, min(LENGTH, most, len(_plain_tokens(model))))


def draw_repetitions(
    model: LocalModel, sequences: int, length: int, generator: torch.Generator
) -> tuple[Int64[torch.Tensor, "sequences tokens"], Repetition]:
    """Independent strings of random tokens that are repeated.

    Args:
        model: whose tokens they are; special ones are left out.
        sequences: how many strings.
        length: n, the tokens before they are repeated.
        generator: of the random numbers, on the CPU.

    Raises:
        InputError: more tokens than the model has, or than it has positions for.
    """
    plain = _plain_tokens(model)
    first = getattr(model.tokenizer, "bos_token_id", None)
    begun = [] if first is None else [first]
    if length > len(plain):
        raise InputError(
            f"length is {length}; expected at most {len(plain)}, the tokens of the "
            "model that are not special"
        )
    if len(begun) + 2 * length > _positions(model):
        raise InputError(
            f"length is {length}; expected at most "
            f"{(_positions(model) - len(begun)) // 2}: the model has "
            f"{_positions(model)} positions, and the tokens are repeated"
        )
    rows = []
    for _ in range(sequences):
        order = torch.randperm(len(plain), generator=generator)[:length]
        drawn = plain[order]
        rows.append(torch.cat([torch.tensor(begun, dtype=torch.int64), drawn, drawn]))
    return torch.stack(rows), Repetition(len(begun), length)


def pattern_means(
    attention: Float[torch.Tensor, "heads t t"], repetition: Repetition
) -> Float64[np.ndarray, "heads patterns"]:
    """The scores of each head on one string, in the order of `PATTERNS`.

    Args:
        attention: rows that attend, columns that are attended to.
        repetition: where the drawn tokens lie.
    """
    means = []
    for pattern in PATTERNS:
        rows, columns = repetition.places(pattern)
        means.append(attention[:, rows, columns].double().mean(1))
    return torch.stack(means, 1).cpu().numpy()


@torch.no_grad()
def measure_patterns(
    model: LocalModel,
    tokens: Int64[torch.Tensor, "sequences tokens"],
    repetition: Repetition,
    progress: Progress | None = None,
) -> Float64[np.ndarray, "sequences layers heads patterns"]:
    """The scores of all heads on each string.

    Args:
        model: its way to compute attention is put back afterwards.
        tokens: of the strings.
        repetition: where the drawn tokens lie.
        progress: called with the strings that are done.
    """
    scores = []
    # Without the last layer, which turns the stream into logits of all tokens.
    stream: Any = model.model.base_model
    with _showing_attention(model):
        for index, string in enumerate(tokens):
            row = string.unsqueeze(0).to(model.model.device)
            # Transformers would wonder about padding where no mask is given.
            mask = torch.ones_like(row)
            output: Any = stream(
                row, attention_mask=mask, output_attentions=True, use_cache=False
            )
            scores.append([pattern_means(a[0], repetition) for a in output.attentions])
            if progress is not None:
                progress(index + 1, len(tokens))
    return np.array(scores)


def pattern_scores(
    means: Float64[np.ndarray, "sequences patterns"],
    repetition: Repetition,
    level: float,
) -> dict[str, PatternScore]:
    """The scores of one head, with intervals over strings.

    Args:
        means: on each string, in the order of `PATTERNS`.
        repetition: where the drawn tokens lie.
        level: coverage, in (0, 1).

    Raises:
        InputError: fewer than two strings, or attention that is not finite.
    """
    return {
        pattern: PatternScore(
            mean_interval(np.ascontiguousarray(column), level),
            repetition.chance(pattern),
        )
        for pattern, column in zip(PATTERNS, means.T, strict=True)
    }


@contextmanager
def _showing_attention(model: LocalModel) -> Iterator[None]:
    """Inside, the model computes attention so that it can be looked at."""
    given: Any = model.model
    before = given.config._attn_implementation
    given.set_attn_implementation("eager")
    try:
        yield
    finally:
        given.set_attn_implementation(before)


def _positions(model: LocalModel) -> int:
    config: Any = model.model.config
    return config.max_position_embeddings


def _plain_tokens(model: LocalModel) -> Int64[torch.Tensor, " tokens"]:
    """Every token but the special ones; those beyond the tokenizer are none."""
    config: Any = model.model.config
    count = config.vocab_size
    special: list[int] = []
    if model.tokenizer is not None:
        count = min(count, len(model.tokenizer))
        special = [i for i in model.tokenizer.all_special_ids if i < count]
    allowed = torch.ones(count, dtype=torch.bool)
    allowed[special] = False
    return allowed.nonzero().squeeze(1)
