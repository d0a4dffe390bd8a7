"""Which tokens have one embedding, and what Theorem D asks of embeddings, exactly.

Tokens whose rows of the Gram matrix are equal are one token to the network, and where
two symbols are as alike as a symbol is to itself, v = ρ, all symbols are one. Templates
that then are the same have equal rows of N. Where they are not, Theorem D asks that

- no two of the tokens that occur have one embedding, nor a regular one the mean of
  symbols where there are wildcards,
- the first tokens of templates of length 1, and of all under a causal mask, have
  affinely independent embeddings: x = 0 where Σ x_t = 0 and Σ x_t e_t = 0.

Floats are rational numbers, and elimination with fractions decides whether embeddings
are independent. Where they are not, or where rounding has left no Gram matrix, two
embeddings count as different if their distance is far beyond rounding, and nothing is
claimed if it is not.

Source: symbind; docs/theorem-d.md, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from symbind_theory.separation.incidence import Incidence
from symbind_theory.separation.token_gram import TokenGram
from symbind_theory.templates import CLS, Template, fresh_tokens

__all__ = ["DistinctTokens"]

# Squared distances below this part of all squared lengths may be rounding: eigenvalues
# are ≥ 0 to 1e-12 of their sum.
_ROUNDING = 1e-11


@dataclass(frozen=True, slots=True)
class DistinctTokens:
    """Templates in which tokens of one embedding have one name.

    Attributes:
        gram: inner products of these tokens.
        templates: the templates, in the order in which they were given.
    """

    gram: TokenGram
    templates: tuple[Template, ...]

    @classmethod
    def of(cls, templates: Sequence[Template], gram: TokenGram) -> DistinctTokens:
        """The templates, as the network tells tokens apart.

        >>> twins = TokenGram(("X", "Y"), ((1, 1), (1, 1)))
        >>> DistinctTokens.of([Template("Y ?a X")], twins).templates
        (Template('X ?a X'),)
        >>> one_symbol = TokenGram(common=1.0)
        >>> DistinctTokens.of([Template("?a X ?b")], one_symbol).templates
        (Template('a X a'),)

        Args:
            templates: templates; their lengths may differ.
            gram: the inner products of their tokens.
        """
        if gram.self_value == gram.common:
            regular = [x for t in templates for x in t.regular_tokens]
            symbol = next(fresh_tokens([*regular, *gram.tokens]))
            templates = [
                Template(symbol if token is None else token for token in t.skeleton)
                for t in templates
            ]
            gram = gram.with_symbols([symbol])
        first: dict[tuple[float, ...], str] = {}
        name = {
            token: first.setdefault(row, token)
            for token, row in zip(gram.tokens, gram.bordered, strict=False)
            # It is appended by the readout, and stays what it is.
            if token != CLS
        }
        if all(token == first for token, first in name.items()):
            return cls(gram, tuple(templates))
        named = tuple(Template(name.get(x, x) for x in t.tokens) for t in templates)
        return cls(gram, named)

    def too_close(self, seen: Sequence[Incidence]) -> tuple[str, str] | None:
        """Two that occur and may have one embedding, or None.

        Args:
            seen: the templates as the network sees them.
        """
        occurring = _occurring(seen)
        if self._independent(occurring):
            return None
        lengths = sum(self._square(x) for x in {*occurring, *self.gram.tokens, None})
        for first, second in combinations(occurring, 2):
            apart = self._square(first) + self._square(second)
            apart -= 2 * Fraction(self.gram.product(first, second))
            if apart <= Fraction(_ROUNDING) * lengths:
                return _in_words(first), _in_words(second)
        return None

    def dependent(self, seen: Sequence[Incidence], causal: bool) -> bool:
        """Whether first tokens that are seen alone may be affinely dependent.

        Args:
            seen: the templates as the network sees them, none `too_close`.
            causal: whether a position attends to those up to itself alone.
        """
        alone = {t.skeleton[0] for t in seen if causal or t.size == 1}
        if len(alone) < 3:
            return False
        return _rank(self._products(_occurring(seen))) is None or (
            not self._independent(list(alone))
        )

    def _independent(self, tokens: Sequence[str | None]) -> bool:
        """Whether embeddings are affinely independent, for certain.

        They are if no combination vanishes when a coordinate 1 is added to each.
        """
        products = self._products(tokens)
        added = [[entry + 1 for entry in row] for row in products]
        return _rank(products) is not None and _rank(added) == len(tokens)

    def _products(self, tokens: Sequence[str | None]) -> list[list[Fraction]]:
        return [[Fraction(self.gram.product(x, y)) for y in tokens] for x in tokens]

    def _square(self, token: str | None) -> Fraction:
        return Fraction(self.gram.product(token, token))


def _occurring(seen: Sequence[Incidence]) -> list[str | None]:
    """The regular tokens that occur, and None if there are wildcards."""
    return list(dict.fromkeys(x for t in seen for x in t.skeleton))


def _rank(matrix: list[list[Fraction]]) -> int | None:
    """The rank of a symmetric matrix; None if it is not positive semi-definite."""
    rows, rank = [list(row) for row in matrix], 0
    for i, row in enumerate(rows):
        if row[i] < 0 or (row[i] == 0 and any(row[i + 1 :])):
            return None
        if row[i] == 0:
            continue
        rank += 1
        for other in rows[i + 1 :]:
            factor = other[i] / row[i]
            for j in range(i, len(rows)):
                other[j] -= factor * row[j]
    return rank


def _in_words(token: str | None) -> str:
    return "the mean of symbols" if token is None else f"'{token}'"
