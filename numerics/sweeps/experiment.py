"""What can be swept: an experiment measures one point, given by its settings.

An experiment is any object with the members of `Experiment`: an instance of a class, or
a module. To add one, write its module below `numerics/sweeps/experiments` and its line
in `EXPERIMENTS`.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from symbind_theory.validation import InputError, shorten

__all__ = [
    "EXPERIMENTS",
    "Axes",
    "Experiment",
    "Measured",
    "PointFailed",
    "Presets",
    "check_machine",
    "experiment_axes",
    "experiment_named",
    "nearest",
]

EXPERIMENTS: dict[str, str] = {
    "training": "numerics.sweeps.experiments.trained_networks:EXPERIMENT",
    "heads": "numerics.sweeps.experiments.found_heads:EXPERIMENT",
    "features": "numerics.sweeps.experiments.frozen_features:EXPERIMENT",
    "copying": "numerics.sweeps.experiments.copying:EXPERIMENT",
    "kernel": "numerics.sweeps.experiments.kernel_prediction:EXPERIMENT",
    "width": "numerics.sweeps.experiments.finite_width:EXPERIMENT",
    "language-model": "numerics.gpt2.language_model:EXPERIMENT",
}
"""Where each experiment is: its name in sweep files → "module:ATTRIBUTE"."""

Measured = Mapping[str, float | int | str | None]
"""One row of results: finite numbers, text, or None for what has no value there."""

Presets = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Tables that have names: field → name of the preset → the table that it stands for."""

Axes = tuple[str, str, str | None]
"""Columns of a plot: x, y, and the one that has a curve for each value, or None."""


class PointFailed(Exception):
    """A point that cannot be measured, for a reason that its experiment knows.

    Args:
        reason: one line, which the store keeps and `status` shows.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@runtime_checkable
class Experiment(Protocol):
    """What is measured at each point of a sweep.

    An experiment may have two members more: `axes` of the type `Axes`, what `plot`
    shows where nothing else is asked for; and `check_machine`, called with the settings
    of each point before any is measured on this machine, which raises `InputError`
    where the machine lacks what they ask for, such as an accelerator.
    """

    @property
    def name(self) -> str:
        """Its name in sweep files."""
        ...

    @property
    def settings(self) -> type[BaseModel]:
        """The settings of one point: a frozen model that forbids extra fields.

        The descriptions of its fields say in messages what was expected. All that the
        results depend on stands in it, the seed too: points of equal settings are one.
        """
        ...

    @property
    def presets(self) -> Presets:
        """Tables that a sweep file may name in the place of writing them out."""
        ...

    @property
    def measure(self) -> Callable[[Any], Measured]:
        """Measures one point: settings → a row of results.

        A function of a module, since it is pickled and runs in other processes, on one
        thread. It may raise anything, best `PointFailed`: the point is then recorded as
        failed with that reason, and the sweep goes on. Equal settings give equal rows.
        """
        ...

    @property
    def operations(self) -> Callable[[Any], float]:
        """About how many floating point operations a point takes, for estimates."""
        ...


def experiment_named(name: str) -> Experiment:
    """The experiment that sweep files call by this name.

    Raises:
        InputError: none has it; the message suggests the nearest.
    """
    if name not in EXPERIMENTS:
        raise InputError(
            f"experiment is {shorten(name)}; expected {nearest(name, EXPERIMENTS)}"
        )
    module, _, attribute = EXPERIMENTS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def experiment_axes(experiment: Experiment) -> Axes | None:
    """What a plot of the experiment shows by itself; None where it does not say."""
    return getattr(experiment, "axes", None)


def check_machine(experiment: Experiment, settings: Iterable[Any]) -> None:
    """See that this machine has what points ask for.

    Raises:
        InputError: it lacks something, by the experiment's own check.
    """
    check = getattr(experiment, "check_machine", None)
    if check is not None:
        for each in settings:
            check(each)


def nearest(given: str, choices: Iterable[str]) -> str:
    """What was expected instead of a name, with the one that was probably meant.

    >>> nearest("sed", ["n", "seed"])
    'one of n, seed; did you mean seed?'

    Args:
        given: the name that is none of them.
        choices: the names there are, in the order in which they are listed.
    """
    names = list(choices)
    near = difflib.get_close_matches(given, names, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"one of {', '.join(names) or '(there are none)'}{hint}"
