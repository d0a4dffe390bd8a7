"""Tables in the pages of docs/, between marks, that commands rewrite."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

from symbind_theory import Interval

__all__ = ["DOCS", "cells", "number", "rewritten"]

DOCS = Path(__file__).parents[1] / "docs"


def rewritten(text: str, name: str, lines: Iterable[str]) -> str:
    """The page with another table between its marks."""
    before, _, after = _parts(text, name)
    begin, end = _marks(name)
    body = "\n".join(lines)
    return f"{before}{begin}\n\n{body}\n\n{end}{after}"


def number(interval: Interval) -> str:
    """The value to the digit that its halfwidth touches, the halfwidth in brackets.

    >>> number(Interval(0.0012345, 0.0012334, 0.00123568))
    '1.2345(12)e-3'
    >>> number(Interval(655.13, 654.905, 655.3))
    '655.13(23)'
    >>> number(Interval(2e-7, 1e-7, 5e-7))
    '2e-7 [1e-7, 5e-7]'
    >>> number(Interval(2e-7, 0.0, 5e-7))
    'unresolved [0, 5e-7]'
    >>> number(Interval(2e7, 1e7, math.inf))
    'unresolved [1e7, ∞]'
    """
    value, width = interval.value, interval.halfwidth
    if interval.low <= 0 or math.isinf(interval.high):
        return f"unresolved [{_short(interval.low)}, {_short(interval.high)}]"
    if interval.relative_halfwidth > 0.3:
        ends = f"[{_short(interval.low)}, {_short(interval.high)}]"
        return f"{_short(value)} {ends}"
    power = math.floor(math.log10(value))
    power = 0 if power >= 0 and width < 100 else power
    places = max(power - math.floor(math.log10(width)) + 1, 0)
    last = math.ceil(width * 10.0 ** (places - power))
    scaled = f"{value / 10.0**power:.{places}f}({last})"
    return scaled if power == 0 else f"{scaled}e{power}"


def _short(value: float) -> str:
    """Two digits."""
    if math.isinf(value):
        return "∞"
    return re.sub(r"e([-+])0?", lambda sign: f"e{sign[1]}".strip("+"), f"{value:.2g}")


def cells(text: str, name: str) -> list[list[str]]:
    """The rows of a table of the page, without its head."""
    lines = _parts(text, name)[1].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _parts(text: str, name: str) -> tuple[str, str, str]:
    """The page before a table, the table, the page after it."""
    begin, end = _marks(name)
    before, rest = text.split(begin)
    table, after = rest.split(end)
    return before, table, after


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
