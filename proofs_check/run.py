"""Running the checkers: every claim on its true instances and on its mutants."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, delayed, parallel_config

from numerics.protocols import Progress
from proofs_check.checker import Checker, Effort, Instance, Mutant
from proofs_check.seeds import derived_seed
from proofs_check.trial_store import TrialStore
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Entry, Ledger, Trial
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import positive_integer
from symbind_theory.version import __version__

__all__ = ["run_ledger", "run_on_task"]


@dataclass(frozen=True, slots=True)
class _Job:
    """One trial that the ledger asks for."""

    claim: str
    instance: Instance | Mutant
    effort: Effort
    seed: int

    @property
    def mutant(self) -> bool:
        """Whether the claim is false on it."""
        return isinstance(self.instance, Mutant)

    @property
    def key(self) -> str:
        """What a stored result must agree in."""
        kind = "mutant" if self.mutant else "instance"
        parts = (self.claim, kind, self.instance.name, self.effort, self.seed)
        return " | ".join(map(str, parts))

    def run(self) -> Trial:
        """The checker on the instance, and how long that took."""
        begun = time.perf_counter()
        report = self.instance.run(self.effort, self.seed)
        seconds = time.perf_counter() - begun
        mutant = self.instance if isinstance(self.instance, Mutant) else None
        return Trial(
            name=self.instance.name,
            expected=Outcome.HOLDS if mutant is None else Outcome.REFUTED,
            report=report,
            seconds=seconds,
            refuted_by=None if mutant is None else mutant.refuted_by,
        )


def run_ledger(
    checkers: Sequence[Checker],
    effort: Effort = Effort.STANDARD,
    seed: int = 0,
    *,
    jobs: int = 1,
    store: TrialStore | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Ledger:
    """Run each checker on everything that it comes with.

    Each trial has a stream of random numbers of its own, derived from the seed, the
    claim and the place of the instance: what else is run, where and in which order
    changes nothing.

    Args:
        checkers: one for each claim that is to be checked.
        effort: how much work goes into each estimate.
        seed: ≥ 0.
        jobs: processes to spread the trials over; -1 for one per core.
        store: keeps each trial as it finishes.
        resume: whether trials that the store has are taken from there.
        progress: called with (trials done, trials in all).

    Raises:
        InputError: a seed that is not an integer of at least 0.
    """
    positive_integer("seed", seed, low=0)
    planned = [job for checker in checkers for job in _jobs(checker, effort, seed)]
    done: dict[str, Trial] = {}
    if store is not None and resume:
        kept = ((job.key, store.get(job.key)) for job in planned)
        done = {key: trial for key, trial in kept if trial is not None}
    _finish(planned, done, jobs, store, progress)
    entries = tuple(_entry(checker.claim, planned, done) for checker in checkers)
    return Ledger(entries, effort.value, seed, __version__)


def run_on_task(
    task: TemplateTask,
    name: str,
    checkers: Sequence[Checker],
    effort: Effort = Effort.STANDARD,
    seed: int = 0,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Ledger:
    """Run each checker on one task, on which its claim is expected to hold.

    Args:
        task: a user's own.
        name: what the task is called in the ledger.
        checkers: those whose claims say something about the task.
        effort: how much work goes into each estimate.
        seed: ≥ 0, for every checker.
        jobs: processes to spread the checkers over; -1 for one per core.
        progress: called with (checkers done, checkers in all).

    Raises:
        InputError: a task that a checker cannot use, or a seed out of range.
    """
    positive_integer("seed", seed, low=0)
    planned = [
        _Job(checker.claim, Instance(name, checker.on_task(task)), effort, seed)
        for checker in checkers
    ]
    done: dict[str, Trial] = {}
    _finish(planned, done, jobs, None, progress)
    entries = tuple(_entry(checker.claim, planned, done) for checker in checkers)
    return Ledger(entries, effort.value, seed, __version__)


def _finish(
    planned: Sequence[_Job],
    done: dict[str, Trial],
    jobs: int,
    store: TrialStore | None,
    progress: Progress | None,
) -> None:
    """Run what is not done yet, and add it to what is."""
    advance = progress or (lambda done, total: None)
    advance(len(done), len(planned))
    waiting = [job for job in planned if job.key not in done]
    # A thread for each process: with more they would wait for each other.
    threads = parallel_config(backend="loky", inner_max_num_threads=1)
    with threads, warnings.catch_warnings():
        # A process that has grown is replaced between two trials, as it should be.
        warnings.filterwarnings("ignore", "A worker stopped while", UserWarning)
        finished: Any = Parallel(n_jobs=jobs, return_as="generator_unordered")(
            delayed(_run)(job) for job in waiting
        )
        for key, trial in finished:
            done[key] = trial
            if store is not None:
                store.put(key, trial)
            advance(len(done), len(planned))


def _run(job: _Job) -> tuple[str, Trial]:
    """A trial with its key: in other processes trials finish in any order."""
    return job.key, job.run()


def _jobs(checker: Checker, effort: Effort, seed: int) -> list[_Job]:
    """The checker's trials, each with a seed of its own."""
    instances: list[Instance | Mutant] = [*checker.instances, *checker.mutants]
    number = int(checker.claim.removeprefix("C"))
    return [
        _Job(checker.claim, instance, effort, derived_seed(seed, number, place))
        for place, instance in enumerate(instances)
    ]


def _entry(claim: str, jobs: list[_Job], done: dict[str, Trial]) -> Entry:
    """The finished trials of a claim, in their order."""
    of_claim = [job for job in jobs if job.claim == claim]
    return Entry(
        claim,
        instances=tuple(done[job.key] for job in of_claim if not job.mutant),
        mutants=tuple(done[job.key] for job in of_claim if job.mutant),
    )
