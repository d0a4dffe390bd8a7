"""Deep kernels: cost against plain joint sampling, and against depth.

    python -m benchmarks.bench_deep

- The gap of aa and ab at depth 2, by `template_gram` and by what one writes first: all
  logits of two strings of each template are drawn jointly from their full covariance,
  by Cholesky, softmax is averaged, and so on block by block. Cost is mean-squared error
  × time, which does not depend on the number of points of the plain way; both in turn.
- Seconds against depth, and λ_min's relative halfwidth² × time at depth 4 against
  depth 1.
- Seconds and memory of 16 templates of length 8 at depth 8, to one digit.

Only ratios of costs mean something; no time passes or fails.
"""

from __future__ import annotations

import math
import random
import resource
import time
from dataclasses import replace

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.bench_gap import JITTER, Cost
from numerics import Architecture, ReLU, template_gram
from symbind_theory import Template
from symbind_theory.templates import CLS

AA_AB = ("?a ?a", "?a ?b")
ARCHITECTURE = Architecture(
    depth=2, residual=1.0, normalisation="pre", activation=ReLU()
)
REPEATS = 12
PLAIN_POINTS = 2**16
POINTS = 2**12
# 32 times the points of what it judges, and seeds of its own.
REFERENCE_POINTS = 2**17
REFERENCE_SEED = 10**6
DEPTHS = (1, 2, 4, 8)


def strings_of(pair: tuple[str, str]) -> list[list[str]]:
    """Two strings of each template that share no symbol."""
    found = []
    for copy in "12":
        for i, text in enumerate(pair):
            template = Template(text)
            images = {name: f"{name}{i}{copy}" for name in template.wildcards}
            found.append([*template.substitute(images).split(), CLS])
    return found


def gap_by_joint_sampling(pair: tuple[str, str], seed: int) -> float:
    """C_ii + C_jj − 2 C_ij after the last attention, all logits drawn jointly."""
    generator = torch.Generator().manual_seed(seed)
    strings = strings_of(pair)
    n, keys = len(strings), len(strings[0])
    tokens = [x for s in strings for x in s]
    stream = np.array([[x == y for y in tokens] for x in tokens], dtype=float)
    stream += ARCHITECTURE.gamma**2 * np.tile(np.eye(keys), (n, n))
    after = stream
    for _ in range(ARCHITECTURE.depth):
        seen = _normalised(stream)
        after = stream + _attended(seen, n, generator)
        seen = _normalised(after)
        one = np.ones(len(seen))
        stream = after + ReLU().dual(one[:, None], one[None, :], seen)
    read = after[keys - 1 :: keys, keys - 1 :: keys]
    between = (read[:2, 2:] + read[2:, :2]) / 2
    return float(between[0, 0] + between[1, 1] - between[0, 1] - between[1, 0])


def _normalised(stream: np.ndarray) -> np.ndarray:
    root = np.sqrt(np.diagonal(stream))
    return stream / root[:, None] / root


def _attended(seen: np.ndarray, n: int, generator: torch.Generator) -> np.ndarray:
    """E S κ Sᵀ of all strings."""
    keys = len(seen) // n
    four = seen.reshape(n, keys, n, keys)
    law = np.einsum("iqjr,ipjs->iqpjrs", four, four) * ARCHITECTURE.beta**2
    law = law.reshape(n * keys**2, -1) + JITTER * np.eye(n * keys**2)
    factor = torch.linalg.cholesky(torch.from_numpy(law))
    total = torch.zeros(n * keys, n * keys, dtype=torch.float64)
    kernel, chunk = torch.from_numpy(four), 2**13
    for _ in range(PLAIN_POINTS // chunk):
        normal = torch.randn(
            chunk, len(factor), generator=generator, dtype=torch.float64
        )
        logits = (normal @ factor.T).reshape(chunk, n, keys, keys)
        rows = torch.softmax(logits, -1)
        half = torch.einsum("niqp,ipjs->niqjs", rows, kernel)
        found = torch.einsum("niqjs,njrs->iqjr", half, rows)
        total += found.reshape(total.shape)
    return (total / PLAIN_POINTS).numpy()


def gap_by_gram(pair: tuple[str, str], seed: int) -> float:
    """The gap of `template_gram`, everything else that it computes included."""
    gram = template_gram(
        pair, ARCHITECTURE, rel_tol=1e-12, max_points=POINTS, seed=seed
    )
    return float(gram.gaps[0, 1])


def costs(truth: float) -> tuple[Cost, Cost]:
    """Of both, in turn, with seeds 0, 1, …; a first run of each is not counted."""
    ways = gap_by_joint_sampling, gap_by_gram
    values: tuple[list[float], list[float]] = [], []
    seconds = [0.0, 0.0]
    for way in ways:
        way(AA_AB, REPEATS)
    for seed in range(REPEATS):
        for k, way in enumerate(ways):
            begun = time.perf_counter()
            values[k].append(way(AA_AB, seed))
            seconds[k] += (time.perf_counter() - begun) / REPEATS
    first, second = (
        math.sqrt(float(np.mean((np.array(v) / truth - 1) ** 2))) for v in values
    )
    return Cost(first, seconds[0]), Cost(second, seconds[1])


def against_depth(console: Console) -> None:
    """Seconds, halfwidths and their product."""
    table = Table("depth", "seconds", "a block", "halfwidth of λ_min", "w² × seconds")
    products = {}
    for depth in DEPTHS:
        begun = time.perf_counter()
        gram = template_gram(
            AA_AB,
            replace(ARCHITECTURE, depth=depth),
            rel_tol=1e-12,
            max_points=2**14,
        )
        seconds = time.perf_counter() - begun
        width = gram.smallest_eigenvalue.relative_halfwidth
        products[depth] = width**2 * seconds
        table.add_row(
            str(depth),
            f"{seconds:.2f}",
            f"{seconds / depth:.2f}",
            f"{width:.1e}",
            f"{products[depth]:.1e}",
        )
    console.print(table)
    console.print(f"depth 4 / depth 1: {products[4] / products[1]:.1f}")


def many_templates(console: Console) -> None:
    """16 templates of length 8 at depth 8."""
    generator = random.Random(2024)
    found: dict[Template, None] = {}
    while len(found) < 16:
        tokens = generator.choices(["?a", "?b", "?c", "?d"], k=8)
        found[Template(tokens).canonical()] = None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    gram = template_gram(
        list(found), replace(ARCHITECTURE, depth=8), rel_tol=0.5, max_points=1024
    )
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    smallest = gram.smallest_eigenvalue
    console.print(
        f"16 templates of length 8, depth 8, {gram.points} points: {seconds:.0f} s, "
        f"{(after - before) / 1024:.0f} MiB more than before ({after / 1024:.0f} in "
        f"all), λ_min {smallest.value:.2e} in [{smallest.low:.2e}, {smallest.high:.2e}]"
    )


def main() -> None:
    """Measure and print."""
    console = Console(width=110)
    reference = template_gram(
        AA_AB,
        ARCHITECTURE,
        rel_tol=1e-12,
        max_points=REFERENCE_POINTS,
        seed=REFERENCE_SEED,
    )
    plain, package = costs(float(reference.gaps[0, 1]))
    table = Table("way", "relative error", "seconds", "error² × seconds")
    for name, cost in (("joint sampling", plain), ("template_gram", package)):
        table.add_row(
            name, f"{cost.error:.1e}", f"{cost.seconds:.2f}", f"{cost.product:.1e}"
        )
    console.print(table)
    console.print(f"joint / template_gram: {plain.product / package.product:.0f}")
    against_depth(console)
    many_templates(console)


if __name__ == "__main__":
    main()
