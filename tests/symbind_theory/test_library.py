"""Built-in tasks: every one loads, makes sense and is documented; random tasks."""

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import InputError, builtin_task, builtin_tasks
from symbind_theory.check_template import main
from symbind_theory.library.random_family import count_templates, random_task
from symbind_theory.report.tasks import markdown_table
from symbind_theory.task_files import dump_task, parse_task
from symbind_theory.templates import Template

ROOT = Path(__file__).parents[2]
NAMES = builtin_tasks()

# Every task of arXiv 2310.09753 and of Webb et al. that the theory speaks of, and more:
# templates, length, and the MLP floor, by hand. Where no template has a regular token
# it is the variance of the labels.
EXPECTED = {
    "same-different": (2, 2, 1),
    "aba-abb": (2, 3, 1),
    "aba-abb-1-shot": (2, 6, None),
    "aba-abb-2-shot": (2, 10, None),
    "aabb-abab": (2, 4, 1),
    "relational-match-to-sample": (4, 6, 1),
    "identity-rules": (6, 7, 1),
    # Labels 1 to 4, equally often.
    "identity-rules-choices": (60, 9, Fraction(5, 4)),
    "distribution-of-three": (6, 5, Fraction(2, 3)),
    "distribution-of-three-choices": (144, 9, Fraction(5, 4)),
    # The order of + and − tells nothing of what is printed.
    "variable-assignment": (4, 12, 1),
    "variable-chain-2": (8, 20, 1),
    "variable-chain-3": (16, 28, 1),
    # Labels ±1, with a share p of 1: 4 p (1 − p).
    "majority": (5, 3, 4 * Fraction(2, 5) * Fraction(3, 5)),
    "majority-4": (15, 4, 4 * Fraction(4, 15) * Fraction(11, 15)),
    "majority-6": (203, 6, 4 * Fraction(26, 203) * Fraction(177, 203)),
    "set-1": (5, 3, 4 * Fraction(2, 5) * Fraction(3, 5)),
    "set-2": (25, 6, 4 * Fraction(4, 25) * Fraction(21, 25)),
    # 1 and a binomial number of k − 1 positions.
    "counting": (8, 4, Fraction(3, 4)),
    "counting-5": (16, 5, 1),
    "counting-7": (64, 7, Fraction(6, 4)),
    "copy": (1, 1, None),
    "print-string": (4, 16, None),
    "print-any-string": (2, 16, None),
}


def test_all_are_there():
    tasks = map(builtin_task, NAMES)
    found = {t.name: (len(t), t.length, t.mlp_floor()) for t in tasks}
    assert found == EXPECTED
    assert list(NAMES) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_task_that_theory_speaks_of(name):
    task = builtin_task(name)
    assert task.name == name
    assert task.equivalent_pairs() == ()
    assert task.overlapping_pairs() == ()
    assert len(set(task.labels)) > 1 or len(task) == 1
    assert task.description
    assert parse_task(dump_task(task)) == task


def test_labels_mean_what_the_description_says():
    """Each label recomputed from the template's pattern."""
    for template, label in builtin_task("counting"):
        # The family's members are checked in library/test_families.py.
        assert label == template.tokens.count(template.tokens[0])
    for template, label in builtin_task("majority"):
        often = template.tokens.count(template.tokens[0])
        assert label == (1 if often > template.length / 2 else -1)
    for template, label in builtin_task("relational-match-to-sample"):
        pairs = [template.tokens[i : i + 2] for i in (0, 2, 4)]
        source, first, second = (len(set(pair)) for pair in pairs)
        assert first != second
        assert label == (1 if first == source else -1)
    for template, label in builtin_task("identity-rules"):
        row, begun, candidates = (
            template.tokens[:3],
            template.tokens[3:5],
            template.tokens[5:],
        )
        follows = [Template([*begun, c]).equivalent(Template(row)) for c in candidates]
        assert sum(follows) == 1
        assert label == (1 if follows[0] else -1)
        assert not set(row) & set(begun + candidates)
    for template, label in builtin_task("distribution-of-three"):
        row, begun = template.tokens[:3], template.tokens[3:]
        (missing,) = set(row) - set(begun)
        assert label == row.index(missing) - 1
    for template, label in builtin_task("variable-assignment"):
        values = {template.tokens[i]: template.tokens[i + 2] for i in (0, 4)}
        assert label == {"+": 1, "-": -1}[values[template.tokens[10]]]
    for name in ("print-string", "print-any-string"):
        for template, label in builtin_task(name):
            values = {template.tokens[i]: template.tokens[i + 3] for i in (0, 6)}
            assert label == values[template.tokens[14]]


def test_an_unknown_name_suggests_the_nearest(capsys):
    for wrong, near in [("same-diferent", "same-different"), ("ababb", "aba-abb")]:
        with pytest.raises(InputError, match=f"did you mean {near}"):
            builtin_task(wrong)
    assert main(["--task", "coppy"]) == 2
    line = capsys.readouterr().err
    assert "did you mean copy?" in line
    assert len(line.splitlines()) == 1
    with pytest.raises(InputError, match=r"expected one of .*variable-chain-3$"):
        builtin_task("zzzzzz")


def test_the_documented_table_is_up_to_date():
    text = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    table = re.search(
        "<!-- built-in tasks: begin -->\n\n(.*?)\n<!-- built-in tasks: end -->",
        text,
        re.DOTALL,
    )
    assert table is not None
    assert table[1] == markdown_table([builtin_task(name) for name in NAMES])


def test_the_command_lists_them(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["--list"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    for name in NAMES:
        task = builtin_task(name)
        assert f"{name} {len(task)} {task.length} {task.templates[0]}" in output
        assert f"{task.templates[-1]} {task.labels[-1]}" in output
    assert "… 198 more" in output


def test_the_command_checks_one(capsys):
    assert main(["--task", "aba-abb", "--max-points", "64", "--json"]) == 0
    assert '"task": "aba-abb"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["?a -> 1", "--task", "copy"], "both templates and --task were given"),
        (["--task", "copy", "--file", "x"], "both --task and --file were given"),
        (["--task", "copy", "--weights", "1"], "--weights was given with --task"),
        ([], "no template was given"),
    ],
)
def test_one_source_of_templates(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_importing_the_package_loads_no_reader():
    code = (
        "import sys, symbind_theory; "
        "print({'pydantic', 'tomllib', 'numpy', 'sympy', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@given(
    length=st.integers(1, 6),
    wildcards=st.integers(0, 6),
    regular_tokens=st.integers(0, 3),
    count=st.integers(1, 6),
    seed=st.integers(0, 2**32),
)
def test_random_tasks(length, wildcards, regular_tokens, count, seed):
    arguments = (length, wildcards, regular_tokens, count, seed)
    available = count_templates(length, wildcards, regular_tokens)
    if count > available:
        with pytest.raises(InputError, match=f"expected at most {available}"):
            random_task(*arguments)
        return
    task = random_task(*arguments)
    assert (len(task), task.length) == (count, length)
    assert task.equivalent_pairs() == ()
    assert all(len(t.wildcards) <= wildcards for t in task.templates)
    assert len(task.regular_tokens) <= regular_tokens
    assert task.templates == random_task(*arguments).templates


@pytest.mark.parametrize(("wildcards", "tokens"), [(2, 1), (3, 0), (1, 2), (0, 2)])
def test_the_number_of_templates_by_enumeration(wildcards, tokens):
    from itertools import product

    symbols = [f"?{i}" for i in range(wildcards)] + [f"X{i}" for i in range(tokens)]
    everything = {Template(t).canonical() for t in product(symbols, repeat=4)}
    assert count_templates(4, wildcards, tokens) == len(everything)


def test_random_tasks_differ_between_seeds():
    one, other = (random_task(6, 3, 2, 4, seed).templates for seed in (1, 2))
    assert one != other
