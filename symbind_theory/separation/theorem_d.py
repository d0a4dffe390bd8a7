"""Theorem D: when the template matrix of a deep transformer is non-singular.

A block is attention, then an MLP, each with a residual connection of factor s; N is the
stream's covariance C^L between fresh strings, where it is read after L blocks (mean
readout: averaged over the positions of both strings).

Theorem D: where γ ≠ 0, β ≠ 0 in the first block, and each block's MLP has s ≠ 0 or an
activation that is not constant, N is positive definite exactly when the templates are
pairwise inequivalent: whatever the other β, a, b and s are, with any normalisation,
readout and lengths, with a causal mask or without, and with relative positions if

- a bias of logits by distance is one for all strings; where there is any kind of
  relative positions, later blocks with β = 0 have s ≠ 0;
- rotary positions have ρ(m) ≠ 0 for 0 < m < K, ρ(m) the mean of cos(m θ) over angles θ.

So it is with any Gram matrix of tokens in which no two tokens have one embedding and
symbols are not all one; `equal_embeddings` has the details. Tokens of one embedding are
one token.

In short, positive definiteness over
all pairs (template, position) is what the first attention makes (the transform argument
of Theorem S, one row after the other), what attention keeps (weights are positive, and
rows depend on logits of their own), and what a residual or an activation keeps (Schur).

Where a hypothesis is off, some templates *collapse* for certain: no part of the network
tells the two apart, so that their rows of N are equal. Without relative positions:

- A constant activation with s = 0 in some block: the stream forgets the string.
- γ = 0 and no mask: positions may be permuted, so templates that agree in counts and
  multiplicities (and in the symbol that is read, under `last`) are one.
- β = 0 in every block and no mask: which wildcards are the same is seen by their
  multiplicities alone.
- β = 0 and s = 0 in the first block and no mask: the stream is the same at all
  positions from then on, and knows shares of tokens only.

With γ = 0 and one block, `last` and `mean` give templates of wildcards alone rows that
are proportional, and rotary positions show the distances between equal symbols up to
shifts and reflections alone (`rotary_traces`). All else is UNDECIDED. Activations are
taken to be square-integrable under N(0, v) for all self values v that occur.

Source: symbind; docs/theorem-d.md has the proofs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations

from symbind_theory.outcome import Outcome
from symbind_theory.separation.deep_hypotheses import (
    BlockFacts,
    DeepHypotheses,
    Relative,
)
from symbind_theory.separation.equal_embeddings import DistinctTokens
from symbind_theory.separation.incidence import Incidence, incidence_of
from symbind_theory.separation.rotary_traces import rotary_trace
from symbind_theory.separation.theorem_s import Collapse, Decision
from symbind_theory.separation.token_gram import TokenGram
from symbind_theory.templates import Template

Trace = Callable[[Incidence, DeepHypotheses], object]
"""What is left of a template, None for all of it."""

__all__ = ["BlockFacts", "DeepHypotheses", "Relative", "decide_deep"]


def decide_deep(templates: Sequence[Template], hypotheses: DeepHypotheses) -> Decision:
    """Decide whether N of a deep transformer is non-singular, and what collapses.

    >>> pair = [Template("?a ?b ?a"), Template("?a ?b ?b")]
    >>> decide_deep(pair, DeepHypotheses()).outcome.value
    'HOLDS'
    >>> decide_deep(pair, DeepHypotheses(gamma_is_zero=True)).outcome.value
    'REFUTED'
    >>> masked = DeepHypotheses(gamma_is_zero=True, causal=True)
    >>> decide_deep(pair, masked).outcome.value
    'UNDECIDED'

    Args:
        templates: templates; their lengths may differ.
        hypotheses: facts about the architecture.
    """
    told_apart = DistinctTokens.of(templates, hypotheses.tokens or TokenGram())
    seen = [incidence_of(t, hypotheses.readout) for t in told_apart.templates]
    causes: dict[tuple[int, int], str] = {}
    collapses = []
    for i, j in combinations(range(len(seen)), 2):
        cause = _cause(seen[i], seen[j], hypotheses)
        if cause == _EQUIVALENT and not templates[i].equivalent(templates[j]):
            cause = _ONE_EMBEDDING
        if cause is not None:
            causes[i, j] = cause
            collapses.append(Collapse(i, j, identical=cause != _SILENT))
    if collapses:
        return Decision(Outcome.REFUTED, tuple(collapses), _singular(templates, causes))
    return _without_collapse(seen, hypotheses, told_apart)


_EQUIVALENT = (
    "{pair} are equal up to a renaming of wildcards, and so are their rows of N."
)
_ONE_EMBEDDING = (
    "{pair} differ in tokens that have one embedding alone, so their rows of N are "
    "equal."
)
_FORGETS = (
    "the activation is constant and a block has no residual connection, so {pair} "
    "leave the same stream, as all strings do."
)
_PERMUTED = (
    "with gamma = 0 there are no positions, only how often each token and wildcard "
    "occurs, so {pair} have equal rows at every depth."
)
_UNIFORM = (
    "with beta = 0 in every block attention only sees how often tokens occur, so "
    "{pair} have equal rows."
)
_AVERAGED = (
    "with beta = 0 and no residual connection in the first block all positions carry "
    "one average from then on, so {pair} have equal rows."
)
_TURNED = (
    "with gamma = 0 and one block rotary logits see how far equal symbols are apart, "
    "which is the same in {pair} up to shifts and reflections, so their rows are equal."
)
_SILENT = (
    "with gamma = 0 and one block nothing is shared by strings of wildcards alone, so "
    "{pair} have proportional rows."
)
_CAUSES = (
    _EQUIVALENT,
    _ONE_EMBEDDING,
    _FORGETS,
    _PERMUTED,
    _UNIFORM,
    _AVERAGED,
    _TURNED,
    _SILENT,
)
"""Why two templates collapse; the first that applies is told."""


def _singular(templates: Sequence[Template], causes: dict[tuple[int, int], str]) -> str:
    """Why N is singular, by one pair: equivalent templates where there are some."""
    (i, j), cause = min(causes.items(), key=lambda item: _CAUSES.index(item[1]))
    pair = f"templates {i + 1} and {j + 1}, '{templates[i]}' and '{templates[j]}',"
    return f"N is singular: {cause.format(pair=pair)}"


def _cause(t: Incidence, u: Incidence, hypotheses: DeepHypotheses) -> str | None:
    """Why two templates collapse, or None where nothing says that they do."""
    if t.template.equivalent(u.template):
        return _EQUIVALENT
    if hypotheses.forgets:
        return _FORGETS
    return next(
        (
            cause
            for cause, trace in _TRACES[hypotheses.relative]
            if (of_t := trace(t, hypotheses)) is not None
            and of_t == trace(u, hypotheses)
        ),
        None,
    )


def _multiset(seen: Incidence) -> tuple[int, ...]:
    """The multiplicities of the wildcards, in order."""
    return tuple(sorted(map(len, seen.blocks)))


def _squares(seen: Incidence) -> int:
    """Σ n_v² over wildcards."""
    return sum(n**2 for n in _multiset(seen))


def _bag(seen: Incidence, by_multiplicity: bool) -> object:
    """Counts and wildcards' multiplicities up to a permutation that keeps the query."""
    query: object = None
    if seen.readout == "last":
        query = seen.query
        if query is None and by_multiplicity:
            query = seen.multiplicity[-1]
    return frozenset(seen.counts.items()), query


def _permuted(seen: Incidence, hypotheses: DeepHypotheses) -> object:
    """What is left of a template where positions may be permuted; None: all of it."""
    if not hypotheses.gamma_is_zero or hypotheses.masked:
        return None
    return _bag(seen, by_multiplicity=True), _multiset(seen)


def _uniform(seen: Incidence, hypotheses: DeepHypotheses) -> object:
    """What is left where all attention is uniform.

    D_i[q, q'] is a function of 1[x_q = x_q'], 1[q = q'], Σ n_v² and, through b, of the
    multiplicities n_q and n_q'.
    """
    if hypotheses.masked or not all(b.beta_is_zero for b in hypotheses.blocks):
        return None
    rows = any(block.identity_vo for block in hypotheses.blocks)
    if hypotheses.gamma_is_zero:
        inside = _multiset(seen) if rows else _squares(seen)
        return _bag(seen, by_multiplicity=rows), seen.size, inside
    return seen.skeleton, seen.multiplicity if rows else _squares(seen)


def _averaged(seen: Incidence, hypotheses: DeepHypotheses) -> object:
    """What is left where the first block makes all positions equal."""
    first = hypotheses.blocks[0]
    if hypotheses.masked or not first.beta_is_zero or first.residual:
        return None
    shares = frozenset((token, seen.frequency(token)) for token in seen.counts)
    positions: object = seen.size
    if hypotheses.tokens and not hypotheses.tokens.one_length:
        # Normalisation weighs each position by what stands there.
        positions = seen.skeleton
    if hypotheses.gamma_is_zero:
        positions = 0
    return shares, positions, Fraction(_squares(seen), seen.size**2)


def _silent(seen: Incidence, hypotheses: DeepHypotheses) -> object:
    """Whether one block leaves N_ij = u_i u_j for this template and every other."""
    one_block = hypotheses.gamma_is_zero and len(hypotheses.blocks) == 1
    tokens = hypotheses.tokens
    shared = tokens is not None and (tokens.common or any(tokens.cross))
    return True if one_block and not seen.counts and not shared else None


_TRACES: dict[Relative, tuple[tuple[str, Trace], ...]] = {
    "none": (
        (_PERMUTED, _permuted),
        (_UNIFORM, _uniform),
        (_AVERAGED, _averaged),
        (_SILENT, _silent),
    ),
    "rotary": ((_TURNED, rotary_trace), (_SILENT, _silent)),
    "bias": ((_SILENT, _silent),),
    "unknown": ((_SILENT, _silent),),
}
"""What is left of a template for each cause, by the relative positions."""


def _without_collapse(
    seen: Sequence[Incidence], hypotheses: DeepHypotheses, told_apart: DistinctTokens
) -> Decision:
    """The decision where no two templates collapse for certain."""
    vanishing = hypotheses.vanishing_turn(max(x.size for x in seen))
    if hypotheses.theorem_d and vanishing is None:
        if hypotheses.tokens and (missing := _of_tokens(seen, hypotheses, told_apart)):
            return _undecided(missing)
        return _holds(
            f"N is non-singular by Theorem D, for {_depth(hypotheses)}: the templates "
            "are pairwise inequivalent, gamma is non-zero, so is beta in the first "
            f"block, {'embeddings differ, ' if hypotheses.tokens else ''}and each MLP "
            f"has {_kept(hypotheses)}."
        )
    if hypotheses.forgets:
        return _undecided("With a constant stream and one template N is a number.")
    if hypotheses.gamma_is_zero:
        return _without_positions(seen, hypotheses)
    if not hypotheses.blocks[0].beta_is_zero:
        return _undecided(_of_relative(hypotheses, vanishing))
    return _undecided(
        "Theorem D asks for beta above 0 in the first block, where attention has to "
        "see which tokens are the same; with beta = 0 there no two templates collapse "
        "for certain, which does not settle whether N is singular."
    )


def _of_tokens(
    seen: Sequence[Incidence], hypotheses: DeepHypotheses, told_apart: DistinctTokens
) -> str | None:
    """What Theorem D asks of embeddings and is not known to be so, if there is such."""
    if pair := told_apart.too_close(seen):
        return (
            "Theorem D asks that no two tokens have one embedding; those of "
            f"{pair[0]} and {pair[1]} are not known to differ."
        )
    if told_apart.dependent(seen, hypotheses.masked):
        return (
            "Theorem D asks, of templates of one token and under a causal mask, for "
            "affinely independent embeddings of the first tokens; these are not known "
            "to be."
        )
    return None


def _of_relative(hypotheses: DeepHypotheses, vanishing: int | None) -> str:
    """What Theorem D asks of relative positions and is not so."""
    if hypotheses.relative == "unknown":
        return (
            "Theorem D asks of relative positions that they are a bias by distance or "
            "rotary; of these nothing is known."
        )
    if vanishing is not None:
        return (
            "Theorem D asks of rotary positions that the mean of cos(m theta) over "
            f"their angles is not 0 below the length; at m = {vanishing} it may be."
        )
    return (
        "Theorem D asks, with relative positions, for a residual connection in each "
        "later block with beta = 0; whether N is singular without is not settled."
    )


def _without_positions(
    seen: Sequence[Incidence], hypotheses: DeepHypotheses
) -> Decision:
    """γ = 0: [CLS] is told the counts and multiplicities, and residuals may keep them.

    Its row of C after the first attention is at least C of one layer, which is positive
    definite where no two templates agree in both, and s² times it is left by each later
    sublayer.
    """
    bags = {(_bag(x, by_multiplicity=True), _multiset(x)) for x in seen}
    if hypotheses.carried and len(bags) == len(seen):
        return _holds(
            "N is non-singular although gamma = 0: no two templates agree in how often "
            "each token and wildcard occurs, the first block's attention shows that to "
            f"[CLS], and {_carriers(hypotheses)}."
        )
    if hypotheses.tokens:
        missing = "inner products of tokens may show what their counts do not"
    elif hypotheses.relative != "none":
        missing = "relative positions may show the order of tokens"
    elif hypotheses.masked:
        missing = "a causal mask may show the order of tokens without positions"
    elif hypotheses.readout == "cls":
        missing = (
            "no two templates agree in how often each token and wildcard occurs, which "
            "is enough with beta above 0 in the first block, a residual connection and "
            "no identity_vo in later ones"
        )
    else:
        missing = (
            "no two templates collapse for certain under the "
            f"{hypotheses.readout} readout"
        )
    return _undecided(
        f"Theorem D asks for gamma above 0, so that positions are seen; with gamma = 0 "
        f"{missing}: whether N is singular is not settled."
    )


def _holds(reason: str) -> Decision:
    return Decision(Outcome.HOLDS, (), reason)


def _undecided(reason: str) -> Decision:
    return Decision(Outcome.UNDECIDED, (), reason)


def _depth(hypotheses: DeepHypotheses) -> str:
    count = len(hypotheses.blocks)
    return "one block" if count == 1 else f"{count} blocks"


def _kept(hypotheses: DeepHypotheses) -> str:
    """What keeps the MLPs from merging templates."""
    if hypotheses.activation == "constant":
        return "a residual connection"
    return "an activation that is not constant"


def _carriers(hypotheses: DeepHypotheses) -> str:
    if len(hypotheses.blocks) == 1:
        return f"its MLP has {_kept(hypotheses)}"
    return "residual connections carry it to the end"
