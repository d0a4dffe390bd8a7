"""Data diversity: how rarely a substitution uses one given token (claim C8).

ρ = min over templates z and tokens t of 1 / P_s[t ∈ s(wildcards of z)].

Uniform over V tokens, w wildcards: ρ = V / w. For successive draws the heaviest token
is the one used most often (proof in `inclusion`), and more wildcards use it more often.

Source: Boix-Adserà et al., arXiv 2310.09753, on data diversity.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from numbers import Real
from typing import Any, SupportsIndex

from symbind_theory.interval import Interval
from symbind_theory.laws.arguments import (
    check_vocabulary,
    read_laws,
    regular_tokens_of,
)
from symbind_theory.laws.substitution_laws import (
    Law,
    Probabilities,
    Uniform,
    largest_inclusion,
)
from symbind_theory.templates import Template, fresh_tokens
from symbind_theory.validation import InputError, positive_integer, shorten

__all__ = ["data_diversity"]

MOST_TOKENS = 1_000_000
"""Largest vocabulary for laws that are not uniform: up to a minute and 400 MB."""


_Vocabulary = int | Sequence[str] | None
_Diversity = Fraction | Interval | float


def data_diversity(
    templates: Sequence[Template],
    laws: Sequence[Law],
    vocabulary: _Vocabulary,
    law: Any = None,
) -> _Diversity:
    """ρ of templates whose wildcards follow these laws; see `TemplateTask.diversity`.

    Args:
        templates: of a task.
        laws: one for each template.
        vocabulary: tokens, or their number; None where every law names its tokens.
        law: read in place of `laws` when given.

    Raises:
        InputError: a vocabulary or a law that cannot be used.
    """
    if isinstance(vocabulary, SupportsIndex):
        vocabulary = positive_integer("vocabulary", vocabulary)
    elif vocabulary is not None and not isinstance(vocabulary, Sequence):
        raise InputError(
            f"vocabulary is {shorten(vocabulary)}; expected a list of tokens, or their "
            "number"
        )
    if vocabulary is not None:
        check_vocabulary(vocabulary, templates)
    regular = regular_tokens_of(templates)
    if law is not None:
        laws = read_laws("law", _by_token(regular, vocabulary, law), templates)
    # More wildcards under one law never use a token less often.
    most: dict[Law, int] = {}
    for template, its_law in zip(templates, laws, strict=True):
        most[its_law] = max(most.get(its_law, 0), len(template.wildcards))
    return _least(
        [
            _under(regular, one, vocabulary, count)
            for one, count in most.items()
            if count
        ]
    )


def _by_token(regular: Sequence[str], vocabulary: _Vocabulary, law: Any) -> Any:
    """Weights in the order of the vocabulary as a map; any other law as it is."""
    if isinstance(law, str | Mapping) or not isinstance(law, Iterable):
        return law
    law = tuple(law)
    if not all(isinstance(weight, Real) for weight in law):
        return law
    names = _tokens(regular, vocabulary)
    if len(names) != len(law):
        raise InputError(
            f"law has {len(law)} weights for {len(names)} tokens; expected one for each"
        )
    return dict(zip(names, law, strict=True))


def _tokens(regular: Sequence[str], vocabulary: _Vocabulary) -> Sequence[str]:
    """The vocabulary, made up where only its size is given."""
    size = _size(vocabulary)
    if size > MOST_TOKENS:
        raise InputError(
            f"vocabulary has {size} tokens; expected at most {MOST_TOKENS} for a law "
            "that is not uniform"
        )
    if isinstance(vocabulary, Sequence):
        return vocabulary
    return tuple(islice(fresh_tokens(regular), size))


def _size(vocabulary: _Vocabulary) -> int:
    if vocabulary is None:
        raise InputError(
            "vocabulary is None; expected tokens or their number, for a law that does "
            "not name its tokens"
        )
    return vocabulary if isinstance(vocabulary, int) else len(vocabulary)


def _under(
    regular: Sequence[str], law: Law, vocabulary: _Vocabulary, count: int
) -> Fraction | tuple[float, float]:
    """1 / P of the heaviest token for a template of so many wildcards."""
    if isinstance(law, Uniform):
        return Fraction(_size(vocabulary), count)
    if not isinstance(law, Probabilities):
        tokens = _tokens(regular, vocabulary)
    elif isinstance(vocabulary, Sequence):
        tokens = vocabulary
    else:
        tokens = law.tokens
        if vocabulary is not None and vocabulary < len(tokens):
            raise InputError(
                f"vocabulary is {vocabulary}; expected at least {len(tokens)}, the "
                "tokens to which the law gives a probability"
            )
    used = largest_inclusion(law, tokens, count)
    if isinstance(used, Fraction):
        return 1 / used
    low, high = used
    return math.nextafter(1 / high, 0), math.nextafter(1 / low, math.inf)


def _least(bounds: Sequence[Fraction | tuple[float, float]]) -> _Diversity:
    """The least of exact numbers and guaranteed intervals; infinite if there is none.

    Exact where an exact number is certainly the least.
    """
    exact = min((x for x in bounds if isinstance(x, Fraction)), default=None)
    ends = [x for x in bounds if isinstance(x, tuple)]
    low = min((low for low, _ in ends), default=math.inf)
    if exact is None or exact > low:
        if not ends:
            return math.inf
        high = min(high for _, high in ends)
        if exact is not None:
            high = min(high, math.nextafter(float(exact), math.inf))
        return Interval((low + high) / 2, low, high, level=1.0)
    return exact
