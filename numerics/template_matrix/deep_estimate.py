"""The template matrix of a deep transformer, from independent runs through its blocks.

Runs are made with four times the points at each look, until λ_min(N) is known well
enough; the look before tells what bias the runs have.

Source: symbind; docs/theorem-d.md for the recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.averages.jackknife import GROUPS
from numerics.averages.replications import map_replications
from numerics.deep.recursion import Sizes, run_blocks
from numerics.deep.stream import Stream
from numerics.protocols import Progress
from numerics.shapes import Float64
from numerics.template_matrix.deep_record import DeepGram, DeepRun, DeepRuns
from numerics.template_matrix.spectrum import Confidence
from symbind_theory.separation.incidence import Incidence, incidence_of
from symbind_theory.templates import Template

__all__ = ["deep_gram"]

# Points of the first look's runs, and by how much they grow from look to look.
_FIRST = 64
_GROWTH = 4
# Grids for what a string has of its own, and Mehler's series, are exact to this.
_RELATIVE_ERROR = 1e-9


@dataclass(frozen=True, slots=True)
class Precision:
    """When to stop, and how points are drawn.

    Attributes:
        rel_tol: relative halfwidth aimed at for λ_min(N).
        max_points: points of every average at most, over all runs.
        seed: of the points.
        level: coverage of every interval.
    """

    rel_tol: float
    max_points: int
    seed: int
    level: float


def deep_gram(
    templates: tuple[Template, ...],
    architecture: Architecture,
    precision: Precision,
    device: torch.device,
    progress: Progress | None = None,
) -> DeepGram:
    """Estimate N of a transformer of any depth.

    Args:
        templates: templates of one length.
        architecture: the transformer.
        precision: when to stop.
        device: where to compute.
        progress: called with (points done, points at most).
    """
    canonical = [t.canonical() for t in templates]
    # Sorted, so that the points, and every bit, are the same in whatever order.
    distinct = tuple(sorted(set(canonical), key=lambda t: t.tokens))
    incidences = [incidence_of(t, architecture.readout) for t in distinct]
    sizes = _sizes(precision.max_points // GROUPS)
    confidence = Confidence(precision.level, len(sizes) - 1)
    counted = _Counted(progress, GROUPS * sum(sizes))
    before: DeepRuns | None = None
    for size in sizes:
        runs = _runs(incidences, architecture, size, precision.seed, device, counted)
        if before is not None:
            gram = DeepGram(
                templates=templates,
                architecture=architecture,
                points=GROUPS * size,
                seed=precision.seed,
                confidence=confidence,
                method="rqmc",
                precision="float64",
                device=str(device),
                column=tuple(distinct.index(t) for t in canonical),
                runs=runs,
                fewer=before,
                share=1 / _GROWTH,
                relative_error=_RELATIVE_ERROR,
            )
            if gram.smallest_eigenvalue.relative_halfwidth <= precision.rel_tol:
                return gram
        before = runs
    return gram


def _sizes(largest: int) -> list[int]:
    """Points of each run at every look, two looks at least."""
    sizes = [1 << (largest.bit_length() - 1)]
    while sizes[0] >= _GROWTH * _FIRST or len(sizes) < 2:
        sizes.insert(0, max(1, sizes[0] // _GROWTH))
    return sizes


class _Counted:
    """Progress over all looks."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._done, self._total = progress, 0, total

    def add(self, points: int) -> None:
        """Say that so many points more are done."""
        self._done += points
        if self._progress is not None:
            self._progress(self._done, self._total)


def _runs(
    templates: Sequence[Incidence],
    architecture: Architecture,
    size: int,
    seed: int,
    device: torch.device,
    counted: _Counted,
) -> DeepRuns:
    """Independent runs of one size."""
    task = partial(_run, templates, architecture, Sizes.of(size), seed)
    keys = templates[0].size
    numbers = size * architecture.depth * len(templates) * keys**2
    found = []
    for run in map_replications(task, range(GROUPS), device, numbers):
        found.append(run)
        counted.add(size)
    return DeepRuns.of(found)


def _run(
    templates: Sequence[Incidence],
    architecture: Architecture,
    sizes: Sizes,
    seed: int,
    run: int,
) -> DeepRun:
    """One run, its streams at the position that is read or averaged over positions."""
    # Runs of different sizes are independent of each other too.
    streams = run_blocks(list(templates), architecture, sizes, seed, run)
    attended, last = _read(streams.attended), _read(streams.last)
    return DeepRun(
        features=attended[0],
        squares=attended[1],
        factor=last[0],
        kernel_self=last[1],
    )


def _read(
    stream: Stream,
) -> tuple[Float64[np.ndarray, "rows r"], Float64[np.ndarray, " r"]]:
    """A root of what is read between strings, and what one string has with itself."""
    return stream.root.mean(2), stream.within.mean((1, 2))
