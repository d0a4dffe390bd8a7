"""Which templates no finite transformer of a kind tells apart, however it is trained.

The kernel of infinitely wide transformers collapses more templates than training does:
at its start it knows that W_V W_O and W_K W_Qᵀ mix all entries of the stream, and that
a position's norm is that of any other. A trained network may make both products
multiples of the identity, and its normalisation divides by norms that tell how often a
symbol occurs. So `symbind_theory.separation.decide` is no proof about finite networks.
What follows holds for all weights θ.

Symbols of a test string occur in no training string. Training leaves their embeddings
e_v as they were drawn, up to one factor of weight decay: independent of θ, and of the
law N(0, c² I) each. Two templates are *alike* where, given θ, what is read of their
strings has one law. Then no readout of it has a different mean on them. They are

- *equivalent*: equal up to a renaming of wildcards. The e_v are exchangeable.
- *forgotten*: φ is constant and a block has s = 0. Its MLP then leaves one vector at
  every position, whatever the string is, and later blocks see nothing else.
- *permuted*: γ = 0 and no mask. A network without positions commutes with permutations
  of the positions; `cls` and `mean` read what is invariant, `last` what is invariant
  where the last position stays. Templates that agree in the counts of regular tokens,
  in the multiset of multiplicities n_v of wildcards and, under `last`, in the token or
  the multiplicity of what is read, are permutations of each other up to renaming.
- *averaged*: β = 0 in the first block, and what it sees is not normalised. Attention
  then gives every position one linear map of

      m = Σ_t n_t e_t/K + Σ_v n_v e_v/K + γ Σ_i P_i/K.

  With s = 0 there the stream is a function of m from then on. With one block it is a
  function of m and of what stands at the position that is read, x_q: under `cls` the
  same for every string, under `last` e_q + γ P_q. These are normal, so that their law
  is told by n_t, by Σ n_v² and, under `last`, by the token or by n_q, as the covariance
  of m and e_q is n_q/K.

A mask hides nothing where one row of one block is all that is read. Normalisation
before the first block spoils the last case: m then has e_v + γ P_i over its norm, which
is normal no more and weighs positions; so it is with a residual and a second block,
whose attention averages what MLPs made of single positions. Nothing is proved there,
and networks are trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from numerics import Architecture
from symbind_theory.separation.incidence import Incidence, incidence_of
from symbind_theory.templates import Template

__all__ = ["alike_pairs"]


def alike_pairs(
    templates: Sequence[Template], architecture: Architecture
) -> list[tuple[int, int]]:
    """Index pairs i < j of templates that are alike to every network of a kind.

    >>> pair = [Template("?a ?b ?a"), Template("?a ?b ?b")]
    >>> alike_pairs(pair, Architecture(beta=0.0))
    [(0, 1)]
    >>> alike_pairs(pair, Architecture(beta=0.0, normalisation="pre"))
    []

    Args:
        templates: templates of one length.
        architecture: of the networks, with independent embeddings and without relative
            positions; with either only equivalent templates are found. Its a and b are
            not looked at: W_K W_Qᵀ and W_V W_O can learn them.
    """
    seen = [incidence_of(t, architecture.readout) for t in templates]
    supported = architecture.relative is None and architecture.tokens is None
    traces = _TRACES if supported else ()
    return [
        (i, j)
        for i, j in combinations(range(len(seen)), 2)
        if templates[i].equivalent(templates[j])
        or any(_agree(trace, seen[i], seen[j], architecture) for trace in traces)
    ]


def _agree(
    trace: _Trace, one: Incidence, other: Incidence, architecture: Architecture
) -> bool:
    """Whether two templates leave one trace, and not none."""
    left = trace(one, architecture)
    return left is not None and left == trace(other, architecture)


_Trace = Callable[[Incidence, Architecture], object]
"""What is left of a template; None where nothing is known to be lost."""


def _forgotten(_: Incidence, architecture: Architecture) -> object:
    """The same for every template where some block's output is."""
    bare = any(block.residual == 0 for block in architecture.every_block)
    return "nothing" if architecture.activation.constant and bare else None


def _permuted(seen: Incidence, architecture: Architecture) -> object:
    """What is left where positions may be permuted."""
    if architecture.gamma or _masked(architecture):
        return None
    sizes = sorted(len(block) for block in seen.blocks)
    return _counts(seen), tuple(sizes), _read(seen)


def _averaged(seen: Incidence, architecture: Architecture) -> object:
    """What is left where one mean of embeddings is all that attention gives."""
    first = architecture.every_block[0]
    if first.beta or architecture.normalisation == "pre" or _masked(architecture):
        return None
    squares = sum(len(block) ** 2 for block in seen.blocks)
    if not first.residual:
        return _counts(seen), squares
    if architecture.depth > 1 or architecture.readout == "mean":
        return None
    return _counts(seen), squares, _read(seen)


_TRACES: tuple[_Trace, ...] = (_forgotten, _permuted, _averaged)


def _masked(architecture: Architecture) -> bool:
    """Whether a mask hides something from a row that matters."""
    one_row = architecture.depth == 1 and architecture.readout != "mean"
    return architecture.causal and not one_row


def _counts(seen: Incidence) -> frozenset[tuple[str, int]]:
    """n_t of each regular token that occurs."""
    return frozenset(seen.counts.items())


def _read(seen: Incidence) -> object:
    """What stands where `last` reads: a regular token, or a wildcard's multiplicity."""
    if seen.readout != "last":
        return None
    return seen.multiplicity[-1] if seen.query is None else seen.query
