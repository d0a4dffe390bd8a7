"""The order in beta at which two templates separate, and the exact leading gap.

gap = E‖f − f'‖² = c β^{2L} + O(β^{2L+1}) with f the attention features averaged over
wildcards. A multiple b of the identity added to W_V W_O adds b² ‖E f − E f'‖², which
starts at the same order or later, so that c gains b² times a part of itself. Two
inequivalent templates of one length differ at an order L ≤ 3, found by comparing
incidence keys; c is a polynomial in γ² (and in a², with a times the identity added to
W_K W_Qᵀ), positive for γ ≠ 0. Templates of different lengths separate at order 0, as
K does. Integer work only; sympy is imported where it is shown.

In the formulas K is the number of keys, n_t the counts of regular tokens, R and J the
incidences of regular tokens and of wildcards, δ_a = n_a − n'_a the difference of
multiplicities, κ = 1 + γ², Π = I − 11ᵀ/K. Templates enter a formula for order L only if
they agree at all lower orders.

Source: symbind; docs/separation.md has the proof. `series` is the independent oracle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, cast

from symbind_theory.separation.certificates import certify, verify
from symbind_theory.separation.incidence import (
    ORDERS,
    Incidence,
    Readout,
    incidence_of,
    read_readout,
)
from symbind_theory.templates import Template, read_templates
from symbind_theory.validation import InputError, finite_number

if TYPE_CHECKING:
    import sympy

__all__ = ["LeadingGap", "certify", "leading_gap", "separation", "verify"]

Polynomial = Sequence[int | Fraction]
"""Coefficients of 1, γ², γ⁴, …."""

Terms = tuple[tuple[int, int, Fraction], ...]
"""(power of gamma, power of a, number) for each term."""

_KAPPA = (1, 1)


@dataclass(frozen=True, slots=True)
class LeadingGap:
    """How two templates separate as beta grows from 0.

    Attributes:
        order: the power L of beta at which the features first differ, 0 to 3; None for
            equivalent templates, whose features are equal.
        readout: position that is read.
        identity_kq: whether a multiple a of the identity is added to W_K W_Qᵀ.
        terms: of the coefficient c for b = 0, as (power of gamma, power of a, number);
            a is identity_kq.
        mean_terms: of what b² multiplies in c; empty unless b was asked for.
    """

    order: int | None
    readout: Readout
    identity_kq: bool
    terms: Terms
    mean_terms: Terms = ()

    @property
    def coefficient(self) -> sympy.Expr:
        """c, factored: gap = c · β^{2L} + O(β^{2L+1}); in gamma (and a, and b).

        Valid for γ ≠ 0 (and a ≠ 0, where it was asked for): there c > 0.
        """
        return _expression(self.terms, self.mean_terms)

    def in_gamma(self, identity_kq: float, identity_vo: float) -> sympy.Expr:
        """c with numbers for a and b, each the decimal that prints it."""
        return _with_numbers(self.terms, self.mean_terms, identity_kq, identity_vo)

    def at(
        self, gamma: float, identity_kq: float = 0.0, identity_vo: float = 0.0
    ) -> float:
        """The coefficient in float64: 0 or infinite where it is beyond its range.

        Args:
            gamma: position scale.
            identity_kq: a; 0 exactly where the gap was derived without it.
            identity_vo: b; it counts where the gap was derived with it.

        Raises:
            InputError: not a finite number, or an a that is zero where the gap was
                derived for a ≠ 0, or the reverse: the order would be another one.
        """
        finite_number("gamma", gamma)
        if (finite_number("identity_kq", identity_kq) != 0) != self.identity_kq:
            expected = "a number other than 0" if self.identity_kq else "0"
            raise InputError(
                f"identity_kq is {identity_kq}; expected {expected}: the gap was "
                f"derived with identity_kq={self.identity_kq}"
            )
        finite_number("identity_vo", identity_vo)

        def value(terms: Terms) -> float:
            return sum(float(c) * gamma**i * identity_kq**j for i, j, c in terms)

        try:
            return value(self.terms) + identity_vo**2 * value(self.mean_terms)
        except OverflowError:
            return math.inf


@lru_cache(maxsize=4096)
def _expression(terms: Terms, mean_terms: Terms) -> sympy.Expr:
    import sympy

    gamma, a, b = sympy.symbols("gamma a b")
    expanded = sum(
        (
            factor * sympy.Rational(c.numerator, c.denominator) * gamma**i * a**j
            for factor, part in ((sympy.Integer(1), terms), (b**2, mean_terms))
            for i, j, c in part
        ),
        sympy.Integer(0),
    )
    return cast("sympy.Expr", sympy.factor(expanded))


@lru_cache(maxsize=4096)
def _with_numbers(terms: Terms, mean_terms: Terms, a: float, b: float) -> sympy.Expr:
    import sympy

    exact = _expression(terms, mean_terms)
    for name, number in (("a", a), ("b", b)):
        exact = exact.subs(sympy.Symbol(name), sympy.Rational(str(number)))
    return cast("sympy.Expr", sympy.factor(exact))


def leading_gap(
    t: Template | str,
    u: Template | str,
    readout: Readout = "cls",
    identity_kq: float = False,
    identity_vo: float = False,
) -> LeadingGap:
    """The order at which two templates separate, with the exact coefficient.

    >>> gap = leading_gap("?a ?a", "?a ?b")
    >>> gap.order, gap.coefficient
    (2, 2*(gamma**2 + 1)**2*(3*gamma**2 + 2)/729)
    >>> leading_gap("?a ?a", "?a ?b", "last").order
    3
    >>> leading_gap("?a ?a", "?a ?b", "last", identity_kq=True).coefficient
    a**2*gamma**2/8
    >>> leading_gap("?a ?a", "?a ?b", identity_vo=True).coefficient
    2*(b**2 + 1)*(gamma**2 + 1)**2*(3*gamma**2 + 2)/729

    Args:
        t: a template, or its text.
        u: another, of any length.
        readout: "cls", "last" or "mean".
        identity_kq: whether a multiple a of the identity is added to W_K W_Qᵀ, or a
            itself: all that matters is whether it is 0. If not, the coefficient is an
            expression in `a` too.
        identity_vo: the same for a multiple b added to W_V W_O, as the number of heads
            grows; the coefficient is an expression in `b` too. It raises no order and
            lowers none.

    Raises:
        InputError: text that is no template, or an unknown readout.
    """
    read_readout(readout)
    both = read_templates([t, u], one_length=False)
    first, second = (incidence_of(x, readout) for x in both)
    return separation(first, second, identity_kq != 0, identity_vo != 0)


def separation(
    t: Incidence, u: Incidence, identity_kq: bool = False, identity_vo: bool = False
) -> LeadingGap:
    """`leading_gap` for templates whose incidence data are at hand.

    Args:
        t: a template under some readout.
        u: another under the same readout.
        identity_kq: as for `leading_gap`.
        identity_vo: as for `leading_gap`.
    """
    order = _plain_order(t, u)
    if order is None:
        return LeadingGap(None, t.readout, identity_kq, ())
    if identity_kq:
        order = _order_with_identity(t, u, order)
    parts = _coefficient(t, u, order, identity_kq)
    means = _mean_part(parts, order, identity_kq) if identity_vo else ()
    return LeadingGap(order, t.readout, identity_kq, _terms(parts), _terms(means))


def _terms(powers_of_a: Sequence[Polynomial]) -> Terms:
    return tuple(
        (2 * i, 2 * j, Fraction(c))
        for j, polynomial in enumerate(powers_of_a)
        for i, c in enumerate(polynomial)
        if c
    )


def _mean_part(
    powers_of_a: Sequence[Polynomial], order: int, identity_kq: bool
) -> Sequence[Polynomial]:
    """What of c belongs to the difference of means, ‖E f − E f'‖².

    The difference is a number at order 0, and at order 2 where the multiplicities
    differ, which the wildcards' variances show. It is odd in the shared Gaussians at
    order 3, and at order 1 but for the identity's own share of the logits: the highest
    power of a. At order 2 with the identity (mean readout) the product of its share
    with a row's random part is odd too; its square, with a⁴, is not.
    """
    if order == 3 or (order == 1 and not identity_kq):
        return ()
    return [(0,)] * (len(powers_of_a) - 1) + [powers_of_a[-1]]


def _plain_order(t: Incidence, u: Incidence) -> int | None:
    return next((l for l in range(ORDERS) if t.key(l) != u.key(l)), None)


def _order_with_identity(t: Incidence, u: Incidence, plain: int) -> int:
    """The identity adds a · 1[x_q = x_i] to the logits: it shows who equals the query.

    Averaged over all queries (mean readout) that is the multiplicities at order 1 and,
    from the products of two logits in one row, the whole pattern at order 2; two keys
    have no second order, for there the softmax less ½ is odd.
    """
    if t.readout != "mean":
        return 1 if plain > 1 and t.like_query != u.like_query else plain
    if plain == 2 or (plain == 3 and t.size > 2):
        return plain - 1
    return plain


def _coefficient(
    t: Incidence, u: Incidence, order: int, identity_kq: bool
) -> tuple[Polynomial, ...]:
    """Polynomials in γ²: the coefficients of 1, a², a⁴ in c."""
    if order == 0:
        return (_counts_gap(t, u),)
    if order == 1:
        plain = _positions_gap(t, u)
        return (plain, _equal_to_query_gap(t, u)) if identity_kq else (plain,)
    with_identity = identity_kq and t.readout == "mean"
    if order == 2:
        if with_identity:
            return ((0,), *_rows_gap(t, u))
        return (_multiplicities_gap(t, u),)
    return _two_keys_gap() if with_identity else (_pattern_gap(t, u),)


def _counts_gap(t: Incidence, u: Incidence) -> Polynomial:
    """Σ_t (n_t/K − n'_t/K')² + γ² |1/K − 1/K'|."""
    apart = (t.frequency(x) - u.frequency(x) for x in {**t.counts, **u.counts})
    lengths = abs(Fraction(1, t.size) - Fraction(1, u.size))
    return [sum((x**2 for x in apart), Fraction(0)), lengths]


def _positions_gap(t: Incidence, u: Incidence) -> Polynomial:
    """(ρ H + 2 γ² κ̄ ‖R − R'‖²) / K² where counts agree.

    κ̄ is the covariance of the two queries' rows and ρ the excess of their variances
    over it: 0 unless one query alone carries some regular token. H / K² is the squared
    norm of either template's features at this order for a row of unit variance.
    """
    size = t.size
    apart = sum(
        (x is not None) + (y is not None)
        for x, y in zip(t.skeleton, u.skeleton, strict=True)
        if x != y
    )
    moved = _times((0, Fraction(2 * apart, size**2)), _row_covariance(t, u))
    if t.readout == "mean" or t.query == u.query:
        return moved
    excess = (t.query is not None) + (u.query is not None)
    first, second, third = (
        sum(n**power for n in t.counts.values()) for power in (1, 2, 3)
    )
    norm = (
        second - Fraction(2 * third, size) + Fraction(second**2, size**2),
        2 * first - Fraction(2 * second, size),
        size - 1,
    )
    return _plus(moved, _times((Fraction(excess, size**2),), norm))


def _row_covariance(t: Incidence, u: Incidence) -> Polynomial:
    """κ̄: 1[queries carry one regular token] + γ², averaged over queries for mean."""
    if t.readout == "mean":
        squares = sum(n**2 for n in t.counts.values())
        return (Fraction(squares, t.size**2), Fraction(1, t.size))
    return (int(t.query is not None and t.query == u.query), 1)


def _equal_to_query_gap(t: Incidence, u: Incidence) -> Polynomial:
    """(γ² ‖Π(c − c')‖² + ‖RᵀΠc − R'ᵀΠc'‖²) / K² where counts agree.

    c holds the identity's share of the logits: 1[x_i = x_q] + γ² 1[i = q], averaged
    over queries for mean.
    """
    size = t.size
    c, d = (x.occurrences if t.readout == "mean" else x.like_query for x in (t, u))
    scale = size if t.readout == "mean" else 1
    difference = [Fraction(x - y, scale) for x, y in zip(c, d, strict=True)]
    mean = sum(difference, Fraction(0)) / size
    parts: list[Polynomial] = [
        (0, sum((x * x for x in difference), -size * mean * mean))
    ]
    for token, count in t.counts.items():
        own = [0, 0]
        if t.readout != "mean":
            # A regular query is like each of its copies, and itself once more (γ²).
            sign = (token == t.query) - (token == u.query)
            own = [sign * count, sign]
        part = (own[0] - count * mean, own[1])
        parts.append(_times(part, part))
    return _times((Fraction(1, size**2),), _plus(*parts))


def _multiplicities_gap(t: Incidence, u: Incidence) -> Polynomial:
    """κ² (γ² Σ_a (δ_a − δ̄)² + δ̄² Σ_t n_t²) / K⁴ where positions agree."""
    size = t.size
    delta = [m - n for m, n in zip(t.multiplicity, u.multiplicity, strict=True)]
    total = sum(delta)
    spread = sum(d**2 for d in delta) - Fraction(total**2, size)
    counted = Fraction(total**2, size**2) * sum(n**2 for n in t.counts.values())
    return _times((Fraction(1, size**4),), _KAPPA, _KAPPA, (counted, spread))


def _pattern_gap(t: Incidence, u: Incidence) -> Polynomial:
    """γ⁴ κ² κ̄ (‖J − J'‖² − δ²) / K⁴ where multiplicities differ by a constant δ."""
    scale = Fraction(_pattern_distance(t, u), t.size**4)
    return _times((0, 0, scale), _KAPPA, _KAPPA, _row_covariance(t, u))


def _pattern_distance(t: Incidence, u: Incidence) -> int:
    """‖ΠJΠ − ΠJ'Π‖² = ‖J − J'‖² − δ²."""
    shared = sum(len(b & c) ** 2 for b in t.blocks for c in u.blocks)
    squares = sum(len(b) ** 2 for x in (t, u) for b in x.blocks)
    return squares - 2 * shared - _constant_shift(t, u) ** 2


def _constant_shift(t: Incidence, u: Incidence) -> int:
    """δ: not 0 only without regular tokens, as order 2 then misses a constant."""
    return t.multiplicity[0] - u.multiplicity[0]


def _rows_gap(t: Incidence, u: Incidence) -> tuple[Polynomial, Polynomial]:
    """Coefficients of a² and a⁴ at order 2: mean readout with the identity.

    γ⁴ (‖J − J'‖² − δ²) (2 Σ_t n_t²/K² + γ² (1 − 2/K)) / K⁴ from the products of the
    identity's share of a row with the row's random part, and
    γ² (2δ/K)² Σ_a (n_a − n̄)² / K⁴ from its square.
    """
    size = t.size
    counted = Fraction(2 * sum(n**2 for n in t.counts.values()), size**2)
    rest = 1 - Fraction(2, size)
    scale = Fraction(_pattern_distance(t, u), size**4)
    n = t.multiplicity
    spread = sum(m**2 for m in n) - Fraction(sum(n) ** 2, size)
    shift = Fraction(2 * _constant_shift(t, u), size**3)
    return _times((0, 0, scale), (counted, rest)), (0, shift**2 * spread)


def _two_keys_gap() -> tuple[Polynomial, ...]:
    """αα / αβ, the only such pair, at order 3: mean readout with the identity."""
    scale = (0, 0, 0, Fraction(1, 128))
    return (
        _times((4,), scale, _KAPPA, _KAPPA),
        _times((4,), scale, (1, 3, 3)),
        _times(scale, (1, 2), (1, 2)),
    )


def _times(*factors: Polynomial) -> Polynomial:
    product: list[int | Fraction] = [1]
    for factor in factors:
        longer: list[int | Fraction] = [0] * (len(product) + len(factor) - 1)
        for i, x in enumerate(product):
            for j, y in enumerate(factor):
                longer[i + j] += x * y
        product = longer
    return product


def _plus(*terms: Polynomial) -> Polynomial:
    return [sum(column) for column in zip_longest(*terms, fillvalue=0)]
