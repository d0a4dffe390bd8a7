"""How accurate an estimate is to be, and the points that it is made from."""

from __future__ import annotations

from dataclasses import dataclass

from numerics.averages.jackknife import GROUPS, read_level
from numerics.averages.points import POINTS
from numerics.devices import PRECISIONS, resolve_device
from numerics.protocols import Progress
from symbind_theory.validation import (
    InputError,
    check_callback,
    finite_number,
    one_of,
    positive_integer,
)

__all__ = ["Accuracy"]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What an estimate of a template matrix is asked for; `template_gram` explains it.

    Attributes:
        rel_tol: relative halfwidth aimed at for λ_min(N), in (0, 1].
        max_points: points of each average at most, in 16 groups.
        seed: of the points.
        device: "auto", "cpu" or "cuda".
        method: how points are drawn, "rqmc" or "mc".
        level: coverage of every interval, in (0, 1).
        precision: in which features are computed, "float64" or "float32".
        progress: called with (points done, points at most).

    Raises:
        InputError: an argument out of range.
    """

    rel_tol: float = 1e-3
    max_points: int = 2**16
    seed: int = 0
    device: str = "auto"
    method: str = "rqmc"
    level: float = 0.999
    precision: str = "float64"
    progress: Progress | None = None

    def __post_init__(self) -> None:
        check_callback("progress", self.progress)
        if finite_number("rel_tol", self.rel_tol, low=0, strict=True) > 1:
            raise InputError(f"rel_tol is {self.rel_tol}; expected a number in (0, 1]")
        positive_integer("max_points", self.max_points, low=4 * GROUPS)
        positive_integer("seed", self.seed, low=0)
        one_of("method", self.method, tuple(POINTS))
        one_of("precision", self.precision, tuple(PRECISIONS))
        read_level(self.level)
        resolve_device(self.device)

    def report(self, done: int, total: int) -> None:
        """Tell the progress to who wants to know."""
        if self.progress is not None:
            self.progress(done, total)
