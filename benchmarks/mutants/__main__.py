"""How many of a fixed list of mutants the fast suite kills.

    python -m benchmarks.mutants [--near] [--only FILE-OR-NUMBER ...] [--jobs N]

Each mutant is made in a copy of the checkout. First the tests of its module are run, up
to the first failure. Those still alive meet all other test files that execute their
place, quick ones first. A mutant is killed if a test fails, or cannot be collected,
that passes without it; what runs into the time limit is told apart. Tests of the
repository itself do not count: they compare the text of the sources.

Results are kept as they come, and what is finished is not run again. To compare two
states of the suite: `--checkout` and `--results` name the folder and the file of each,
`--against` the results of the other one.
"""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

from rich.progress import Progress

from benchmarks.mutants.mutant import ROOT, Mutant, mutants
from benchmarks.mutants.reach import Reached, reached_by, set_probes
from benchmarks.mutants.suite import PACKAGES, copy_of, digest, near, run, test_files
from benchmarks.mutants.trials import Results, Trial, trial

__all__ = ["Measurement", "main"]

TYPICAL = 25.0
"""Seconds of a mutant among the tests of its module, as long as none is measured."""

LONGEST = 1200.0
"""Seconds after which a test file without a mutant is ended."""

Item = TypeVar("Item")
Found = TypeVar("Found", Trial, Reached)


class Measurement:
    """Mutants against the suite of one state of the checkout.

    Attributes:
        chosen: mutants of the list.
        results: what is known of them, on file.
        jobs: how many are tried at once.
        limit: seconds after which the tests of a mutant's module are ended.
        root: of the checkout.
    """

    def __init__(
        self,
        chosen: Sequence[Mutant],
        results: Results,
        jobs: int = 1,
        limit: float = 300.0,
        root: Path = ROOT,
    ) -> None:
        """Measure nothing yet."""
        self.chosen, self.results, self.root = chosen, results, root
        self.jobs, self.limit = jobs, limit
        self._credible: set[str] = set()

    def measure(self, *, only_near: bool = False) -> None:
        """Try what is not finished, again where the test that killed is no witness."""
        while True:
            self._near()
            if not only_near:
                self._reaching()
            if not self._discredited():
                return

    def _near(self) -> None:
        """Run the tests of each mutant's module."""
        trials = self.results.trials
        pending = [each for each in self.chosen if each.number not in trials]
        past = [each.seconds for each in trials.values() if each.stage == "near"]
        mean = sum(past) / len(past) if past else TYPICAL
        self._do(
            "mutants, tests of their modules",
            pending,
            mean * len(pending),
            lambda copy, mutant: trial(
                copy,
                mutant,
                "near",
                near(copy, mutant.file),
                limit=self.limit,
                known=self.results.failing,
            ),
        )

    def _reaching(self) -> None:
        """Show the others to all other test files that execute their places."""
        trials = self.results.trials
        pending = [each for each in self.chosen if not trials[each.number].final]
        if not pending:
            return
        missing = [f for f in test_files(self.root) if f not in self.results.reached]
        self._do(
            "test files, to see what they execute",
            missing,
            None,
            lambda copy, file: reached_by(copy, file, LONGEST),
            lambda copy: set_probes(copy, mutants()),
        )
        far = {each.number: self._far(each) for each in pending}
        self._do(
            "mutants still alive, all other tests",
            pending,
            sum(sum(seconds.values()) for seconds in far.values()),
            lambda copy, mutant: trial(
                copy,
                mutant,
                "reaching",
                list(far[mutant.number]),
                limit=120 + 5 * sum(far[mutant.number].values()),
                known=self.results.failing,
            ),
        )

    def _far(self, mutant: Mutant) -> dict[str, float]:
        """Seconds of the files still to run that execute a place, quick ones first."""
        survived = self.results.trials[mutant.number].fate == "survived"
        done = near(self.root, mutant.file) if survived else []
        found = {
            each.file: each.seconds
            for each in self.results.reached.values()
            if mutant.number in each.numbers and each.file not in done
        }
        # Packages stand for the examples in their docstrings, which come last.
        order = sorted(found, key=lambda file: (file in PACKAGES, found[file]))
        return {file: found[file] for file in order}

    def _discredited(self) -> list[str]:
        """Note which tests that killed a mutant fail without any."""
        witnesses = {each.by for each in self.results.killed()} - {""} - self._credible
        self._credible |= witnesses
        # A parameter may be the mutant's own, so that only the test's name is known.
        tests = sorted({witness.partition("[")[0] for witness in witnesses})
        tests.sort(key=lambda test: not test.startswith("tests/"))
        functions = [test for test in tests if "::" in test]
        files = [test for test in tests if "::" not in test]
        with tempfile.TemporaryDirectory() as folder:
            copy = copy_of(self.root, Path(folder))
            failing = {
                test
                for chosen, options in ((functions, []), (files, ["--collect-only"]))
                if chosen
                for test in run(copy, chosen, *options, limit=4 * LONGEST).witnesses
            }
        found = sorted(failing & witnesses)
        for test in found:
            self.results.discredit(test)
        return found

    def _do(
        self,
        what: str,
        items: Sequence[Item],
        seconds: float | None,
        work: Callable[[Path, Item], Found],
        prepare: Callable[[Path], None] = lambda copy: None,
    ) -> None:
        """Work on items in copies of the checkout and keep what is found."""
        if not items:
            return
        minutes = "as long as the fast suite takes on one core"
        if seconds is not None:
            minutes = f"about {seconds / 60 / self.jobs:.0f} minutes"
        print(f"{len(items)} {what}: {minutes}", file=sys.stderr)
        with Progress() as progress:
            task = progress.add_task(what, total=len(items))
            for found in in_copies(self.root, items, work, prepare, self.jobs):
                self.results.add(found)
                progress.advance(task)


def in_copies(
    root: Path,
    items: Sequence[Item],
    work: Callable[[Path, Item], Found],
    prepare: Callable[[Path], None],
    jobs: int,
) -> Iterator[Found]:
    """What `work` finds for each item, as it comes, each in a copy of its own.

    One job runs in this very thread, so that an interrupt ends its tests at once.
    """
    copies: queue.SimpleQueue[Path] = queue.SimpleQueue()

    def one(item: Item) -> Found:
        copy = copies.get()
        try:
            return work(copy, item)
        finally:
            copies.put(copy)

    with tempfile.TemporaryDirectory() as folder:
        for job in range(jobs):
            copy = copy_of(root, Path(folder) / str(job))
            prepare(copy)
            copies.put(copy)
        if jobs == 1:
            yield from map(one, items)
            return
        with ThreadPoolExecutor(jobs) as pool:
            futures = [pool.submit(one, item) for item in items]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                pool.shutdown(cancel_futures=True)


def summary(chosen: Sequence[Mutant], results: Results) -> list[str]:
    """Lines that count the fates by package, and name who was not killed."""
    lines = []
    for package in (*PACKAGES, ""):
        inside = [each for each in chosen if each.file.startswith(package)]
        fates = Counter(fate(results, each.number) for each in inside)
        counts = ", ".join(f"{count} {name}" for name, count in fates.most_common())
        lines.append(f"{package or 'all'}: {len(inside)} mutants: {counts or 'none'}")
    for mutant in chosen:
        found = fate(results, mutant.number)
        if found not in ("killed", "not run"):
            lines += [f"{found}: {mutant}", *_change(mutant)]
    return lines


def differences(chosen: Sequence[Mutant], one: Results, other: Results) -> list[str]:
    """Lines that name the mutants with another fate in another file of results."""
    lines = []
    for mutant in chosen:
        here, there = fate(one, mutant.number), fate(other, mutant.number)
        if here != there and "not run" not in (here, there):
            lines += [f"{here} here, {there} there: {mutant}", *_change(mutant)]
    return lines or ["no mutant with another fate"]


def fate(results: Results, number: int) -> str:
    """One mutant's fate in a word or two."""
    found = results.trials.get(number)
    if found is None:
        return "not run"
    return found.fate if found.final else f"{found.fate}, tests of its module alone"


def _change(mutant: Mutant) -> list[str]:
    before = [f"  - {line}" for line in mutant.before.splitlines()]
    return before + [f"  + {line}" for line in mutant.after.splitlines()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print what became of the mutants."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--near", action="store_true", help="tests of modules alone")
    parser.add_argument("--only", nargs="+", default=[""], help="files or numbers")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument(
        "--limit",
        type=float,
        default=300.0,
        help="seconds that the tests of a module may take; raise it on a slow machine",
    )
    parser.add_argument(
        "--results", type=Path, default=ROOT / "build" / "mutants.jsonl", help="kept in"
    )
    parser.add_argument(
        "--checkout",
        type=Path,
        default=ROOT,
        help="another one to measure",
    )
    parser.add_argument("--against", type=Path, help="results of another state")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}; expected a positive number")
    if options.against and not options.against.is_file():
        parser.error(f"--against is {options.against}, which is no file")
    chosen = [
        each
        for each in mutants()
        if any(each.file.startswith(o) or str(each.number) == o for o in options.only)
    ]
    if not chosen:
        parser.error(f"--only is {' '.join(options.only)}; no mutant is there")
    try:
        results = Results(options.results, digest(options.checkout))
        other = options.against and Results(options.against, None)
    except ValueError as refusal:
        print(refusal, file=sys.stderr)
        return 2
    measurement = Measurement(
        chosen, results, options.jobs, options.limit, options.checkout
    )
    measurement.measure(only_near=options.near)
    print("\n".join(summary(chosen, results)))
    if other:
        print("\n".join(differences(chosen, results, other)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
