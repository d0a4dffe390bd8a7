"""The experiment "copying": do networks of some width copy symbols they have not seen?

    z1 = attention of H heads with their b, logits ⟨W_E[u], z1⟩ over all tokens

Without b the error grows with the width: what trains W_V and W_O on some symbols moves
them by n/(n + d) of what it would take for others. With b one number a head copies all.

Source: arXiv 2310.09753, on copying with symbolic labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator

from numerics.architecture import Architecture
from numerics.networks.copying_data import copying_strings
from numerics.networks.copying_network import CopyingShape, trained_copying
from numerics.sweeps.experiment import Axes, Measured, Presets
from numerics.sweeps.experiments.settings import Count, Flag, Number, Seed, Settings
from symbind_theory.library import builtin_task

__all__ = ["EXPERIMENT", "CopyingPoint", "copying_error"]


class CopyingPoint(Settings):
    """One network that is to copy."""

    task: str = Field(
        default="copy", description="the name of a built-in task that copies"
    )
    n: Count = Field(
        default=64,
        ge=2,
        description="training symbols, and again test symbols, an integer from 2",
    )
    width: Count = Field(
        ge=1, description="width of the embeddings, an integer of at least 1"
    )
    heads: Count = Field(default=4, ge=1, description="an integer of at least 1")
    head_width: Count = Field(default=16, ge=1, description="an integer of at least 1")
    gamma: Number = Field(
        default=0.0, ge=0, description="scale of the positions, a number of at least 0"
    )
    identity_vo: Flag = Field(
        default=False, description="true where each head's b is trained"
    )
    seed: Seed = Field(
        default=0, ge=0, description="the network's seed, an integer of at least 0"
    )

    @field_validator("task", mode="after")
    @classmethod
    def _copies(cls, name: str) -> str:
        copying_strings(builtin_task(name), 64)
        return name


def copying_error(settings: CopyingPoint) -> Measured:
    """Train one network to copy; its share of wrong symbols among the unseen ones.

    Args:
        settings: the point.
    """
    trained = trained_copying(
        copying_strings(builtin_task(settings.task), settings.n),
        Architecture(gamma=settings.gamma),
        CopyingShape(settings.width, settings.heads, settings.head_width),
        networks=1,
        seed=settings.seed,
        identity_vo=settings.identity_vo,
    )
    return {
        "test_error": 1 - float(trained.accuracies[0]),
        "train_error": 1 - float(trained.train_accuracies[0]),
        "steps": int(trained.steps[0]),
    }


@dataclass(frozen=True)
class _Copying:
    name: str = "copying"
    settings: type[CopyingPoint] = CopyingPoint
    axes: Axes = ("width", "test_error", "identity_vo")

    @property
    def presets(self) -> Presets:
        return {}

    def measure(self, settings: Any) -> Measured:
        return copying_error(settings)

    def operations(self, settings: Any) -> float:
        # Four hundred steps at most, of embeddings and four matrices a head.
        inner = settings.heads * settings.head_width
        return 1200.0 * settings.n * settings.width * (8 * inner + 4 * settings.n)


EXPERIMENT = _Copying()
"""What sweep files call "copying"."""
