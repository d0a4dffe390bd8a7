"""C4: exact collision chances by enumeration, distances by overlap type, failures."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations, product
from math import perm
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.tasks import same_different

from numerics import Architecture, string_gram, template_gram
from numerics.overlap_types import OverlapTypes
from numerics.strings.one_layer_kernel import OneLayerKernel
from proofs_check.claims.block_structure import block_structure, share_probability
from proofs_check.judgements import TEST_LEVEL
from symbind_theory import InputError, Outcome, TemplateTask, builtin_task
from symbind_theory.overlaps import overlap_types
from symbind_theory.strategies import tasks

SAME_DIFFERENT = same_different([2, 1])
MIXED = TemplateTask(["?a X ?b", "?a X ?a", "X X X"], [1, -1, 0])
BLOCKS = template_gram(SAME_DIFFERENT.templates, level=TEST_LEVEL)


def estimate(report, start):
    """The estimate of the only finding whose statement begins so."""
    (found,) = (f for f in report.findings if f.statement.startswith(start))
    assert found.estimate is not None
    return found.estimate


@settings(max_examples=40)
@given(tasks(max_length=3, max_templates=3), st.integers(0, 2))
def test_chance_of_a_shared_symbol_is_that_of_all_substitutions(task, more):
    counts = [len(t.wildcards) for t in task.templates]
    vocabulary = max(1, *counts) + more
    images = [list(map(set, permutations(range(vocabulary), w))) for w in counts]
    expected = sum(
        p * q * Fraction(sum(bool(a & b) for a, b in product(x, y)), len(x) * len(y))
        for p, x in zip(task.weights, images, strict=True)
        for q, y in zip(task.weights, images, strict=True)
    )
    found = share_probability(task, vocabulary)
    assert found == expected
    if max(counts):
        mean = sum(p * w for p, w in zip(task.weights, counts, strict=True))
        assert found <= mean / Fraction(task.diversity(vocabulary))


@pytest.mark.parametrize(
    ("task", "readout"),
    [(SAME_DIFFERENT, "mean"), (SAME_DIFFERENT, "last"), (MIXED, "cls")],
)
def test_no_collision_moves_an_entry_by_more_than_the_excess_allows(task, readout):
    architecture = Architecture(beta=2.0, readout=readout)
    gram = template_gram(task.templates, architecture, rel_tol=0.05)
    for (i, t), (j, u) in product(enumerate(task.templates), repeat=2):
        bound = np.sqrt(gram.excess[i] * gram.excess[j])
        for kind in overlap_types(t, u):
            values = string_gram(kind.strings(), architecture, points=2**12)
            moved = abs(values.matrix[0, 1] - gram.matrix[i, j])
            width = values.halfwidth["matrix"][0, 1] + gram.halfwidth["matrix"][i, j]
            assert moved <= bound + width


def expected_distance(task, architecture, vocabulary):
    """E|K − N| from the chance of every overlap type and another kernel estimate."""
    patterns = [t.canonical() for t in task.templates]
    gram = OneLayerKernel(architecture, points=2**13, seed=9).gram(patterns)
    total = 0.0
    for i, j in product(range(len(patterns)), repeat=2):
        kinds = list(overlap_types(patterns[i], patterns[j]))
        values = gram.values(OverlapTypes.of(kinds, patterns)).value
        w, v = (len(patterns[n].wildcards) for n in (i, j))
        for kind, value in zip(kinds, values.tolist(), strict=True):
            chance = perm(vocabulary - w, v - kind.size) / perm(vocabulary, v)
            pair = float(task.weights[i] * task.weights[j])
            total += pair * chance * abs(value - values[0])
    return total


def test_distance_is_that_of_the_overlap_types():
    report = block_structure(
        SAME_DIFFERENT, vocabularies=[5, 20], sets=12, blocks=BLOCKS, seed=4
    )
    assert report.outcome is Outcome.HOLDS
    for vocabulary in (5, 20):
        found = estimate(report, f"mean |K − N| at V = {vocabulary}")
        exact = expected_distance(SAME_DIFFERENT, Architecture(), vocabulary)
        # Errors of single entries, all of which count as positive, add 1 % or so.
        assert found.low < 1.02 * exact
        assert found.high > 0.98 * exact


def test_templates_without_wildcards_may_be_among_the_others():
    report = block_structure(MIXED, vocabularies=[10], sets=16, seed=1)
    assert report.outcome is Outcome.HOLDS
    share = estimate(report, "pairs that share a symbol")
    assert share.contains(float(share_probability(MIXED, 10)))


@pytest.mark.parametrize(
    ("options", "refuted"),
    [
        (
            {
                "architecture": Architecture(beta=2.0),
                "blocks": replace(BLOCKS, architecture=Architecture(beta=2.0)),
            },
            {"entries"},
        ),
        ({"vocabularies": [40, 6]}, {"its fall"}),
        (
            {"vocabularies": [6, 20], "diversity": [50, 500]},
            {"pairs", "mean |K − N|"},
        ),
    ],
)
def test_every_finding_can_fail(options, refuted):
    options = {"blocks": BLOCKS, **options}
    report = block_structure(SAME_DIFFERENT, sets=16, seed=2, **options)
    failed = [f.statement for f in report.findings if f.outcome is Outcome.REFUTED]
    assert all(any(s.startswith(r) for s in failed) for r in refuted)
    assert all(any(s.startswith(r) for r in refuted) for s in failed)


def test_no_collision_at_all_is_no_evidence():
    report = block_structure(
        SAME_DIFFERENT, vocabularies=[9000], strings=4, sets=2, blocks=BLOCKS
    )
    assert estimate(report, "pairs that share").value == 0
    assert estimate(report, "mean |K − N|").value == 0
    assert [f.outcome for f in report.findings[1:]] == [Outcome.UNDECIDED] * 2


def test_equal_seeds_give_equal_reports():
    def run(seed):
        return block_structure(
            SAME_DIFFERENT,
            vocabularies=[6, 12],
            strings=6,
            sets=4,
            blocks=BLOCKS,
            seed=seed,
        )

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.slow
def test_four_symbols():
    task = builtin_task("aabb-abab")
    assert block_structure(task, seed=3).outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabularies": []}, "vocabularies is empty"),
        ({"vocabularies": [1]}, "vocabulary"),
        ({"strings": 1}, "strings is 1; expected"),
        ({"sets": 1}, "sets is 1; expected"),
        ({"diversity": [4]}, "diversity has 1 numbers; expected 3"),
        ({"diversity": [4, 8, 0.5]}, "diversity is 0.5; expected"),
        ({"seed": -1}, "seed is -1; expected"),
        (
            {"blocks": template_gram(["?a ?b", "?a ?a"])},
            r"blocks is of '\?a \?b' as template 1; expected '\?a \?a'",
        ),
        (
            {"blocks": BLOCKS, "architecture": Architecture(beta=2.0)},
            r"blocks is of an architecture with beta 1\.0; expected beta 2\.0",
        ),
    ],
)
def test_bad_input(options: dict[str, Any], message):
    with pytest.raises(InputError, match=message):
        block_structure(SAME_DIFFERENT, **options)


def test_tasks_without_symbols_or_with_another_law():
    with pytest.raises(InputError, match="no wildcards"):
        block_structure(TemplateTask(["X Y"], [1]))
    zipf = TemplateTask(["?a ?b"], [1], laws="zipf")
    with pytest.raises(InputError, match="expected uniform"):
        share_probability(zipf, 5)
    with pytest.raises(InputError, match="vocabulary is 1"):
        share_probability(SAME_DIFFERENT, 1)


@pytest.mark.parametrize("template", ["?a ?a", "?a"])
@pytest.mark.slow
def test_one_wildcard_attains_the_bound(template):
    """P(share) = 1/V = E w/ρ and |K − N| = e for the pairs that share it."""
    report = block_structure(TemplateTask([template], [1]), sets=96, seed=3)
    assert report.outcome is Outcome.HOLDS
    small = block_structure(TemplateTask([template], [1]), diversity=(16, 64, 192))
    assert small.outcome is Outcome.REFUTED
