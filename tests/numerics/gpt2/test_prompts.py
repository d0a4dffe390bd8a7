"""Prompts: unseen symbols, balanced words, and labels that are the task's."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.probed_models import WORDS, word_tokenizer

from numerics.gpt2.prompts import PromptFormat, PromptWriter
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.validation import InputError

TOKENIZER = word_tokenizer()
TASKS = (
    "aba-abb",
    "counting",
    "majority",
    "print-any-string",
    "print-string",
    "same-different",
    "variable-assignment",
)


def writer(task="aba-abb", **written):
    return PromptWriter(builtin_task(task), TOKENIZER, PromptFormat(**written))


def lines(prompt):
    """The shots, as (string, label), and the query."""
    *shots, query = prompt.text.split("\n")
    pairs = [tuple(part.strip() for part in shot.split("->")) for shot in shots]
    return pairs, query.removesuffix("->").strip()


def answer(prompt):
    return TOKENIZER.convert_ids_to_tokens(prompt.candidates[prompt.answer])


@settings(max_examples=20)
@given(st.sampled_from(TASKS), st.integers(0, 6), st.integers(0, 2**20), st.booleans())
def test_query_symbols_are_unseen(name, shots, seed, few):
    """They stand in no shot, and are neither regular tokens nor labels."""
    task = builtin_task(name)
    words = WORDS[:10] if few else WORDS
    for prompt in writer(name).draw(words, shots, 8, seed).prompts:
        pairs, query = lines(prompt)
        found = task.match(query)
        assert found is not None
        seen = " ".join(" ".join(pair) for pair in pairs).split()
        for symbol in found.substitution.values():
            assert symbol in words
            assert symbol not in {*seen, *task.regular_tokens}


@settings(max_examples=20)
@given(st.sampled_from(TASKS), st.integers(0, 2**20))
def test_labels_are_those_of_the_task(name, seed):
    """Within a prompt one word is one label; a symbolic label is what the task says."""
    task = builtin_task(name)
    for prompt in writer(name).draw(WORDS, 5, 8, seed).prompts:
        pairs, query = lines(prompt)
        words = {}
        for string, word in [*pairs, (query, answer(prompt))]:
            found = task.match(string)
            assert found is not None
            if task.symbolic:
                assert word == found.label
            else:
                assert words.setdefault(found.label, word) == word
        assert len(set(words.values())) == len(words)


@pytest.mark.parametrize("name", TASKS)
def test_words_are_balanced(name):
    """Of real labels each word is right equally often, for each label and cluster."""
    task = builtin_task(name)
    drawn = writer(name).draw(WORDS, 2, 24, seed=3)
    labels = [task.labels[p.template] for p in drawn.prompts]
    if not task.symbolic:
        counts = Counter(zip(labels, map(answer, drawn.prompts), strict=True))
        assert len(set(counts.values())) == 1
        assert len(counts) == len(set(labels)) ** 2
        assert drawn.chance == pytest.approx(1 / len(set(labels)))
        by_cluster = Counter((p.cluster, answer(p)) for p in drawn.prompts)
        assert set(by_cluster.values()) == {1}
    assert len(set(Counter(labels).values())) == 1


def test_prompts_of_a_cluster_have_one_choice_of_strings():
    for first, second in zip(
        *[iter(writer().draw(WORDS, 3, 20, seed=1).prompts)] * 2, strict=True
    ):
        assert first.cluster == second.cluster
        assert [s for s, _ in lines(first)[0]] == [s for s, _ in lines(second)[0]]
        assert lines(first)[1] == lines(second)[1]
        assert answer(first) != answer(second)


def test_shots_run_through_the_templates():
    """Of 2 m shots each of two templates has m; their order is not always the same."""
    task = builtin_task("aba-abb")
    orders = set()
    for prompt in writer().draw(WORDS, 4, 60, seed=0).prompts:
        matches = [task.match(string) for string, _ in lines(prompt)[0]]
        indices = [m.index for m in matches if m is not None]
        assert sorted(indices) == [0, 0, 1, 1]
        orders.add(tuple(indices))
    assert len(orders) == 4


def test_draws_are_functions_of_the_seed():
    one, same, other = (writer().draw(WORDS, 2, 20, seed=s) for s in (5, 5, 6))
    assert one == same
    assert one != other


def test_templates_without_weight_are_left_out():
    task = TemplateTask(["?a ?b ?a", "?a ?b ?b", "?a ?a ?b"], [1, 2, 3], [1, 1, 0])
    made = PromptWriter(task, TOKENIZER)
    assert made.labels == 2
    assert {p.template for p in made.draw(WORDS, 3, 12, 0).prompts} == {0, 1}


def test_places_that_symbols_are_copied_from_are_candidates():
    """A label is looked for where some template has it, first places first."""
    for prompt in writer("print-any-string").draw(WORDS, 0, 8, 0).prompts:
        words = lines(prompt)[1].split()
        names = TOKENIZER.convert_ids_to_tokens(list(prompt.candidates))
        assert names == [words[3], words[9]]


def test_one_rotation_is_one_prompt_a_cluster():
    drawn = writer().draw(WORDS, 0, 10, 0, rotations=[1])
    assert drawn.size == 1
    task = builtin_task("aba-abb")
    named = {task.labels[p.template]: answer(p) for p in drawn.prompts}
    assert named == {1: "B", -1: "A"}


@pytest.mark.parametrize(
    ("task", "written", "message"),
    [
        ("copy", {}, "has the one label 0"),
        ("aba-abb", {"words": ("A",)}, "words for labels are 1; expected 2"),
        ("aba-abb", {"words": ("A", "A")}, "words for labels are 1; expected 2"),
        ("aba-abb", {"words": ("A", "zz")}, "a word for labels is 'zz'"),
        ("counting-7", {"words": tuple("ABCD")}, "are 4; expected 7"),
    ],
)
def test_tasks_that_do_not_fit_are_refused(task, written, message):
    with pytest.raises(InputError, match=message):
        writer(task, **written)


def test_laws_that_name_tokens_are_refused():
    task = TemplateTask(["?a ?a", "?a ?b"], [1, 2], laws={"x": 1, "y": 1})
    with pytest.raises(InputError, match="names its tokens"):
        PromptWriter(task, TOKENIZER)


@pytest.mark.parametrize(
    ("words", "shots", "message"),
    [(WORDS[:3], 1, "are 3; expected at least 4"), (WORDS, -1, "shots is -1")],
)
def test_draws_that_cannot_be_are_refused(words, shots, message):
    with pytest.raises(InputError, match=message):
        writer().draw(words, shots, 10, 0)
