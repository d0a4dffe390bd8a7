"""What differs between a sweep file and the one that a store was begun for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numerics.sweeps.sweep_file import Sweep

__all__ = ["Changes", "compared"]

_MOST_SHOWN = 3
_LONGEST = 80


@dataclass(frozen=True)
class Changes:
    """How the points of a sweep differ from those that a store was begun for.

    Attributes:
        keys: what differs in the sweep file, such as
            "grid.n was [128, 256], is [128, 512]".
        kept: how many of the points that are asked for the store has.
        new: how many of the points that are asked for the store does not have.
        dropped: how many points of the store are no longer asked for.
    """

    keys: tuple[str, ...]
    kept: int
    new: int
    dropped: int

    def __str__(self) -> str:
        shown = ", ".join(self.keys[:_MOST_SHOWN])
        if len(self.keys) > _MOST_SHOWN:
            shown += f" and {len(self.keys) - _MOST_SHOWN} changes more"
        return (
            f"{shown}; points that still match: {self.kept}, new: {self.new}, no "
            f"longer asked for: {self.dropped}"
        )


def compared(
    before: Mapping[str, Any], sweep: Sweep, asked: set[str], stored: set[str]
) -> Changes:
    """Compare a sweep with a store.

    Args:
        before: the document of the sweep that the store was begun for.
        sweep: the sweep as it is now.
        asked: the ids of the points that were asked for.
        stored: the ids of all points of the store.
    """
    now = {point.id for point in sweep.points}
    old, new = _flat(before), _flat(sweep.document)
    keys = [
        f"{key} was {_shown(old, key)}, is {_shown(new, key)}"
        for key in [*new, *(key for key in old if key not in new)]
        if old.get(key) != new.get(key)
    ]
    # The file may be the same, and what its names stand for may not.
    unseen = f"the settings or presets of the experiment {sweep.experiment.name!r}"
    return Changes(
        keys=tuple(keys) or (f"{unseen} were others",),
        kept=len(now & stored),
        new=len(now - stored),
        dropped=len(asked - now),
    )


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """The values of a document by their keys; lists of tables are numbered from 1."""
    if isinstance(value, Mapping):
        steps = {f"{name}.{key}".lstrip("."): v for key, v in value.items()}
    elif isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
        steps = {f"{name}[{i}]": v for i, v in enumerate(value, 1)}
    else:
        return {name: value}
    return {k: v for key, inner in steps.items() for k, v in _flat(inner, key).items()}


def _shown(document: Mapping[str, Any], key: str) -> str:
    if key not in document:
        return "not given"
    text = json.dumps(document[key], ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
