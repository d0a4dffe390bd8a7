"""One mutant against some tests, and the file in which the fates of all are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.mutants.mutant import Mutant, source_of
from benchmarks.mutants.reach import Reached
from benchmarks.mutants.suite import run

__all__ = ["FATES", "Results", "Trial", "applied", "trial"]

FATES = {"passed": "survived", "failed": "killed", "timed out": "timed out"}


@dataclass(frozen=True)
class Trial:
    """What became of one mutant.

    Attributes:
        number: of the mutant.
        fate: "killed", "survived", "timed out" or "gone".
        stage: "near" if the tests of its module were run, "reaching" if all others that
            execute its place were run as well.
        by: id of the first test that failed.
        files: how many test files there were to run in this stage.
        seconds: of wall time.
    """

    number: int
    fate: str
    stage: str
    by: str = ""
    files: int = 0
    seconds: float = 0.0

    @property
    def final(self) -> bool:
        """Whether nothing is left to run.

        How long the tests of a module take is not known at first: what ran into the
        limit is tried again with one that is made for them.
        """
        return self.stage == "reaching" or self.fate in ("killed", "gone")


@contextmanager
def applied(copy: Path, mutant: Mutant) -> Iterator[bool]:
    """Change the copy for a while; say whether the mutant is still there to be made."""
    path = copy / mutant.file
    source = source_of(copy, mutant)
    text = mutant.mutated(source)
    if text is None:
        yield False
        return
    _replace(path, text)
    try:
        yield True
    finally:
        _replace(path, source)


def _replace(path: Path, text: str) -> None:
    """Write a module, and forget its bytecode.

    Python tells bytecode of an older source by its size and its time in whole seconds,
    which a mutant may have in common with the source.
    """
    path.write_text(text, "utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()


def trial(
    copy: Path,
    mutant: Mutant,
    stage: str,
    files: Sequence[str],
    *,
    limit: float,
    known: Sequence[str],
) -> Trial:
    """Run test files, in their order, on a mutant up to the first failure."""
    with applied(copy, mutant) as there:
        if not there:
            return Trial(mutant.number, "gone", stage)
        if not files:
            return Trial(mutant.number, "survived", stage)
        done = run(copy, files, "-x", limit=limit, known=known)
    return Trial(
        number=mutant.number,
        fate=FATES[done.fate],
        stage=stage,
        by=done.witnesses[0] if done.witnesses else "",
        files=len(files),
        seconds=done.seconds,
    )


class Results:
    """The file of results, one JSON document a line, added to as they come.

    Attributes:
        trials: the latest of each mutant, by its number.
        reached: what each test file reaches, by its path.
        failing: tests that fail without any mutant, and kill none.
    """

    def __init__(self, path: Path, state: str | None) -> None:
        """Read the file, or begin it.

        Args:
            path: of the file.
            state: number of the state of library and tests; None for any.

        Raises:
            ValueError: if the file is of another state.
        """
        self.path = path
        self.trials: dict[int, Trial] = {}
        self.reached: dict[str, Reached] = {}
        self.failing: list[str] = []
        if state is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write({"state": state})
        for line in path.read_text("utf-8").splitlines():
            self._read(json.loads(line), state)

    def _read(self, found: dict, state: str | None) -> None:
        if state is not None and found.get("state", state) != state:
            raise ValueError(
                f"{self.path} has results of another state of library and tests; "
                "expected those of this checkout; give another file by --results"
            )
        if "number" in found:
            self.trials[found["number"]] = Trial(**found)
        elif "file" in found:
            found["numbers"] = tuple(found["numbers"])
            self.reached[found["file"]] = Reached(**found)
        elif "failing" in found:
            self._discredit(found["failing"])

    def _discredit(self, test: str) -> None:
        self.failing.append(test)
        for number in [each.number for each in self.killed() if each.by == test]:
            del self.trials[number]

    def killed(self) -> list[Trial]:
        """Trials that ended with a test's failure."""
        return [each for each in self.trials.values() if each.fate == "killed"]

    def add(self, new: Trial | Reached) -> None:
        """Keep what was found."""
        self._write(asdict(new))
        if isinstance(new, Trial):
            self.trials[new.number] = new
        else:
            self.reached[new.file] = new

    def discredit(self, test: str) -> None:
        """Note a test that fails without a mutant; what it killed is run again."""
        self._write({"failing": test})
        self._discredit(test)

    def _write(self, document: dict) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(document) + "\n")
