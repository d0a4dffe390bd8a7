"""The race: what it finds against every point of its grid, and against made-up ones."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.builders.toy_advice import toy_candidate
from symbind_testing.tasks import COPY, SAME_DIFFERENT

from numerics import Architecture, Precision, advise, sample_complexity, template_gram
from numerics.learning import advice as race
from numerics.learning.grid import Grid
from symbind_theory import InputError, TemplateTask
from symbind_theory.interval import Interval

OVER = {"gamma": [0.5, 1.0, 2.0], "identity_vo": [0.0, 1.0]}
QUICK = Precision(rel_tol=0.05, max_points=2**10)


@pytest.fixture(scope="module")
def found():
    return advise(SAME_DIFFERENT, over=OVER, precision=QUICK)


@pytest.fixture(scope="module")
def brute():
    """The strings that each architecture of the grid needs, from other points."""
    needed = {}
    for gamma, b in product(*OVER.values()):
        gram = template_gram(
            SAME_DIFFERENT.templates,
            Architecture(gamma=gamma, identity_vo=b),
            rel_tol=1e-2,
            max_points=2**11,
            seed=71,
        )
        record = gram.architecture.record()
        needed[record] = sample_complexity(SAME_DIFFERENT, gram=gram)
    return needed


def test_the_best_is_the_best_of_all(found, brute):
    least = min(brute, key=lambda record: brute[record].n)
    assert found.best.architecture == least
    assert found.tied == 0


def test_every_interval_agrees_with_other_points(found, brute):
    """Two intervals of one number overlap.

    Chance in n_i = n/2 strings multiplies an error that falls as n_i⁻² by 1 + 3/n_i
    and terms beyond, and the strings needed by its root: by less than 1 + 4/n, which
    mean counts leave out.
    """
    shown = [*found.ranked, *(c.candidate for c in (*found.changes, *found.choices))]
    for candidate in shown:
        other = brute[candidate.architecture].interval
        chance = 1 + 4 / other.low if candidate.counts == "expected" else 1.0
        mine = candidate.strings.interval
        assert mine.low <= other.high
        assert other.low <= mine.high * chance


def test_nobody_who_was_left_is_better(found, brute):
    best = found.best.strings.interval
    others = [brute[r].interval.high for r in brute if r != found.best.architecture]
    assert best.low <= min(others)


def test_what_is_counted(found):
    assert found.tried == 6
    assert found.proved == 0
    assert 0 < found.left < 6
    assert found.base.architecture == Architecture().record()
    assert [c.parameter for c in found.changes] == [
        "gamma",
        "gamma",
        "identity_vo",
    ]
    assert len(found.choices) == 5
    values = [c.strings.interval.value for c in found.ranked if c.counts == "random"]
    assert values == sorted(values)


def test_the_best_at_an_end_is_said(found):
    """γ = 2 is the largest; b = 0 is off, which is no end."""
    assert found.best.architecture.gamma == 2.0
    assert found.edges == ("gamma",)
    inside = Grid(Architecture(), {"gamma": (1.0, 2.0, 4.0), "readout": ("cls",)})
    assert race._edges(inside, found.best.architecture) == ()


def test_the_same_seed_finds_the_same():
    over = {"beta": [2.0]}
    rough = Precision(rel_tol=0.5, max_points=256, seed=3)
    first = advise(SAME_DIFFERENT, over=over, precision=rough)
    assert advise(SAME_DIFFERENT, over=over, precision=rough) == first
    assert advise(SAME_DIFFERENT, over=over, precision=replace(rough, seed=4)) != first


def test_architectures_that_collapse_cost_nothing():
    """Without positions the two templates have one row of N."""
    task = TemplateTask(["?a ?b ?a", "?a ?b ?b"], [1, -1])
    advice = advise(task, over={"gamma": [0.0, 1.0]}, precision=QUICK)
    assert advice.proved == 1
    flat = next(c for c in advice.ranked if c.architecture.gamma == 0)
    assert (flat.points, flat.strings.n) == (0, None)
    assert advice.ranked[-1] == flat


def test_a_grid_on_which_nothing_learns_has_its_answer():
    task = TemplateTask(["?a X", "?b X"], [1, -1])
    advice = advise(task, over={"beta": [1.0, 2.0]}, precision=QUICK)
    assert advice.best.strings.n is None
    assert (advice.proved, advice.left, advice.tied) == (2, 0, 1)


def test_progress_rises_to_its_end():
    seen = []
    advise(
        SAME_DIFFERENT,
        over={"beta": [1.0, 2.0]},
        precision=QUICK,
        progress=lambda done, total: seen.append((done, total)),
    )
    dones = [done for done, _ in seen]
    assert dones == sorted(dones)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1]


def test_symbolic_labels_and_targets_of_nothing_are_refused():
    with pytest.raises(InputError, match=r"^labels are symbolic"):
        advise(COPY)
    with pytest.raises(InputError, match=r"^target is 0; expected"):
        advise(SAME_DIFFERENT, 0)


class MadeUp:
    """Estimates of made-up truths: intervals that cover, narrower with more points."""

    def __init__(self, truths, seed):
        self.truths = truths
        self.generator = np.random.default_rng(seed)
        self.points = 0
        self.calls = 0

    def of(self, architectures, points=2**14, counts="random"):
        self.points += points * len(architectures)
        self.calls += len(architectures)
        return {a: self.candidate(a, points, counts) for a in architectures}

    def candidate(self, architecture, points, counts):
        truth = self.truths[architecture]
        spread = 8 / math.sqrt(points)
        centre = truth * math.exp(spread * self.generator.uniform(-0.9, 0.9))
        ends = centre * math.exp(-spread), centre * math.exp(spread)
        interval = Interval(centre, *ends)
        made = toy_candidate(math.ceil(truth), architecture, counts=counts)
        return replace(made, strings=replace(made.strings, interval=interval))


def raced(needed, seed):
    """A race of made-up truths, with its architectures in their order."""
    architectures = [Architecture(beta=1.0 + i) for i in range(len(needed))]
    estimates = MadeUp(dict(zip(architectures, needed, strict=True)), seed)
    ran = race._race(architectures, race._quotas(len(needed)), estimates.of)
    return ran, architectures, estimates.calls


@given(
    st.lists(st.floats(10, 1e6), min_size=1, max_size=race._RANKED, unique=True),
    st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=30)
def test_the_true_best_is_never_left(needed, seed):
    """Where every interval covers, and all may stay."""
    ran, architectures, _ = raced(needed, seed)
    assert architectures[needed.index(min(needed))] in ran.last


def test_a_race_that_leaves_by_values_would_leave_the_true_best(monkeypatch):
    def by_value(running, found):
        best = min(found[a].strings.interval.value for a in running)
        near = [a for a in running if found[a].strings.interval.value <= 1.05 * best]
        return sorted(near, key=lambda a: race._order(found[a]))

    monkeypatch.setattr(race, "_contenders", by_value)
    needed = [1000.0 * 1.1**i for i in range(race._RANKED)]
    runs = [raced(needed, seed) for seed in range(50)]
    assert any(architectures[0] not in ran.last for ran, architectures, _ in runs)


@given(
    st.lists(st.floats(10, 1e6), min_size=1, max_size=200, unique=True),
    st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=30)
def test_the_true_best_of_many_wins_or_is_counted_as_a_tie(needed, seed):
    """However many quotas turn away; the work is bounded beforehand."""
    ran, architectures, calls = raced(needed, seed)
    ranked = ran.ranked()
    if ranked[0].architecture != architectures[needed.index(min(needed))].record():
        assert race._tied(ranked) > 0
    assert len(ranked) == len(needed)
    assert calls <= len(needed) + sum(race._quotas(len(needed))) + race._RANKED


def test_one_number_is_told_of_the_base_and_of_its_changes(found):
    """Those that the race left are estimated precisely beside it."""
    told = {}
    for candidate in (
        found.base,
        *found.ranked,
        *(choice.candidate for choice in (*found.changes, *found.choices)),
    ):
        assert told.setdefault(candidate.architecture, candidate) == candidate
    assert told[found.base.architecture].counts == "random"
    assert found.base in found.ranked
    assert found.base != found.best


def test_a_precise_candidate_is_ranked_among_precise_ones():
    """Where it needs no more strings than one of the last stage, else behind them."""
    first, last, base, rough, other = [Architecture(beta=1.0 + i) for i in range(5)]
    needed = {first: 100, last: 200, base: 400, rough: 90}
    race_before = race._Race(
        {a: toy_candidate(n, a) for a, n in needed.items()}, [first, last], left=0
    )
    for strings, place in ((150, 1), (300, 3)):
        precise = {base: toy_candidate(strings, base), other: toy_candidate(1, other)}
        ranked = race_before.beside(precise).ranked()
        assert ranked[place] == precise[base]
        assert len(ranked) == len(needed)


def test_ties_are_counted_among_all_and_not_the_ranked_alone():
    """Twelve alike, and ten are ranked."""
    alike = [toy_candidate(100, Architecture(beta=1.0 + i)) for i in range(12)]
    assert race._tied([*alike, toy_candidate(1000)]) == 11
