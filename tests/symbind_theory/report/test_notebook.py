"""What notebooks show of tasks, verdicts, matrices and checks."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from symbind_testing.builders.toy_result import toy_result

from numerics import Architecture, string_gram, template_gram
from symbind_theory import Outcome, TemplateTask, Verdict
from symbind_theory.report.notebook import matrix_html

HOSTILE = TemplateTask(
    ["?a <script>x</script> '\"&", "?b </td> {{7*7}}"],
    [1, -1],
    name="<img src=x onerror=y>",
)


class Reader(HTMLParser):
    """Text and elements; every element is closed in order."""

    VOID = ("rect", "path")

    def __init__(self, html):
        super().__init__()
        self.names, self.text, self.open = [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)
        assert tag in self.VOID

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def html(shown):
    """What a notebook asks its objects for."""
    return shown._repr_html_()


@pytest.mark.parametrize(
    "shown", [HOSTILE, toy_result(HOSTILE), Verdict("C3", Outcome.HOLDS, "<b>&")]
)
def test_text_is_escaped(shown):
    found = Reader(html(shown))
    assert not {"script", "img", "b"} & set(found.names) - {"b"}
    assert found.names.count("b") <= 2
    assert type(html(shown)) is str
    expected = "<b>&" if isinstance(shown, Verdict) else "<script>x</script>"
    assert expected in found.words


def test_a_task_is_drawn_with_labels_and_weights():
    task = TemplateTask(["?a ?a", "?a X"], ["same", "no"], [1, 3], name="mine")
    found = Reader(html(task))
    assert found.names.count("svg") == 2
    for text in ("mine", "same", "no", "1/4", "3/4"):
        assert text in found.words


def test_a_long_task_says_what_is_not_drawn():
    task = TemplateTask(
        [" ".join(["X"] * i + ["?a"] * (600 - i)) for i in range(6)], range(6)
    )
    found = Reader(html(task))
    assert found.names.count("svg") == 3
    assert "The first 3 of 6 templates" in found.words


@pytest.mark.parametrize("outcome", Outcome)
def test_a_verdict_names_its_outcome_in_words(outcome):
    found = Reader(html(Verdict("C3", outcome, "Because.")))
    assert outcome.value in found.words
    assert "C3 template matrix" in found.words
    assert "Because." in found.words


def test_a_check_starts_with_its_headline():
    found = Reader(html(toy_result()))
    assert found.words.startswith(
        "Transformers learn this task from about 500 strings (C5); MLPs do not"
    )
    assert "smallest eigenvalue of N" in found.words


@pytest.mark.parametrize("depth", [1, 2])
def test_gram_results_show_entries_and_what_is_known(depth):
    gram = template_gram(["?a ?a", "?a ?b"], Architecture(depth=depth), max_points=64)
    found = Reader(html(gram))
    assert "N of 2 templates, 64 points" in found.words
    for entry in gram.matrix.ravel():
        assert f"{entry:.4g}" in found.words
    assert f"{gram.smallest_eigenvalue.value:.4g}" in found.words
    strings = string_gram(["u u", "u v"], points=32)
    assert f"{strings.matrix[0, 1]:.4g}" in Reader(html(strings)).words


def test_the_largest_entry_is_the_darkest():
    html = matrix_html("M", np.array([[1.0, 2.0], [3.0, 5.0]]), np.zeros((2, 2)))
    shades = [float(s) for s in re.findall(r"rgba\(47, 127, 214, ([\d.]+)\)", html)]
    assert shades == [0.0, 0.113, 0.225, 0.45]


def test_equal_entries_have_one_shade():
    html = matrix_html("M", np.ones((2, 2)), np.zeros((2, 2)))
    assert set(re.findall(r"214, ([\d.]+)\)", html)) == {"0.0"}


def test_of_a_large_matrix_a_part_is_shown():
    html = matrix_html("M", np.eye(40), np.zeros((40, 40)))
    found = Reader(html)
    assert found.names.count("td") == 144
    assert "M; the first 12 of 40" in found.words
