"""Rows of a scan, and those of finished estimates on disk.

Architectures that share features are estimated together, and the points that one takes
depend on the others: their rows are kept together, or computed again together, so that
an interrupted scan ends with the bits of one that was not interrupted.

Source: symbind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from numerics.architecture import Architecture
from numerics.custom_activation import CustomActivation
from numerics.store.keyed_store import KeyedStore, code_version
from numerics.store.value_cache import ValueCache
from numerics.strings.component_table import architecture_key
from symbind_theory.interval import Interval
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.tasks import TemplateTask

__all__ = ["KeptRows", "ScanRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRow:
    """What was found for one architecture.

    Attributes:
        architecture: the transformer.
        smallest_eigenvalue: λ_min(N).
        condition_number: of N.
        strings: how many strings it needs; None for symbolic labels.
        points: outer points of the estimate.
    """

    architecture: Architecture
    smallest_eigenvalue: Interval
    condition_number: Interval
    strings: SampleComplexity | None
    points: int


class KeptRows:
    """The rows of finished estimates, in the folder of a cache.

    Args:
        task: whose N is scanned.
        settings: all else that rows depend on, as JSON can write it.
        cache: where they are kept; as for `OneLayerKernel`.

    Raises:
        InputError: a cache that is no folder.
    """

    def __init__(
        self, task: TemplateTask, settings: dict[str, Any], cache: object
    ) -> None:
        folder = ValueCache(cache).folder
        self._store = None if folder is None else KeyedStore(folder)
        self._settings = settings | {
            "what": "scan",
            "templates": [t.tokens for t in task.templates],
            "labels": list(map(str, task.labels)),
            "weights": list(map(str, task.weights)),
            "noise": task.noise,
        }

    def rows(
        self,
        architectures: Sequence[Architecture],
        compute: Callable[[Sequence[Architecture]], Iterable[ScanRow]],
    ) -> list[ScanRow]:
        """The rows of architectures that are estimated together.

        An activation of one's own is known by its name alone: nothing is kept of it.

        Args:
            architectures: those that share features.
            compute: makes their rows.

        Raises:
            CacheError: the folder cannot be written.
        """
        store = self._store
        if store is None or _own_activation(architectures):
            return list(compute(architectures))
        key = {
            **self._settings,
            "architectures": [architecture_key(a) for a in architectures],
            "code": code_version(),
        }
        kept = store.get(key, _decoded)
        if kept is None:
            rows = list(compute(architectures))
            store.put(key, json.dumps(list(map(_encoded, rows))).encode())
            return rows
        return [
            ScanRow(architecture=a, **fields)
            for a, fields in zip(architectures, kept, strict=True)
        ]


def _own_activation(architectures: Iterable[Architecture]) -> bool:
    return any(isinstance(a.activation, CustomActivation) for a in architectures)


def _encoded(row: ScanRow) -> dict[str, Any]:
    """All but the architecture, which the key has."""
    return {
        "smallest_eigenvalue": asdict(row.smallest_eigenvalue),
        "condition_number": asdict(row.condition_number),
        "strings": None if row.strings is None else asdict(row.strings),
        "points": row.points,
    }


def _decoded(payload: bytes) -> list[dict[str, Any]]:
    """The fields of each row.

    Raises:
        ValueError: the bytes are something else.
    """
    try:
        found = json.loads(payload)
        for row in found:
            for name in ("smallest_eigenvalue", "condition_number"):
                row[name] = Interval(**row[name])
            if (strings := row["strings"]) is not None:
                interval = Interval(**strings["interval"])
                row["strings"] = SampleComplexity(**{**strings, "interval": interval})
    except (TypeError, KeyError) as error:
        raise ValueError(f"it holds no rows: {error}") from error
    return found
