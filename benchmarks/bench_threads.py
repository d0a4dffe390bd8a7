"""What the default number of threads costs against OMP_NUM_THREADS=1.

    python -m benchmarks.bench_threads

Checks in fresh interpreters, as they come and with one thread a library, in turn, so
that both see the same machine: once with nothing else to do, once with a process that
computes without end on each core. The ratios are medians of wall and of processor
time over the pairs.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ratios", "Seconds", "busy", "measured"]

PAIRS = 3

COMMANDS = {
    "check of 2 templates": ["--task", "same-different"],
    "check of 5 templates": ["--task", "majority"],
    "check of 52 templates": ["--file", "{folder}/52.toml", "--max-points", "1024"],
}

# Largest ratios aimed at, with nothing else to do and on a busy machine.
AIMS = {"idle": 1.05, "busy": 1.2}


@dataclass(frozen=True)
class Seconds:
    """What one fresh interpreter took.

    Attributes:
        wall: from start to end.
        processor: of all its threads together.
    """

    wall: float
    processor: float


@dataclass(frozen=True)
class Ratios:
    """The default against one thread a library, medians over pairs.

    Attributes:
        wall: of wall time.
        processor: of processor time.
    """

    wall: float
    processor: float


def measured(arguments: list[str], threads: int | None) -> Seconds:
    """Run one check.

    Args:
        arguments: of the command line.
        threads: OMP_NUM_THREADS; not set when None.
    """
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    command = [sys.executable, "-m", "symbind_theory.check_template", *arguments]
    before, begun = _processor_seconds(), time.perf_counter()
    subprocess.run(command, env=environment, check=False, capture_output=True)
    wall = time.perf_counter() - begun
    return Seconds(wall, _processor_seconds() - before)


def _processor_seconds() -> float:
    """Of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Inside, so many processes compute without end."""
    spin = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(spin) for _ in range(processes)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _ratios(arguments: list[str]) -> Ratios:
    pairs = [(measured(arguments, None), measured(arguments, 1)) for _ in range(PAIRS)]
    return Ratios(
        wall=statistics.median(a.wall / b.wall for a, b in pairs),
        processor=statistics.median(a.processor / b.processor for a, b in pairs),
    )


def _write_52(folder: Path) -> None:
    """The 52 inequivalent templates of five wildcards, labelled 0 and 1 in turn."""
    from symbind_theory import TemplateTask
    from symbind_theory.task_files import dump_task

    strings = [[0]]
    for _ in range(4):
        strings = [[*s, x] for s in strings for x in range(max(s) + 2)]
    templates = [" ".join(f"?{'abcde'[x]}" for x in s) for s in strings]
    labels = [index % 2 for index in range(len(templates))]
    text = dump_task(TemplateTask(templates, labels))
    (folder / "52.toml").write_text(text, encoding="utf-8")


def main() -> None:
    """Measure and print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        _write_52(Path(folder))
        for name, arguments in COMMANDS.items():
            placed = [argument.format(folder=folder) for argument in arguments]
            for machine, aim in AIMS.items():
                with busy((os.cpu_count() or 1) if machine == "busy" else 0):
                    found = _ratios(placed)
                print(
                    f"{name}, {machine:4}   wall {found.wall:.2f}   "
                    f"processor {found.processor:.2f}   at most {aim}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
