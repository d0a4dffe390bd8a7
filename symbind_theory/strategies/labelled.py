"""The strategy for template tasks: templates with labels and weights."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from hypothesis import strategies as st

from symbind_theory.strategies.families import (
    REGULAR_TOKENS,
    DrawFn,
    Family,
    codes,
    named,
)
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template
from symbind_theory.validation import positive_integer

__all__ = ["tasks"]

_NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.fractions(-3, 3, max_denominator=6),
    st.integers(-30, 30).map(lambda n: n / 10),
)


def tasks(
    *,
    symbolic: bool = False,
    pairwise_inequivalent: bool = False,
    max_templates: int = 5,
    length: int | None = None,
    max_length: int = 4,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[TemplateTask]:
    """Template tasks of one to `max_templates` templates.

    Weights are sometimes given, and then some may be zero.

    Args:
        symbolic: labels are tokens or the template's own wildcards; when False they are
            integers, fractions and decimals between -3 and 3.
        pairwise_inequivalent: no two templates are equal up to renaming; when False
            they only differ literally.
        max_templates: the largest number of templates, at least 1.
        length: as in `templates`.
        max_length: as in `templates`.
        regular_tokens: as in `templates`.
        max_wildcards: as in `templates`.

    Raises:
        InputError: as in `templates`, or `max_templates` below 1.
    """
    positive_integer("max_templates", max_templates)
    family = Family.read(length, max_length, regular_tokens, max_wildcards)
    return _tasks(family, symbolic, pairwise_inequivalent, max_templates)


@st.composite
def _tasks(
    draw: DrawFn,
    family: Family,
    symbolic: bool,
    pairwise_inequivalent: bool,
    max_templates: int,
) -> TemplateTask:
    length = draw(st.sampled_from(family.lengths))
    one = codes(family, length).flatmap(lambda code: named(family, code))
    chosen = draw(
        st.lists(
            one,
            min_size=1,
            max_size=max_templates,
            unique_by=Template.canonical if pairwise_inequivalent else str,
        )
    )
    labels: list[int | float | Fraction | str] = [
        draw(_symbolic_labels(template) if symbolic else _NUMBERS)
        for template in chosen
    ]
    weights = draw(st.none() | _weights(len(chosen)))
    return TemplateTask(chosen, labels, weights)


def _symbolic_labels(template: Template) -> st.SearchStrategy[str]:
    wildcards = [template.tokens[p[0]] for p in template.wildcard_positions.values()]
    return st.sampled_from([*wildcards, *template.regular_tokens, "yes", "a"])


@st.composite
def _weights(draw: DrawFn, count: int) -> list[int]:
    """Integers from 0, not all 0."""
    weights = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    if not any(weights):
        weights[draw(st.integers(0, count - 1))] = 1
    return weights
