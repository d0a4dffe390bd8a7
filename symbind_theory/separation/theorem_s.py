"""Theorem S: when the template matrix N is non-singular, decided exactly.

One layer, β ≠ 0, γ ≠ 0, φ square-integrable and not constant: N is positive definite
exactly when the templates are pairwise inequivalent, for every readout and whatever
multiples of the identity are added. Where a hypothesis is off, templates *collapse*:
their rows of N are equal or proportional. Which ones do is read off their incidence:

- φ constant: all.
- β = 0, uniform attention: f is the shares n_t/K of regular tokens, and γ/K for each
  position; the self value d adds Σ n_v²/K² over wildcards. Equal f collapse where d is
  equal too, and for the cosine always: there d only scales a row. Without regular
  tokens and positions f = 0, and then N_ij = E φ(√d_i g) E φ(√d_j g) whatever φ is.
- γ = 0, no positions: f and d depend on the counts and on the multiset of the
  wildcards' multiplicities.

Source: symbind; docs/separation.md has the proofs, and says where no collapse means
that N is non-singular.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Literal

from symbind_theory.outcome import Outcome
from symbind_theory.separation.incidence import Readout, incidence_of
from symbind_theory.templates import Template

__all__ = ["Collapse", "Decision", "Hypotheses", "Kind", "decide"]

Kind = Literal["constant", "cosine", "relu", "other"]
"""What is known of an activation: "cosine" is one that is not constant."""


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """What Theorem S needs to know of an architecture.

    Attributes:
        readout: position that is read.
        activation: what is known of it.
        beta_is_zero: whether attention is uniform.
        gamma_is_zero: whether there are no positions.
        identity_kq: whether a non-zero multiple of the identity is added to W_K W_Qᵀ.
        one_layer: depth 1, no residual connection, no normalisation.
    """

    readout: Readout = "cls"
    activation: Kind = "cosine"
    beta_is_zero: bool = False
    gamma_is_zero: bool = False
    identity_kq: bool = False
    one_layer: bool = True

    @property
    def theorem_s(self) -> bool:
        """Whether every hypothesis on the architecture holds."""
        return (
            self.one_layer
            and self.activation != "constant"
            and not (self.beta_is_zero or self.gamma_is_zero)
        )


@dataclass(frozen=True, slots=True)
class Collapse:
    """Two templates whose rows of N are equal or proportional.

    Attributes:
        i: index of the first, from 0.
        j: index of the second, above `i`.
        identical: whether self values agree too, so that the kernel's predictions on
            fresh symbols cannot tell the two apart at all.
    """

    i: int
    j: int
    identical: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether N is non-singular.

    Attributes:
        outcome: HOLDS non-singular, REFUTED singular, UNDECIDED not known from the
            templates alone.
        collapses: the pairs whose rows are equal or proportional.
        reason: the proof or what is missing, in one sentence.
    """

    outcome: Outcome
    collapses: tuple[Collapse, ...]
    reason: str


def decide(templates: Sequence[Template], hypotheses: Hypotheses) -> Decision:
    """Decide whether N is non-singular, and which templates collapse.

    >>> from symbind_theory import Template
    >>> pair = [Template("?a ?b ?a"), Template("?a ?b ?b")]
    >>> decide(pair, Hypotheses()).outcome.value
    'HOLDS'
    >>> decide(pair, Hypotheses(gamma_is_zero=True)).outcome.value
    'REFUTED'

    Args:
        templates: templates; their lengths may differ.
        hypotheses: facts about the architecture.
    """
    traces = [_trace(t, hypotheses) for t in templates]
    collapses = tuple(
        Collapse(i, j, identical=traces[i] == traces[j])
        for i, j in combinations(range(len(traces)), 2)
        if _proportional(traces[i], traces[j], hypotheses)
    )
    if collapses:
        return Decision(
            Outcome.REFUTED, collapses, _singular(templates, hypotheses, collapses)
        )
    return _without_collapse(hypotheses, len({t.length for t in templates}) == 1)


@dataclass(frozen=True, slots=True)
class _Trace:
    """What is left of a template: in its features f, None for f = 0, and in d."""

    features: object
    self_value: object


def _trace(template: Template, hypotheses: Hypotheses) -> _Trace:
    if hypotheses.activation == "constant":
        return _Trace("constant", "constant")
    if not hypotheses.one_layer or not (
        hypotheses.beta_is_zero or hypotheses.gamma_is_zero
    ):
        canonical = template.canonical()
        return _Trace(canonical, canonical)
    seen = incidence_of(template, hypotheses.readout)
    counts = frozenset(seen.counts.items())
    sizes = sorted(len(block) for block in seen.blocks)
    silent = not counts and hypotheses.gamma_is_zero
    if hypotheses.beta_is_zero:
        shares = frozenset((token, seen.frequency(token)) for token in seen.counts)
        positions = 0 if hypotheses.gamma_is_zero else seen.size
        squares = Fraction(sum(n**2 for n in sizes), seen.size**2)
        return _Trace(None if silent else (shares, positions), (positions, squares))
    query: object = None
    if hypotheses.readout == "last":
        # A wildcard's row is private; which wildcard it is shows through the identity.
        copies = sum(seen.like_query) if hypotheses.identity_kq else None
        query = copies if seen.query is None else seen.query
    both = (counts, tuple(sizes), query)
    return _Trace(None if silent else both, both)


def _proportional(x: _Trace, y: _Trace, hypotheses: Hypotheses) -> bool:
    if x.features != y.features:
        return False
    # f = 0 leaves a row of N that is a multiple of j ↦ E φ(√d_j g).
    scaled = hypotheses.activation == "cosine" or x.features is None
    return scaled or x.self_value == y.self_value


def _singular(
    templates: Sequence[Template], hypotheses: Hypotheses, collapses: Sequence[Collapse]
) -> str:
    """Why N is singular, by one pair: equivalent templates where there are some."""

    def equivalent(pair: Collapse) -> bool:
        return templates[pair.i].equivalent(templates[pair.j])

    first = next(filter(equivalent, collapses), collapses[0])
    i, j = first.i, first.j
    pair = f"templates {i + 1} and {j + 1}, '{templates[i]}' and '{templates[j]}',"
    if equivalent(first):
        return (
            f"N is singular: {pair} are equal up to a renaming of wildcards, and so "
            "are their rows of N."
        )
    if hypotheses.activation == "constant":
        return "N is singular: the activation is constant, all entries are equal."
    rows = "equal" if first.identical else "proportional"
    if hypotheses.beta_is_zero:
        cause = "with beta = 0 attention only sees how often tokens occur"
    else:
        cause = (
            "with gamma = 0 there are no positions, only how often each token and "
            "wildcard occurs"
        )
    return f"N is singular: {cause}, so {pair} have {rows} rows."


def _without_collapse(hypotheses: Hypotheses, one_length: bool) -> Decision:
    """The decision where no two templates collapse."""

    def holds(reason: str) -> Decision:
        return Decision(Outcome.HOLDS, (), reason)

    def undecided(reason: str) -> Decision:
        return Decision(Outcome.UNDECIDED, (), reason)

    if hypotheses.activation == "constant":
        return undecided("With a constant activation and one template N is a number.")
    if not hypotheses.one_layer:
        return undecided("Theorem S speaks of one layer without residual connection.")
    if hypotheses.theorem_s:
        return holds(
            "N is non-singular by Theorem S: the templates are pairwise inequivalent, "
            "beta and gamma are non-zero, the activation is not constant."
        )
    has_coordinates = hypotheses.readout == "cls" or not hypotheses.gamma_is_zero
    if hypotheses.beta_is_zero:
        # Without positions, features of two lengths may be proportional: a ReLU's rows
        # may then be, while those of a cosine are not.
        settled = hypotheses.activation == "cosine" or (
            hypotheses.activation == "relu"
            and (one_length or not hypotheses.gamma_is_zero)
        )
        if has_coordinates and settled:
            return holds(
                "N is non-singular although beta = 0: no two templates agree in how "
                "often tokens occur and in their self values."
                if hypotheses.activation == "relu"
                else "N is non-singular although beta = 0: no two templates agree in "
                "how often tokens occur."
            )
        return undecided(
            "With beta = 0 no two templates collapse, which does not settle whether N "
            "is singular for this readout and activation; with beta and gamma above 0 "
            "Theorem S decides."
        )
    if hypotheses.readout == "cls":
        return holds(
            "N is non-singular although gamma = 0: no two templates agree in how often "
            "each token and wildcard occurs."
        )
    return undecided(
        "With gamma = 0 no two templates collapse for certain, which does not settle "
        f"whether N is singular under the {hypotheses.readout} readout; with gamma "
        "above 0 Theorem S decides."
    )
