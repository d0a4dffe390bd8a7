"""The gap of two templates: rqmc against plain Monte Carlo, at beta = gamma = 1.

    python -m benchmarks.bench_gap

Three ways to the same number, in one run on one machine:

- pairs: what one writes first. For each of K(X, X'), K(Y, Y') and K(X, Y) the joint
  covariance of both strings' logits goes to torch's `MultivariateNormal`, and the
  softmax product is averaged over its points.
- mc: `template_gram(method="mc")`, wildcards averaged exactly, features shared.
- rqmc: the default.

Each is repeated with fresh seeds; its cost is mean-squared error × time, which does not
depend on the number of points for the first two. Only ratios of costs mean something.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch.distributions import MultivariateNormal

from numerics import Architecture, template_gram
from symbind_theory import Template
from symbind_theory.templates import CLS

PAIRS = [
    ("?a ?a", "?a ?b"),
    ("?a ?a ?b ?b", "?a ?b ?a ?b"),
    ("?a ?b ?c ?a ?b ?c", "?a ?b ?c ?a ?c ?b"),
]
REPEATS = 16
POINTS = 100_000
POINTS = 2**16
# 16 times the points of what it judges, and seeds of its own.
REFERENCE_POINTS = 2**20
REFERENCE_SEED = 10**6
# A Cholesky factor of the singular covariance exists only with a little more on the
# diagonal: 1e-9 moves the gap by far less than the noise.
JITTER = 1e-9


@dataclass(frozen=True)
class Cost:
    """Root-mean-square relative error, seconds, and error² × time of one estimator."""

    error: float
    seconds: float

    @property
    def product(self) -> float:
        """Mean-squared error × time."""
        return self.error**2 * self.seconds


def kernel_of_pair(first: list[str], second: list[str], seed: int) -> float:
    """K_attn of two strings at beta = gamma = 1, from their joint covariance."""
    strings = [*first, *second]
    keys = len(first)
    token = np.array([[x == y for y in strings] for x in strings], dtype=float)
    place = np.tile(np.eye(keys), (2, 2))
    covariance = torch.from_numpy(2 * (token + place) + JITTER * np.eye(2 * keys))
    torch.manual_seed(seed)
    law = MultivariateNormal(torch.zeros(2 * keys, dtype=torch.float64), covariance)
    logits = law.sample((POINTS,))
    left = torch.softmax(logits[:, :keys], 1)
    right = torch.softmax(logits[:, keys:], 1)
    inner = torch.from_numpy(token[:keys, keys:] + np.eye(keys))
    return float(((left @ inner) * right).sum(1).mean())


def gap_by_pairs(pair: tuple[str, str], seed: int) -> float:
    """C_ii + C_jj − 2 C_ij, each entry from points of its own."""

    def filled(text: str, copy: str) -> list[str]:
        template = Template(text)
        images = {name: f"{name}{copy}" for name in template.wildcards}
        return [*template.substitute(images).split(), CLS]

    first, second = pair
    entries = [
        kernel_of_pair(filled(x, "1"), filled(y, "2"), 3 * seed + k)
        for k, (x, y) in enumerate([(first, first), (second, second), (first, second)])
    ]
    return entries[0] + entries[1] - 2 * entries[2]


def gap_by_gram(pair: tuple[str, str], seed: int, method: str) -> float:
    """The gap of `template_gram`, everything else that it computes included."""
    gram = template_gram(
        pair, Architecture(), rel_tol=1e-12, max_points=POINTS, seed=seed, method=method
    )
    return float(gram.gaps[0, 1])


def cost(estimate: Callable[[int], float], truth: float) -> Cost:
    """Repeat with seeds 0, 1, …; the first run, which warms up, is not timed."""
    estimate(REPEATS)
    begun = time.perf_counter()
    values = [estimate(seed) for seed in range(REPEATS)]
    seconds = (time.perf_counter() - begun) / REPEATS
    return Cost(math.sqrt(float(np.mean((np.array(values) / truth - 1) ** 2))), seconds)


def main() -> None:
    """Measure and print."""
    table = Table(
        "templates",
        "gap",
        "error pairs",
        "error mc",
        "error rqmc",
        "pairs / rqmc",
        "mc / rqmc",
    )
    for pair in PAIRS:
        reference = template_gram(
            pair,
            rel_tol=1e-12,
            max_points=REFERENCE_POINTS,
            seed=REFERENCE_SEED,
        )
        truth = float(reference.gaps[0, 1])
        pairs = cost(lambda seed, p=pair: gap_by_pairs(p, seed), truth)
        plain, quasi = (
            cost(lambda seed, p=pair, m=method: gap_by_gram(p, seed, m), truth)
            for method in ("mc", "rqmc")
        )
        table.add_row(
            " | ".join(pair),
            f"{truth:.8f}",
            *(f"{c.error:.1e}" for c in (pairs, plain, quasi)),
            f"{pairs.product / quasi.product:.0f}",
            f"{plain.product / quasi.product:.0f}",
        )
    console = Console(width=110)
    console.print(table)
    console.print(
        "Ratios of mean-squared error × time; the reference's own halfwidth is part "
        "of the errors."
    )


if __name__ == "__main__":
    main()
