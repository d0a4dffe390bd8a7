"""Settings of points: tasks in three forms, and bad values named when they are read."""

import pytest
from pydantic import ValidationError

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
