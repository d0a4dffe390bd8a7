"""The task and the architecture of C6, before a and b are added, and the data needed.

a and b are multiples of the identity in W_K W_Qᵀ and in W_V W_O.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.learning.strings_needed import sample_complexity
from numerics.protocols import TemplateMatrix
from numerics.template_matrix.accuracy import Accuracy
from numerics.template_matrix.one_layer import one_layer_gram
from numerics.template_matrix.record import TemplateGram
from proofs_check.judgements import TEST_LEVEL
from proofs_check.remedies import Remedy, more_of
from proofs_check.seeds import numpy_stream, torch_stream
from symbind_theory.interval import Interval
from symbind_theory.separation.incidence import Incidence, incidence_of
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import CLS
from symbind_theory.validation import finite_number, positive_integer

__all__ = [
    "BATCH_PAIRS",
    "IdentityExperiment",
    "IdentitySetting",
    "data_needed",
    "interval_ratio",
]

# A ratio has two intervals, each with half the false alarms.
_RATIO_LEVEL = 1 - (1 - TEST_LEVEL) / 2

BATCH_PAIRS = 64
"""Means of two independent batches are multiplied: so many pairs of batches."""


@dataclass(frozen=True, slots=True)
class IdentityExperiment:
    """How precisely N, sampled attention and finite networks are known.

    Attributes:
        rel_tol: relative halfwidth of λ_min(N) at which no more points are taken.
        max_points: outer points for N, at most.
        draws: how often Gaussian logits are drawn, at least 256; half as many draws
            for kernels of strings.
        networks: finite networks, at least 2.
        heads: H, the heads of each network.
        width: d of the networks, for embeddings and heads alike.
        target: the mean squared error for which the data needed is compared.

    Raises:
        InputError: a number out of range.
    """

    rel_tol: float = 0.02
    max_points: int = 2**13
    draws: int = 2**17
    networks: int = 600
    heads: int = 2
    width: int = 80
    target: float = 0.01

    def __post_init__(self) -> None:
        finite_number("rel_tol", self.rel_tol, low=0, strict=True)
        finite_number("target", self.target, low=0, strict=True)
        positive_integer("max_points", self.max_points, low=64)
        positive_integer("draws", self.draws, low=4 * BATCH_PAIRS)
        positive_integer("networks", self.networks, low=2)
        positive_integer("heads", self.heads)
        positive_integer("width", self.width)


@dataclass(frozen=True)
class IdentitySetting:
    """A task on an architecture without what is added to it.

    Attributes:
        task: whose templates make up N.
        base: the architecture without the multiple that is looked at.
        experiment: how precisely all is estimated.
        seed: from which all random numbers follow.
    """

    task: TemplateTask
    base: Architecture
    experiment: IdentityExperiment
    seed: int

    def gram(self, architecture: Architecture, precise: bool = True) -> TemplateGram:
        """N of an architecture, perhaps another than `base`.

        Args:
            architecture: a transformer of depth 1.
            precise: whether points are added until λ_min(N) is known to `rel_tol`, not
                just to a factor of about two.
        """
        accuracy = Accuracy(
            rel_tol=self.experiment.rel_tol if precise else 1.0,
            max_points=self.experiment.max_points,
            seed=self.seed,
            level=_RATIO_LEVEL,
        )
        return one_layer_gram(self.task.templates, architecture, accuracy)

    def more(self, *counts: str) -> Remedy:
        """The remedy that is more points, draws or networks.

        Args:
            *counts: fields of the experiment.
        """
        return more_of("experiment", self.experiment, *counts)

    @property
    def incidences(self) -> list[Incidence]:
        """The templates as the network sees them."""
        return [incidence_of(t, self.base.readout) for t in self.task.templates]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The regular tokens, which strings share; `[CLS]` too where it is read."""
        appended = (CLS,) if self.base.readout == "cls" else ()
        return (*self.task.regular_tokens, *appended)

    def random(self, stream: int) -> np.random.Generator:
        """numpy's generator for a purpose, independent of those for others."""
        return numpy_stream(stream, self.seed)

    def torch_random(self, stream: int) -> torch.Generator:
        """torch's generator for a purpose, independent of those for others."""
        return torch_stream(stream, self.seed, bits=63)


def data_needed(setting: IdentitySetting, gram: TemplateMatrix) -> Interval:
    """How many training strings N asks for to reach the target error."""
    target = setting.experiment.target
    return sample_complexity(setting.task, target=target, gram=gram).interval


def interval_ratio(one: Interval, other: Interval) -> Interval:
    """One over the other, both positive; nothing is known where either is not."""
    level = one.level + other.level - 1
    if not (math.isfinite(one.value) and 0 < other.value < math.inf):
        return Interval(1.0, 0.0, math.inf, level)
    high = one.high / other.low if other.low > 0 else math.inf
    return Interval(one.value / other.value, one.low / other.high, high, level)
