"""Start-up against what is unavoidable: importing sympy, importing torch.

    python -m benchmarks.bench_start_up

Fresh interpreters, best of five, interleaved so that all see the same machine. Only the
ratios mean something.
"""

from __future__ import annotations

import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

REPEATS = 5

COMMANDS = {
    "import sympy": ["-c", "import sympy"],
    "import symbind_theory": ["-c", "import symbind_theory"],
    "import torch": ["-c", "import torch"],
    "same/different verdict": [
        "-m",
        "symbind_theory.check_template",
        "?a ?a -> 1",
        "?a ?b -> -1",
    ],
}

# Numerator, denominator, and the largest ratio aimed at.
RATIOS = [
    ("import symbind_theory", "import sympy", 2),
    ("same/different verdict", "import torch", 3),
]


def seconds(arguments: list[str]) -> float:
    """Wall time of one fresh interpreter."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print the ratios."""
    best = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(REPEATS):
        for name, arguments in COMMANDS.items():
            best[name] = min(best[name], seconds(arguments))
    table = Table("measured", "against", "ratio", "aim")
    for measured, against, aim in RATIOS:
        ratio = best[measured] / best[against]
        table.add_row(measured, against, f"{ratio:.2f}", f"at most {aim}")
    Console().print(table)


if __name__ == "__main__":
    main()
