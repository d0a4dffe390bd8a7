"""Laws of template tasks: floors, pairs, matching and sampling."""

import pickle
from fractions import Fraction
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from symbind_testing.tasks import SAME_DIFFERENT

from symbind_theory import TemplateTask
from symbind_theory.laws.substitution_laws import Uniform
from symbind_theory.strategies import (
    equivalent_pairs,
    substitutions,
    tasks,
    templates,
    tokens,
)
from symbind_theory.validation import InputError

# Below this two-sided binomial tail a frequency counts as wrong. A run compares at most
# 1,000 frequencies, so a correct sampler fails fewer than one run in a million.
FALSE_ALARM = 1e-9
DRAWN = 200
few_examples = settings(max_examples=25)

SEEDS = st.integers(0, 2**64)

any_task = st.one_of(tasks(), tasks(symbolic=True), tasks(pairwise_inequivalent=True))
inequivalent_tasks = st.one_of(
    tasks(pairwise_inequivalent=True), tasks(pairwise_inequivalent=True, symbolic=True)
)
# Few skeletons and several templates: floors above zero.
crowded_tasks = tasks(regular_tokens=("X",), length=3, max_templates=6)


def skeleton_of(template):
    """The template's text with one mark for every wildcard."""
    wild = {f"?{name}" for name in template.wildcards} | set(template.wildcards)
    regular = set(template.regular_tokens)
    return tuple(
        "_" if token in wild and token not in regular else token
        for token in str(template).split()
    )


def named_task(task, name, description, law, noise):
    """The task with all that strategies leave out."""
    return TemplateTask(
        task.templates,
        task.labels,
        task.weights,
        name,
        laws=law,
        noise=0 if task.symbolic else noise,
        description=description,
    )


PARTS = ("templates", "labels", "weights", "name", "laws", "noise", "description")


def parts(task):
    """Everything that the task was made of, as its constructor takes it."""
    return {name: getattr(task, name) for name in PARTS}


def changes(task):
    """Each part of a task changed, where there is something to change."""
    renamed = [str(t).replace("?", "?new") for t in task.templates]
    yield "templates", [f"{t} X" for t in task.templates]
    if not task.symbolic and renamed != list(map(str, task.templates)):
        yield "templates", renamed
    other = ["no" if y == "yes" else "yes" for y in task.labels]
    numbers = [y if isinstance(y, str) else y + 1 for y in task.labels]
    first = other[0] if task.symbolic else numbers[0]
    yield "labels", [first, *task.labels[1:]]
    if len(task) > 1:
        rarest = task.weights.index(min(task.weights))
        yield "weights", [w + (i == rarest) for i, w in enumerate(task.weights)]
        yield "templates", list(reversed(task.templates))
    yield "name", f"{task.name} too"
    yield "laws", ["zipf" if law == Uniform() else "uniform" for law in task.laws]
    yield "description", f"{task.description} too"
    if not task.symbolic:
        yield "noise", task.noise + 1


any_name = st.none() | st.text("ab ?", max_size=3)
any_named_task = st.builds(
    named_task,
    any_task,
    any_name,
    any_name,
    st.sampled_from(["uniform", "zipf"]),
    st.sampled_from([0, 0.5, 3]),
)


def brute_floor(task):
    """E[Var(label | skeleton)] from squared differences of pairs of templates."""
    members = list(zip(task.templates, task.labels, task.weights, strict=True))
    floor = Fraction(0)
    for skeleton in {skeleton_of(t) for t in task.templates}:
        group = [(y, w) for t, y, w in members if skeleton_of(t) == skeleton]
        weight = sum(w for _, w in group)
        if weight:
            squares = sum(
                w * v * (y - x) ** 2 for (y, w), (x, v) in combinations(group, 2)
            )
            floor += squares / weight
    return floor


def relabelled(task, change):
    return TemplateTask(task.templates, [change(y) for y in task.labels], task.weights)


@given(tasks() | crowded_tasks)
def test_mlp_floor_agrees_with_pairs_of_templates(task):
    assert task.mlp_floor() == brute_floor(task)


@given(crowded_tasks, st.data())
def test_no_function_of_the_skeleton_beats_the_floor(task, data):
    skeletons = [skeleton_of(t) for t in task.templates]
    guess = {
        s: data.draw(st.fractions(-3, 3, max_denominator=6)) for s in set(skeletons)
    }
    loss = sum(
        w * (y - guess[s]) ** 2
        for w, y, s in zip(task.weights, task.labels, skeletons, strict=True)
    )
    assert 0 <= task.mlp_floor() <= loss


@few_examples
@given(crowded_tasks, st.fractions(-5, 5, max_denominator=9))
def test_mlp_floor_ignores_a_shift_of_all_labels(task, shift):
    assert relabelled(task, lambda y: y + shift).mlp_floor() == task.mlp_floor()


@few_examples
@given(crowded_tasks, st.fractions(-5, 5, max_denominator=9))
def test_mlp_floor_scales_with_the_square_of_the_labels(task, scale):
    scaled = relabelled(task, lambda y: scale * y)
    assert scaled.mlp_floor() == scale**2 * task.mlp_floor()


@few_examples
@given(tasks() | crowded_tasks)
def test_mlp_floor_is_zero_where_skeletons_tell_all(task):
    kept = {skeleton_of(t): (t, y) for t, y in task}.values()
    distinct = TemplateTask([t for t, _ in kept], [y for _, y in kept])
    assert distinct.mlp_floor() == 0


@given(tasks(length=3, regular_tokens=()))
def test_mlp_floor_without_regular_tokens_is_the_variance(task):
    pairs = list(zip(task.weights, task.labels, strict=True))
    mean = sum(w * y for w, y in pairs)
    assert task.mlp_floor() == sum(w * y**2 for w, y in pairs) - mean**2


@few_examples
@given(tasks(symbolic=True))
def test_symbolic_tasks(task):
    assert task.symbolic
    assert task.mlp_floor() is None
    for i, (template, label) in enumerate(task):
        assert (i in task.copied) == (
            label in template.tokens and label not in template.regular_tokens
        )


@few_examples
@given(any_task, st.fractions(Fraction(1, 9), 9, max_denominator=9))
def test_weights_sum_to_one_and_have_no_scale(task, scale):
    assert sum(task.weights) == 1
    scaled = TemplateTask(
        task.templates, task.labels, [scale * w for w in task.weights]
    )
    assert scaled.weights == task.weights


@given(any_task)
def test_pairs_agree_with_the_templates(task):
    indices = list(combinations(range(len(task)), 2))
    t = task.templates
    assert list(task.equivalent_pairs()) == [
        (i, j) for i, j in indices if t[i].equivalent(t[j])
    ]
    for images in ("symbols", "any"):
        overlaps = task.overlapping_pairs(images=images)
        assert [(o.i, o.j) for o in overlaps] == [
            (i, j) for i, j in indices if not t[i].disjoint(t[j], images=images)
        ]
        for o in overlaps:
            assert t[o.i].match(o.witness) is not None
            assert t[o.j].match(o.witness) is not None


@given(any_task)
def test_for_symbols_the_overlapping_pairs_are_the_equivalent_ones(task):
    overlaps = task.overlapping_pairs()
    assert [(o.i, o.j) for o in overlaps] == list(task.equivalent_pairs())


@few_examples
@given(inequivalent_tasks)
def test_inequivalent_tasks_are(task):
    assert task.equivalent_pairs() == ()


@given(inequivalent_tasks, st.data())
def test_match_recovers_template_substitution_and_label(task, data):
    index = data.draw(st.integers(0, len(task) - 1))
    template, label = task.templates[index], task.labels[index]
    substitution = data.draw(substitutions(template, avoid=task.regular_tokens))
    found = task.match(template.substitute(substitution))
    assert found is not None
    assert found.index == index
    assert found.template == template
    assert found.substitution == substitution
    if index in task.copied:
        assert (
            found.label
            == template.match(template.substitute(substitution))[
                label.removeprefix("?")
            ]
        )
    else:
        assert found.label == label


@given(any_task, st.data())
def test_a_match_reproduces_the_string_from_symbols(task, data):
    letters = tokens() | st.sampled_from(["X", "Y"])
    string = data.draw(st.lists(letters, min_size=task.length, max_size=task.length))
    found = task.match(string)
    fits = [
        i
        for i, template in enumerate(task.templates)
        if (match := template.match(string)) is not None
        and not set(match.values()) & set(task.regular_tokens)
    ]
    assert (None if found is None else found.index) == next(iter(fits), None)
    if found is not None:
        assert found.template.substitute(found.substitution) == " ".join(string)


@few_examples
@given(inequivalent_tasks, st.integers(4, 9), SEEDS)
def test_training_and_test_share_no_symbol(task, size, seed):
    sides = task.train_test(12, 9, vocabulary=size, seed=seed)
    symbols = []
    for side, count in zip(sides, (12, 9), strict=True):
        found = [task.match(string) for string in side.strings]
        assert len(found) == count
        assert [m.index for m in found] == list(side.template_indices)
        assert [m.label for m in found] == list(side.labels)
        symbols.append({s for m in found for s in m.substitution.values()})
    assert symbols[0].isdisjoint(symbols[1])
    words = {y for y in task.labels if isinstance(y, str)}
    assert (symbols[0] | symbols[1]).isdisjoint(words | set(task.regular_tokens))
    assert max(map(len, symbols)) <= size


@few_examples
@given(any_task, SEEDS)
def test_equal_seeds_give_equal_strings(task, seed):
    vocabulary = [f"s{i}" for i in range(9)]
    assert task.sample(9, vocabulary, seed) == task.sample(9, vocabulary, seed)
    one, other = (task.train_test(5, 5, 6, seed) for _ in range(2))
    assert one == other


@few_examples
@given(SEEDS, st.integers(0, 63))
def test_different_seeds_give_different_strings(seed, bit):
    # Every bit counts. Equal by chance with probability 100**-16.
    task = TemplateTask(["?a X"], [1])
    vocabulary = [f"s{i}" for i in range(100)]
    one, other = (task.sample(16, vocabulary, s) for s in (seed, seed ^ 1 << bit))
    assert one != other


@few_examples
@given(SEEDS)
def test_neighbouring_seeds_give_streams_of_their_own(seed):
    # Equal by chance with probability 2**-100.
    train, test = SAME_DIFFERENT.train_test(100, 100, 4, seed)
    later, _ = SAME_DIFFERENT.train_test(100, 100, 4, seed + 1)
    drawn = [side.template_indices for side in (train, test, later)]
    assert len(set(drawn)) == 3


@few_examples
@given(any_task, SEEDS)
def test_frequencies_follow_the_weights(task, seed):
    drawn = task.sample(DRAWN, [f"s{i}" for i in range(5)], seed).template_indices
    for index, weight in enumerate(task.weights):
        tail = binomtest(drawn.count(index), DRAWN, float(weight)).pvalue
        assert tail > FALSE_ALARM


@few_examples
@given(templates(max_length=3, regular_tokens=("X",)), SEEDS)
def test_each_symbol_is_used_as_often_as_the_diversity_says(template, seed):
    # Uniform over V tokens, w wildcards: a given token occurs with probability w / V.
    vocabulary = [f"s{i}" for i in range(5)]
    sample = TemplateTask([template], [0]).sample(DRAWN, vocabulary, seed)
    for token in vocabulary:
        used = sum(token in string.split() for string in sample.strings)
        rate = len(template.wildcards) / len(vocabulary)
        assert binomtest(used, DRAWN, rate).pvalue > FALSE_ALARM


@few_examples
@given(equivalent_pairs(), st.integers(-3, 3), st.integers(-3, 3))
def test_equivalent_templates_are_reported_and_share_a_skeleton(pair, y, x):
    task = TemplateTask(pair, [y, x])
    assert task.equivalent_pairs() == ((0, 1),)
    assert task.mlp_floor() == Fraction(y - x, 2) ** 2


@given(any_named_task)
def test_a_task_made_again_is_equal_and_has_the_same_hash(task):
    twin = TemplateTask(**parts(task))
    assert twin == task
    assert hash(twin) == hash(task)
    assert pickle.loads(pickle.dumps(task)) == task


@given(any_named_task)
def test_a_change_of_any_part_is_a_change_of_the_task(task):
    for name, changed in changes(task):
        try:
            other = TemplateTask(**{**parts(task), name: changed})
        except InputError:
            # Labels that are wildcards stay with their templates.
            assert (name, task.symbolic) == ("templates", True)
            continue
        assert other != task, name
