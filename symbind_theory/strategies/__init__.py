"""Hypothesis strategies for templates, substitutions and template tasks.

They build each value from small integers instead of filtering, so examples are seldom
rejected and shrink to short templates such as `?a ?a`. Importing this package imports
Hypothesis; nothing else in `symbind_theory` does.
"""

from symbind_theory.strategies.families import REGULAR_TOKENS
from symbind_theory.strategies.labelled import tasks
from symbind_theory.strategies.pairs import (
    disjoint_pairs,
    equivalent_pairs,
    inequivalent_pairs,
)
from symbind_theory.strategies.single import substitutions, templates, tokens

__all__ = [
    "REGULAR_TOKENS",
    "disjoint_pairs",
    "equivalent_pairs",
    "inequivalent_pairs",
    "substitutions",
    "tasks",
    "templates",
    "tokens",
]
