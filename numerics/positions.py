"""Relative positions: what the distance of a key from its query does to the logit.

They come beside the position embeddings, whose scale is `gamma`; with `gamma` 0 they
are alone. A bias is added to the logit β(…), the same in every head; a random bias is
drawn for each head; rotary positions turn queries and keys, which multiplies the
covariance of the logits M[q, p] and M[q', p'] by

    ρ(q − p − q' + p'),     ρ(m) = mean over frequencies θ of cos(m θ).

Sources: ALiBi, Press et al. 2022; biases by distance, Raffel et al. 2020; rotary
positions, Su et al. 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from numerics.shapes import Float64
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = ["ALiBi", "DistanceBias", "RandomBias", "RelativePositions", "Rotary"]

Offsets = Float64[np.ndarray, "*shape"]


@runtime_checkable
class RelativePositions(Protocol):
    """What is known of the logit of a key from its offset q − p."""

    @property
    def name(self) -> str:
        """Short name, as in records."""
        ...

    @property
    def parameters(self) -> tuple[tuple[str, float], ...]:
        """Its numbers, each with its name."""
        ...

    def bias(self, offset: Offsets) -> Offsets:
        """What is added to the logit."""
        ...

    def noise(self, difference: Offsets) -> Offsets:
        """Covariance of what is drawn for each head, of offsets that differ so much."""
        ...

    def turn(self, difference: Offsets) -> Offsets:
        """ρ: what multiplies the covariance of logits, of offsets that differ so."""
        ...


class _Plain:
    """Neither bias nor noise, and nothing turns."""

    __slots__ = ()

    def bias(self, offset: Offsets) -> Offsets:
        """0."""
        return np.zeros_like(offset)

    def noise(self, difference: Offsets) -> Offsets:
        """0."""
        return np.zeros_like(difference)

    def turn(self, difference: Offsets) -> Offsets:
        """1."""
        return np.ones_like(difference)


@dataclass(frozen=True, slots=True)
class ALiBi(_Plain):
    """−slope · |q − p| added to the logit.

    Attributes:
        slope: of every head.
    """

    slope: float = 0.5

    def __post_init__(self) -> None:
        finite_number("slope", self.slope)

    @property
    def name(self) -> str:
        """Short name, as in records."""
        return "alibi"

    @property
    def parameters(self) -> tuple[tuple[str, float], ...]:
        """The slope."""
        return (("slope", self.slope),)

    def bias(self, offset: Offsets) -> Offsets:
        """−slope · |q − p|."""
        return -self.slope * np.abs(offset)


@dataclass(frozen=True, slots=True)
class DistanceBias(_Plain):
    """A number for each distance added to the logit, as T5 learns them.

    >>> DistanceBias(before=(0.0, 1.0, 2.0)).bias(np.array([0.0, 1.0, 5.0, -1.0]))
    array([0., 1., 2., 0.])

    Attributes:
        before: for keys at distances 0, 1, … before the query; the last one for all
            that are farther.
        after: for keys at distances 1, 2, … after it; 0 where there are none.
    """

    before: tuple[float, ...] = (0.0,)
    after: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name, values in (("before", self.before), ("after", self.after)):
            if not isinstance(values, tuple):
                raise InputError(f"{name} is {values!r}; expected a tuple of numbers")
            for value in values:
                finite_number(name, value)
        if not self.before:
            raise InputError("before is (); expected a number for distance 0 at least")

    @property
    def name(self) -> str:
        """Short name, as in records."""
        return "distance-bias"

    @property
    def parameters(self) -> tuple[tuple[str, float], ...]:
        """One for each offset that has its own."""
        before = ((f"{m}", value) for m, value in enumerate(self.before))
        after = ((f"-{m}", value) for m, value in enumerate(self.after, start=1))
        return (*before, *after)

    def bias(self, offset: Offsets) -> Offsets:
        """The number of its distance."""
        distance = np.abs(offset).astype(int)
        before = np.array(self.before)[np.minimum(distance, len(self.before) - 1)]
        if not self.after:
            return np.where(offset >= 0, before, 0.0)
        last = len(self.after) - 1
        after = np.array(self.after)[np.clip(distance - 1, 0, last)]
        return np.where(offset >= 0, before, after)


@dataclass(frozen=True, slots=True)
class RandomBias(_Plain):
    """A Gaussian for each offset, drawn for each head, added to the logit.

    Attributes:
        deviation: its standard deviation, ≥ 0.
    """

    deviation: float = 1.0

    def __post_init__(self) -> None:
        finite_number("deviation", self.deviation, low=0)

    @property
    def name(self) -> str:
        """Short name, as in records."""
        return "random-bias"

    @property
    def parameters(self) -> tuple[tuple[str, float], ...]:
        """The deviation."""
        return (("deviation", self.deviation),)

    def noise(self, difference: Offsets) -> Offsets:
        """The variance for equal offsets, else 0."""
        return np.where(difference == 0, float(self.deviation) ** 2, 0.0)


@dataclass(frozen=True, slots=True)
class Rotary(_Plain):
    """Queries and keys turned by angles that grow with their positions.

    Attributes:
        frequencies: how many, half the width of a head.
        base: θ_f = base^{−f / frequencies} for f from 0.
    """

    frequencies: int = 32
    base: float = 10_000.0

    def __post_init__(self) -> None:
        positive_integer("frequencies", self.frequencies)
        finite_number("base", self.base, low=0, strict=True)

    @property
    def name(self) -> str:
        """Short name, as in records."""
        return "rotary"

    @property
    def parameters(self) -> tuple[tuple[str, float], ...]:
        """Frequencies and base."""
        return (("frequencies", self.frequencies), ("base", self.base))

    def turn(self, difference: Offsets) -> Offsets:
        """The mean over frequencies of cos(m θ)."""
        angle = self.base ** (-np.arange(self.frequencies) / self.frequencies)
        return np.cos(difference[..., None] * angle).mean(-1)
