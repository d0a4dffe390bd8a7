"""Laws of an injective substitution: which tokens a template's wildcards receive.

Every law here draws the images one after another without replacement: the next one is
a token not yet drawn, with probability proportional to its weight. `Uniform`, `Zipf`
and `Probabilities` differ in the weights. `inclusion` says how likely a token is used.

Source: Boix-Adserà et al., arXiv 2310.09753, on data diversity; the law of an injective
Zipf substitution is fixed here.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Any

from symbind_theory.laws.inclusion import exact_inclusion
from symbind_theory.templates import parse_string
from symbind_theory.validation import InputError, exact_real, one_of, shorten

__all__ = [
    "Law",
    "LawInput",
    "Probabilities",
    "Sampler",
    "Uniform",
    "Zipf",
    "inclusion",
    "largest_inclusion",
    "read_law",
]


Sampler = Callable[[int, random.Random], list[str]]
"""Draws images for so many wildcards: distinct tokens, in order."""


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every injective substitution into the vocabulary is equally likely.

    >>> Uniform().sampler(["u", "v"])(2, random.Random(0))
    ['v', 'u']
    """

    def weights(self, vocabulary: Sequence[str]) -> tuple[Fraction, ...]:
        """One weight for each token, up to a common factor."""
        return (Fraction(1),) * len(vocabulary)

    def sampler(self, vocabulary: Sequence[str]) -> Sampler:
        """Draws from distinct tokens, with the generator that it is given."""
        tokens = tuple(vocabulary)

        def draw(count: int, generator: random.Random) -> list[str]:
            _check_count(count, len(tokens))
            return generator.sample(tokens, count)

        return draw


@dataclass(frozen=True, slots=True)
class Zipf:
    """Successive draws without replacement, the token of rank i with weight 1/i.

    Ranks are the places in the vocabulary, from 1.
    """

    def weights(self, vocabulary: Sequence[str]) -> tuple[Fraction, ...]:
        """One weight for each token, up to a common factor."""
        return tuple(Fraction(1, rank) for rank in range(1, len(vocabulary) + 1))

    def sampler(self, vocabulary: Sequence[str]) -> Sampler:
        """Draws from distinct tokens, with the generator that it is given."""
        return _successive(vocabulary, self.weights(vocabulary))


@dataclass(frozen=True, slots=True, init=False)
class Probabilities:
    """Successive draws without replacement, with weights of the user's own.

    >>> Probabilities({"u": 2, "v": 0.5, "w": 0}).table
    (('u', Fraction(4, 5)), ('v', Fraction(1, 5)))

    Args:
        weights: token to a weight of at least 0, up to a common factor. A float counts
            as the decimal that prints it.

    Attributes:
        table: the tokens that can be drawn, in alphabetical order, with the
            probabilities of the first draw.

    Raises:
        InputError: a negative or non-finite weight, none that is positive, a positive
            one below 1e-100 times the largest, or a key that is not a token.
    """

    table: tuple[tuple[str, Fraction], ...]

    def __init__(self, weights: Mapping[str, Any]) -> None:
        object.__setattr__(self, "table", _read_table(weights))

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens that can be drawn."""
        return tuple(token for token, _ in self.table)

    def weights(self, vocabulary: Sequence[str]) -> tuple[Fraction, ...]:
        """One weight for each token of the vocabulary, 0 for those without.

        Raises:
            InputError: a token of the law is not in the vocabulary.
        """
        table = dict(self.table)
        if missing := sorted(table.keys() - set(vocabulary)):
            raise InputError(
                f"vocabulary lacks {shorten(missing[0])}; expected every token to "
                "which the law gives a probability"
            )
        return tuple(table.get(token, Fraction(0)) for token in vocabulary)

    def sampler(self, vocabulary: Sequence[str]) -> Sampler:
        """Draws from distinct tokens, with the generator that it is given.

        Raises:
            InputError: a token of the law is not in the vocabulary.
        """
        return _successive(vocabulary, self.weights(vocabulary))


Law = Uniform | Zipf | Probabilities

LawInput = Law | str | Mapping[str, Any]
"""A law, `"uniform"`, `"zipf"`, or a map from tokens to weights."""


def read_law(name: str, value: object) -> Law:
    """The law that `value` stands for.

    >>> read_law("law", "zipf")
    Zipf()

    Args:
        name: of the argument, for messages.
        value: a law, `"uniform"`, `"zipf"`, or a map from tokens to weights.

    Raises:
        InputError: anything else, or weights that `Probabilities` refuses.
    """
    if isinstance(value, Uniform | Zipf | Probabilities):
        return value
    if isinstance(value, Mapping):
        return Probabilities(value)
    if isinstance(value, str):
        named: dict[str, Law] = {"uniform": Uniform(), "zipf": Zipf()}
        return named[one_of(name, value, named)]
    raise InputError(
        f"{name} is {shorten(value)}; expected uniform, zipf or a map from tokens to "
        "weights"
    )


def inclusion(
    law: Law, vocabulary: Sequence[str], token: str, count: int
) -> Fraction | tuple[float, float]:
    """The probability that a token is among the images of so many wildcards.

    Exact where `inclusion.exact_inclusion` is feasible; otherwise the ends of an
    interval that contains it for certain.

    >>> inclusion(Zipf(), ["u", "v", "w"], "u", 1)
    Fraction(6, 11)

    Args:
        law: of the substitution.
        vocabulary: distinct tokens.
        token: one of them.
        count: number of wildcards, ≥ 0.

    Raises:
        InputError: the token is not in the vocabulary, or fewer tokens than wildcards
            have a positive weight.
    """
    if token not in vocabulary:
        raise InputError(
            f"token is {shorten(token)}; expected one of the vocabulary's tokens"
        )
    return _inclusion(law.weights(vocabulary), vocabulary.index(token), count)


def largest_inclusion(
    law: Law, vocabulary: Sequence[str], count: int
) -> Fraction | tuple[float, float]:
    """`inclusion` of the token for which it is largest, the heaviest one.

    Raises:
        InputError: fewer tokens than wildcards have a positive weight.
    """
    weights = law.weights(vocabulary)
    return _inclusion(weights, weights.index(max(weights)), count)


def _inclusion(
    weights: Sequence[Fraction], index: int, count: int
) -> Fraction | tuple[float, float]:
    exact = exact_inclusion(weights, index, count)
    if exact is not None:
        return exact
    # Imports numpy, which few tasks need.
    from symbind_theory.laws.enclosures import enclosed_inclusion

    return enclosed_inclusion(weights, index, count)


def _read_table(weights: Mapping[str, Any]) -> tuple[tuple[str, Fraction], ...]:
    table: dict[str, Fraction] = {}
    for token, weight in weights.items():
        if parse_string([token]) != (token,):
            raise InputError(f"token is {shorten(token)}; expected one token")
        exact = exact_real(f"weight of {shorten(token)}", weight)
        if not isinstance(exact, Fraction) or exact < 0:
            raise InputError(
                f"weight of {shorten(token)} is {shorten(weight)}; expected a rational "
                "of at least 0"
            )
        table[token] = exact
    total = sum(table.values())
    if total == 0:
        raise InputError(
            "weights are all zero; expected a positive one for at least one token"
        )
    largest = max(table.values())
    for token, weight in table.items():
        if 0 < weight < largest / 10**100:
            raise InputError(
                f"weight of {shorten(token)} is less than 1e-100 times the largest; "
                "expected 0 for a token that is never drawn"
            )
    return tuple(sorted((t, w / total) for t, w in table.items() if w))


def _check_count(count: int, tokens: int) -> None:
    if count > tokens:
        raise InputError(
            f"{tokens} tokens have a positive weight; expected at least {count}, one "
            "for each wildcard"
        )


def _successive(vocabulary: Sequence[str], weights: Sequence[Fraction]) -> Sampler:
    """Successive draws without replacement.

    Independent draws with repetitions left out are successive draws; tokens that leave
    little to the others would make that slow, so after a number of tries fixed
    beforehand the rest is drawn from the tokens left.
    """
    pairs = [(t, w) for t, w in zip(vocabulary, weights, strict=True) if w]
    total = sum(float(w) for _, w in pairs)
    chances = {t: float(w) / total for t, w in pairs}
    tokens, ends = list(chances), list(accumulate(chances.values()))

    def one(generator: random.Random) -> str:
        place = bisect(ends, generator.random() * ends[-1], hi=len(ends) - 1)
        return tokens[place]

    def draw(count: int, generator: random.Random) -> list[str]:
        _check_count(count, len(tokens))
        drawn: dict[str, None] = {}
        for _ in range(4 * count):
            if len(drawn) < count:
                drawn[one(generator)] = None
        while len(drawn) < count:
            left = [token for token in tokens if token not in drawn]
            (token,) = generator.choices(left, [chances[token] for token in left])
            drawn[token] = None
        return list(drawn)

    return draw
