"""What `python -m examples.depth` measures: settings, and one row for each.

A row is kept in the cache of `numerics.store.value_cache` under all that it depends on,
so that the command goes on where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any, Literal

import numpy as np

from numerics import (
    Architecture,
    ReLU,
    relative_eigenvalue,
    sample_complexity,
    tangent_gram,
    template_gram,
)
from numerics.store import ValueCache
from symbind_theory import Interval, builtin_task

__all__ = [
    "DEPTHS",
    "LINES",
    "MULTIPLES",
    "Line",
    "Row",
    "attention_eigenvalue",
    "identity_lines",
    "measure",
]

KernelName = Literal["nngp", "ntk"]

DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16)
TASKS = ("same-different", "aba-abb", "aabb-abab")
LONG_TASK = "relational-match-to-sample"
MULTIPLES = ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (4.0, 0.0), (0.0, 1.0), (0.0, 2.0))
KERNELS: tuple[KernelName, ...] = ("nngp", "ntk")
TARGET, ALPHA, REL_TOL = 0.01, 1e-3, 0.05
POINTS, LONG_POINTS = 2**12, 2**15


@dataclass(frozen=True)
class Row:
    """What one transformer does with one task.

    Attributes:
        smallest: λ_min(N), of Θ under the tangent kernel.
        relative: the same against e.
        strings: how many for a mean squared error of 0.01.
    """

    smallest: Interval
    relative: Interval
    strings: Interval


@dataclass(frozen=True)
class Line:
    """One task and architecture, whose depth varies.

    Attributes:
        task: name of a built-in task.
        architecture: all but the depth.
        kernel: "nngp" or "ntk".
        depths: those that are measured.
        points: of each average, at most.
    """

    task: str
    architecture: Architecture = field(default_factory=Architecture)
    kernel: KernelName = "nngp"
    depths: tuple[int, ...] = DEPTHS
    points: int = POINTS

    def at(self, depth: int) -> Architecture:
        """The architecture of one depth."""
        return replace(self.architecture, depth=depth)


def _lines() -> tuple[Line, ...]:
    """Those of the tables of depth: the long task in few settings."""
    plain = Architecture()
    grown = Architecture(residual=1.0)
    pre = Architecture(residual=1.0, normalisation="pre")
    post = Architecture(residual=1.0, normalisation="post")
    forgetful = Architecture(normalisation="pre")
    lines: list[Line] = []
    for task in TASKS:
        for architecture, kernel in product((plain, forgetful, pre, post), KERNELS):
            lines.append(Line(task, architecture, kernel))
        lines.append(Line(task, grown, depths=DEPTHS[:6]))
        for architecture in (plain, pre):
            lines.append(Line(task, replace(architecture, activation=ReLU())))
            lines.append(Line(task, replace(architecture, readout="last")))
    for architecture in (plain, pre):
        lines.append(
            Line(LONG_TASK, architecture, depths=(1, 2, 4, 8), points=LONG_POINTS)
        )
    lines.append(Line(LONG_TASK, pre, "ntk", depths=(1, 2), points=LONG_POINTS))
    return tuple(lines)


LINES = _lines()


def identity_lines() -> tuple[Line, ...]:
    """Those of the table of a and b: pre-normalised, with residual connections."""
    return tuple(
        Line(
            task,
            Architecture(
                readout=readout,
                identity_kq=a,
                identity_vo=b,
                residual=1.0,
                normalisation="pre",
            ),
            depths=(1, 2, 4, 8),
        )
        for task, readout, (a, b) in product(
            ("same-different", "aabb-abab"), ("cls", "last"), MULTIPLES
        )
    )


def measure(line: Line, depth: int, cache: ValueCache | None = None) -> Row:
    """Estimate one row, to a twentieth of λ_min where the points suffice.

    Args:
        line: task, architecture and kernel.
        depth: number of blocks.
        cache: where rows are kept; the user's cache folder when None.
    """
    architecture = line.at(depth)

    def compute() -> dict[str, np.ndarray]:
        task = builtin_task(line.task)
        estimate = tangent_gram if line.kernel == "ntk" else template_gram
        gram = estimate(task.templates, architecture, REL_TOL, line.points)
        strings = sample_complexity(task, target=TARGET, alpha=ALPHA, gram=gram)
        return {
            "smallest": _array(gram.smallest_eigenvalue),
            "relative": _array(relative_eigenvalue(gram, ALPHA)),
            "strings": _array(strings.interval),
        }

    key = {
        "what": "examples.depth row",
        "task": line.task,
        "kernel": line.kernel,
        "architecture": asdict(architecture.record()),
        "numbers": [line.points, REL_TOL, TARGET, ALPHA],
    }
    found = (cache or ValueCache()).get(key, compute)
    return Row(**{name: _interval(array) for name, array in found.items()})


def attention_eigenvalue(
    templates: Sequence[str],
    architecture: Architecture,
    points: int,
    cache: ValueCache | None = None,
) -> Interval:
    """λ_min(C) of the stream after the last attention, kept as rows are.

    Args:
        templates: their text.
        architecture: the transformer.
        points: of each average, at most.
        cache: as for `measure`.
    """

    def compute() -> dict[str, np.ndarray]:
        gram = template_gram(templates, architecture, REL_TOL, points)
        return {"attention": _array(gram.attention_smallest_eigenvalue)}

    key: dict[str, Any] = {
        "what": "examples.depth attention",
        "templates": list(templates),
        "architecture": asdict(architecture.record()),
        "numbers": [points, REL_TOL],
    }
    return _interval((cache or ValueCache()).get(key, compute)["attention"])


def _array(interval: Interval) -> np.ndarray:
    return np.array([interval.value, interval.low, interval.high, interval.level])


def _interval(array: np.ndarray) -> Interval:
    return Interval(*array.tolist())
