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
    trained_copying,
)
from numerics.shapes import Float64
from proofs_check.judgements import TEST_LEVEL, mean_interval
from proofs_check.remedies import Remedy, more_of
from symbind_theory.interval import Interval
from symbind_theory.validation import InputError, positive_integer

__all__ = [
    "GROUP_NAMES",
    "RATE_LEVEL",
    "CopyingExperiment",
    "CopyingSetting",
    "MeasuredRates",
]

RATE_LEVEL = 1 - (1 - TEST_LEVEL) / 2
"""C7 makes twice as many tests as most claims, each with half their false alarms."""

GROUP_NAMES = {
    "value": "W_V",
    "output": "W_O",
    "embedding": "W_E",
    "positions": "P",
    "key": "W_K",
    "query": "W_Q",
    "identity_vo": "b",
}
"""Groups of parameters, as statements name them."""


@dataclass(frozen=True, slots=True)
class CopyingExperiment:
    """How many networks are measured, and of which shape.

    Attributes:
        symbols: n, the symbols of training, and again those of the test; at least 2.
        widths: d of the networks at random initialisation, ascending.
        networks: networks of each width.
        heads: H, the heads of each network.
        head_width: d_head, the width of each head.
        trained_widths: d of the networks that are trained, ascending; none by default.
        trained_networks: networks of each such width, with b and without; at least 18
            successes are needed to say that more than half succeed.

    Raises:
        InputError: a number out of range, or widths that do not ascend.
    """

    symbols: int = 40
    widths: tuple[int, ...] = (320, 1280)
    networks: int = 64
    heads: int = 4
    head_width: int = 32
    trained_widths: tuple[int, ...] = ()
    trained_networks: int = 24

    def __post_init__(self) -> None:
        for name in ("symbols", "networks", "trained_networks"):
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
        """The shape of networks of one width."""
        return CopyingShape(width, self.heads, self.head_width)


@dataclass(frozen=True)
class CopyingSetting:
    """What does not change from one width to the next.

    Attributes:
        strings: what networks are trained on and asked about.
        architecture: what all networks have in common: β, γ, the readout and a.
        experiment: how many networks there are, and of which shape.
        one_symbol: whether the task is α → α, read with nothing else to attend to.
    """

    strings: CopyingStrings
    architecture: Architecture
    experiment: CopyingExperiment
    one_symbol: bool

    @property
    def more_networks(self) -> Remedy:
        """As many networks at random initialisation as are needed."""
        return more_of("experiment", self.experiment, "networks")

    @property
    def more_trained(self) -> Remedy:
        """As many trained networks as are needed."""
        return more_of("experiment", self.experiment, "trained_networks")

    def rates(self, width: int, seed: int) -> InitialRates:
        """The rates of networks of one width, at random initialisation."""
        shape, networks = self.experiment.shape(width), self.experiment.networks
        return initial_rates(self.strings, self.architecture, shape, networks, seed)

    def accuracies(
        self, width: int, seed: int, identity_vo: bool
    ) -> Float64[np.ndarray, " networks"]:
        """The share of test symbols that each trained network copies."""
        trained = trained_copying(
            self.strings,
            self.architecture,
            self.experiment.shape(width),
            self.experiment.trained_networks,
            seed,
            identity_vo=identity_vo,
        )
        return trained.accuracies


@dataclass(frozen=True)
class MeasuredRates:
    """The rates of networks of one width.

    Attributes:
        setting: what they share with networks of other widths.
        width: d.
        initial: products and squares of each network, whose ratios the rates are.
    """

    setting: CopyingSetting
    width: int
    initial: InitialRates

    def values(self, statistic: str, group: str) -> Float64[np.ndarray, " networks"]:
        """Pseudo-values of R_g: their mean is the ratio of means, R_g itself.

        Each is R_g and its network's share of the error, to first order.
        """
        products = self.initial.products[statistic, group]
        squares = self.initial.squares[group]
        rate = products.sum() / squares.sum()
        return rate + (products - rate * squares) / squares.mean()

    def rate(self, statistic: str, group: str) -> Interval:
        """R_g, the rate of a group of parameters, with its interval."""
        return mean_interval(self.values(statistic, group), RATE_LEVEL)

    def law(self, statistic: str, group: str) -> float:
        """The closed form of R_g for α → α."""
        n, gamma = self.setting.experiment.symbols, self.setting.architecture.gamma
        return copying_law(statistic, group, n, self.width, gamma)

    @property
    def remainder(self) -> float:
        """What the laws leave out: logits that are not yet 0."""
        experiment, gamma = self.setting.experiment, self.setting.architecture.gamma
        inner = experiment.heads * experiment.head_width
        return softmax_remainder(experiment.symbols, self.width, inner, gamma)
