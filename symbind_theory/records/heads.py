"""Scores of a language model's heads beside what chance gives: frozen records.

One description serves the JSON document and the page. The mathematics is said where
the scores are computed (`numerics.gpt2.head_products`, `numerics.gpt2.product_null`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from symbind_theory.interval import Interval

__all__ = [
    "NEAR",
    "PATTERNS",
    "SCORES",
    "BasisScores",
    "HeadReport",
    "HeadScores",
    "NullScore",
    "PatternScore",
    "ProductScores",
]

SCORES = ("share", "excess", "copying")
"""The scores of a product in one basis, as attributes of `BasisScores`."""

NEAR = 0.5
"""Heads with a nearness above it are counted as near to a multiple of I."""

PATTERNS = ("previous_token", "duplicate_token", "induction")
"""The scores of attention on repeated tokens, by their names in the field."""


@dataclass(frozen=True, slots=True)
class NullScore:
    """A score of a product, and the law of it when singular vectors are unrelated.

    Attributes:
        value: the score.
        z: its distance from the mean by chance, 0, in standard deviations by chance.
        low: lower end of the interval in which chance puts the score.
        high: upper end of that interval.
    """

    value: float
    z: float
    low: float
    high: float

    @property
    def outside(self) -> bool:
        """Whether the score lies outside the interval of chance."""
        return not self.low <= self.value <= self.high


@dataclass(frozen=True, slots=True)
class BasisScores:
    """The scores of one product T, in one basis.

    Attributes:
        share: tr T / ‖T‖, the Frobenius norm; √rank for a projection.
        excess: the mean of the diagonal of T less the mean off it.
        copying: Σλ / Σ|λ| over the eigenvalues of T, in [−1, 1].
        mean_diagonal: the mean of the diagonal.
        mean_off_diagonal: the mean of all other entries.
    """

    share: NullScore
    excess: NullScore
    copying: NullScore
    mean_diagonal: float
    mean_off_diagonal: float


@dataclass(frozen=True, slots=True)
class ProductScores:
    """One product of weights, W_K W_Qᵀ or W_V W_O, of one head.

    Attributes:
        raw: in the coordinates of what the sublayer sees.
        embeddings: between the embeddings of all tokens.
        nearness: tr P / (√r ‖P‖) of the raw product, of rank r at most, in [−1, 1]: 1
            where P is a positive multiple of an orthogonal projection of rank r, the
            nearest that such a product comes to a multiple of I.
        directions: how many singular directions make the trace of the raw product:
            (Σs)² / Σs² for their contributions s; 1 where one direction makes it all.
        z_without_strongest: z of the raw share when the singular direction that
            contributes most to the trace is taken away.
        chance: a proven upper bound of the probability that chance gives a trace so
            far from 0, in the raw basis, for this head alone.
    """

    raw: BasisScores
    embeddings: BasisScores
    nearness: float
    directions: float
    z_without_strongest: float
    chance: float


@dataclass(frozen=True, slots=True)
class PatternScore:
    """Mean attention to one place, over strings of random tokens that are repeated.

    Attributes:
        attention: the mean weight, with its interval over strings.
        chance: the mean weight if all positions that may be attended had equal ones.
    """

    attention: Interval
    chance: float


@dataclass(frozen=True, slots=True)
class HeadScores:
    """All scores of one head.

    Attributes:
        layer: from 0.
        head: from 0, within its layer.
        keys: of W_K W_Qᵀ.
        values: of W_V W_O.
        patterns: by the names of `PATTERNS`.
        identity_kq: the trained scalar a; None where the model has none.
        identity_vo: the trained scalar b; None where the model has none.
    """

    layer: int
    head: int
    keys: ProductScores
    values: ProductScores
    patterns: dict[str, PatternScore]
    identity_kq: float | None = None
    identity_vo: float | None = None


@dataclass(frozen=True, slots=True)
class HeadReport:
    """All heads of a model.

    Attributes:
        model: where it was read from.
        family: the layout of its weights, "gpt2" or "llama".
        layers: how many blocks.
        heads_per_layer: how many heads in each.
        key_heads: how many heads of keys and values in each, shared by groups.
        width: d, of the stream.
        head_width: e, of a head.
        vocabulary: how many tokens have embeddings.
        level: of each interval; 1 − level is also the probability that chance puts
            any head at all among those that `passing` names.
        draws: random matrices behind each interval of chance.
        coverage: what an interval of chance covers exactly, at least `level`.
        sequences: strings of random tokens behind the attention scores.
        length: tokens in each, before they are repeated.
        seed: of all that is random.
        notes: sentences about conventions.
        heads: by layer, then by head.
    """

    model: str
    family: str
    layers: int
    heads_per_layer: int
    key_heads: int
    width: int
    head_width: int
    vocabulary: int
    level: float
    draws: int
    coverage: float
    sequences: int
    length: int
    seed: int
    notes: tuple[str, ...]
    heads: tuple[HeadScores, ...]

    @property
    def most_chance(self) -> float:
        """The probability that a head must stay below: Bonferroni over all products."""
        return (1 - self.level) / (2 * len(self.heads))

    @property
    def expected_outside(self) -> float:
        """How many heads chance puts outside their intervals, of any one score."""
        return (1 - self.coverage) * len(self.heads)

    def passing(self, product: str) -> tuple[HeadScores, ...]:
        """The heads whose raw trace is not by chance, all products counted together.

        Args:
            product: "keys" or "values".
        """
        return tuple(
            head
            for head in self.heads
            if getattr(head, product).chance <= self.most_chance
        )

    def near(self, product: str) -> tuple[HeadScores, ...]:
        """The heads whose raw product has a nearness above `NEAR`.

        Args:
            product: "keys" or "values".
        """
        return tuple(h for h in self.heads if getattr(h, product).nearness > NEAR)

    def outside(self, product: str, basis: str, score: str) -> int:
        """How many heads have a score outside its interval of chance.

        Args:
            product: "keys" or "values".
            basis: "raw" or "embeddings".
            score: one of `SCORES`.
        """
        scores = (getattr(getattr(h, product), basis) for h in self.heads)
        return sum(getattr(one, score).outside for one in scores)

    def ranked(self, key: Callable[[HeadScores], float]) -> Iterator[HeadScores]:
        """The heads, the largest value of a key first; equal ones in their order.

        Args:
            key: of a head.
        """
        yield from sorted(self.heads, key=key, reverse=True)
