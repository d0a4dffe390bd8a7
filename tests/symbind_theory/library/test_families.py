"""Families of tasks: each label recomputed from its template, by another route."""

from itertools import permutations, product
from math import factorial

import pytest

from symbind_theory import InputError, Template, builtin_task
from symbind_theory.library import (
    chain_task,
    counting_task,
    distribution_of_three_task,
    few_shot_task,
    identity_rules_task,
    majority_task,
    set_task,
)
from symbind_theory.library.families import FAMILIES


def patterns(strings):
    """All patterns of strings of symbols."""
    return {Template([f"?{x}" for x in string]).canonical() for string in strings}


def canonical(task):
    """Its templates up to renaming, none twice."""
    found = {t.canonical() for t in task.templates}
    assert len(found) == len(task)
    return found


def test_the_members_have_their_names():
    assert {name: make().name for name, make in FAMILIES.items()} == {
        name: name for name in FAMILIES
    }


def test_the_smallest_members_are_the_tasks_that_are_written_out():
    for made, name in [
        (counting_task(4), "counting"),
        (majority_task(3), "majority"),
        (chain_task(1), "variable-assignment"),
    ]:
        written = builtin_task(name)
        labels = {t.canonical(): label for t, label in written}
        assert {t.canonical(): label for t, label in made} == labels


@pytest.mark.parametrize("length", [1, 2, 4])
def test_counting_and_majority_have_all_their_patterns(length):
    majority, counting = majority_task(length), counting_task(length)
    everything = patterns(product(range(length), repeat=length))
    assert canonical(majority) == everything
    for template, label in majority:
        first = template.tokens.count(template.tokens[0])
        assert label == (1 if first > length - first else -1)
    once = {
        t
        for t in everything
        if all(t.tokens.count(x) == 1 for x in {*t.tokens} - {"?1"})
    }
    assert canonical(counting) == once
    assert all(label == t.tokens.count(t.tokens[0]) for t, label in counting)


def test_distribution_of_three_is_that_of_the_paper():
    """By simulating its trials: rows of three objects, four answers."""
    trials = {}
    for row in permutations("abc"):
        for second in permutations("abc"):
            for answers in permutations("abcd"):
                string = (*row, *second[:2], *answers)
                (pattern,) = patterns([string])
                trials[pattern] = answers.index(second[2]) + 1
    found = {t.canonical(): label for t, label in distribution_of_three_task()}
    assert found == trials
    assert len(trials) == 6 * factorial(4)


def test_identity_rules_are_those_of_the_paper():
    """By simulating its trials: four objects, of which AAA needs two."""
    counts, labels = {}, {}
    for a, b, c, d in permutations("abcd"):
        for row, begun, answer in [
            ((a, b, a), (c, d), c),
            ((a, b, b), (c, d), d),
            ((a, a, a), (c, c), c),
        ]:
            for answers in permutations("abcd"):
                (pattern,) = patterns([(*row, *begun, *answers)])
                counts[pattern] = counts.get(pattern, 0) + 1
                labels[pattern] = answers.index(answer) + 1
    task = identity_rules_task()
    assert {t.canonical(): y for t, y in task} == labels
    total = sum(counts.values())
    weights = dict(
        zip([t.canonical() for t in task.templates], task.weights, strict=True)
    )
    assert all(weights[t] * total == count for t, count in counts.items())


@pytest.mark.parametrize("shots", [1, 2, 12])
def test_examples_and_question_follow_one_rule(shots):
    for template, label in few_shot_task(shots):
        *examples, asked = " ".join(template.tokens).split(" ; ")
        rules = {Template(example).canonical() for example in examples}
        assert rules == {Template(f"{asked} {label}").canonical()}
        assert len(examples) == shots
        # Each example has symbols of its own.
        assert len(template.wildcards) == 2 * (shots + 1)


@pytest.mark.parametrize("links", [1, 2, 3, 4])
def test_chains_are_followed_by_running_them(links):
    task = chain_task(links)
    assert len(canonical(task)) == 2 ** (links + 1)
    for template, label in task:
        *lines, printed = " ".join(template.tokens).split(" ; ")
        values = {"+": 1, "-": -1}
        for line in lines:
            name, _, value = line.split()
            assert name not in values
            values[name] = values[value]
        assert label == values[printed.split()[2]]
        assert len(lines) == 2 * links


@pytest.mark.parametrize("attributes", [1, 2])
def test_sets_are_those_of_the_game(attributes):
    """By dealing cards: the values of an attribute add up to 0 modulo 3."""
    dealt = {}
    for cards in product(product(range(3), repeat=attributes), repeat=3):
        string = [(n, value) for card in cards for n, value in enumerate(card)]
        (pattern,) = patterns([[f"{n}{value}" for n, value in string]])
        sums = [sum(card[n] for card in cards) % 3 for n in range(attributes)]
        dealt[pattern] = -1 if any(sums) else 1
    task = set_task(attributes)
    assert {t.canonical(): label for t, label in task} == dealt
    assert len(canonical(task)) == 5**attributes


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (counting_task, 8),
        (majority_task, 8),
        (few_shot_task, 12),
        (chain_task, 6),
        (set_task, 4),
    ],
)
def test_sizes_out_of_range_are_refused(make, most):
    with pytest.raises(InputError, match=rf"is {most + 1}; expected at most {most}"):
        make(most + 1)
    with pytest.raises(InputError, match="is 0; expected an integer of at least 1"):
        make(0)
