"""The Gram matrix of 4 096 strings: sampling against the machine's own GEMM rate.

    python -m benchmarks.bench_strings

A Gram matrix by Monte Carlo is a product of the features of all strings with their
transpose, 2 n² multiplications and additions for each point and coordinate if it is
done as it stands. The rate counts those; half of them suffice, as the product is
symmetric, so the rate may exceed that of a general GEMM measured beside it. Drawing,
gathering and the softmax are included; the error bars at the end are not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from numerics import Architecture, string_gram
from symbind_theory.separation.incidence import READOUTS, Readout

__all__ = ["STRINGS", "Rate", "gemm_rate", "random_strings", "sampling_rate"]

STRINGS, LENGTH, VOCABULARY = 4096, 8, 64


@dataclass(frozen=True)
class Rate:
    """How fast the data Gram matrix of one readout was sampled.

    Attributes:
        readout: position that is read.
        precision: of points and products.
        points_per_second: each one serves all strings.
        flops: 2 n² for each point and coordinate, per second.
        gemm: flops of a general GEMM in that precision on the same device.
    """

    readout: Readout
    precision: str
    points_per_second: float
    flops: float
    gemm: float

    @property
    def share(self) -> float:
        """Of the device's own GEMM rate."""
        return self.flops / self.gemm


def random_strings(n: int = STRINGS, seed: int = 0) -> np.ndarray:
    """n strings of random tokens; shape (n, LENGTH)."""
    return np.random.default_rng(seed).integers(0, VOCABULARY, (n, LENGTH))


def gemm_rate(
    device: str, precision: str = "float64", size: int = 4096, repeats: int = 5
) -> float:
    """Flops per second of out += A B, all of one size; the best of several runs."""
    dtype = getattr(torch, precision)
    a, b = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))
    out = torch.zeros_like(a)
    best = float("inf")
    for _ in range(repeats):
        _wait(device)
        start = time.perf_counter()
        out.addmm_(a, b)
        _wait(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def sampling_rate(
    readout: Readout,
    device: str,
    precision: str,
    gemm: float,
    points: int = 2**10,
    n: int = STRINGS,
) -> Rate:
    """Sample the Gram matrix; the time between the first group's end and the last's.

    Args:
        readout: position that is read.
        device: "cpu" or "cuda".
        precision: of points and products.
        gemm: the device's GEMM rate.
        points: in all 16 groups.
        n: number of strings.
    """
    marks: list[tuple[int, float]] = []
    strings = random_strings(n)
    string_gram(
        strings,
        Architecture(readout=readout),
        points,
        device=device,
        precision=precision,
        progress=lambda done, _: marks.append((done, time.perf_counter())),
    )
    (first, start), (last, stop) = marks[1], marks[-1]
    rate = (last - first) / (stop - start)
    coordinates = VOCABULARY + LENGTH + (2 if readout == "cls" else 0)
    return Rate(readout, precision, rate, 2 * n**2 * coordinates * rate, gemm)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Measure every readout on this machine's processor."""
    from rich.console import Console
    from rich.table import Table

    gemm = gemm_rate("cpu")
    console = Console()
    console.print(f"{STRINGS} strings of {LENGTH} from {VOCABULARY} tokens, float64")
    table = Table("readout", "points/s", "of the GEMM rate")
    for readout in READOUTS:
        rate = sampling_rate(readout, "cpu", "float64", gemm)
        table.add_row(readout, f"{rate.points_per_second:.0f}", f"{rate.share:.0%}")
    console.print(table)


if __name__ == "__main__":
    main()
