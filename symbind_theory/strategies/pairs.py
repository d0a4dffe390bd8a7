"""Strategies for two templates of one length: equivalent, inequivalent, disjoint."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from symbind_theory.strategies.families import (
    REGULAR_TOKENS,
    Code,
    DrawFn,
    Family,
    codes,
    distinct,
    family_templates,
    name_pool,
    named,
)
from symbind_theory.templates import Images, Template
from symbind_theory.validation import InputError, one_of

__all__ = ["disjoint_pairs", "equivalent_pairs", "inequivalent_pairs"]


def equivalent_pairs(
    *,
    length: int | None = None,
    max_length: int = 6,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[tuple[Template, Template]]:
    """A template and a renaming of its wildcards: equivalent, but not equal.

    Names may be swapped or new; the first wildcard's name always changes.

    Args:
        length: as in `templates`.
        max_length: as in `templates`.
        regular_tokens: as in `templates`.
        max_wildcards: as in `templates`, but at least 1.

    Raises:
        InputError: as in `templates`.
    """
    family = Family.read(length, max_length, regular_tokens, max_wildcards)
    if not family.max_wildcards:
        raise InputError("max_wildcards is 0; expected at least 1 to rename")
    return family_templates(family, wildcard=True).flatmap(_with_renaming)


@st.composite
def _with_renaming(draw: DrawFn, template: Template) -> tuple[Template, Template]:
    old = template.wildcards
    pool = name_pool(len(old))
    first = draw(st.sampled_from([name for name in pool if name != old[0]]))
    rest = [name for name in pool if name != first]
    new = (first, *draw(distinct(rest, len(old) - 1)))
    text = {
        p: n
        for n, o in zip(new, old, strict=True)
        for p in template.wildcard_positions[o]
    }
    renamed = Template(
        f"?{text[p]}" if p in text else token for p, token in enumerate(template.tokens)
    )
    return template, renamed


def inequivalent_pairs(
    *,
    length: int | None = None,
    max_length: int = 6,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[tuple[Template, Template]]:
    """Two templates of one length, equal under no renaming of wildcards.

    Every such pair can occur, those that differ only late in the string often.

    Args:
        length: as in `templates`.
        max_length: as in `templates`.
        regular_tokens: as in `templates`.
        max_wildcards: as in `templates`.

    Raises:
        InputError: as in `templates`, or all templates allowed are equivalent.
    """
    family = Family.read(length, max_length, regular_tokens, max_wildcards)
    if len(family.regular_tokens) + min(family.max_wildcards, 1) < 2:
        if not family.two_wildcards_fit:
            raise InputError(
                f"templates up to length {family.lengths[-1]} with regular tokens "
                f"{family.regular_tokens} and at most {family.max_wildcards} wildcards "
                "are all equivalent; expected more regular tokens, or two wildcards "
                "and two positions"
            )
        family = family.at_least(2)
    return _code_pairs(family).flatmap(lambda pair: _named_pair(family, *pair))


@st.composite
def _code_pairs(draw: DrawFn, family: Family) -> tuple[Code, Code]:
    """Two different codes of one length: alike up to a position, not at it."""
    length = draw(st.sampled_from(family.lengths))
    one = draw(codes(family, length))
    forks = [p for p in range(length) if len(family.choices(one[:p])) > 1]
    fork = draw(st.sampled_from(forks))
    choices = [c for c in family.choices(one[:fork]) if c != one[fork]]
    prefix = (*one[:fork], draw(st.sampled_from(choices)))
    return one, draw(codes(family, length, prefix))


@st.composite
def _named_pair(
    draw: DrawFn, family: Family, one: Code, other: Code
) -> tuple[Template, Template]:
    return draw(named(family, one)), draw(named(family, other))


def disjoint_pairs(
    images: Images = "symbols",
    *,
    length: int | None = None,
    max_length: int = 6,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[tuple[Template, Template]]:
    """Two templates of one length that no string can come from both.

    For symbols these are the inequivalent pairs. For any tokens, a pair that overlaps
    is mended by a conflict: two regular tokens at one position, or two positions equal
    in one template and different wildcards in the other.

    Args:
        images: what wildcards may become, as in `Template.disjoint`.
        length: as in `templates`.
        max_length: as in `templates`.
        regular_tokens: as in `templates`.
        max_wildcards: as in `templates`.

    Raises:
        InputError: as in `templates`, or no two templates allowed are disjoint.
    """
    one_of("images", images, ("symbols", "any"))
    family = Family.read(length, max_length, regular_tokens, max_wildcards)
    if images == "symbols":
        return inequivalent_pairs(
            length=length,
            max_length=max_length,
            regular_tokens=family.regular_tokens,
            max_wildcards=max_wildcards,
        )
    if len(family.regular_tokens) < 2:
        if not family.two_wildcards_fit:
            raise InputError(
                f"templates up to length {family.lengths[-1]} with regular tokens "
                f"{family.regular_tokens} and at most {family.max_wildcards} wildcards "
                "all overlap; expected two regular tokens, or two wildcards and two "
                "positions"
            )
        family = family.at_least(2)
    return _disjoint_any(family)


@st.composite
def _disjoint_any(draw: DrawFn, family: Family) -> tuple[Template, Template]:
    one, other = draw(_code_pairs(family))
    pair = draw(_named_pair(family, one, other))
    if pair[0].disjoint(pair[1], images="any"):
        return pair
    return draw(_with_conflict(family, list(one), list(other)))


@st.composite
def _with_conflict(
    draw: DrawFn, family: Family, one: list[int], other: list[int]
) -> tuple[Template, Template]:
    length = len(one)
    by_wildcards = length > 1 and family.max_wildcards > 1
    if by_wildcards and len(family.regular_tokens) > 1:
        by_wildcards = draw(st.booleans())
    if by_wildcards:
        p = draw(st.integers(0, length - 2))
        q = draw(st.integers(p + 1, length - 1))
        one[p] = one[q] = 0
        other[p], other[q] = 0, 1
    else:
        p = draw(st.integers(0, length - 1))
        one[p], other[p] = -1, -2
    return draw(_named_pair(family, tuple(one), tuple(other)))
