"""Every head of a language model beside what chance gives it.

For each head the scores of W_K W_Qᵀ and of W_V W_O (`head_products`), raw and between
embeddings, with z and the interval of chance (`product_null`); its attention on random
tokens that are repeated (`attention_patterns`); and its trained scalars a and b, which
are not added into the products.

How large a trace is says z; how near P, of rank r, is to a multiple of I says

    nearness = tr P / (√r ‖P‖) = ⟨P, UUᵀ⟩ / (‖P‖ ‖UUᵀ‖),      P = U Σ Vᵀ,

the cosine of P and of the projection onto its columns, in [−1, 1]. It is 1 only where P
is a positive multiple of UUᵀ; its square is the share of ‖P‖² that the best multiple
of UUᵀ carries. It is the cosine of P and I too, over √(r/d), the most that rank r
allows. Chance gives 0 ± 1/√(d r).

Many heads are looked at at once. Of m heads the expected number outside an interval of
coverage c is (1 − c) m. Heads are named as more than chance only where the proven bound
of the raw trace is at most (1 − level)/(2m): by the union bound, chance names any of
them, of either product, with probability at most 1 − level.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import torch

from numerics.averages.threads import one_thread
from numerics.gpt2.attention_patterns import (
    Repetition,
    draw_repetitions,
    measure_patterns,
    pattern_scores,
    usual_length,
)
from numerics.gpt2.head_products import (
    Basis,
    Compressed,
    Scores,
    Singular,
    compress,
    embedding_bases,
    raw_basis,
    scores_of,
    singular,
)
from numerics.gpt2.head_weights import HeadShape, LayerHeads, head_shape, layer_heads
from numerics.gpt2.local_models import LocalModel
from numerics.gpt2.product_null import (
    Frames,
    chance_reach,
    directions,
    draw_frames,
    order_statistic,
    trace_tail,
    z_linear,
    z_without_strongest,
)
from numerics.protocols import Progress
from numerics.shapes import Float64
from symbind_theory.records.heads import (
    SCORES,
    BasisScores,
    HeadReport,
    HeadScores,
    NullScore,
    PatternScore,
    ProductScores,
)
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = ["check_settings", "heads_by_identity", "score_heads"]

_NOTES = (
    "The raw basis is that of what the sublayer sees, the normalised stream times the "
    "gain of its norm: a and b are added there, and so W_K W_Qᵀ and W_V W_O are taken "
    "without the gain.",
    "Between embeddings, what the sublayer reads is W_E times that gain{centred}; what "
    "W_V W_O writes is compared with W_E itself. Position embeddings and biases are "
    "left out.",
)
_ROTARY = (
    "Positions are rotary: W_K W_Qᵀ is that of equal positions, offset 0; at other "
    "offsets keys and queries are turned against each other."
)


@dataclass(frozen=True)
class _Chance:
    """A basis, and random singular vectors seen in it.

    Attributes:
        basis: L and R.
        frames: the basis between the random singular vectors.
        level: coverage of the intervals of chance.
    """

    basis: Basis
    frames: Compressed
    level: float


@dataclass(frozen=True)
class _Settings:
    """What all layers share.

    Attributes:
        frames: random singular vectors.
        raw: the raw basis.
        level: coverage.
    """

    frames: Frames
    raw: _Chance
    level: float

    @classmethod
    def of(cls, frames: Frames, level: float) -> _Settings:
        """The raw basis is seen between the random vectors once for all layers."""
        basis = raw_basis(frames.left.shape[1])
        seen = compress(basis, frames.left, frames.right)
        return cls(frames, _Chance(basis, seen, level), level)

    def chance(self, basis: Basis) -> _Chance:
        """Chance in another basis."""
        seen = compress(basis, self.frames.left, self.frames.right)
        return _Chance(basis, seen, self.level)


def heads_by_identity(model: LocalModel) -> list[tuple[int, int]]:
    """(layer, head) of all heads, the largest z of tr W_K W_Qᵀ / ‖W_K W_Qᵀ‖ first.

    That z has exact moments: nothing is drawn. The order is that of `score_heads`.

    Args:
        model: of any family that `load_model` reads.

    Raises:
        InputError: a weight that is not finite.
    """
    z = {
        (layer, head): float(value)
        for layer, heads in enumerate(layer_heads(model))
        for head, value in enumerate(_raw_z(singular(heads.key, heads.query)))
    }
    return sorted(z, key=lambda place: z[place], reverse=True)


def check_settings(draws: int, level: float) -> int:
    """See that intervals of chance can be drawn; k, the draw at which they end.

    Args:
        draws: random products behind each interval.
        level: coverage of the intervals.

    Raises:
        InputError: a setting out of its range, or too few draws for the level.
    """
    draws = positive_integer("draws", draws)
    if finite_number("level", level, low=0, strict=True) >= 1:
        raise InputError(f"level is {level}; expected a number in (0, 1)")
    return order_statistic(draws, level)


@torch.no_grad()
def score_heads(
    model: LocalModel,
    *,
    seed: int = 0,
    draws: int = 39,
    level: float = 0.95,
    sequences: int = 16,
    length: int | None = None,
    progress: Progress | None = None,
) -> HeadReport:
    """Score every head of a model.

    Args:
        model: of any family that `load_model` reads.
        seed: of the random products and of the random tokens.
        draws: random products behind each interval of chance. Raise it for a level
            above 0.95, or for a z of the copying score that is less uncertain: its
            relative standard error is near √(1/(2 draws)). Time grows with it.
        level: coverage of the intervals, in (0, 1).
        sequences: strings of random tokens, at least 2. Raise it for narrower
            intervals of the attention scores.
        length: tokens before they are repeated, at least 2; as many as the model has
            room for, 50 at most, when None.
        progress: called with the steps that are done: strings, then layers.

    Raises:
        InputError: a setting out of its range, too few draws for the level, tokens for
            which the model has no room, or a weight that is not finite.
    """
    seed = positive_integer("seed", seed, low=0)
    sequences = positive_integer("sequences", sequences, low=2)
    k = check_settings(draws, level)
    length = positive_integer("length", length or usual_length(model), low=2)
    stream = torch.Generator().manual_seed(seed)
    shape = head_shape(model)
    total = sequences + shape.layers
    tokens, repetition = draw_repetitions(model, sequences, length, stream)
    patterns = measure_patterns(model, tokens, repetition, _stage(progress, 0, total))
    rank = min(shape.width, shape.head_width)
    settings = _Settings.of(draw_frames(draws, shape.width, rank, stream), level)
    heads = _score_layers(model, settings, patterns, repetition, progress)
    return HeadReport(
        model=model.path,
        family=model.family,
        layers=shape.layers,
        heads_per_layer=shape.heads,
        key_heads=shape.key_heads,
        width=shape.width,
        head_width=shape.head_width,
        vocabulary=len(_embeddings(model)),
        level=level,
        draws=draws,
        coverage=k / (draws + 1),
        sequences=sequences,
        length=length,
        seed=seed,
        notes=_notes(model.family, shape),
        heads=tuple(heads),
    )


def _score_layers(
    model: LocalModel,
    settings: _Settings,
    patterns: Float64[np.ndarray, "sequences layers heads patterns"],
    repetition: Repetition,
    progress: Progress | None,
) -> list[HeadScores]:
    embeddings = _embeddings(model)
    gram, sums = embeddings.T @ embeddings, embeddings.sum(0)
    done, total = len(patterns), len(patterns) + patterns.shape[1]
    scores: list[HeadScores] = []
    with ThreadPoolExecutor(2) as pool:
        for layer, heads in enumerate(layer_heads(model)):
            bases = embedding_bases(
                gram, sums, len(embeddings), heads.gain, heads.centred
            )
            factors = ((heads.key, heads.query), (heads.value, heads.output))
            keys, values = pool.map(_products, factors, bases, repeat(settings))
            attended = [
                pattern_scores(patterns[:, layer, head], repetition, settings.level)
                for head in range(len(keys))
            ]
            scores += _layer_records(layer, heads, keys, values, attended)
            if progress is not None:
                progress(done + layer + 1, total)
    return scores


def _layer_records(
    layer: int,
    heads: LayerHeads,
    keys: Sequence[ProductScores],
    values: Sequence[ProductScores],
    patterns: Sequence[dict[str, PatternScore]],
) -> list[HeadScores]:
    return [
        HeadScores(
            layer=layer,
            head=head,
            keys=keys[head],
            values=values[head],
            patterns=patterns[head],
            identity_kq=_entry(heads.identity_kq, head),
            identity_vo=_entry(heads.identity_vo, head),
        )
        for head in range(len(keys))
    ]


@one_thread()
def _products(
    factors: tuple[torch.Tensor, torch.Tensor], embeddings: Basis, settings: _Settings
) -> list[ProductScores]:
    """The records of one product of each head."""
    products = singular(*factors)
    rank = products.values.shape[-1]
    in_raw = _in_basis(products, settings.raw)
    between = _in_basis(products, settings.chance(embeddings))
    columns = (
        directions(products),
        z_without_strongest(products),
        trace_tail(products),
    )
    return [
        ProductScores(
            raw=one,
            embeddings=other,
            nearness=one.share.value / rank**0.5,
            directions=float(n),
            z_without_strongest=float(z),
            chance=float(bound),
        )
        for one, other, n, z, bound in zip(in_raw, between, *columns, strict=True)
    ]


def _in_basis(products: Singular, chance: _Chance) -> list[BasisScores]:
    """The scores in one basis, each with z and its interval of chance."""
    given = compress(chance.basis, products.left, products.right)
    scores = scores_of(given, products.values)
    drawn = scores_of(chance.frames, products.values.unsqueeze(1))
    z = _z(products, scores, drawn, chance.basis)
    reach = {name: chance_reach(getattr(drawn, name), chance.level) for name in SCORES}
    records = []
    for head in range(len(products.values)):
        beside = {
            name: NullScore(
                value=float(getattr(scores, name)[head]),
                z=float(z[name][head]),
                low=-float(reach[name][head]),
                high=float(reach[name][head]),
            )
            for name in SCORES
        }
        records.append(
            BasisScores(
                share=beside["share"],
                excess=beside["excess"],
                copying=beside["copying"],
                mean_diagonal=float(scores.mean_diagonal[head]),
                mean_off_diagonal=float(scores.mean_off_diagonal[head]),
            )
        )
    return records


def _z(
    products: Singular, scores: Scores, drawn: Scores, basis: Basis
) -> dict[str, torch.Tensor]:
    """z of each score: by exact moments where it is linear in P, else by the draws."""
    norms = products.norms
    deviation = drawn.copying.square().mean(-1).sqrt()
    copying = torch.where(
        deviation > 0, scores.copying / deviation, torch.zeros_like(deviation)
    )
    return {
        "share": z_linear(scores.trace, norms, basis.cross),
        "excess": z_linear(
            scores.excess * (basis.count - 1), norms, basis.centred_cross
        ),
        "copying": copying,
    }


def _raw_z(products: Singular) -> torch.Tensor:
    """z of the raw share, M = I."""
    width = products.left.shape[-2]
    eye = torch.eye(width, dtype=torch.float64)
    return z_linear(products.contributions.sum(-1), products.norms, eye)


def _embeddings(model: LocalModel) -> Float64[torch.Tensor, "tokens d"]:
    given: Any = model.model
    return given.get_input_embeddings().weight.detach().cpu().double()


def _entry(vector: torch.Tensor | None, head: int) -> float | None:
    return None if vector is None else float(vector[head])


def _stage(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Progress of one stage as progress of the whole."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)


def _notes(family: str, shape: HeadShape) -> tuple[str, ...]:
    centred = ", without the mean of its coordinates" if family == "gpt2" else ""
    notes = [note.format(centred=centred) for note in _NOTES]
    if family == "llama":
        notes.append(_ROTARY)
    if shape.key_heads < shape.heads:
        notes.append(
            f"Groups of {shape.heads // shape.key_heads} heads share one W_K and one "
            "W_V: their products are not independent."
        )
    return tuple(notes)
