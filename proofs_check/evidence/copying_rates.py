"""What C7 measures: rates at random initialisation, and accuracies after training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.architecture import Architecture
from numerics.networks.copying_laws import copying_law, softmax_remainder
from numerics.networks.copying_network import (
    CopyingShape,
    CopyingStrings,
    InitialRates,
    initial_rates,
    trained_accuracies,
)
from numerics.shapes import Float64
from proofs_check.judgements import (
    TEST_LEVEL,
    mean_interval,
)
from symbind_theory.interval import Interval
from symbind_theory.validation import InputError, positive_integer

__all__ = ["RATE_LEVEL", "CopyingExperiment", "CopyingSetting", "MeasuredRates"]

RATE_LEVEL = 1 - (1 - TEST_LEVEL) / 2
"""C7 makes twice as many tests as most claims, each with half their false alarms."""


@dataclass(frozen=True, slots=True)
class CopyingExperiment:
    """What is measured, and how often.

    Attributes:
        symbols: n, of training and again of the test; at least 2.
        widths: d of the networks at random initialisation, ascending.
        runs: networks of each width.
        heads: H.
        head_width: d_head.
        trained_widths: d of the networks that are trained, ascending; none by default.
        trained_runs: networks of each such width, with b and without; at least 18
            successes are needed to say that more than half succeed.

    Raises:
        InputError: a number out of range, or widths that do not ascend.
    """

    symbols: int = 40
    widths: tuple[int, ...] = (320, 1280)
    runs: int = 64
    heads: int = 4
    head_width: int = 32
    trained_widths: tuple[int, ...] = ()
    trained_runs: int = 24

    def __post_init__(self) -> None:
        for name in ("symbols", "runs", "trained_runs"):
            positive_integer(name, getattr(self, name), low=2)
        for name in ("widths", "trained_widths"):
            widths = getattr(self, name)
            for width in widths:
                self.shape(width)
            if list(widths) != sorted(set(widths)):
                raise InputError(f"{name} are {widths}; expected them to ascend")
        if not self.widths:
            raise InputError("widths are (); expected at least one")

    def shape(self, width: int) -> CopyingShape:
        """Of the networks of one width."""
        return CopyingShape(width, self.heads, self.head_width)


@dataclass(frozen=True)
class CopyingSetting:
    """What does not change from one width to the next.

    Attributes:
        strings: of training and test.
        architecture: of the networks.
        experiment: their sizes and numbers.
        one_symbol: whether the task is α → α, read with nothing else to attend to.
    """

    strings: CopyingStrings
    architecture: Architecture
    experiment: CopyingExperiment
    one_symbol: bool

    def rates(self, width: int, seed: int) -> InitialRates:
        """At random initialisation."""
        shape, runs = self.experiment.shape(width), self.experiment.runs
        return initial_rates(self.strings, self.architecture, shape, runs, seed)

    def accuracies(
        self, width: int, seed: int, identity_vo: bool
    ) -> Float64[np.ndarray, " runs"]:
        """After training."""
        return trained_accuracies(
            self.strings,
            self.architecture,
            self.experiment.shape(width),
            self.experiment.trained_runs,
            seed,
            identity_vo=identity_vo,
        )


@dataclass(frozen=True)
class MeasuredRates:
    """The rates at one width."""

    setting: CopyingSetting
    width: int
    samples: InitialRates

    def values(self, statistic: str, group: str) -> Float64[np.ndarray, " runs"]:
        """Pseudo-values of R_g: their mean is the ratio of means, R_g itself.

        Each is R_g and its network's share of the error, to first order.
        """
        products = self.samples.products[statistic, group]
        squares = self.samples.squares[group]
        rate = products.sum() / squares.sum()
        return rate + (products - rate * squares) / squares.mean()

    def rate(self, statistic: str, group: str) -> Interval:
        """R_g with its interval."""
        return mean_interval(self.values(statistic, group), RATE_LEVEL)

    def law(self, statistic: str, group: str) -> float:
        """R_g for one symbol."""
        n, gamma = self.setting.experiment.symbols, self.setting.architecture.gamma
        return copying_law(statistic, group, n, self.width, gamma)

    @property
    def remainder(self) -> float:
        """What the laws leave out: logits that are not yet 0."""
        sizes, gamma = self.setting.experiment, self.setting.architecture.gamma
        inner = sizes.heads * sizes.head_width
        return softmax_remainder(sizes.symbols, self.width, inner, gamma)
