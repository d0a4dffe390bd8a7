"""Streams of points with one fault each."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Changed:
    """A stream whose draws are changed.

    Attributes:
        stream: the sound one.
        change: from (the stream, how many) to what is drawn in place of them.
    """

    stream: Any
    change: Any

    def draw(self, count):
        return self.change(self.stream, count)


def _changed(change):
    """Streams that are opened as before, with their draws changed."""
    return lambda opened: lambda: Changed(opened(), change)


def _infinite(stream, count):
    drawn = stream.draw(count)
    drawn[drawn > 2.5] = np.inf
    return drawn


def _numbered(opened):
    """Each stream that is opened begins further on than the one before."""
    number = itertools.count()

    def opening():
        stream = opened()
        stream.draw(next(number))
        return stream

    return opening


BROKEN_POINTS = {
    "as many vectors as asked": _changed(lambda s, count: s.draw(max(count, 1))),
    "opened again it is the same": _numbered,
    "draws are nested": _changed(lambda s, count: s.draw(count)[::-1]),
    "no point comes twice": _changed(
        lambda s, count: np.repeat(s.draw(-(-count // 2)), 2, axis=0)[:count]
    ),
    "points are finite": _changed(_infinite),
    "points are standard normal": _changed(lambda s, count: 1.2 * s.draw(count)),
}
"""A fault by the law that it breaks: from a way to open a stream to a broken one."""
