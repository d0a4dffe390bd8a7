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
are proportional. All else is UNDECIDED. Activations are taken to be square-integrable
under N(0, v) for all self values v that occur.

Source: symbind; docs/theorem-d.md has the proofs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Literal

from symbind_theory.outcome import Outcome
from symbind_theory.separation.incidence import Incidence, Readout, incidence_of
from symbind_theory.separation.theorem_s import Collapse, Decision, Kind
from symbind_theory.templates import Template

__all__ = ["BlockFacts", "DeepHypotheses", "Relative", "decide_deep"]

Relative = Literal["none", "bias", "rotary", "unknown"]
"""Relative positions. A bias of logits may be fixed, or drawn for each head."""

# cos(m θ) in float64 is off by some m 2⁻⁵², for angles θ of at most 1.
_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """What Theorem D needs to know of a block.

    Attributes:
        beta_is_zero: whether its attention is uniform.
        residual: whether its sublayers have a residual connection: s ≠ 0.
        identity_vo: whether a non-zero multiple of the identity is added to W_V W_O.
    """

    beta_is_zero: bool = False
    residual: bool = False
    identity_vo: bool = False


@dataclass(frozen=True, slots=True)
class DeepHypotheses:
    """What Theorem D needs to know of a deep transformer.

    Attributes:
        readout: position that is read.
        activation: what is known of the MLPs' activation.
        gamma_is_zero: whether there are no positions.
        causal: whether a position attends to those up to itself alone.
        blocks: the facts of each block, first to last; at least one.
        relative: relative positions beside the embedded ones.
        angles: of rotary positions, for a distance of 1.
    """

    readout: Readout = "cls"
    activation: Kind = "cosine"
    gamma_is_zero: bool = False
    causal: bool = False
    blocks: tuple[BlockFacts, ...] = (BlockFacts(), BlockFacts())
    relative: Relative = "none"
    angles: tuple[float, ...] = ()

    @property
    def forgets(self) -> bool:
        """Whether some block's output is the same for every string."""
        return self.activation == "constant" and not all(
            b.residual for b in self.blocks
        )

    @property
    def theorem_d(self) -> bool:
        """Whether every hypothesis on the architecture holds, angles left aside."""
        blind = self.gamma_is_zero or self.blocks[0].beta_is_zero
        return not (blind or self.forgets or self.unequal_averages)

    @property
    def unequal_averages(self) -> bool:
        """Whether relative positions are such that nothing is proved."""
        bare = any(b.beta_is_zero and not b.residual for b in self.blocks[1:])
        return self.relative == "unknown" or (self.relative != "none" and bare)

    def vanishing_turn(self, size: int) -> int | None:
        """The first distance below `size` whose ρ may be 0, or None."""
        for distance in range(1, size) if self.relative == "rotary" else ():
            turn = math.fsum(math.cos(distance * angle) for angle in self.angles)
            error = _ROUNDING * (1 + distance * max(self.angles, default=0.0))
            if abs(turn) <= error * len(self.angles):
                return distance
        return None

    @property
    def masked(self) -> bool:
        """Whether a mask can show the order of tokens to what is read.

        In one block the last position attends to every other, mask or not.
        """
        one_row = len(self.blocks) == 1 and self.readout != "mean"
        return self.causal and not one_row

    @property
    def carried(self) -> bool:
        """Whether residuals carry what the first attention gives [CLS] to the end."""
        later = all(b.residual and not b.identity_vo for b in self.blocks[1:])
        first = not self.blocks[0].beta_is_zero
        alone = self.readout == "cls" and self.relative == "none"
        return alone and first and later and not self.forgets


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
    seen = [incidence_of(t, hypotheses.readout) for t in templates]
    causes: dict[tuple[int, int], str] = {}
    collapses = []
    for i, j in combinations(range(len(seen)), 2):
        cause = _cause(seen[i], seen[j], hypotheses)
        if cause is not None:
            causes[i, j] = cause
            collapses.append(Collapse(i, j, identical=cause != _SILENT))
    if collapses:
        return Decision(Outcome.REFUTED, tuple(collapses), _singular(templates, causes))
    return _without_collapse(seen, hypotheses)


_EQUIVALENT = (
    "{pair} are equal up to a renaming of wildcards, and so are their rows of N."
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
_SILENT = (
    "with gamma = 0 and one block nothing is shared by strings of wildcards alone, so "
    "{pair} have proportional rows."
)
_CAUSES = (_EQUIVALENT, _FORGETS, _PERMUTED, _UNIFORM, _AVERAGED, _SILENT)
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
    traces = _TRACES if hypotheses.relative == "none" else _TRACES[-1:]
    return next(
        (
            cause
            for cause, trace in traces
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
    positions = 0 if hypotheses.gamma_is_zero else seen.size
    return shares, positions, Fraction(_squares(seen), seen.size**2)


def _silent(seen: Incidence, hypotheses: DeepHypotheses) -> object:
    """Whether one block leaves N_ij = u_i u_j for this template and every other."""
    one_block = hypotheses.gamma_is_zero and len(hypotheses.blocks) == 1
    return True if one_block and not seen.counts else None


_TRACES = (
    (_PERMUTED, _permuted),
    (_UNIFORM, _uniform),
    (_AVERAGED, _averaged),
    (_SILENT, _silent),
)
"""What is left of a template for each cause; the last is one whatever positions are."""


def _without_collapse(
    seen: Sequence[Incidence], hypotheses: DeepHypotheses
) -> Decision:
    """The decision where no two templates collapse for certain."""
    vanishing = hypotheses.vanishing_turn(max(x.size for x in seen))
    if hypotheses.theorem_d and vanishing is None:
        return _holds(
            f"N is non-singular by Theorem D, for {_depth(hypotheses)}: the templates "
            "are pairwise inequivalent, gamma is non-zero, so is beta in the first "
            f"block, and each MLP has {_kept(hypotheses)}."
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
    if hypotheses.relative != "none":
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
