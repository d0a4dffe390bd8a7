"""Settings that experiments share: the task and its strings, and how to train.

Source: symbind.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from numerics.networks.optimisers import (
    OPTIMISERS,
    SINGLE_OPTIMISERS,
    check_options,
)
from numerics.networks.unseen_strings import UnseenSymbols, unseen_symbols
from numerics.sweeps.experiment import nearest
from symbind_theory.library import builtin_task
from symbind_theory.library.random_family import random_task
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, shorten

__all__ = [
    "Count",
    "Flag",
    "Number",
    "RandomTask",
    "Seed",
    "Settings",
    "TaskSettings",
    "TrainingSettings",
]

Count = Annotated[int, Field(strict=True, le=10**9)]
"""A whole number of things: neither a truth value nor text, and not without bound."""

Seed = Annotated[int, Field(strict=True, le=2**63 - 1)]
"""What a generator takes as its seed."""

# Above it no training and no kernel has finite numbers in float32.
Number = Annotated[float, Field(strict=True, ge=-1e18, le=1e18)]
"""A finite number: neither a truth value nor text."""

Flag = Annotated[bool, Field(strict=True)]
"""A truth value, and nothing that could be read as one."""


class Settings(BaseModel):
    """Frozen, and with no other fields than those that are declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="after")
    @classmethod
    def _one_zero(cls, value: Any) -> Any:
        """-0.0 is 0.0: equal points have equal ids."""
        return 0.0 if isinstance(value, float) and value == 0 else value


class RandomTask(Settings):
    """Templates drawn at random, labelled ±1 in turn (`random_task`)."""

    length: Count = Field(
        default=5, ge=1, description="tokens of a string, an integer of at least 1"
    )
    wildcards: Count = Field(
        default=3,
        ge=0,
        description="how many wildcards a template may have, an integer of at least 0",
    )
    regular_tokens: Count = Field(
        default=2,
        ge=0,
        description="how many regular tokens there are, an integer of at least 0",
    )
    count: Count = Field(
        default=4, ge=1, description="how many templates, an integer of at least 1"
    )
    seed: Seed = Field(
        default=0, ge=0, description="the seed of the draw, an integer of at least 0"
    )


class TaskSettings(Settings):
    """A task, and how many strings of it are drawn."""

    task: str | tuple[str, ...] | RandomTask = Field(
        description="the name of a built-in task, lines such as '?a ?a -> 1', or a "
        "table of numbers for random templates"
    )
    n: Count = Field(ge=1, description="training strings, an integer of at least 1")
    vocabulary: Count | None = Field(
        default=None,
        ge=1,
        description="symbols of the training strings, an integer of at least 1; n "
        "where left out",
    )
    held_out: Count = Field(
        default=512,
        ge=1,
        description="validation strings, and again test strings, an integer of at "
        "least 1",
    )
    noise: Number = Field(
        default=0.0,
        ge=0,
        description="standard deviation of the training labels' noise, a number of at "
        "least 0",
    )
    seed: Seed = Field(
        default=0,
        ge=0,
        description="the seed of strings, weights and their order, an integer of at "
        "least 0",
    )

    @field_validator("task", mode="after")
    @classmethod
    def _known(cls, task: Any) -> Any:
        # A name or a line that is wrong is said when the file is read.
        _read(task)
        return task

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        """Refuse noise on labels that are tokens, and symbols too few to be drawn."""
        templates = self.template_task().templates
        least = max(len(template.wildcards) for template in templates)
        if self.vocabulary is not None and self.vocabulary < least:
            raise InputError(
                f"vocabulary is {self.vocabulary} for templates of up to {least} "
                f"wildcards; expected at least {least}"
            )
        return self

    def streams(self, count: int) -> list[int]:
        """Seeds of so many streams, for all that is drawn beside the strings."""
        words = np.random.SeedSequence(self.seed).generate_state(count, np.uint32)
        return [int(word) for word in words]

    def strings(self) -> UnseenSymbols:
        """Training, validation and test strings of the task."""
        return unseen_symbols(
            self.template_task(),
            self.n,
            self.seed,
            vocabulary=self.vocabulary,
            held_out=self.held_out,
        )

    def template_task(self) -> TemplateTask:
        """The task, with the noise of these settings."""
        task = _read(self.task)
        return task.with_noise(self.noise) if self.noise else task


def _read(task: str | tuple[str, ...] | RandomTask) -> TemplateTask:
    if isinstance(task, RandomTask):
        return _random(tuple(task.model_dump().items()))
    return _written(task)


# The thousands of points of a sweep have few tasks.
@cache
def _random(numbers: tuple[tuple[str, int], ...]) -> TemplateTask:
    return random_task(**dict(numbers))


@cache
def _written(task: str | tuple[str, ...]) -> TemplateTask:
    return builtin_task(task) if isinstance(task, str) else TemplateTask.parse(task)


class TrainingSettings(Settings):
    """Optimiser, and how long it goes on: `Training` and `Schedule` have the words."""

    epochs: Count = Field(
        default=1000,
        ge=1,
        description="passes over the strings at most, an integer of at least 1",
    )
    look_every: Count = Field(
        default=10,
        ge=1,
        description="epochs between looks at the errors, an integer of at least 1",
    )
    patience: Count | None = Field(
        default=None,
        ge=1,
        description="epochs without a better validation error, an integer of at least "
        "1",
    )
    improvement: Number = Field(
        default=0.0,
        ge=0,
        description="fall that counts as better for patience, a number of at least 0",
    )
    enough: Number | None = Field(
        default=None,
        ge=0,
        description="a training loss at which training ends, a number of at least 0",
    )
    batch_size: Count = Field(
        default=1024,
        ge=1,
        description="strings in a batch at most, an integer of at least 1",
    )
    learning_rate: Number = Field(default=1e-3, gt=0, description="a number above 0")
    optimiser: str = Field(default="adam", description="the name of an optimiser")
    decay: Number = Field(
        default=0.0, ge=0, description="weight decay, a number of at least 0"
    )
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="'cpu' or 'cuda'")
    mixed: Flag = Field(
        default=False, description="true for products in bfloat16, on 'cuda' alone"
    )

    @field_validator("optimiser", mode="after")
    @classmethod
    def _optimiser(cls, name: str) -> str:
        known = [*OPTIMISERS, *SINGLE_OPTIMISERS]
        if name not in known:
            raise InputError(
                f"optimiser is {shorten(name)}; expected {nearest(name, known)}"
            )
        return name

    @model_validator(mode="after")
    def _together(self) -> Self:
        check_options(self.optimiser, self.decay, {})
        if self.mixed and self.device == "cpu":
            raise InputError("mixed is true on the CPU; expected device = 'cuda' too")
        return self
