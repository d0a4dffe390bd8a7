"""Template matrices and kernels between strings with one fault each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symbind_theory.interval import Interval


@dataclass(frozen=True)
class Faulty:
    """Everything as in another object, but for what is put in its place."""

    base: Any
    instead: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name):
        if name in self.instead:
            return self.instead[name]
        return getattr(self.base, name)


def with_intervals(matrix, change):
    """A template matrix whose intervals are changed, one by one or together."""

    def intervals(statistics):
        return tuple(change(list(matrix.intervals(statistics))))

    def interval(statistic):
        return change([matrix.interval(statistic)])[0]

    return Faulty(matrix, {"intervals": intervals, "interval": interval})


def _shifted(found):
    return [Interval(2 * x.value, x.low, np.inf, x.level) for x in found]


def _wide(found):
    return [Interval(x.value, x.low / 2, x.high, x.level) for x in found]


def _certain(found):
    return [replace(x, level=0.5) for x in found]


def _asymmetric(n):
    return n + 1e-3 * np.triu(np.ones_like(n), 1)


BROKEN_MATRICES = {
    "its parts are of one size": lambda m: Faulty(
        m, {"templates": (*m.templates, m.templates[0])}
    ),
    "N is symmetric": lambda m: Faulty(m, {"matrix": _asymmetric(m.matrix)}),
    "the factor is one of N": lambda m: Faulty(m, {"factor": 1.001 * m.factor}),
    "the excess is not negative": lambda m: Faulty(m, {"excess": m.excess - 1e-6}),
    "self values are the diagonal and the excess": lambda m: Faulty(
        m, {"matrix_self": 1.001 * m.matrix_self}
    ),
    "the value is the statistic's": lambda m: with_intervals(m, _shifted),
    "the level is that of each interval": lambda m: with_intervals(m, _certain),
    "a constant is known": lambda m: with_intervals(m, _wide),
    "the smallest eigenvalue is that of N": lambda m: Faulty(
        m, {"smallest_eigenvalue": Interval(0.5, 0.4, 0.6)}
    ),
    "several statistics together are those alone": lambda m: with_intervals(
        m, lambda found: found[::-1]
    ),
}
"""A fault by the law that it breaks: from a sound matrix to a broken one."""


def _without(mapping, name):
    return {key: value for key, value in mapping.items() if key != name}


BROKEN_ATTENTION = {
    "each entry has a halfwidth": lambda m: Faulty(
        m, {"halfwidth": _without(m.halfwidth, "gaps")}
    ),
    "C is symmetric": lambda m: Faulty(m, {"attention": _asymmetric(m.attention)}),
    "C is below the self values": lambda m: Faulty(
        m, {"attention_self": 0.5 * m.attention_self}
    ),
    "gaps are those of C": lambda m: Faulty(m, {"gaps": 1.001 * m.gaps}),
    "N is the dual of C": lambda m: Faulty(m, {"attention": 0.999 * m.attention}),
    "eigenvalues are those of N": lambda m: Faulty(
        m, {"eigenvalues": m.eigenvalues[::-1]}
    ),
    "the condition number is that of N": lambda m: Faulty(
        m, {"condition_number": m.smallest_eigenvalue}
    ),
    "the smallest eigenvalue of C is its own": lambda m: Faulty(
        m, {"attention_smallest_eigenvalue": m.smallest_eigenvalue}
    ),
    "it says where it is from": lambda m: Faulty(m, {"points": 0}),
}
"""A fault by the law that it breaks, of a matrix with its attention kernel."""


def _values(gram, change):
    """A kernel whose values are changed."""

    def values(types, progress=None):
        return replace(found := gram.values(types), value=change(types, found.value))

    return Faulty(gram, {"values": values})


def _by_order(types, value):
    return value * np.where(types.first < types.second, 1.001, 1.0)


def _by_company(types, value):
    return value * (1 + 1e-3 * len(types))


def _shared_counts_more(types, value):
    shared = (types.matching >= 0).sum(1)
    same = types.same_strings(np.full(len(types), types.matching.shape[1]))
    return np.where(same | (shared == 0), value, value * (1 + 10 * shared))


def _apart_is_nothing(types, value):
    return np.where((types.matching < 0).all(1), 0.0, value)


def _itself_is_more(types, value):
    slots = np.arange(types.matching.shape[1])
    same = (types.first == types.second) & (types.matching == slots).all(1)
    return np.where(same, 1.001 * value, value)


def _rows(gram, faults):
    """A kernel whose rows are changed."""

    def rows():
        sound = gram.rows()
        return Faulty(sound, faults(sound))

    return Faulty(gram, {"rows": rows})


def _rows_by_company(rows):
    """The more patterns are asked for, the larger."""

    def matrix(patterns, progress=None):
        return rows.matrix(patterns) * (1 + 1e-15 * len(patterns))

    return {"matrix": matrix}


def _rows_by_history(rows):
    """Larger each time."""
    asked = []

    def values(patterns, types, progress=None):
        asked.append(patterns)
        found = rows.values(patterns, types)
        return replace(found, value=found.value * (1 + 1e-15 * len(asked)))

    return {"values": values}


def _rows_of_another(rows):
    """Far from the kernel's own values."""
    return {"matrix": lambda patterns, progress=None: 1.001 * rows.matrix(patterns)}


BROKEN_GRAMS = {
    "patterns keep their order": lambda g: Faulty(
        g, {"patterns": tuple(reversed(g.patterns))}
    ),
    "self values are N's diagonal and the excess": lambda g: Faulty(
        g, {"matrix_self": 1.001 * g.matrix_self}
    ),
    "the excess is not negative": lambda g: Faulty(g, {"excess": g.excess - 1e-6}),
    "strings apart have N": lambda g: _values(g, _apart_is_nothing),
    "a string with itself has the self value": lambda g: _values(g, _itself_is_more),
    "both orders of two strings agree": lambda g: _values(g, _by_order),
    "values do not depend on their company": lambda g: _values(g, _by_company),
    "the kernel is positive semi-definite": lambda g: _values(g, _shared_counts_more),
    "rows of its own patterns are its own": lambda g: _rows(g, _rows_of_another),
    "rows do not depend on their company": lambda g: _rows(g, _rows_by_company),
    "rows do not depend on what was asked before": lambda g: _rows(g, _rows_by_history),
}
"""A fault by the law that it breaks: from a sound kernel to a broken one."""


def _dual(activation, change):
    """An activation whose dual is changed."""

    def dual(x, y, c):
        return change(activation.dual(x, y, c), x, y, c)

    return Faulty(activation, {"dual": dual})


def _hermite(activation, change):
    """An activation whose coefficients are changed."""

    def hermite(d, orders):
        return change(activation.hermite(d, orders))

    return Faulty(activation, {"hermite": hermite})


BROKEN_ACTIVATIONS = {
    "it has a name": lambda a: Faulty(a, {"name": " "}),
    "both orders of two strings agree": lambda a: _dual(
        a, lambda k, x, y, c: k * np.where(x < y, 1.001, 1.0)
    ),
    "entries do not depend on their company": lambda a: _dual(
        a, lambda k, x, y, c: k * (1 + 1e-3 * k.size)
    ),
    "the dual is positive semi-definite": lambda a: _dual(
        a, lambda k, x, y, c: np.where(x == c, 0.0, k)
    ),
    "coefficients are nested": lambda a: _hermite(a, lambda h: h / len(h)),
    "the error is a number of at least 0": lambda a: Faulty(
        a, {"quadrature_error": lambda d: -1.0}
    ),
    "Mehler's series is the dual": lambda a: _hermite(a, lambda h: 1.001 * h),
    "it says whether it is constant": lambda a: Faulty(a, {"constant": True}),
}
"""A fault by the law that it breaks: from a sound activation to a broken one."""


def _products(gram, change):
    """A kernel matrix whose products are changed."""

    def matmat(vectors):
        return change(gram.matmat(vectors), vectors)

    return Faulty(gram, {"matmat": matmat})


BROKEN_STRUCTURED_GRAMS = {
    "its parts are of one size": lambda g: Faulty(g, {"pattern": g.pattern + 1}),
    "both orders of two strings agree": lambda g: _products(
        g, lambda product, v: product + np.triu(np.ones((len(v), len(v))), 1) @ v
    ),
    "columns do not depend on their company": lambda g: _products(
        g, lambda product, v: product * (1 + 1e-3 * v.shape[1])
    ),
    "products are linear": lambda g: _products(
        g, lambda product, v: product + 1e-3 * v**2
    ),
    "the excess is not negative": lambda g: Faulty(g, {"excess": g.excess - 1e6}),
    "the diagonal is N's and the excess": lambda g: _products(
        g, lambda product, v: product + 1e-3 * v
    ),
    "the kernel is positive semi-definite": lambda g: _products(
        g, lambda product, v: product - 1e3 * v
    ),
}
"""A fault by the law that it breaks: from a sound kernel matrix to a broken one."""
