"""Overlap types: what two substituted templates have in common.

A transformer whose embeddings are random sees a pair of strings only through which of
their tokens are equal. For two strings of known templates that leaves a matching: which
wildcards of the one carry the same token as which wildcards of the other. Substitutions
are injective, so the matching is a partial injection, and a pair of templates with w
and v wildcards has Σ_m C(w, m) C(v, m) m! types: 7 for 2 and 2, 209 for 4 and 4, 13 327
for 6 and 6.

Source: symbind; arXiv 2310.09753 for the kernel's symmetry under renaming tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations, permutations
from math import comb, factorial

from symbind_theory.templates import Template, fresh_tokens, parse_string
from symbind_theory.validation import InputError, positive_integer

__all__ = [
    "OverlapType",
    "number_of_overlap_types",
    "overlap_type",
    "overlap_types",
    "pattern_of",
]


@dataclass(frozen=True, slots=True)
class OverlapType:
    """A pair of templates and which of their wildcards carry the same token.

    Attributes:
        first: template of the first string, canonical.
        second: template of the second string, canonical.
        matching: pairs (a, b): wildcard number a of `first` carries the token of
            wildcard number b of `second`; from 0, by increasing a.
    """

    first: Template
    second: Template
    matching: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> int:
        """How many tokens the strings share besides regular ones."""
        return len(self.matching)

    def swapped(self) -> OverlapType:
        """The type of the same strings in the other order."""
        turned = tuple(sorted((b, a) for a, b in self.matching))
        return OverlapType(self.second, self.first, turned)

    def restrictions(self) -> Iterator[OverlapType]:
        """The types with a subset of the matching, from none of it to all of it."""
        for kept in _subsets(self.matching):
            yield OverlapType(self.first, self.second, kept)

    def strings(self) -> tuple[str, str]:
        """Two strings of this type, with tokens outside the regular ones."""
        names = fresh_tokens([*self.first.regular_tokens, *self.second.regular_tokens])
        left = {name: next(names) for name in self.first.wildcards}
        right = {name: next(names) for name in self.second.wildcards}
        for a, b in self.matching:
            right[self.second.wildcards[b]] = left[self.first.wildcards[a]]
        return self.first.substitute(left), self.second.substitute(right)


def overlap_types(first: Template, second: Template) -> Iterator[OverlapType]:
    """All types of a pair of templates, those that share fewest tokens first.

    >>> t, u = Template("?a ?a"), Template("?a ?b")
    >>> [kind.matching for kind in overlap_types(t, u)]
    [(), ((0, 0),), ((0, 1),)]
    """
    first, second = first.canonical(), second.canonical()
    w, v = len(first.wildcards), len(second.wildcards)
    for size in range(min(w, v) + 1):
        for left in combinations(range(w), size):
            for right in permutations(range(v), size):
                yield OverlapType(first, second, tuple(zip(left, right, strict=True)))


def number_of_overlap_types(first: int, second: int) -> int:
    """How many types there are for so many wildcards in each template.

    >>> [number_of_overlap_types(w, w) for w in (2, 4, 6)]
    [7, 209, 13327]
    """
    w = positive_integer("first", first, low=0)
    v = positive_integer("second", second, low=0)
    return sum(comb(w, m) * comb(v, m) * factorial(m) for m in range(min(w, v) + 1))


def pattern_of(
    string: str | Iterable[str], regular_tokens: Iterable[str] = ()
) -> Template:
    """The most specific template of a string: a wildcard for each of its tokens.

    >>> pattern_of("x X y x", regular_tokens=["X"])
    Template('?1 X ?2 ?1')

    Args:
        string: tokens separated by spaces, or a list of tokens.
        regular_tokens: tokens that stay what they are.

    Raises:
        InputError: not a string of tokens.
    """
    return _read(string, frozenset(regular_tokens))[0]


def overlap_type(
    first: str | Iterable[str],
    second: str | Iterable[str],
    regular_tokens: Iterable[str] = (),
) -> OverlapType:
    """The type of a pair of strings.

    >>> overlap_type("u v", "v v").matching
    ((1, 0),)

    Args:
        first: tokens separated by spaces, or a list of tokens.
        second: a string of the same length.
        regular_tokens: tokens that belong to the templates.

    Raises:
        InputError: strings of different lengths, or not strings of tokens.
    """
    regular = frozenset(regular_tokens)
    (t, left), (u, right) = _read(first, regular), _read(second, regular)
    if t.length != u.length:
        raise InputError(
            f"strings have {t.length} and {u.length} tokens; expected one length"
        )
    slot = {token: b for b, token in enumerate(right)}
    matching = ((a, slot[token]) for a, token in enumerate(left) if token in slot)
    return OverlapType(t, u, tuple(matching))


def _read(
    string: str | Iterable[str], regular: frozenset[str]
) -> tuple[Template, list[str]]:
    """The template of a string, and the token of each of its wildcards."""
    tokens = parse_string(string)
    symbols = list(dict.fromkeys(x for x in tokens if x not in regular))
    names = {token: f"?{number}" for number, token in enumerate(symbols, start=1)}
    return Template([names.get(x, x) for x in tokens]), symbols


def _subsets(
    pairs: tuple[tuple[int, int], ...],
) -> Iterator[tuple[tuple[int, int], ...]]:
    sizes = range(len(pairs) + 1)
    return chain.from_iterable(combinations(pairs, size) for size in sizes)
