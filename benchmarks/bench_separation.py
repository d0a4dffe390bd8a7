"""Exact separation of 200 random templates of length 12: certify, verify, gaps.

    python -m benchmarks.bench_separation

All 19 900 pairs, for templates with and without regular tokens and for each readout,
against the brute-force series on a few pairs. Times in seconds on this machine; only
the ratios mean something elsewhere.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from itertools import combinations

from rich.console import Console
from rich.table import Table

from symbind_theory import Template
from symbind_theory.certificate_verifier import check, parse
from symbind_theory.separation.incidence import READOUTS, Incidence, Readout
from symbind_theory.separation.leading_gaps import certify, separation
from symbind_theory.separation.series import feature_series

COUNT = 200
LENGTH = 12
SERIES_LENGTH = 4
SERIES_PAIRS = 10
SYMBOLS = {
    "wildcards only": ["?a", "?b", "?c", "?d"],
    "two regular tokens": ["?a", "?b", "?c", "?d", "X", "Y"],
}


def random_templates(symbols: list[str], length: int, count: int) -> list[Template]:
    """Pairwise inequivalent templates, by rejection from a fixed seed."""
    rng = random.Random(2024)
    found: dict[Template, None] = {}
    while len(found) < count:
        found[Template(rng.choices(symbols, k=length)).canonical()] = None
    return list(found)


def seconds(job: Callable[[], object]) -> float:
    """The best of three runs."""
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        job()
        best = min(best, time.perf_counter() - begun)
    return best


def gaps(templates: list[Template], readout: Readout) -> None:
    """Every pair's order and leading gap."""
    seen = [Incidence(t, readout) for t in templates]
    for t, u in combinations(seen, 2):
        separation(t, u)


def main() -> None:
    """Measure and print."""
    table = Table(
        "templates", "readout", "orders 0-3", "certify", "verify", "gaps", "MB"
    )
    for name, symbols in SYMBOLS.items():
        templates = random_templates(symbols, LENGTH, COUNT)
        for readout in READOUTS:
            certificate = certify(templates, readout)
            text = json.dumps(certificate)
            orders = [pair["order"] for pair in certificate["pairs"]]
            table.add_row(
                name,
                readout,
                " ".join(str(orders.count(order)) for order in range(4)),
                f"{seconds(lambda t=templates, r=readout: certify(t, r)):.2f}",
                f"{seconds(lambda text=text: check(parse(text))):.2f}",
                f"{seconds(lambda t=templates, r=readout: gaps(t, r)):.2f}",
                f"{len(text) / 1e6:.1f}",
            )
    console = Console()
    console.print(table)

    pairs = list(
        combinations(random_templates(SYMBOLS["wildcards only"], SERIES_LENGTH, 5), 2)
    )[:SERIES_PAIRS]

    def by_series() -> None:
        for t, u in pairs:
            series = feature_series([t, u], 3)
            order = series.leading_order(0, 1)
            assert order is not None
            series.gap_coefficient(0, 1, 2 * order)

    def closed() -> None:
        for t, u in pairs:
            separation(Incidence(t), Incidence(u))

    ratio = seconds(by_series) / seconds(closed)
    console.print(
        f"brute-force series / closed form, length {SERIES_LENGTH}: {ratio:.0f}"
    )


if __name__ == "__main__":
    main()
