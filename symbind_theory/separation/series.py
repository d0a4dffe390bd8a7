"""Attention features as exact power series in beta, by brute force.

The softmax of beta times Gaussian logits is expanded order by order, and wildcards'
randomness is averaged out monomial by monomial. Nothing is simplified by hand: this is
the oracle for the closed forms of `separation`, and it goes to any order, at a price
that grows steeply with the order and the length.

Logits are those of arXiv 2310.09753 in the limit of wide layers: with independent
standard normals G, query token x at position q and key token y at position i,

    M = G[x, y] + γ G[x, i] + γ G[q, y] + γ² G[q, i] + a (1[x = y] + γ² 1[q = i]).

Under the cls readout x and q are the same in every string of one length, so that only
the sums g[y] = G[x, y] + γ G[q, y] and p[i] = G[x, i] + γ G[q, i] occur, each
N(0, 1 + γ²). [CLS] follows the last symbol: in strings of two lengths it stands at two
positions, and the sums are kept apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, TypeAlias, cast

import sympy
from flint import Ordering, fmpq_mpoly, fmpq_mpoly_ctx

from symbind_theory.separation.incidence import Readout, read_readout
from symbind_theory.task_arguments import check_list
from symbind_theory.templates import CLS, Template, read_templates
from symbind_theory.validation import (
    InputError,
    check_index,
    positive_integer,
    shorten,
)

__all__ = ["FeatureSeries", "feature_series", "gaussian_mean", "softmax_series"]

Polynomial: TypeAlias = fmpq_mpoly
"""A polynomial over the rationals; its context is the ring."""

Coordinate = tuple[str, Any]
"""("token", t) for a regular token t, ("position", i) for a position i from 0."""

# A symbol is ("token", t) or ("wildcard", number by first appearance); a variable is
# a pair (row, column) of symbols and positions.
Symbol = tuple[str, Any]


def softmax_series(logits: Sequence[Polynomial], order: int) -> list[list[Polynomial]]:
    """Coefficients of β^0 … β^order in softmax(β · logits).

    From s · Σ_b e^{β m_b} = e^{β m_a}, compared power by power.

    >>> x, y = fmpq_mpoly_ctx.get(("x", "y"), Ordering.lex).gens()
    >>> [str(p) for p in softmax_series([x, y], 1)[1]]
    ['1/4*x - 1/4*y', '-1/4*x + 1/4*y']

    Args:
        logits: one polynomial for each key.
        order: highest power of beta, ≥ 0.

    Returns:
        For each power of beta, the polynomial of each key.
    """
    size = len(logits)
    one = logits[0].context().constant(1)
    exponentials = [[one] * size]
    for l in range(1, order + 1):
        exponentials.append(
            [e * m / l for e, m in zip(exponentials[-1], logits, strict=True)]
        )
    totals = [sum(row, one * 0) for row in exponentials]
    series: list[list[Polynomial]] = []
    for l in range(order + 1):
        series.append(
            [
                (
                    exponentials[l][a]
                    - sum((totals[j] * series[l - j][a] for j in range(1, l + 1)), 0)
                )
                / size
                for a in range(size)
            ]
        )
    return series


def gaussian_mean(p: Polynomial, variances: Mapping[int, Polynomial]) -> Polynomial:
    """The expectation over independent centred Gaussians, the rest kept as it is.

    Args:
        p: a polynomial.
        variances: for each Gaussian, by its index among the generators, its variance.
    """
    factors: list[Polynomial] = []
    place: dict[int, int] = {}
    for i, degree in enumerate(p.degrees()):
        if degree and i in variances:
            if variances[i] not in factors:
                factors.append(variances[i])
            place[i] = factors.index(variances[i])
    # What is left of the monomials, apart by the powers of the variances before it.
    parts: dict[tuple[int, ...], dict[tuple[int, ...], Any]] = defaultdict(dict)
    for exponents, coefficient in p.to_dict().items():
        if any(exponents[i] % 2 for i in place):
            continue
        left, halves, moment = list(exponents), [0] * len(factors), 1
        for i, factor in place.items():
            halves[factor] += left[i] // 2
            moment *= prod(range(1, left[i], 2))
            left[i] = 0
        part, monomial = parts[tuple(halves)], tuple(left)
        part[monomial] = part.get(monomial, 0) + coefficient * moment
    ring = p.context()
    total = ring.constant(0)
    for halves, part in parts.items():
        powers = (f**n for f, n in zip(factors, halves, strict=True))
        total += ring.from_dict(part) * prod(powers, start=ring.constant(1))
    return total


@dataclass(frozen=True)
class FeatureSeries:
    """f_i to some order in beta, for several templates in common variables.

    Attributes:
        readout: position that is read.
        features: for each template, power of beta and coordinate, a polynomial in
            gamma, a (identity_kq) and the shared Gaussians.
        variances: of each shared Gaussian, by its index among the generators.
        names: what each shared Gaussian is, by the same index.
    """

    readout: Readout
    features: tuple[tuple[Mapping[Coordinate, Polynomial], ...], ...]
    variances: Mapping[int, Polynomial]
    names: Mapping[int, tuple[Symbol, Symbol]]

    @property
    def order(self) -> int:
        """The highest power of beta."""
        return len(self.features[0]) - 1

    def difference(self, i: int, j: int, order: int) -> list[Polynomial]:
        """f_i − f_j at one power of beta, coordinate by coordinate.

        Raises:
            InputError: no index of a template, or an order that is not known.
        """
        for name, index in (("i", i), ("j", j)):
            check_index(name, index, len(self.features))
        check_index("order", order, self.order + 1)
        first, second = self.features[i][order], self.features[j][order]
        zero = self._zero
        return [
            first.get(c, zero) - second.get(c, zero)
            for c in dict.fromkeys([*first, *second])
        ]

    @cached_property
    def _zero(self) -> Polynomial:
        return next(iter(self.features[0][0].values())).context().constant(0)

    def leading_order(self, i: int, j: int) -> int | None:
        """The first power of beta at which f_i and f_j differ; None if none does.

        Raises:
            InputError: no index of a template.
        """
        orders = range(self.order + 1)
        return next((l for l in orders if any(self.difference(i, j, l))), None)

    def gap_coefficient(self, i: int, j: int, power: int) -> sympy.Expr:
        """The coefficient of β^power in E‖f_i − f_j‖², in gamma and a.

        It needs f to order `power` less the order at which the two first differ.

        Raises:
            InputError: no index of a template, a power that is no integer of at least
                0, or f is not known to that order.
        """
        total = self._zero
        for x, y in self._products(i, j, power):
            total += gaussian_mean(x * y, self.variances)
        return _factored(total)

    def mean_gap_coefficient(self, i: int, j: int, power: int) -> sympy.Expr:
        """The coefficient of β^power in ‖E f_i − E f_j‖², in gamma and a.

        b² times this is what a multiple b of the identity in W_V W_O adds to the gap.

        Raises:
            InputError: as for `gap_coefficient`.
        """
        total = self._zero
        for x, y in self._products(i, j, power):
            means = (gaussian_mean(p, self.variances) for p in (x, y))
            total += prod(means)
        return _factored(total)

    def _products(
        self, i: int, j: int, power: int
    ) -> Iterator[tuple[Polynomial, Polynomial]]:
        """The pairs whose products add up to ‖f_i − f_j‖² at β^power."""
        positive_integer("power", power, low=0)
        first = self.leading_order(i, j)
        lowest = self.order + 1 if first is None else first
        if power - lowest > self.order:
            raise InputError(
                f"power is {power}; expected at most {self.order + lowest}, as f is "
                f"known to order {self.order}: raise the order of the series"
            )
        for l in range(max(lowest, power - self.order), power - lowest + 1):
            yield from zip(
                self.difference(i, j, l), self.difference(i, j, power - l), strict=True
            )


def _factored(p: Polynomial) -> sympy.Expr:
    """A polynomial in gamma and a alone, as sympy has it."""
    symbols = sympy.symbols("gamma a")
    terms = (
        sympy.Rational(int(c.p), int(c.q))
        * prod(x**n for x, n in zip(symbols, exponents, strict=False))
        for exponents, c in p.to_dict().items()
    )
    return cast(sympy.Expr, sympy.factor(sympy.Add(*terms)))


def feature_series(
    templates: Iterable[Template | str],
    order: int,
    readout: Readout = "cls",
    identity_kq: bool = False,
) -> FeatureSeries:
    """The attention features of templates, expanded in beta.

    >>> series = feature_series(["?a ?a", "?a ?b"], 2)
    >>> series.leading_order(0, 1)
    2
    >>> series.gap_coefficient(0, 1, 4)
    2*(gamma**2 + 1)**2*(3*gamma**2 + 2)/729

    Args:
        templates: templates, or their text; their lengths may differ.
        order: highest power of beta, ≥ 0.
        readout: "cls", "last" or "mean".
        identity_kq: whether a multiple a of the identity is added to W_K W_Qᵀ.

    Raises:
        InputError: no template, an unknown readout, an order that is no integer of at
            least 0, or an identity_kq that is neither True nor False.
    """
    check_list("templates", templates, "of templates, such as ['?a ?a', '?a ?b']")
    read_readout(readout)
    if not isinstance(identity_kq, bool):
        raise InputError(
            f"identity_kq is {shorten(identity_kq)}; expected True or False: a stays a "
            "letter in the series"
        )
    positive_integer("order", order, low=0)
    parsed = read_templates(templates, one_length=False)
    strings = [_symbols(t, readout) for t in parsed]
    one_query = readout == "cls" and len({t.length for t in parsed}) == 1
    logits = _Logits(strings, one_query, readout == "mean", identity_kq)
    features = tuple(_features(string, logits, order, readout) for string in strings)
    shared = {i: v for i, v in logits.variances.items() if i not in logits.private}
    names = {i: pair for pair, i in logits.index.items() if i in shared}
    return FeatureSeries(readout, features, shared, names)


def _symbols(template: Template, readout: Readout) -> tuple[Symbol, ...]:
    """What stands at each position the network sees; wildcards by number."""
    number = {name: i for i, name in enumerate(template.wildcards)}
    symbols: list[Symbol] = [("token", t) for t in template.skeleton]
    for name, positions in template.wildcard_positions.items():
        for position in positions:
            symbols[position] = ("wildcard", number[name])
    return (*symbols, ("token", CLS)) if readout == "cls" else tuple(symbols)


def _features(
    string: tuple[Symbol, ...], logits: _Logits, order: int, readout: Readout
) -> tuple[dict[Coordinate, Polynomial], ...]:
    """f of one template: for each power of beta, its coordinates."""
    last = len(string) - 1
    queries = range(len(string)) if readout == "mean" else [last]
    features: list[dict[Coordinate, Polynomial]] = [{} for _ in range(order + 1)]
    private = {i: logits.variances[i] for i in logits.private}
    for q in queries:
        series = softmax_series(logits.row(string, q), order)
        for into, weights in zip(features, series, strict=True):
            for i, weight in enumerate(weights):
                mean = gaussian_mean(weight, private) / len(queries)
                position = ("position", i)
                into[position] = into.get(position, 0) + logits.gamma * mean
                if string[i][0] == "token":
                    into[string[i]] = into.get(string[i], 0) + mean
    return tuple(features)


class _Logits:
    """The logits of several strings as polynomials in common Gaussians."""

    def __init__(
        self,
        strings: Sequence[tuple[Symbol, ...]],
        one_query: bool,
        all_queries: bool,
        identity_kq: bool,
    ) -> None:
        self._one_query, self._identity_kq = one_query, identity_kq
        pairs = dict.fromkeys(
            pair
            for string in strings
            for q in range(0 if all_queries else len(string) - 1, len(string))
            for pair, _ in self._terms(string, q)
        )
        names = ["gamma", "a", *(f"G{n}" for n in range(len(pairs)))]
        ring = fmpq_mpoly_ctx.get(names, Ordering.lex)
        self.zero, (self.gamma, self._a, *variables) = ring.constant(0), ring.gens()
        self.index = {pair: i for i, pair in enumerate(pairs, start=2)}
        self._variable = dict(zip(pairs, variables, strict=True))
        variance = 1 + self.gamma**2 if one_query else ring.constant(1)
        self.variances = dict.fromkeys(self.index.values(), variance)
        self.private = {
            i for pair, i in self.index.items() if any(s[0] == "wildcard" for s in pair)
        }

    def _terms(
        self, string: tuple[Symbol, ...], q: int
    ) -> Iterable[tuple[tuple[Symbol, Symbol], int]]:
        """The Gaussians that enter row q, with the power of gamma before each."""
        query, place = string[q], ("position", q)
        for i, key in enumerate(string):
            column = ("position", i)
            yield (query, key), 0
            yield (query, column), 1
            if not self._one_query:
                yield (place, key), 1
                yield (place, column), 2

    def row(self, string: tuple[Symbol, ...], q: int) -> list[Polynomial]:
        """The logits of every key for the query at position q."""
        logits = [self.zero] * len(string)
        per_key = 2 if self._one_query else 4
        for n, (pair, power) in enumerate(self._terms(string, q)):
            logits[n // per_key] += self.gamma**power * self._variable[pair]
        if self._identity_kq:
            for i, key in enumerate(string):
                same = (key == string[q]) + self.gamma**2 * (i == q)
                logits[i] += self._a * same
        return logits
