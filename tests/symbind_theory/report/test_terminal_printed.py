"""What `print` shows of drawn strings and estimated matrices: tables, and no record."""

import re

import pytest

from numerics import Architecture, string_gram, template_gram
from symbind_theory import TemplateTask
from symbind_theory.report.terminal import matrix_text


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Tables are as wide as the terminal."""
    monkeypatch.setenv("COLUMNS", "100")


def cells(text):
    """The cells of each line, which stand two blanks or more apart."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]


def test_a_sample_prints_its_first_strings():
    sample = TemplateTask(["?a [red] ?a", "?a ?b ?b"], ["?a", "no"]).sample(12, 50)
    title, heads, _, *rows = cells(str(sample))
    assert title == ["12 strings, the first 10"]
    assert heads == ["string", "label", "template"]
    assert rows[:10] == [
        [string, label, str(index + 1)]
        for string, label, index in zip(
            sample.strings[:10], sample.labels, sample.template_indices, strict=False
        )
    ]
    assert any("[red]" in string for string in sample.strings)
    assert rows[10:] == []


@pytest.mark.parametrize("depth", [1, 2])
def test_a_template_matrix_prints_its_entries_and_what_is_known(depth):
    templates = ["?a [b]", "?a ?a"]
    gram = template_gram(templates, Architecture(depth=depth), max_points=64)
    rows = cells(str(gram))
    assert rows[0][0].startswith("N of 2 templates, 64 points, level 0.999, entries")
    for i, template in enumerate(gram.templates):
        entries = [f"{entry:.4f}" for entry in gram.matrix[i]]
        assert [str(i + 1), str(template), *entries] in rows
    smallest = f"{gram.smallest_eigenvalue.value:.4g}"
    assert any(row[:2] == ["smallest eigenvalue of N", smallest] for row in rows)


def test_a_string_matrix_prints_its_entries():
    gram = string_gram(["u u", "u v"], points=32)
    rows = cells(str(gram))
    assert rows[0][0].startswith("K_trans of 2 strings, 32 points, level 0.999")
    assert ["2", *(f"{entry:.4f}" for entry in gram.matrix[1])] in rows


def test_of_a_large_matrix_the_first_rows_are_printed():
    identity = [[float(i == j) for j in range(9)] for i in range(9)]
    title, heads, _, *rows = cells(matrix_text("M", identity, 0.25))
    assert title == ["M; the first 8 of 9, entries to within 0.2"]
    assert heads == [str(i + 1) for i in range(8)]
    assert [row[0] for row in rows] == heads
