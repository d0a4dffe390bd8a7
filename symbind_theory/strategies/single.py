"""Strategies for tokens, templates and substitutions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from hypothesis import strategies as st

from symbind_theory.strategies.families import (
    REGULAR_TOKENS,
    Family,
    distinct,
    family_templates,
)
from symbind_theory.templates import Images, Substitution, Template, fresh_tokens
from symbind_theory.validation import one_of

__all__ = ["substitutions", "templates", "tokens"]

# None is a wildcard, although `?` alone and a capital Greek letter look like one.
_ODD_TOKENS = ("?", "->", "Ω", "αα", "é", "1")


def tokens(avoid: Iterable[str] = ()) -> st.SearchStrategy[str]:
    """Tokens of data strings: never a wildcard, never `[CLS]`.

    Mostly letters; a few look like syntax (`->`, `?`) or like a wildcard (`Ω`).

    Args:
        avoid: tokens that are left out.
    """
    return st.sampled_from(_token_pool(avoid, 8))


def _token_pool(avoid: Iterable[str], count: int) -> tuple[str, ...]:
    """`count` fresh tokens, then the odd ones, all outside `avoid`."""
    taken = set(avoid)
    fresh = islice(fresh_tokens(taken.union(_ODD_TOKENS)), count)
    return (*fresh, *(token for token in _ODD_TOKENS if token not in taken))


def templates(
    *,
    length: int | None = None,
    max_length: int = 6,
    regular_tokens: Iterable[str] = REGULAR_TOKENS,
    max_wildcards: int | None = None,
) -> st.SearchStrategy[Template]:
    """Templates over given regular tokens; every equality pattern can occur.

    Wildcard names vary and need not follow the order of appearance.

    Args:
        length: the number of positions, at least 1; anything up to `max_length` when
            None.
        max_length: the largest length, used when `length` is None.
        regular_tokens: distinct regular tokens that may appear, possibly none.
        max_wildcards: the largest number of distinct wildcards, at least 0 (at least 1
            without regular tokens); no limit when None.

    Raises:
        InputError: an argument out of range, or a regular token that is a wildcard.
    """
    return family_templates(
        Family.read(length, max_length, regular_tokens, max_wildcards)
    )


def substitutions(
    template: Template, images: Images = "symbols", avoid: Iterable[str] = ()
) -> st.SearchStrategy[Substitution]:
    """Injective substitutions of exactly the wildcards of a template.

    Args:
        template: its wildcards are the keys.
        images: "symbols": tokens outside the template's regular ones; "any": its
            regular tokens too.
        avoid: tokens that are never images, such as other templates' regular tokens
            or the images of another substitution.

    Raises:
        InputError: `images` is neither of the two.
    """
    one_of("images", images, ("symbols", "any"))
    taken = set(avoid)
    count = len(template.wildcards)
    pool = _token_pool(taken.union(template.regular_tokens), count + 2)
    if images == "any":
        pool += tuple(t for t in template.regular_tokens if t not in taken)
    return distinct(pool, count).map(
        lambda tokens: Substitution(dict(zip(template.wildcards, tokens, strict=True)))
    )
