"""A small experiment to sweep, whose points do what their settings ask for."""

import hashlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from numerics.sweeps import PointFailed, SweepStore, parse_sweep
from numerics.sweeps.__main__ import main
from numerics.sweeps.experiment import Presets

Deed = Literal["measure", "refuse", "memory", "bug", "nan", "die", "list"]


class ToyModel(BaseModel):
    """A part of the settings that has presets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    kind: Literal["plain", "deep"] = "plain"
    depth: int = 1


class ToySettings(BaseModel):
    """Settings of one point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int = Field(ge=1, description="an integer of at least 1")
    model: ToyModel = ToyModel()
    seed: int = 0
    rate: float = 0.1
    deed: Deed = "measure"
    pause: float = 0.0
    log: str = Field("", description="a file that gets a line for each point")


def measure(settings: ToySettings) -> dict[str, Any]:
    """A number that looks random and depends on the settings alone."""
    if settings.log:
        with Path(settings.log).open("a") as file:
            file.write(f"{settings.n} {settings.seed}\n")
    time.sleep(settings.pause)
    match settings.deed:
        case "refuse":
            raise PointFailed("n is too small\nby one")
        case "memory":
            raise MemoryError("Unable to allocate 1 TiB")
        case "bug":
            raise ZeroDivisionError("division by zero")
        case "nan":
            return {"test_error": float("nan")}
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "list":
            return {"test_error": [1.0]}
    text = f"{settings.n} {settings.seed} {settings.model} {settings.rate}"
    digest = hashlib.sha256(text.encode()).digest()
    error = int.from_bytes(digest[:8], "big") / 2**64 / settings.n
    return {
        "test_error": error,
        "steps": digest[8],
        "note": None if digest[9] % 2 else 'odd, "quoted"',
    }


def operations(settings: ToySettings) -> float:
    """Proportional to n."""
    return 1e3 * settings.n


@dataclass(frozen=True)
class Toy:
    """The experiment."""

    name = "toy"
    settings = ToySettings
    axes = ("n", "test_error", "model")
    measure = staticmethod(measure)
    operations = staticmethod(operations)

    @property
    def presets(self) -> Presets:
        """Two models."""
        return {"model": {"KQ": {"kind": "deep", "depth": 2}, "plain": {}}}


TOY = Toy()
EXPERIMENTS = {"toy": TOY}
HEAD = 'name = "small"\nexperiment = "toy"\n'
GRID = (
    HEAD
    + """
[base]
rate = 0.5
[grid]
n = [8, 16]
model = ["plain", "KQ"]
seed = [0, 1]
"""
)
"""A sweep of eight points."""


def toy_sweep(text: str = GRID):
    """A sweep of the small experiment."""
    return parse_sweep(text, EXPERIMENTS)


def listed(*points: str, base: str = "") -> str:
    """A sweep file with a list of points, each a line of TOML's inline tables."""
    rows = ",\n".join(f"{{{point}}}" for point in points)
    return f"{HEAD}points = [\n{rows}\n]\n[base]\n{base}\n"


def command(*words: str) -> int:
    """Exit status of `python -m numerics.sweeps`; argparse leaves by SystemExit."""
    try:
        return main(words)
    except SystemExit as stopped:
        return int(stopped.code or 0)


def states(store: Path) -> list[str]:
    """The states of the points of a store, in file order."""
    with SweepStore(store) as opened:
        return [point.state for point in opened.points().values()]


def abandon(store: SweepStore) -> None:
    """Let a run be dead, as SIGKILL leaves it: nothing is given back."""
    assert store._lock is not None
    store._lock._lock.release()
    store._file.close()
