"""What C6 compares an architecture with added multiples of the identity against."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.learning.curves import sample_complexity
from numerics.protocols import TemplateMatrix
from numerics.template_matrix.estimate import template_gram
from numerics.template_matrix.record import TemplateGram
from proofs_check.judgements import TEST_LEVEL
from proofs_check.seeds import numpy_stream, seed_array, torch_generator
from symbind_theory.interval import Interval
from symbind_theory.separation.incidence import Incidence
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

# Each of two intervals of a ratio gets half the false alarms.
_EACH = 1 - (1 - TEST_LEVEL) / 2

BATCH_PAIRS = 64
"""Means of two independent batches are multiplied: so many pairs of batches."""


@dataclass(frozen=True, slots=True)
class IdentityExperiment:
    """How precisely things are estimated.

    Attributes:
        rel_tol: of λ_min(N).
        max_points: outer points for it, at most.
        draws: of Gaussian logits, at least 256; half as many for kernels of strings.
        networks: finite networks, at least 2.
        heads: H of each.
        width: of their embeddings and heads.
        target: mean squared error that the data needed is for.

    Raises:
        InputError: a number out of range.
    """

    rel_tol: float = 0.02
    max_points: int = 2**13
    draws: int = 2**17
    networks: int = 600
    heads: int = 2
    width: int = 64
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
    """What is compared against.

    Attributes:
        task: the task.
        base: the architecture without what is added.
        experiment: precision.
        seed: of everything random.
    """

    task: TemplateTask
    base: Architecture
    experiment: IdentityExperiment
    seed: int

    def gram(self, architecture: Architecture, precise: bool = True) -> TemplateGram:
        """N; on a fixed number of points where differences of two are to be exact."""
        return template_gram(
            self.task.templates,
            architecture,
            self.experiment.rel_tol if precise else 1e9,
            self.experiment.max_points,
            self.seed,
            level=_EACH,
        )

    @property
    def incidences(self) -> list[Incidence]:
        """The templates as the network sees them."""
        return [Incidence(t, self.base.readout) for t in self.task.templates]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The regular tokens, which strings share; `[CLS]` too where it is read."""
        appended = (CLS,) if self.base.readout == "cls" else ()
        return (*self.task.regular_tokens, *appended)

    def random(self, stream: int) -> np.random.Generator:
        """A stream of its own for each purpose."""
        return numpy_stream(stream, self.seed)

    def torch_random(self, stream: int) -> torch.Generator:
        """A stream of its own for each purpose, of torch's random numbers."""
        return torch_generator(int(seed_array((), stream, self.seed)))


def data_needed(setting: IdentitySetting, gram: TemplateMatrix) -> Interval:
    """Strings for the target error."""
    target = setting.experiment.target
    return sample_complexity(setting.task, target=target, gram=gram).interval


def interval_ratio(one: Interval, other: Interval) -> Interval:
    """One over the other, both positive; nothing is known where either is not."""
    level = one.level + other.level - 1
    if not (math.isfinite(one.value) and 0 < other.value < math.inf):
        return Interval(1.0, 0.0, math.inf, level)
    high = one.high / other.low if other.low > 0 else math.inf
    return Interval(one.value / other.value, one.low / other.high, high, level)
