"""Settings of points: tasks in three forms, and bad values named when they are read."""

import re

import pytest
from pydantic import ValidationError
from symbind_testing.refusals import error_line

from numerics.sweeps import parse_sweep
from numerics.sweeps.experiments.settings import (
    RandomTask,
    TaskSettings,
    TrainingSettings,
)
from symbind_theory import builtin_task
from symbind_theory.library.random_family import random_task


def test_a_task_is_a_name_lines_or_numbers():
    assert TaskSettings(task="aba-abb", n=4).template_task() == builtin_task("aba-abb")
    lines = TaskSettings(task=("?a ?a -> 1", "?a ?b -> -1"), n=4).template_task()
    assert lines.templates == builtin_task("same-different").templates
    numbers = RandomTask(length=4, wildcards=2, regular_tokens=1, count=3, seed=2)
    drawn = random_task(4, wildcards=2, regular_tokens=1, count=3, seed=2)
    assert TaskSettings(task=numbers, n=4).template_task() == drawn


def test_noise_is_the_tasks():
    assert TaskSettings(task="aba-abb", n=4, noise=0.5).template_task().noise == 0.5
    assert TaskSettings(task="copy", n=4).template_task().noise == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"task": "aba-aba"}, "aba-abb"),
        ({"task": ["?a ?a -> 1", "?a ?b ?c -> 1"]}, "length"),
        ({"task": {"count": 500, "length": 2}}, "at most"),
        ({"n": 0}, "greater than or equal to 1"),
        ({"sed": 1}, "not permitted"),
    ],
)
def test_bad_tasks_are_refused_when_they_are_read(given, expected):
    with pytest.raises(ValidationError, match=expected):
        TaskSettings.model_validate({"task": "aba-abb", "n": 4, **given})


def test_an_unknown_optimiser_is_refused():
    with pytest.raises(ValidationError, match=r"one of sgd, .*did you mean adam"):
        TrainingSettings(optimiser="adams")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("seed = -1", "seed is -1; expected .*an integer of at least 0$"),
        ("seed = true", "seed is True; expected .*an integer of at least 0$"),
        ("noise = 'nan'", "noise is 'nan'; expected .*a number of at least 0$"),
        ("learning_rate = '1e999'", "learning_rate is '1e999'; expected a number"),
        ("learning_rate = 1e300", r"rate is 1e\+300; expected at most 1e\+18$"),
        (f"epochs = 1{'0' * 400}", "epochs is 10*….*expected at most 1000000000$"),
        ("seed = 1000000000000000000000", "seed is 10*; expected at most 9223"),
        ("task = {lenght = 5}", r"base\.task\.lenght is no field; .*mean length"),
        ("task = 5", "task is 5; expected the name of a built-in task, lines such as"),
        ("task = ['?a -> 1', 5]", r"task\.1 is 5; expected a valid string"),
        ("model = {kind = 'transformer', mimetic = 'off'}", "mimetic is 'off'; expect"),
    ],
)
def test_a_value_that_is_refused_comes_with_what_is_allowed(line, said):
    field = line.split(" ")[0]
    base = {"task": "task = 'aba-abb'", "model": "model = 'plain'", field: line}
    text = "\n".join(
        ['name = "x"', 'experiment = "training"', "[grid]", "n = [4]", "[base]"]
    )
    text = "\n".join([text, *base.values()])
    assert re.search(said, error_line(lambda: parse_sweep(text)))


def test_zero_is_one_number_whatever_its_sign():
    zero = TaskSettings(task="aba-abb", n=4, noise=-0.0)
    assert str(zero.noise) == "0.0"
