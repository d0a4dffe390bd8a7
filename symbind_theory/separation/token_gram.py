"""Inner products of token embeddings, in place of those of independent embeddings.

Independent embeddings are orthogonal in the limit of wide layers: the Gram matrix of
tokens is the identity. Here it is any one in which symbols, the tokens that wildcards
may stand for, are exchangeable: with ρ the inner product of two symbols and v that of a
symbol with itself there are such embeddings of infinitely many symbols exactly if

    [[gram, cross], [crossᵀ, ρ]] ⪰ 0     and     v ≥ ρ,

since the mean of many symbols has the inner products `cross` and ρ, and what a symbol
has beside it is its own.

Source: symbind; docs/theorem-d.md, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from symbind_theory.templates import CLS, parse_string
from symbind_theory.validation import InputError, finite_number, shorten

__all__ = ["TokenGram"]

# Eigenvalues of a Gram matrix above minus this part of its trace are rounding.
_ROUNDING = 1e-12
# Squares of self values stay within float64.
_LARGEST = 1e150


@dataclass(frozen=True, slots=True)
class TokenGram:
    """The Gram matrix of token embeddings.

    Regular tokens that are not named are orthogonal to all others, of length 1; `[CLS]`
    may be named.

    >>> TokenGram(("X", "Y"), ((1, 0.5), (0.5, 1))).product("X", "Y")
    0.5
    >>> TokenGram(("X", "Y"), ((1, 2), (2, 1)))
    Traceback (most recent call last):
    ...
    symbind_theory.validation.InputError: gram has with cross and common the smallest \
eigenvalue -1; expected a Gram matrix, which has none below 0

    Attributes:
        tokens: regular tokens.
        gram: their inner products, one row for each.
        cross: inner product of each with any symbol; () for 0.
        common: ρ, the inner product of two symbols, ≥ 0.
        self_value: v, that of a symbol with itself, > 0 and at least `common`.

    Raises:
        InputError: numbers that are no inner products of infinitely many symbols.
    """

    tokens: tuple[str, ...] = ()
    gram: tuple[tuple[float, ...], ...] = ()
    cross: tuple[float, ...] = ()
    common: float = 0.0
    self_value: float = 1.0

    def __post_init__(self) -> None:
        _check_tokens(self.tokens)
        count = len(self.tokens)
        rows = _sequence("gram", self.gram, count)
        gram = tuple(_numbers(f"gram[{i}]", row, count) for i, row in enumerate(rows))
        cross = _numbers("cross", self.cross or (0.0,) * count, count)
        object.__setattr__(self, "gram", gram)
        object.__setattr__(self, "cross", cross)
        for name in ("common", "self_value"):
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        self._check_symmetric()
        self._check_lengths()
        self._check_eigenvalues()

    def _check_symmetric(self) -> None:
        for i, row in enumerate(self.gram):
            for j in range(i):
                if row[j] != self.gram[j][i]:
                    raise InputError(
                        f"gram[{i}][{j}] is {row[j]!r}; expected {self.gram[j][i]!r} "
                        f"as in gram[{j}][{i}]: inner products are symmetric"
                    )

    def _check_lengths(self) -> None:
        for i, row in enumerate(self.gram):
            if row[i] <= 0:
                raise InputError(
                    f"gram[{i}][{i}] is {row[i]:g}; expected a square above 0"
                )
        if self.self_value <= 0 or self.self_value < self.common:
            raise InputError(
                f"self_value is {self.self_value:g} with common {self.common:g}; "
                "expected a number above 0 that is at least common: two symbols are "
                "no more alike than a symbol is to itself"
            )

    def _check_eigenvalues(self) -> None:
        if self.identity:
            return
        # Loads numpy, of which those have no need who only decide.
        import numpy as np

        whole = np.array(self.bordered)
        smallest = float(np.linalg.eigvalsh(whole)[0])
        if smallest < -_ROUNDING * float(np.abs(whole.diagonal()).sum()):
            raise InputError(
                "gram has with cross and common the smallest eigenvalue "
                f"{smallest:.3g}; expected a Gram matrix, which has none below 0"
            )

    @classmethod
    def equicorrelated(cls, tokens: Sequence[str], correlation: float) -> TokenGram:
        """All embeddings of length 1, any two with one inner product.

        >>> TokenGram.equicorrelated(["X", "[CLS]"], 0.5).cross
        (0.5, 0.5)

        Args:
            tokens: the regular tokens.
            correlation: the inner product of any two tokens, symbols or regular, in
                [0, 1].

        Raises:
            InputError: a correlation out of range: infinitely many vectors have no
                negative one.
        """
        tokens = tuple(_entries("tokens", tokens))
        rho = finite_number("correlation", correlation)
        if not 0 <= rho <= 1:
            raise InputError(f"correlation is {rho:g}; expected a number in [0, 1]")
        places = range(len(tokens))
        gram = tuple(tuple(1.0 if i == j else rho for j in places) for i in places)
        return cls(tokens, gram, (rho,) * len(tokens), rho)

    @classmethod
    def from_embeddings(
        cls,
        tokens: Sequence[str],
        embeddings: Iterable[Iterable[float]],
        mean: Iterable[float] | None = None,
        self_value: float = 1.0,
    ) -> TokenGram:
        """The Gram matrix of given embeddings of regular tokens.

        >>> pair = TokenGram.from_embeddings(["X", "Y"], [[1, 0], [0.6, 0.8]])
        >>> pair.gram
        ((1.0, 0.6), (0.6, 1.0))

        Args:
            tokens: the regular tokens.
            embeddings: a row of numbers for each; equal rows have equal products.
            mean: the mean of the symbols' embeddings; None for 0.
            self_value: v, the squared length of a symbol's embedding.

        Raises:
            InputError: rows that are not one for each token, or not of one length; or
                no rows.
        """
        tokens = tuple(_entries("tokens", tokens))
        given = _entries("embeddings", embeddings)
        rows = [_entries(f"embeddings[{i}]", row) for i, row in enumerate(given)]
        _sequence("embeddings", rows, len(tokens))
        symbol = None if mean is None else _entries("mean", mean)
        width = len(next(iter(rows), symbol or ()))
        rows = [_numbers(f"embeddings[{i}]", x, width) for i, x in enumerate(rows)]
        symbol = _numbers("mean", (0.0,) * width if symbol is None else symbol, width)
        *own, last = [
            tuple(_inner(x, y) for y in [*rows, symbol]) for x in [*rows, symbol]
        ]
        return cls(
            tokens=tokens,
            gram=tuple(row[:-1] for row in own),
            cross=last[:-1],
            common=last[-1],
            self_value=self_value,
        )

    def with_symbols(self, names: Sequence[str]) -> TokenGram:
        """The same with names for some symbols.

        >>> TokenGram(common=0.5, self_value=2).with_symbols(["a", "b"]).gram
        ((2.0, 0.5), (0.5, 2.0))

        Args:
            names: no tokens that are named.
        """
        places = range(len(names))
        among = [
            tuple(self.self_value if i == j else self.common for j in places)
            for i in places
        ]
        known = [
            (*row, *(x,) * len(names))
            for row, x in zip(self.gram, self.cross, strict=True)
        ]
        return TokenGram(
            tokens=(*self.tokens, *names),
            gram=(*known, *((*self.cross, *row) for row in among)),
            cross=(*self.cross, *(self.common,) * len(names)),
            common=self.common,
            self_value=self.self_value,
        )

    @property
    def identity(self) -> bool:
        """Whether all tokens are orthogonal, of length 1."""
        plain = all(
            value == (i == j)
            for i, row in enumerate(self.gram)
            for j, value in enumerate(row)
        )
        symbols = (self.common, self.self_value) == (0.0, 1.0)
        return plain and symbols and not any(self.cross)

    @property
    def one_length(self) -> bool:
        """Whether all tokens have length 1, as those have that are not named."""
        squares = [row[i] for i, row in enumerate(self.gram)]
        return all(square == 1 for square in [*squares, self.self_value])

    def product(self, first: str | None, second: str | None) -> float:
        """The inner product of two tokens.

        Args:
            first: a regular token, or None for a symbol.
            second: one too; where both are None it is another symbol than the first.
        """
        one, other = self._place(first), self._place(second)
        if one is None or other is None:
            return float(first == second)
        return self.bordered[one][other]

    @property
    def bordered(self) -> tuple[tuple[float, ...], ...]:
        """The Gram matrix of the regular tokens and, last, of the mean of symbols."""
        rows = zip(self.gram, self.cross, strict=True)
        return (*((*row, x) for row, x in rows), (*self.cross, self.common))

    def _place(self, token: str | None) -> int | None:
        """Its row of the bordered matrix; None for a token that is not named."""
        if token is None:
            return len(self.tokens)
        return self.tokens.index(token) if token in self.tokens else None


def _check_tokens(tokens: object) -> None:
    """See that they are the names of distinct regular tokens.

    Raises:
        InputError: they are not.
    """
    if not isinstance(tokens, tuple):
        raise InputError(
            f"tokens is {shorten(tokens)}; expected a tuple of regular tokens"
        )
    for token in tokens:
        if token != CLS:
            _check_regular(token)
    if len(set(tokens)) < len(tokens):
        twice = next(x for x in tokens if tokens.count(x) > 1)
        raise InputError(f"tokens has {shorten(twice)} twice; expected each once")


def _check_regular(token: object) -> None:
    try:
        parse_string([token])  # pyright: ignore[reportArgumentType]
    except InputError:
        raise InputError(
            f"tokens has {shorten(token)}; expected regular tokens, such as 'X'"
        ) from None


def _entries(name: str, given: object) -> list[Any]:
    """What was given, one by one.

    Raises:
        InputError: a text, or what has no entries.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"{name} is {shorten(given)}; expected a list")
    try:
        return list(given)
    except TypeError:  # An array of no dimension is iterable in name alone.
        raise InputError(f"{name} is {shorten(given)}; expected a list") from None


def _sequence(name: str, given: object, count: int) -> Sequence[object]:
    """What was given, if it is so many.

    Raises:
        InputError: it is not.
    """
    if not isinstance(given, tuple | list):
        raise InputError(f"{name} is {shorten(given)}; expected a tuple")
    if len(given) != count:
        raise InputError(f"{name} has {len(given)} entries; expected {count}")
    return given


def _numbers(name: str, given: object, count: int) -> tuple[float, ...]:
    values = _sequence(name, given, count)
    return tuple(_number(f"{name}[{i}]", x) for i, x in enumerate(values))


def _number(name: str, value: object) -> float:
    number = finite_number(name, value)
    if abs(number) > _LARGEST:
        raise InputError(f"{name} is {number:g}; expected at most {_LARGEST:g}")
    return number


def _inner(x: Sequence[float], y: Sequence[float]) -> float:
    """An inner product, the same whatever else is multiplied beside it."""
    return math.fsum(a * b for a, b in zip(x, y, strict=True))
