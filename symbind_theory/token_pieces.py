"""Symbols that the network sees as several tokens.

A symbol of m tokens of its own is a template over tokens again, m times as long.
Inequivalent templates stay inequivalent: from the left, m wildcards are one position of
the template, as is a regular token or its m, and first tokens agree where symbols do.

Source: symbind.
"""

from __future__ import annotations

from symbind_theory.templates import Template
from symbind_theory.validation import InputError, positive_integer, shorten

__all__ = ["split_into_pieces"]


def split_into_pieces(
    template: Template | str, pieces: int, *, regular: bool = True
) -> Template:
    """The template over tokens of which each symbol has several of its own.

    >>> split_into_pieces("?a X ?a", 2)
    Template('?a.1 ?a.2 X.1 X.2 ?a.1 ?a.2')
    >>> split_into_pieces("α X", 2, regular=False)
    Template('?α.1 ?α.2 X')

    Args:
        template: the template over symbols, or its text.
        pieces: m, how many tokens a symbol has, ≥ 1.
        regular: whether regular tokens are split too.

    Raises:
        InputError: an argument out of range.
    """
    positive_integer("pieces", pieces)
    if not isinstance(regular, bool):
        raise InputError(f"regular is {shorten(regular)}; expected True or False")
    template = template if isinstance(template, Template) else Template(template)
    wildcard: dict[int, str] = {
        position: name
        for name, positions in template.wildcard_positions.items()
        for position in positions
    }
    tokens: list[str] = []
    for position, token in enumerate(template.skeleton):
        if token is not None and not regular:
            tokens.append(token)
            continue
        name = f"?{wildcard[position]}" if token is None else token
        # Names that differ still do: what follows the last dot is a number.
        tokens += (f"{name}.{piece}" for piece in range(1, pieces + 1))
    return Template(tokens)
