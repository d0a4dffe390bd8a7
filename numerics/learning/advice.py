"""Which architecture needs the fewest strings for a task.

The race over a grid of architectures is bounded beforehand:

1. Where templates with different labels have one row of N, no number of strings is
   enough. That is decided exactly, and costs nothing.
2. All others are estimated from few points, by the closed form at mean counts. One is
   left where even the lower end of its interval is above twice the best's upper end.
   Twice, since counts are random: that multiplies the strings needed by less, once a
   data set is sure to have every template.
3. The rest is estimated again from four times the points, at most a quarter of those
   before, and so on: each stage has at most as many points as the first.
4. The last few are estimated with random counts, as `sample_complexity` does.

Each interval is at level 1 − (1 − level)/m, m the number of intervals in all: with
probability `level` all of them cover, those of the candidates that were left too.

Source: symbind; Karnin, Koren & Somekh 2013 (sequential halving).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from numerics.architecture import Architecture, read_architecture
from numerics.learning.curves import DEFAULT_ALPHA, task_regression
from numerics.learning.grid import (
    DEFAULT_VALUES,
    Grid,
    Precision,
    estimated,
    read_grid,
    read_precision,
)
from numerics.learning.random_counts import Counting
from numerics.learning.strings_needed import least_error, sample_complexity
from numerics.protocols import AttentionMatrix, Progress
from numerics.terminal import terminal_progress
from symbind_theory.interval import Interval
from symbind_theory.records.advice import Advice, Candidate, Choice, Parameter
from symbind_theory.records.architecture import ArchitectureRecord
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.task_lines import TaskInput, read_task
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import check_callback, finite_number

__all__ = ["LAST_STAGE", "advise"]

LAST_STAGE = Precision(rel_tol=1e-2, max_points=2**14)
"""How the last few candidates are estimated where nobody says how."""

_ROUGH = 256
_GROWTH = 4
_STAGES = 4
# So many are always estimated again, and so many are ranked in the end.
_LEAST = 16
_RANKED = 10
_TWICE = 2.0


def advise(
    task: TaskInput,
    target: float = 0.01,
    over: Mapping[str, Sequence[Any]] | None = None,
    *,
    architecture: Architecture | None = None,
    alpha: float = DEFAULT_ALPHA,
    precision: Precision | None = None,
    progress: Progress | None = None,
) -> Advice:
    """Rank architectures by the training strings that they need for a target error.

    >>> from symbind_theory import TemplateTask
    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> advice = advise(task, over={"beta": [0.25, 1.0], "readout": ["cls", "last"]})
    >>> advice.best.architecture.beta, advice.best.architecture.readout
    (1.0, 'cls')

    Args:
        task: a task with real labels, or lines such as "?a ?a -> 1".
        target: mean squared error aimed at on unseen symbols, > 0.
        over: for each parameter that is varied, a list of values: "readout", "beta",
            "gamma", "activation" (objects or names), "identity_kq", "identity_vo".
            When None `numerics.learning.grid.DEFAULT_VALUES`, 768 architectures. Widen
            it where `edges` names a parameter of the best.
        architecture: has the values of all parameters that are not varied, and is what
            single changes are counted from; `Architecture()` when None.
        alpha: ridge λ > 0, the same for all: kernels of different scale feel it
            differently. Raise it for noisy labels.
        precision: of the last stage, `LAST_STAGE` when None; its level is that of all
            intervals together. Raise `max_points` and lower `rel_tol` where the best
            ones tie.
        progress: called with (estimates done, estimates at most); on a terminal a bar
            is drawn when None.

    Raises:
        InputError: symbolic labels, a value that no architecture takes, or a number out
            of range.
    """
    finite_number("target", target, low=0, strict=True)
    check_callback("progress", progress)
    task = read_task(task)
    task_regression(task, alpha)
    base = read_architecture(architecture)
    grid = read_grid(DEFAULT_VALUES if over is None else over, base)
    precision = read_precision(precision, LAST_STAGE)
    if progress is None:
        with terminal_progress("comparing architectures", "estimates") as bar:
            return _advice(task, target, alpha, grid, precision, bar)
    return _advice(task, target, alpha, grid, precision, progress)


def _advice(
    task: TemplateTask,
    target: float,
    alpha: float,
    grid: Grid,
    precision: Precision,
    progress: Progress,
) -> Advice:
    """Race the grid's architectures, then set its base and single changes beside."""
    quotas = _quotas(len(grid.architectures))
    near = (grid.base, *(architecture for _, architecture in grid.changes))
    most = len(grid.architectures) + sum(quotas) + _RANKED + len(near)
    done = count(1)
    estimates = _Estimates(
        task=task,
        target=target,
        alpha=alpha,
        precision=precision,
        each=1 - (1 - precision.level) / most,
        tick=lambda: progress(next(done), most),
    )
    race = _race(grid.architectures, quotas, estimates.of)
    around = {a: race.found[a] for a in near if race.precise(a)}
    around |= estimates.of([a for a in near if a not in around])
    race = race.beside(around)
    progress(most, most)
    ranked = race.ranked()
    return Advice(
        base=around[grid.base],
        ranked=ranked[:_RANKED],
        changes=tuple(Choice(name, around[a]) for name, a in grid.changes),
        choices=_choices(grid, race.found),
        edges=_edges(grid, ranked[0].architecture),
        tried=len(ranked),
        proved=sum(candidate.points == 0 for candidate in ranked),
        left=race.left,
        tied=_tied(ranked),
        level=precision.level,
    )


def _quotas(candidates: int) -> list[int]:
    """How many candidates are estimated at most in each stage after the first."""
    shares = (candidates // _GROWTH**stage for stage in range(1, _STAGES))
    return [min(candidates, max(_LEAST, share)) for share in shares]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Estimates:
    """What every candidate is estimated for, and how.

    Attributes:
        task: the task.
        target: error aimed at.
        alpha: ridge.
        precision: of the last stage; its level is that of all intervals together.
        each: level at which one interval is computed.
        tick: called after each estimate.
    """

    task: TemplateTask
    target: float
    alpha: float
    precision: Precision
    each: float
    tick: Callable[[], None]

    def of(
        self,
        architectures: Sequence[Architecture],
        points: int | None = None,
        counts: Counting = "random",
    ) -> dict[Architecture, Candidate]:
        """The strings that each architecture needs.

        Args:
            architectures: in an order in which b and the activation vary fastest.
            points: at most; those of the last stage when None.
            counts: as `sample_complexity` takes them.
        """
        proved = {a for a in architectures if self._none(a)}
        found = {a: self._candidate(a, None, counts) for a in proved}
        most = self.precision.max_points
        precision = replace(
            self.precision, max_points=min(points or most, most), level=self.each
        )
        rest = [a for a in architectures if a not in proved]
        for architecture, gram in estimated(self.task.templates, rest, precision):
            found[architecture] = self._candidate(architecture, gram, counts)
            self.tick()
        return found

    def _none(self, architecture: Architecture) -> bool:
        """Whether no number of strings is enough, by proof."""
        least = least_error(self.task, architecture.record(), self.alpha)
        return least > self.target

    def _candidate(
        self, architecture: Architecture, gram: AttentionMatrix | None, counts: Counting
    ) -> Candidate:
        if gram is None:
            never = Interval(math.inf, math.inf, math.inf, self.precision.level)
            strings = SampleComplexity(None, never, self.target, self.alpha)
        else:
            strings = sample_complexity(
                self.task,
                target=self.target,
                alpha=self.alpha,
                counts=counts,
                seed=self.precision.seed,
                gram=gram,
            )
            together = replace(strings.interval, level=self.precision.level)
            strings = replace(strings, interval=together)
        return Candidate(
            architecture=architecture.record(),
            strings=strings,
            counts=counts,
            points=0 if gram is None else gram.points,
        )


@dataclass(frozen=True, slots=True)
class _Race:
    """How the race came out.

    Attributes:
        found: every candidate as it was estimated last.
        last: those of the last stage.
        left: how many were left after the first.
    """

    found: Mapping[Architecture, Candidate]
    last: Sequence[Architecture]
    left: int

    def precise(self, architecture: Architecture) -> bool:
        """Whether the architecture came to the last stage."""
        return architecture in self.last

    def beside(self, precise: Mapping[Architecture, Candidate]) -> _Race:
        """The race with candidates that were estimated precisely for another reason.

        One number is told of each. Those that need no more strings than one of the
        last stage are ranked among these.

        Args:
            precise: candidates, and others, estimated as in the last stage.
        """
        found = {a: precise.get(a, candidate) for a, candidate in self.found.items()}
        most = max(map(_order, (found[a] for a in self.last)), default=(0.0, 0.0))
        near = [a for a in precise if a in found and _order(found[a]) <= most]
        return replace(self, found=found, last=(*self.last, *near))

    def ranked(self) -> tuple[Candidate, ...]:
        """All candidates, those of the last stage first, the fewest strings first."""
        order = sorted(
            self.found, key=lambda a: (a not in self.last, _order(self.found[a]))
        )
        return tuple(self.found[a] for a in order)


def _race(
    architectures: Sequence[Architecture],
    quotas: Sequence[int],
    estimate: Callable[..., dict[Architecture, Candidate]],
) -> _Race:
    """All stages, from few points for all to many points for the last few.

    Args:
        architectures: the candidates.
        quotas: how many are estimated at most in each stage after the first.
        estimate: from architectures, points and counts to candidates.
    """
    found = estimate(architectures, _ROUGH, "expected")
    running = [a for a in architectures if found[a].points]
    after_first = len(running)
    for stage, quota in enumerate(quotas, start=1):
        near = _contenders(running, found)
        if stage == 1:
            after_first -= len(near)
        # In the grid's order, so that features are shared.
        chosen = set(near[:quota])
        running = [a for a in running if a in chosen]
        found |= estimate(running, _ROUGH * _GROWTH**stage, "expected")
    chosen = set(_contenders(running, found)[:_RANKED])
    last = [a for a in running if a in chosen]
    found |= estimate(last)
    return _Race(found, last, after_first)


def _contenders(
    running: Sequence[Architecture], found: Mapping[Architecture, Candidate]
) -> list[Architecture]:
    """Those that may still need the fewest strings, the fewest first."""
    if not running:
        return []
    best = min(found[a].strings.interval.high for a in running)
    near = [a for a in running if found[a].strings.interval.low <= _TWICE * best]
    return sorted(near, key=lambda a: _order(found[a]))


def _order(candidate: Candidate) -> tuple[float, float]:
    interval = candidate.strings.interval
    return interval.value, interval.low


def _tied(ranked: Sequence[Candidate]) -> int:
    """How many candidates' intervals reach into that of the best, besides itself."""
    most = ranked[0].strings.interval.high
    return sum(c.strings.interval.low <= most for c in ranked) - 1


def _choices(grid: Grid, found: Mapping[Architecture, Candidate]) -> tuple[Choice, ...]:
    """For each value of each parameter the best candidate that has it."""
    choices = []
    for name, values in grid.values.items():
        for value in values:
            having = (found[a] for a in found if getattr(a, name) == value)
            choices.append(Choice(name, min(having, key=_order)))
    return tuple(choices)


def _edges(grid: Grid, best: ArchitectureRecord) -> tuple[Parameter, ...]:
    """Parameters of which the best has the least or the largest of several numbers.

    Zero is none: it is the least there is, or switches a parameter off.
    """
    edges: list[Parameter] = []
    for name, values in grid.values.items():
        own = getattr(best, name)
        numbers = len(values) > 1 and isinstance(own, float)
        if numbers and own and own in (min(values), max(values)):
            edges.append(name)
    return tuple(edges)
