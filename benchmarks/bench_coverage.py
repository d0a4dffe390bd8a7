"""How often intervals of λ_min of deep transformers cover, over 200 seeds.

    python -m benchmarks.bench_coverage

αα/αβ read at the last symbol and at `[CLS]`, and ααββ/αβαβ at `[CLS]`; 2 and 4 blocks,
pre-normalised, s = 1, ReLU; the kernel whose readout alone is trained, and for the
first set the tangent kernel. Misses of the intervals at three levels, beside what their
levels allow. The truth is one estimate of its own seeds, from 256 times the points or
128, whose interval is beside it. It takes about an hour on one core.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rich.console import Console
from rich.progress import track
from rich.table import Table

from numerics import Architecture, ReLU
from numerics.template_matrix.estimate import gram_of
from numerics.template_matrix.spectrum import Confidence
from symbind_theory.records.architecture import KernelName
from symbind_theory.separation.incidence import Readout

SEEDS = range(200)
LEVELS = (0.9, 0.99, 0.999)
DEPTHS = (2, 4)
TRUTH_POINTS, TRUTH_SEED = 2**16, 10**6


@dataclass(frozen=True)
class Set:
    """Templates, the readout, the points of one interval and the kernel."""

    templates: tuple[str, ...]
    readout: Readout
    points: int
    kernel: KernelName = "nngp"


SETS = (
    Set(("?a ?a", "?a ?b"), "last", 256),
    Set(("?a ?a", "?a ?b"), "cls", 256),
    Set(("?a ?a ?b ?b", "?a ?b ?a ?b"), "cls", 512),
    Set(("?a ?a", "?a ?b"), "last", 256, "ntk"),
)


def architecture_of(case: Set, depth: int) -> Architecture:
    """What is estimated."""
    return Architecture(
        readout=case.readout,
        depth=depth,
        residual=1.0,
        normalisation="pre",
        activation=ReLU(),
    )


def truth_of(case: Set, depth: int) -> tuple[float, float]:
    """λ_min, and by what part of itself that may be off."""
    gram = gram_of(
        case.kernel,
        case.templates,
        architecture_of(case, depth),
        rel_tol=1e-9,
        max_points=TRUTH_POINTS,
        seed=TRUTH_SEED,
    )
    found = gram.smallest_eigenvalue
    return found.value, found.relative_halfwidth


def misses(case: Set, depth: int, truth: float) -> dict[float, int]:
    """By level, how many of all seeds' intervals miss the truth."""
    missed = dict.fromkeys(LEVELS, 0)
    for seed in track(SEEDS, f"{case.templates}, {depth} blocks", transient=True):
        gram = gram_of(
            case.kernel,
            case.templates,
            architecture_of(case, depth),
            rel_tol=1e-9,
            max_points=case.points,
            seed=seed,
        )
        for level in LEVELS:
            sure = replace(gram, confidence=Confidence(level))
            missed[level] += not sure.smallest_eigenvalue.contains(truth)
    return missed


def rows() -> Iterator[list[str]]:
    """One for each set and depth."""
    for case in SETS:
        for depth in DEPTHS:
            truth, off = truth_of(case, depth)
            found = misses(case, depth, truth)
            counts = [f"{found[level]}" for level in LEVELS]
            name = ", ".join(case.templates)
            settings = [name, case.readout, case.kernel, f"{depth}"]
            yield [*settings, f"{truth:.4g}", f"{off:.1%}", *counts]


def main() -> None:
    """Print the table."""
    allowed = [f"of {len(SEEDS) * (1 - level):.3g}" for level in LEVELS]
    levels = [f"missed at {n} {a}" for n, a in zip(LEVELS, allowed, strict=True)]
    table = Table(
        "templates", "readout", "kernel", "blocks", "λ_min", "known to", *levels
    )
    for row in rows():
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
