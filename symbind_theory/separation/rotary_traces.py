"""What rotary positions show of a template where there are no others.

One block, γ = 0, one position q that is read. The logit of the key at the distance
δ = q − p has within a string the covariance 1[x_p = x_p'] ρ(δ − δ') with that at δ',
between strings the same where both read one regular token, and 0 else. So each symbol
has a stationary field over δ, with ρ even: shifts and reflections of the distances of
one symbol change no law. Fields of regular tokens are shared by all strings where the
query is regular, and there their distances count as they are.

Source: symbind; docs/theorem-d.md, section 5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from symbind_theory.separation.deep_hypotheses import DeepHypotheses
from symbind_theory.separation.incidence import Incidence

__all__ = ["rotary_trace"]


def rotary_trace(seen: Incidence, hypotheses: DeepHypotheses) -> object:
    """What is left of a template; None for all of it, or where nothing is known.

    Args:
        seen: the template as the network sees it.
        hypotheses: facts about the architecture.
    """
    if not hypotheses.gamma_is_zero or len(hypotheses.blocks) > 1:
        return None
    if seen.readout == "mean" or hypotheses.tokens is not None:
        return None
    distances: dict[str | int, list[int]] = {}
    for position, symbol in enumerate(seen.symbols):
        distances.setdefault(symbol, []).append(seen.size - 1 - position)
    query = seen.symbols[-1]
    wild = Counter(_apart(d) for x, d in distances.items() if not isinstance(x, str))
    named = frozenset(
        (x, tuple(d) if isinstance(query, str) else _apart(d))
        for x, d in distances.items()
        if isinstance(x, str)
    )
    read = query if isinstance(query, str) else _apart(distances[query])
    return named, frozenset(wild.items()), read


def _apart(distances: Sequence[int]) -> tuple[int, ...]:
    """Distances up to shifts and reflections."""
    near, far = min(distances), max(distances)
    return min(
        tuple(sorted(d - near for d in distances)),
        tuple(sorted(far - d for d in distances)),
    )
