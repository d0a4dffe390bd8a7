"""How likely successive draws without replacement are to use one given token.

Tokens have positive weights a_u with sum S. Each draw takes one of the tokens left with
probability proportional to its weight. P(t, w) is the probability that token t is among
the first w draws.

**The race.** Let token u arrive at an independent exponential time of rate a_u. By the
lack of memory the arrivals come in the order of successive draws, so P(t, w) is the
probability that fewer than w other tokens arrive before t.

**The heaviest token has the largest P.** Let a_t ≥ a_u and fix the other arrivals. Of t
and u, t comes first with probability a_t/(a_t + a_u) ≥ 1/2, whatever the time of that
first arrival; the wait until the second is then exponential of rate a_u, otherwise of
rate a_t ≥ a_u: stochastically longer when t is first. If exactly one of the two is
among the first w arrivals, it is the first one, and given the first arrival this
happens from some length of the wait on. So P(t in, u out) ≥ P(u in, t out), and
P(t, w) ≥ P(u, w).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from symbind_theory.validation import InputError

__all__ = ["check_weights", "exact_inclusion"]

# Exact results are computed up to this size of the result's denominator, in bits: two
# draws from 1,000 tokens under Zipf's law need 1.45 million and take three seconds.
_MOST_BITS = 1_500_000

# And up to this many sets of tokens drawn before the one in question; a set costs about
# as many operations on fractions as it has subsets.
_MOST_SETS = 2_000

_Ratio = tuple[int, int]
"""Numerator and denominator, not reduced."""


def exact_inclusion(
    weights: Sequence[Fraction], index: int, count: int
) -> Fraction | None:
    """P(t, w) exactly, or None where that takes too long.

    Feasible: equal weights; one or two draws from up to about 1,000 tokens; more draws
    as long as the V − 1 other tokens have at most 2,000 sets of any one size below w.

    Args:
        weights: a_u ≥ 0, up to a common factor; at least `count` of them positive.
        index: of the token t.
        count: number of draws w ≥ 0.

    Raises:
        InputError: fewer than `count` positive weights.
    """
    positive = check_weights(weights, count)
    target = weights[index]
    if count == 0 or target == 0:
        return Fraction(0)
    if count == positive:
        return Fraction(1)
    if all(weight in (target, 0) for weight in weights):
        return Fraction(count, positive)
    rates = _integers(weights)
    if rates is None:
        return None
    own = rates.pop(index)
    others = [rate for rate in rates if rate]
    total = own + sum(others)
    if count == 1:
        return Fraction(own, total)
    if count == 2:
        n, d = _sum([(rate, total - rate) for rate in others])
        return Fraction(own * (n + d), total * d)
    if any(math.comb(len(others), size) > _MOST_SETS for size in range(count)):
        return None
    return _by_sets(own, others, count)


def check_weights(weights: Sequence[Fraction], count: int) -> int:
    """How many weights are positive.

    Raises:
        InputError: fewer than `count`.
    """
    positive = sum(weight > 0 for weight in weights)
    if positive < count:
        raise InputError(
            f"{positive} tokens have a positive weight; expected at least {count}, "
            "one for each wildcard"
        )
    return positive


def _integers(weights: Sequence[Fraction]) -> list[int] | None:
    """The weights over a common denominator, None where these become too long."""
    most = _MOST_BITS // len(weights)
    common = 1
    for weight in weights:
        common = math.lcm(common, weight.denominator)
        if common.bit_length() > most:
            return None
    rates = [weight.numerator * (common // weight.denominator) for weight in weights]
    return rates if sum(rates).bit_length() <= most else None


def _sum(terms: Sequence[_Ratio]) -> _Ratio:
    """Sum of ratios by halving; reduced nowhere, as that would cost the most."""
    while len(terms) > 1:
        pairs = zip(terms[::2], terms[1::2], strict=False)
        rest = terms[len(terms) - len(terms) % 2 :]
        terms = [(a * d + c * b, b * d) for (a, b), (c, d) in pairs] + [*rest]
    return terms[0]


def _by_sets(rate: int, others: Sequence[int], count: int) -> Fraction | None:
    """P(t, w) as a sum over the sets drawn before t.

    f(B), the probability that the first |B| draws are the set B, without t, is
    Σ_{u ∈ B} f(B − u) a_u / (S − a(B − u)); and P = Σ_{|B| < w} f(B) a_t / (S − a(B)).
    """
    total = rate + sum(others)
    first: dict[tuple[int, ...], Fraction] = {(): Fraction(1)}
    terms: list[_Ratio] = [(rate, total)]
    for size in range(1, count):
        following: dict[tuple[int, ...], Fraction] = {}
        for drawn in combinations(range(len(others)), size):
            sets = [(u, drawn[:p] + drawn[p + 1 :]) for p, u in enumerate(drawn)]
            following[drawn] = sum(
                (
                    first[before] * others[u] / (total - sum(others[x] for x in before))
                    for u, before in sets
                ),
                Fraction(0),
            )
        first = following
        terms += [
            (
                f.numerator * rate,
                f.denominator * (total - sum(others[x] for x in drawn)),
            )
            for drawn, f in first.items()
        ]
        if sum(d.bit_length() for _, d in terms) > _MOST_BITS:
            return None
    return Fraction(*_sum(terms))
