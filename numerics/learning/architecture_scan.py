"""A grid of architectures of one's own: N and the strings needed at every point.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from numerics.architecture import Architecture, read_architecture
from numerics.devices import resolve_device
from numerics.learning.curves import DEFAULT_ALPHA, task_regression
from numerics.learning.grid import (
    Precision,
    estimated,
    read_grid,
    read_precision,
    sharing_features,
)
from numerics.learning.scan_rows import KeptRows, ScanRow
from numerics.learning.strings_needed import sample_complexity
from numerics.protocols import Progress
from numerics.terminal import terminal_progress
from symbind_theory.interval import Interval
from symbind_theory.task_lines import TaskInput, read_task
from symbind_theory.validation import InputError, check_callback, finite_number, one_of

__all__ = ["Scan", "ScanRow", "scan"]

Backend = Literal["polars", "pandas", "pyarrow"]
"""Libraries of data frames."""


@dataclass(frozen=True, slots=True)
class Scan(Sequence[ScanRow]):
    """The rows of a scan.

    Attributes:
        rows: one for each architecture; the parameter that was named last changes
            fastest, but for b and the activation, which change faster still.
    """

    rows: tuple[ScanRow, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def columns(self) -> dict[str, list[Any]]:
        """The scan as columns: parameters, then each number with its interval's ends.

        `strings` is the number of strings, None where 1e15 are not enough and for
        symbolic labels; an end that nothing bounds is infinite.
        """
        table: dict[str, list[Any]] = {}
        for row in self.rows:
            for name, value in _cells(row):
                table.setdefault(name, []).append(value)
        return table

    def frame(self, backend: Backend = "polars") -> Any:
        """The columns as a data frame.

        Args:
            backend: "polars", "pandas" or "pyarrow": choose the one that you work with.

        Raises:
            InputError: another library, or one that is not installed.
        """
        import narwhals

        one_of("backend", backend, get_args(Backend))
        try:
            frame = narwhals.from_dict(self.columns(), backend=backend)
        except ModuleNotFoundError:
            raise InputError(
                f"backend is {backend!r}, which is not installed; expected one that "
                f"is, or after: pip install {backend}"
            ) from None
        return frame.to_native()


def scan(
    task: TaskInput,
    over: Mapping[str, Sequence[Any]],
    *,
    architecture: Architecture | None = None,
    target: float = 0.01,
    alpha: float = DEFAULT_ALPHA,
    precision: Precision | None = None,
    cache: object = "auto",
    progress: Progress | None = None,
) -> Scan:
    """Estimate N and the strings that it implies at every point of a grid.

    Every point gets the same precision; `advise` is quicker where only the best
    architecture is sought. A scan that is interrupted goes on where it stopped when it
    is called again.

    >>> from symbind_theory import TemplateTask
    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> grid = scan(task, {"beta": [0.5, 1.0, 2.0]}, precision=Precision(rel_tol=0.05))
    >>> [row.strings.n for row in grid] == sorted(
    ...     [row.strings.n for row in grid], reverse=True
    ... )
    True

    Args:
        task: a task, or lines such as "?a ?a -> 1"; for symbolic labels no strings are
            counted.
        over: for each parameter that is varied, a list of values, as in `advise`.
        architecture: has the values of all other parameters; `Architecture()` when
            None.
        target: mean squared error aimed at on unseen symbols, > 0.
        alpha: ridge λ > 0, the same for all. Raise it for noisy labels.
        precision: how each matrix is estimated, `Precision()` when None. Raise
            `rel_tol` to 0.1 where a rough picture is enough.
        cache: folder for finished rows; "auto" for the user's cache folder, None for
            none.
        progress: called with (estimates done, estimates in all); on a terminal a bar is
            drawn when None.

    Raises:
        InputError: what is no task, a value that no architecture takes, a number out of
            range, or a cache that is no folder.
        CacheError: the folder cannot be written.
    """
    finite_number("target", target, low=0, strict=True)
    finite_number("alpha", alpha, low=0, strict=True)
    check_callback("progress", progress)
    task = read_task(task)
    if not task.symbolic:
        task_regression(task, alpha)
    grid = read_grid(over, read_architecture(architecture))
    precision = read_precision(precision, Precision())

    settings = {
        "target": target,
        "alpha": alpha,
        "precision": asdict(precision),
        "device": str(resolve_device(precision.device)),
    }
    kept = KeptRows(task, settings, cache)

    def computed(architectures: Sequence[Architecture]) -> Iterator[ScanRow]:
        for varied, gram in estimated(task.templates, architectures, precision):
            strings = None
            if not task.symbolic:
                strings = sample_complexity(
                    task, target=target, alpha=alpha, seed=precision.seed, gram=gram
                )
            yield ScanRow(
                architecture=varied,
                smallest_eigenvalue=gram.smallest_eigenvalue,
                condition_number=gram.condition_number,
                strings=strings,
                points=gram.points,
            )

    def rows(advance: Progress) -> Iterator[ScanRow]:
        done = 0
        for together in sharing_features(grid.architectures):
            found = kept.rows(together, computed)
            done += len(found)
            advance(done, len(grid.architectures))
            yield from found

    if progress is not None:
        return Scan(tuple(rows(progress)))
    with terminal_progress("scanning architectures", "estimates") as bar:
        return Scan(tuple(rows(bar)))


def _cells(row: ScanRow) -> Iterator[tuple[str, Any]]:
    """Name and value of every column."""
    record = row.architecture.record()
    for name in ("readout", "beta", "gamma", "identity_kq", "identity_vo"):
        yield name, getattr(record, name)
    numbers = ", ".join(f"{name}={x:g}" for name, x in record.activation.parameters)
    name = record.activation.name
    yield "activation", f"{name}({numbers})" if numbers else name
    if row.strings is not None:
        yield "strings", row.strings.n
        yield from _ends("strings", row.strings.interval)
    yield "smallest_eigenvalue", row.smallest_eigenvalue.value
    yield from _ends("smallest_eigenvalue", row.smallest_eigenvalue)
    yield "condition_number", row.condition_number.value
    yield from _ends("condition_number", row.condition_number)
    yield "points", row.points


def _ends(name: str, interval: Interval) -> Iterator[tuple[str, float]]:
    yield f"{name}_low", interval.low
    yield f"{name}_high", interval.high
