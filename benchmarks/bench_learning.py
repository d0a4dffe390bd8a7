"""Learning from 10 000 to 1 000 000 strings, and against the dense kernel machine.

    python -m benchmarks.bench_learning

The first tables fit and predict with as many tokens as strings (V = n), uniform and
Zipf; the exponent is the slope of log time in log n. The last has scikit-learn's
`KernelRidge` on the same kernel matrix at n = 8 000, its entries given for free. Kernel
values are the same for all n: they are estimated once, into a cache of the run's own,
and what that takes is a line of its own. Each run is a process of its own. Its memory
is its peak in the operating system's books, from its start, less the peak of a process
with the same imports that does nothing.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.kernel_ridge import KernelRidge

from numerics import TransformerKernelRegressor

__all__ = ["PATTERNS", "Run", "random_strings"]

PATTERNS = np.array([[0, 1, 0, 2], [0, 1, 2, 0], [0, 0, 1, 1], [0, 1, 2, 3]])
"""Which of four symbols stands where, for each template."""

LABELS = np.array([1.0, -1.0, 0.5, 0.0])
TEST = 1000
DENSE = 8000
FEW = 2000


@dataclass(frozen=True)
class Run:
    """One fit with its prediction.

    Attributes:
        seconds: fit and predict.
        megabytes: peak memory of the process.
        error: mean squared error on fresh symbols.
    """

    seconds: float
    megabytes: float
    error: float


def random_strings(
    n: int, vocabulary: int, law: str, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Strings of four tokens with their labels.

    Args:
        n: number of strings.
        vocabulary: number of tokens V.
        law: "uniform" or "zipf".
        seed: of the draw.
    """
    generator = np.random.default_rng(seed)
    chances = 1 / np.arange(1.0, vocabulary + 1) ** (law == "zipf")
    levels = np.cumsum(chances / chances.sum())
    symbols = np.zeros((n, 4), dtype=np.int64)
    again = np.arange(n)
    while len(again):
        draws = np.searchsorted(levels, generator.random((len(again), 4)))
        symbols[again] = np.minimum(draws, vocabulary - 1)
        ordered = np.sort(symbols[again], axis=1)
        again = again[(ordered[:, 1:] == ordered[:, :-1]).any(1)]
    template = generator.integers(0, len(PATTERNS), n)
    return np.take_along_axis(symbols, PATTERNS[template], 1), LABELS[template]


def _test_strings(vocabulary: int) -> np.ndarray:
    fresh = vocabulary + np.arange(4 * TEST).reshape(TEST, 4)
    return np.take_along_axis(fresh, np.resize(PATTERNS, (TEST, 4)), 1)


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _error(found: np.ndarray) -> float:
    return float(np.mean((found - np.resize(LABELS, TEST)) ** 2))


def _idle() -> float:
    return _memory()


def _estimated(law: str) -> Run:
    """Few strings that have all kernel values; they are in the cache from now on."""
    strings, labels = random_strings(FEW, FEW // 10, law)
    start = time.perf_counter()
    found = (
        TransformerKernelRegressor().fit(strings, labels).predict(_test_strings(FEW))
    )
    return Run(time.perf_counter() - start, _memory(), _error(found))


def _structured(n: int, vocabulary: int, law: str) -> Run:
    _estimated(law)
    strings, labels = random_strings(n, vocabulary, law)
    test = _test_strings(vocabulary)
    start = time.perf_counter()
    found = TransformerKernelRegressor().fit(strings, labels).predict(test)
    return Run(time.perf_counter() - start, _memory(), _error(found))


def _write_matrix(folder: Path) -> None:
    """The kernel matrix, the kernel with the test strings, and the labels."""
    strings, labels = random_strings(DENSE, DENSE, "uniform")
    data = TransformerKernelRegressor().fit(strings, labels).data_
    test = data.cross(_test_strings(DENSE))
    np.save(folder / "matrix", data.gram.dense()[np.ix_(data.copy_of, data.copy_of)])
    np.save(folder / "cross", test.dense()[:, data.copy_of])
    np.save(folder / "labels", labels)


def _dense(folder: Path) -> Run:
    names = "matrix", "cross", "labels"
    matrix, cross, labels = (np.load(folder / f"{name}.npy") for name in names)
    ridge: Any = TransformerKernelRegressor().alpha
    start = time.perf_counter()
    machine = KernelRidge(alpha=ridge, kernel="precomputed").fit(matrix, labels)
    found = machine.predict(cross)
    return Run(time.perf_counter() - start, _memory(), _error(found))


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """In a process of its own, whose peak memory is this run's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def _growth(law: str, sizes: list[int], idle: float) -> None:
    print(f"\n{law} tokens")
    first = _apart(_estimated, law)
    print(
        f"  kernel values, estimated once: {first.seconds:.1f} s, "
        f"{first.megabytes - idle:.0f} MB"
    )
    print(f"  V = n: fit, then predict {TEST} strings")
    seconds = []
    for n in sizes:
        run = _apart(_structured, n, n, law)
        seconds.append(run.seconds)
        print(
            f"  n {n:>9,}  {run.seconds:7.2f} s  {run.megabytes - idle:7.0f} MB  "
            f"MSE {run.error:.1e}"
        )
    slope = math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])
    print(f"  time grows as n^{slope:.2f}")


def _against_dense(idle: float) -> None:
    print(f"\nn = {DENSE:,}, V = n, against KernelRidge(kernel='precomputed')")
    ours = _apart(_structured, DENSE, DENSE, "uniform")
    with tempfile.TemporaryDirectory() as folder:
        _apart(_write_matrix, Path(folder))
        theirs = _apart(_dense, Path(folder))
    for name, run in (("symbind", ours), ("KernelRidge", theirs)):
        print(
            f"  {name:<11}  {run.seconds:7.2f} s  {run.megabytes - idle:7.0f} MB  "
            f"MSE {run.error:.3e}"
        )
    memory = (theirs.megabytes - idle) / (ours.megabytes - idle)
    print(f"  {theirs.seconds / ours.seconds:.0f} times faster", end=", ")
    print(f"{memory:.0f} times less memory")


def main() -> None:
    """Print all tables."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["SYMBIND_CACHE"] = cache
        idle = _apart(_idle)
        print(f"a process that does nothing: {idle:.0f} MB")
        _growth("uniform", [10**4, 10**5, 10**6], idle)
        _growth("zipf", [10**4, 10**5], idle)
        _against_dense(idle)


if __name__ == "__main__":
    main()
