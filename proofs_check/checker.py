"""What a claim's module hands to the ledger: its checker, and what that runs on.

Below its checker the module of a claim has, in this order,

- `SIZES`, a `ByEffort` of frozen records: every number that grows with the effort, the
  three efforts side by side. The record is one that the checker takes as it is, or
  `_Sizes`, whose attributes say what each number counts. What no effort changes is a
  constant beside the task that it belongs to;
- a function for each trial, from an effort and a seed. It reads `SIZES[effort]`, and
  asks nothing else of the effort;
- `CHECKER`, with these functions as true instances and mutants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from symbind_theory.records.claims import claim
from symbind_theory.records.ledger import Report
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, one_of, shorten

__all__ = ["ByEffort", "Checker", "Effort", "Instance", "Mutant"]

S = TypeVar("S")


class Effort(StrEnum):
    """How much work the ledger puts into each estimate."""

    QUICK = "quick"
    STANDARD = "standard"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class ByEffort(Generic[S]):
    """Sizes of a claim's trials at each effort.

    >>> sizes = ByEffort(quick=100, standard=200, full=400)
    >>> sizes[Effort.STANDARD], sizes["full"]
    (200, 400)

    Attributes:
        quick: for a ledger of two minutes.
        standard: for the numbers of the documentation.
        full: for a ledger that may take hours.
    """

    quick: S
    standard: S
    full: S

    def __getitem__(self, effort: str) -> S:
        """The sizes that go with an effort, or with its name.

        Raises:
            InputError: no such effort.
        """
        return getattr(self, one_of("effort", effort, [e.value for e in Effort]))


@dataclass(frozen=True, slots=True)
class Instance:
    """A task, an architecture and settings that a checker runs on.

    Attributes:
        name: what it is, in a few words.
        run: the checker on it, from an effort and a seed. What grows with the effort is
            read from `SIZES` of the claim's module; all random numbers follow from the
            seed, as `proofs_check.seeds` says.
    """

    name: str
    run: Callable[[Effort, int], Report]


@dataclass(frozen=True, slots=True)
class Mutant:
    """An instance on which the claim is false, and the finding that has to say so.

    Attributes:
        name: what was changed, in a few words.
        run: the checker on it, from an effort and a seed, as for an `Instance`.
        refuted_by: words of the statement that must be refuted. A checker that refutes
            another statement only has not seen what was changed.

    Raises:
        InputError: no words, which any statement would contain.
    """

    name: str
    run: Callable[[Effort, int], Report]
    refuted_by: str

    def __post_init__(self) -> None:
        if not self.refuted_by.strip():
            raise InputError(
                f"refuted_by of the mutant {shorten(self.name)} is empty; expected "
                "words of the statement that must be refuted"
            )


@dataclass(frozen=True, slots=True)
class Checker:
    """The checker of one claim.

    Attributes:
        claim: an id of `symbind_theory.records.claims`.
        check: the function that users call on their own task.
        instances: on which the claim must hold.
        mutants: on which it must be refuted: a checker that cannot fail says nothing.
        silent: why the claim says nothing about a task, or None where it does say
            something. The checker refuses a task with the same words.
        options: what the checker is given besides, where it runs on a user's own task.
    """

    claim: str
    check: Callable[..., Report]
    instances: tuple[Instance, ...]
    mutants: tuple[Mutant, ...]
    silent: Callable[[TemplateTask], str | None] = lambda task: None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        claim(self.claim)
        if not self.instances or not self.mutants:
            raise InputError(
                f"the checker of {self.claim} has {len(self.instances)} instances and "
                f"{len(self.mutants)} mutants; expected at least one of each"
            )

    def on_task(self, task: TemplateTask) -> Callable[[Effort, int], Report]:
        """The checker on a user's own task, from an effort and a seed.

        Args:
            task: one that the claim says something about.
        """
        return lambda effort, seed: self.check(
            task, effort=effort, seed=seed, **self.options
        )
