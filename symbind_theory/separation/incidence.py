"""Which positions carry which symbols, and the keys that tell templates apart.

The attention features of a template, expanded in beta, depend on the template through
one more piece of incidence data at each order (K keys, Π = I − 11ᵀ/K, J the wildcards'
incidence: J[a, b] = 1 where positions a and b carry one wildcard):

    order 0   K and the counts n_t of the regular tokens t
    order 1   their positions, R
    order 2   the diagonal of ΠJΠ, less its mean: the wildcards' multiplicities
    order 3   ΠJΠ, which with R is the template up to a renaming of wildcards

Everything here is integer work. Source: symbind; docs/separation.md has the proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Literal

from symbind_theory.templates import CLS, Template
from symbind_theory.validation import one_of

__all__ = [
    "ORDERS",
    "READOUTS",
    "Incidence",
    "Readout",
    "incidence_of",
    "read_readout",
]

Readout = Literal["cls", "last", "mean"]
READOUTS: tuple[Readout, ...] = ("cls", "last", "mean")

ORDERS = 4
"""Orders 0 to 3: inequivalent templates differ at one of them."""


def read_readout(readout: str) -> str:
    """The readout, if it is one.

    Raises:
        InputError: anything else than "cls", "last" or "mean".
    """
    return one_of("readout", readout, READOUTS)


@dataclass(frozen=True)
class Incidence:
    """A template as the network sees it, `[CLS]` appended where it is read.

    Attributes:
        template: the template.
        readout: position that is read.
    """

    template: Template
    readout: Readout = "cls"

    @cached_property
    def skeleton(self) -> tuple[str | None, ...]:
        """The regular token of each key, None for a wildcard."""
        appended = (CLS,) if self.readout == "cls" else ()
        return self.template.skeleton + appended

    @property
    def size(self) -> int:
        """The number of keys, K."""
        return len(self.skeleton)

    @cached_property
    def symbols(self) -> tuple[str | int, ...]:
        """What stands at each key: a regular token, or the number of a wildcard."""
        symbols: list[str | int | None] = list(self.skeleton)
        for number, block in enumerate(self.blocks):
            for position in block:
                symbols[position] = number
        return tuple(x for x in symbols if x is not None)

    @property
    def queries(self) -> range:
        """The positions that are read; the readout is the mean over them."""
        return range(0 if self.readout == "mean" else self.size - 1, self.size)

    @cached_property
    def counts(self) -> dict[str, int]:
        """n_t for each regular token t."""
        counts: dict[str, int] = {}
        for token in self.skeleton:
            if token is not None:
                counts[token] = counts.get(token, 0) + 1
        return counts

    def frequency(self, token: str) -> Fraction:
        """n_t/K: the share of a regular token among the keys."""
        return Fraction(self.counts.get(token, 0), self.size)

    @cached_property
    def blocks(self) -> tuple[frozenset[int], ...]:
        """The set of positions of each wildcard, by first appearance."""
        return tuple(map(frozenset, self.template.wildcard_positions.values()))

    @cached_property
    def multiplicity(self) -> tuple[int, ...]:
        """n_a: how often the wildcard at position a occurs; 0 at regular tokens."""
        multiplicity = [0] * self.size
        for block in self.blocks:
            for position in block:
                multiplicity[position] = len(block)
        return tuple(multiplicity)

    @cached_property
    def occurrences(self) -> tuple[int, ...]:
        """How often the symbol at each position occurs, wildcard or regular token."""
        return tuple(
            n if token is None else self.counts[token]
            for n, token in zip(self.multiplicity, self.skeleton, strict=True)
        )

    @property
    def query(self) -> str | None:
        """The regular token at the last position; None for a wildcard."""
        return self.skeleton[-1]

    @cached_property
    def like_query(self) -> tuple[bool, ...]:
        """Whether each position carries the symbol of the last one."""
        if self.query is not None:
            return tuple(token == self.query for token in self.skeleton)
        block = next(block for block in self.blocks if self.size - 1 in block)
        return tuple(position in block for position in range(self.size))

    @cached_property
    def centred(self) -> tuple[tuple[int, ...], ...]:
        """K² ΠJΠ, a matrix of integers."""
        return _centred(self.size, self.blocks)

    @cached_property
    def deviations(self) -> tuple[int, ...]:
        """K³ times the diagonal of ΠJΠ less its mean."""
        diagonal = [self.centred[a][a] for a in range(self.size)]
        trace = sum(diagonal)
        return tuple(self.size * entry - trace for entry in diagonal)

    @cached_property
    def centred_regular(self) -> tuple[tuple[int, ...], ...]:
        """K² ΠRRᵀΠ, a matrix of integers."""
        positions = range(self.size)
        return _centred(
            self.size,
            [
                frozenset(a for a in positions if self.skeleton[a] == token)
                for token in self.counts
            ],
        )

    def key(self, order: int) -> tuple[object, ...]:
        """What the features depend on at one order, besides the keys of lower orders.

        Two templates under one readout have features that agree up to order L exactly
        when their keys agree up to order L; that is for γ ≠ 0 and no identity term.

        Args:
            order: 0 to 3.
        """
        if order == 0:
            return (self.size, *sorted(self.counts.items()))
        if order == 1:
            return self.skeleton
        return self.deviations if order == 2 else self.centred


@lru_cache(maxsize=2048)
def incidence_of(template: Template, readout: Readout = "cls") -> Incidence:
    """The incidence of a template, made once for all who ask while it is remembered.

    Both are immutable, and the keys are worked out where they are first read.
    """
    return Incidence(template, readout)


def _centred(
    size: int, blocks: Iterable[frozenset[int]]
) -> tuple[tuple[int, ...], ...]:
    """K² ΠMΠ with M[a, b] = 1 where a and b lie in one block."""
    rows = [0] * size
    matrix = [[0] * size for _ in range(size)]
    for block in blocks:
        for a in block:
            rows[a] = len(block)
            for b in block:
                matrix[a][b] = size**2
    total = sum(rows)
    return tuple(
        tuple(
            entry - size * (m + n) + total for entry, n in zip(row, rows, strict=True)
        )
        for row, m in zip(matrix, rows, strict=True)
    )
