"""Learning from 10 000 to 1 000 000 strings, and against the dense kernel machine.

    python -m benchmarks.bench_learning

The first table fits and predicts with as many tokens as strings (V = n), uniform and
Zipf; its exponent is the slope of log time in log n. The second has scikit-learn's
`KernelRidge` on the same kernel matrix at n = 8 000, its entries given for free. Kernel
values are estimated before the clock starts: they are the same for all n. Each run is a
process of its own, whose peak memory is that of the operating system's books, less what
an idle process with the same imports takes.
"""

from __future__ import annotations

import math
import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics import TransformerKernelRegressor

__all__ = ["PATTERNS", "Run", "random_strings"]

PATTERNS = np.array([[0, 1, 0, 2], [0, 1, 2, 0], [0, 0, 1, 1], [0, 1, 2, 3]])
"""Which of four symbols stands where, for each template."""

LABELS = np.array([1.0, -1.0, 0.5, 0.0])
TEST = 1000
DENSE = 8000


@dataclass(frozen=True)
class Run:
    """One fit with its prediction.

    Attributes:
        seconds: fit and predict.
        megabytes: peak memory above that of an idle process.
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


def _structured(n: int, vocabulary: int, law: str) -> Run:
    strings, labels = random_strings(n, vocabulary, law)
    # Kernel values of these patterns, from the cache from now on.
    warm, known = random_strings(2000, 200, law)
    TransformerKernelRegressor().fit(warm, known)
    before, start = _memory(), time.perf_counter()
    model = TransformerKernelRegressor().fit(strings, labels)
    found = model.predict(_test_strings(vocabulary))
    seconds = time.perf_counter() - start
    error = float(np.mean((found - np.resize(LABELS, TEST)) ** 2))
    return Run(seconds, _memory() - before, error)


def _dense(n: int, vocabulary: int, law: str) -> Run:
    from sklearn.kernel_ridge import KernelRidge

    strings, labels = random_strings(n, vocabulary, law)
    model = TransformerKernelRegressor().fit(strings, labels)
    data = model.data_
    test = data.cross(_test_strings(vocabulary))
    before, start = _memory(), time.perf_counter()
    matrix = data.gram.dense()[np.ix_(data.copy_of, data.copy_of)]
    cross = test.dense()[:, data.copy_of]
    start = time.perf_counter()
    ridge: Any = model.alpha
    machine = KernelRidge(alpha=ridge, kernel="precomputed").fit(matrix, labels)
    found = machine.predict(cross)
    seconds = time.perf_counter() - start
    error = float(np.mean((found - np.resize(LABELS, TEST)) ** 2))
    return Run(seconds, _memory() - before, error)


def _apart(function: Callable[[int, int, str], Run], *arguments: Any) -> Run:
    """In a process of its own, whose peak memory is this run's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    """Print both tables."""
    sizes = [10**4, 10**5, 10**6]
    for law in ("uniform", "zipf"):
        print(f"\n{law} tokens, V = n: fit, then predict {TEST} strings")
        runs = {}
        for n in sizes if law == "uniform" else sizes[:2]:
            runs[n] = _apart(_structured, n, n, law)
            print(
                f"  n {n:>9,}  {runs[n].seconds:7.2f} s  "
                f"{runs[n].megabytes:7.0f} MB  MSE {runs[n].error:.1e}"
            )
        first, last = min(runs), max(runs)
        slope = math.log(runs[last].seconds / runs[first].seconds)
        print(f"  time grows as n^{slope / math.log(last / first):.2f}")
    print(f"\nn = {DENSE:,}, V = n, against KernelRidge(kernel='precomputed')")
    ours, theirs = (_apart(f, DENSE, DENSE, "uniform") for f in (_structured, _dense))
    print(f"  time   {theirs.seconds / ours.seconds:6.0f} times less")
    print(f"  memory {theirs.megabytes / max(ours.megabytes, 1.0):6.0f} times less")
    print(f"  MSE    {ours.error:.3e} and {theirs.error:.3e}")


if __name__ == "__main__":
    main()
