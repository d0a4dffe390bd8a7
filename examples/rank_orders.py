"""At which power of β the smallest eigenvalue of C vanishes, by exact rank.

One layer, `cls`, templates of one length without regular tokens, γ ≠ 0. With y_i the
shared part of the logit at position i against that of [CLS], the features are

    f_j = E softmax(β (y + ξ_j)),     ξ_j ~ N(0, κ J_j),     κ = 1 + γ²,

J_j[a, b] = 1 where a and b carry one wildcard (docs/separation.md). So the coefficient
of β^l is exp(½ κ Σ_w D_w²) s_l, with s_l the softmax's Taylor polynomial of degree l,
D_w the derivative along the indicator of wildcard w. y has a density: relations between
the polynomials are those between the features.

Write F for the map x ↦ Σ x_j f_j. Over power series in β, F = U D V with D diagonal of
powers β^{e_1}, …, β^{e_r}, V invertible and U injective at β = 0 (Smith's normal form).
So the eigenvalues of C, the Gram matrix of features, lie between positive multiples of
β^{2 e_i} as β → 0, and λ_min(C) between multiples of β^{2L}, L = max e_i.

Over power series cut after β^m the rank of F, a block Toeplitz matrix of the first
m + 1 coefficients, is Σ_i max(0, m + 1 − e_i). What it gains from m − 1 to m is the
number of e_i ≤ m, and nothing after β^m counts. The e_i do not depend on γ: a monomial
of degree d at β^l has a factor κ^{(l−d)/2}, one factor for its row and one for β.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flint import Ordering, fmpq, fmpq_mat, fmpq_mpoly, fmpq_mpoly_ctx

from symbind_theory import Template
from symbind_theory.separation import softmax_series

__all__ = ["eigenvalue_orders", "nested_orders", "set_partitions"]

Matrix = list[list[fmpq]]


def set_partitions(length: int) -> tuple[str, ...]:
    """All templates of one length without regular tokens, one for each pattern.

    >>> set_partitions(2)
    ('?a ?a', '?a ?b')
    """
    patterns = [[0]]
    for _ in range(length - 1):
        patterns = [[*p, new] for p in patterns for new in range(max(p) + 2)]
    names = "abcdefghijklmnop"
    return tuple(" ".join(f"?{names[i]}" for i in pattern) for pattern in patterns)


def eigenvalue_orders(templates: Sequence[str], order: int) -> tuple[int, ...]:
    """The e_i up to `order`, smallest first; eigenvalues of C are of order β^{2 e_i}.

    >>> eigenvalue_orders(["?a ?a", "?a ?b"], 3)
    (0, 2)
    >>> eigenvalue_orders(set_partitions(3), 5)
    (0, 2, 2, 2, 5)

    Args:
        templates: templates of one length without regular tokens.
        order: to which features are expanded; larger e_i are left out.
    """
    return _orders(_coefficients(templates, order), len(templates))


def nested_orders(
    templates: Sequence[str], order: int
) -> Iterator[tuple[int, int | None]]:
    """L of the first r templates for r = 2, 3, …; None where it is beyond `order`.

    >>> list(nested_orders(set_partitions(3), 5))
    [(2, 2), (3, 2), (4, 2), (5, 5)]
    """
    coefficients = _coefficients(templates, order)
    for r in range(2, len(templates) + 1):
        first = [[row[:r] for row in matrix] for matrix in coefficients]
        found = _orders(first, r)
        yield r, found[-1] if len(found) == r else None


def _coefficients(templates: Sequence[str], order: int) -> list[Matrix]:
    """The matrices of β^0, …, β^order: a column for each template, common rows."""
    parsed = [Template(text) for text in templates]
    length = parsed[0].length
    ring = fmpq_mpoly_ctx.get([f"y{i}" for i in range(length)], Ordering.lex)
    series = softmax_series([*ring.gens(), ring.constant(0)], order)
    r, columns = len(parsed), len(parsed) * (order + 1)
    rows: dict[tuple[int, ...], list[fmpq]] = {}
    for j, template in enumerate(parsed):
        groups = list(template.wildcard_positions.values())
        for l, weights in enumerate(series):
            for key, weight in enumerate(weights):
                for monomial, value in _averaged(weight, groups).to_dict().items():
                    row = rows.setdefault((key, *monomial), [fmpq(0)] * columns)
                    row[l * r + j] = value
    reduced, rank = fmpq_mat(list(rows.values())).rref()
    independent = reduced.tolist()[:rank]
    return [[row[l * r : (l + 1) * r] for row in independent] for l in range(order + 1)]


def _averaged(weight: fmpq_mpoly, groups: Sequence[Sequence[int]]) -> fmpq_mpoly:
    """exp(½ Σ_w D_w²) of a polynomial: its mean over wildcards, at κ = 1."""
    for positions in groups:
        term, n = weight, 0
        while term:
            n += 1
            for _ in range(2):
                term = sum((term.derivative(i) for i in positions), term * 0)
            term = term / (2 * n)
            weight = weight + term
    return weight


def _orders(coefficients: Sequence[Matrix], r: int) -> tuple[int, ...]:
    """The exponents of Smith's form that are below the number of coefficients."""
    zero = [[fmpq(0)] * r for _ in coefficients[0]]
    found: list[int] = []
    before = 0
    for m in range(len(coefficients)):
        rows = [
            [
                x
                for j in range(m + 1)
                for x in (coefficients[i - j] if i >= j else zero)[k]
            ]
            for i in range(m + 1)
            for k in range(len(zero))
        ]
        rank = fmpq_mat(rows).rank()
        found += [m] * (rank - before - len(found))
        before = rank
        if len(found) == r:
            break
    return tuple(found)
