"""On an accelerator: points per second, share of its GEMM rate, and agreement.

    python -m benchmarks.gpu

needs numpy, scipy, sympy and torch, and may run from a bare checkout. It compares with
the processor at the same random points, writes benchmarks/results/gpu-DATE.json, and
stops with one line where torch sees no CUDA device. `--device cpu` runs the same code
on the processor, which tests the script and no accelerator.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from benchmarks.bench_networks import CASES, sequences_per_second
from benchmarks.bench_strings import (
    STRINGS,
    gemm_rate,
    random_strings,
    sampling_rate,
)
from numerics import Architecture, string_gram, template_gram
from numerics.template_matrix.estimate import gram_of
from symbind_theory.records.architecture import KernelName
from symbind_theory.separation.incidence import READOUTS, Readout

RESULTS = Path(__file__).with_name("results")
PRECISIONS = ("float64", "float32")
TEMPLATES = ["?a ?a ?b ?b", "?a ?b ?a ?b", "?a ?b ?b ?a", "?a ?a ?b X"]


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far the device is from the processor, at the same random points.

    Attributes:
        what: the estimate.
        readout: position that is read.
        precision: on the device; float64 on the processor.
        difference: the largest of K_attn's entries, relative.
        stated: what the record states as its relative error by rounding.
        seconds: on the device.
        cpu_seconds: on the processor.
    """

    what: str
    readout: Readout
    precision: str
    difference: float
    stated: float
    seconds: float
    cpu_seconds: float


def agree(
    readout: Readout, device: str, precision: str, points: int, count: int = 512
) -> list[Agreement]:
    """Both estimators, on the device and on the processor."""
    architecture = Architecture(readout=readout, identity_kq=0.5, identity_vo=0.5)
    strings = random_strings(count)

    def templates(device: str, precision: str):
        return template_gram(
            TEMPLATES,
            architecture,
            rel_tol=1e-12,
            max_points=points,
            device=device,
            precision=precision,
        )

    def data(device: str, precision: str):
        return string_gram(
            strings, architecture, points, device=device, precision=precision
        )

    estimates = {"template_gram": templates, "string_gram": data}
    return [
        _compared(what, readout, device, precision, estimate)
        for what, estimate in estimates.items()
    ]


def agree_in_depth(readout: Readout, device: str, points: int) -> list[Agreement]:
    """Deep estimates, in double precision: two blocks, and the tangent kernel."""
    architecture = Architecture(
        readout=readout, depth=2, residual=1.0, normalisation="pre"
    )

    def estimate(kernel: KernelName):
        return lambda device, precision: gram_of(
            kernel,
            TEMPLATES,
            architecture,
            rel_tol=1e-12,
            max_points=points,
            device=device,
        )

    return [
        _compared(f"two blocks, {kernel}", readout, device, "float64", estimate(kernel))
        for kernel in get_args(KernelName)
    ]


@dataclasses.dataclass(frozen=True)
class TrainingRate:
    """How fast a transformer is trained.

    Attributes:
        length: positions of a string.
        batch: strings in a step.
        width: of the stream.
        per_second: strings a second on the device, in single precision.
        mixed_per_second: the same with products in bfloat16.
        cpu_per_second: on the processor.
    """

    length: int
    batch: int
    width: int
    per_second: float
    mixed_per_second: float
    cpu_per_second: float


def training_rates(device: str, steps: int = 20) -> list[TrainingRate]:
    """Training steps of networks of several sizes."""
    return [
        TrainingRate(
            length=case.length + 1,
            batch=case.batch,
            width=case.shape.width,
            per_second=sequences_per_second(case, device, steps=steps),
            mixed_per_second=sequences_per_second(
                case, device, mixed=True, steps=steps
            ),
            cpu_per_second=sequences_per_second(case, "cpu", steps=min(steps, 5)),
        )
        for case in CASES
    ]


def _compared(
    what: str,
    readout: Readout,
    device: str,
    precision: str,
    estimate: Callable[[str, str], Any],
) -> Agreement:
    """An estimate on the device, beside the same on the processor."""
    estimate(device, precision)
    start = time.perf_counter()
    there = estimate(device, precision)
    middle = time.perf_counter()
    here = estimate("cpu", "float64")
    stop = time.perf_counter()
    of_features = max(
        getattr(there, name, 0.0) for name in ("feature_error", "relative_error")
    )
    stated = max(getattr(there, "rounding", 0.0), 2 * of_features)
    return Agreement(
        what=what,
        readout=readout,
        precision=precision,
        difference=float(np.abs(there.attention / here.attention - 1).max()),
        stated=stated,
        seconds=middle - start,
        cpu_seconds=stop - middle,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the results; the exit status is 2 without a device."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument(
        "--points", type=int, default=2**14, help="of the Gaussians (16384)"
    )
    parser.add_argument("--strings", type=int, default=STRINGS, help="strings (4096)")
    parser.add_argument("--steps", type=int, default=20, help="of training (20)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of results")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("gpu: torch sees no CUDA device; nothing was measured", file=sys.stderr)
        return 2
    cuda = options.device == "cuda"
    size = min(options.strings, 4096)
    gemm = {p: gemm_rate(options.device, p, size) for p in PRECISIONS}
    rates = [
        sampling_rate(r, options.device, p, gemm[p], options.points, options.strings)
        for r in READOUTS
        for p in PRECISIONS
    ]
    for rate in rates:
        print(
            f"{rate.readout}, {rate.precision}: {rate.points_per_second:.0f} points "
            f"a second, {rate.share:.0%} of the GEMM rate"
        )
    points, count = min(options.points, 2**12), min(options.strings, 512)
    agreements = [
        found
        for r in READOUTS
        for p in PRECISIONS
        for found in agree(r, options.device, p, points, count)
    ]
    agreements += [
        found for r in READOUTS for found in agree_in_depth(r, options.device, points)
    ]
    for found in agreements:
        print(
            f"{found.what}, {found.readout}, {found.precision}: off by "
            f"{found.difference:.1e} (stated {found.stated:.1e}), "
            f"{found.cpu_seconds / found.seconds:.1f} times as fast as the processor"
        )
    training = training_rates(options.device, options.steps)
    for rate in training:
        print(
            f"training, width {rate.width}, {rate.length} positions: "
            f"{rate.per_second:.0f} strings a second, {rate.mixed_per_second:.0f} with "
            f"bfloat16, {rate.cpu_per_second:.0f} on the processor"
        )
    date = datetime.now(UTC).date().isoformat()
    document = {
        "date": date,
        "device": torch.cuda.get_device_name() if cuda else platform.machine(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if cuda else None,
        "gemm_flops": gemm,
        "rates": [dataclasses.asdict(r) | {"share": r.share} for r in rates],
        "agreement": [dataclasses.asdict(found) for found in agreements],
        "training": [dataclasses.asdict(rate) for rate in training],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{'gpu' if cuda else 'cpu'}-{date}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
