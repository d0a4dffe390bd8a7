"""Templates as drawings: a box for each token, arcs between repeated symbols.

Wildcards are coloured by identity, in tones that read on light and on dark ground;
regular tokens stay without colour. Geometry alone: the macros of `templates` draw it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len, chop_cells

from symbind_theory.templates import Template

__all__ = ["WILDCARD_COLOURS", "Arc", "Box", "Drawing", "drawing"]

WILDCARD_COLOURS = (
    "#2f7fd6",
    "#d1651a",
    "#1c9a72",
    "#b455c8",
    "#a88413",
    "#d94a6a",
    "#3d9bb0",
    "#8a6fe0",
)
"""Of wildcards, in the order of their first occurrence; then from the start again."""

_PLAIN = "#808a96"

# Of a monospaced font of 14 px.
_CHARACTER_WIDTH, _PADDING, _GAP = 8.5, 9.0, 8.0
_HEIGHT = 30.0
_MOST_CHARACTERS = 20
_MOST_RISE = 46.0


@dataclass(frozen=True, slots=True)
class Box:
    """A token.

    Attributes:
        text: the token, shortened.
        token: the whole token.
        wild: whether it is a wildcard.
        colour: of its symbol.
        x: left edge.
        width: of the box.
    """

    text: str
    token: str
    wild: bool
    colour: str
    x: float
    width: float

    @property
    def middle(self) -> float:
        """Where text and arcs are centred."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class Arc:
    """Joins an occurrence of a symbol to its next.

    Attributes:
        start: where it begins, on the top edge of a box.
        end: where it ends.
        rise: how high it goes.
        colour: of the symbol.
    """

    start: float
    end: float
    rise: float
    colour: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A template, in pixels.

    Attributes:
        boxes: one for each token.
        arcs: one for each repetition.
        width: of the whole.
        top: where boxes begin, below the highest arc.
        height: of a box.
        words: what is drawn, for those who do not see it.
    """

    boxes: tuple[Box, ...]
    arcs: tuple[Arc, ...]
    width: float
    top: float
    height: float
    words: str


def drawing(template: Template) -> Drawing:
    """Lay out a template.

    >>> same = drawing(Template("?a X ?a"))
    >>> same.words
    '?a X ?a: ?a at positions 1 and 3'
    >>> len(same.arcs), same.boxes[0].colour == same.boxes[2].colour
    (1, True)
    """
    colour = {
        name: WILDCARD_COLOURS[i % len(WILDCARD_COLOURS)]
        for i, name in enumerate(template.wildcards)
    }
    wild = {
        position: colour[name]
        for name, positions in template.wildcard_positions.items()
        for position in positions
    }
    boxes: list[Box] = []
    x = 1.0
    for position, token in enumerate(template.tokens):
        text = _shown(token)
        width = max(_HEIGHT, _CHARACTER_WIDTH * cell_len(text) + 2 * _PADDING)
        tone = wild.get(position, _PLAIN)
        boxes.append(Box(text, token, position in wild, tone, round(x, 1), width))
        x += width + _GAP
    arcs = tuple(_arcs(template, boxes))
    return Drawing(
        boxes=tuple(boxes),
        arcs=arcs,
        width=round(x - _GAP + 1, 1),
        top=max((arc.rise for arc in arcs), default=0.0) + 3,
        height=_HEIGHT,
        words=_words(template),
    )


def _shown(token: str) -> str:
    if cell_len(token) <= _MOST_CHARACTERS:
        return token
    return chop_cells(token, _MOST_CHARACTERS - 1)[0] + "…"


def _arcs(template: Template, boxes: list[Box]) -> Iterator[Arc]:
    for positions in _repeats(template).values():
        for first, second in pairwise(positions):
            left, right = boxes[first], boxes[second]
            # Half as high as a circle, so that long arcs stay on the page.
            rise = min(_MOST_RISE, (right.middle - left.middle) / 4 + 6)
            yield Arc(left.middle, right.middle, round(rise, 1), left.colour)


def _repeats(template: Template) -> dict[str, tuple[int, ...]]:
    """Every symbol that occurs more than once, as it is written, with its positions."""
    groups = [
        *template.wildcard_positions.values(),
        *template.regular_positions.values(),
    ]
    return {template.tokens[g[0]]: g for g in groups if len(g) > 1}


def _words(template: Template) -> str:
    repeats = [
        f"{token} at positions {', '.join(str(p + 1) for p in positions[:-1])} and "
        f"{positions[-1] + 1}"
        for token, positions in _repeats(template).items()
    ]
    return f"{template}: {'; '.join(repeats) or 'no symbol repeats'}"
