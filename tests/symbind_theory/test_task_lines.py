"""A task, a line or several: one task; anything else is refused in one line."""

from fractions import Fraction

import pytest
from symbind_testing.tasks import COPY, SAME_DIFFERENT

from symbind_theory import InputError
from symbind_theory.task_lines import read_task


def test_a_task_is_itself_and_lines_are_parsed():
    assert read_task(SAME_DIFFERENT) is SAME_DIFFERENT
    assert read_task("?a X -> 1/2").labels == (Fraction(1, 2),)
    assert read_task(("?a ?a -> 1", "?a ?b -> -1")).labels == (1, -1)


def test_other_noise_is_put_in():
    assert read_task(SAME_DIFFERENT, 0.5) == SAME_DIFFERENT.with_noise(0.5)
    assert read_task("?a -> 1", 0.5).noise == 0.5


@pytest.mark.parametrize(
    ("task", "noise", "message"),
    [
        (3, None, r"^task is 3; expected a TemplateTask, or lines such as"),
        (["?a -> 1", 3], None, r"^task is \['\?a -> 1', 3\]; expected"),
        ([], None, r"^no template was given"),
        (COPY, 1, r"^noise is 1.*; expected 0 for labels that are tokens"),
    ],
)
def test_what_is_no_task_is_one_line(task, noise, message):
    with pytest.raises(InputError, match=message):
        read_task(task, noise)
