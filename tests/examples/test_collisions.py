"""The table of docs/learning.md: what the command writes, and what it shows."""

import numpy as np

from examples import collisions
from examples.collisions import BEGIN, END, FIGURE, LAWS, PAGE, VOCABULARIES

TABLE = PAGE.read_text().split(BEGIN)[1].split(END)[0].strip().splitlines()
CELLS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE[2:]]


def test_the_table_is_complete():
    assert [(c[0], int(c[1])) for c in CELLS] == [
        (law, v) for law in LAWS for v in VOCABULARIES
    ]
    assert FIGURE.read_text().count("<svg") == 1


def test_a_row_is_what_the_command_measures(monkeypatch):
    monkeypatch.setattr(collisions, "SEEDS", 3)
    row = collisions.measure("uniform", 5000)
    (cells,) = (c for c in CELLS if c[:2] == ["uniform", "5000"])
    mean, spread = map(float, cells[4].split(" ± "))
    errors = row.errors
    assert errors.shape == (3,)
    # Three of the twenty seeds: within six of their own standard errors.
    assert abs(errors.mean() - mean) < 6 * spread * np.sqrt(20 / 3)
    assert f"{row.perturbed:.4f}" == cells[5]
    lines = list(collisions.markdown([row]))
    assert len(lines) == 3


def test_predictions_tend_to_the_template_means():
    for law in LAWS:
        found = [c for c in CELLS if c[0] == law]
        ends = [float(x) for x in found[-1][6].split(", ")]
        assert ends[0] > 0 > ends[1]
        shares = [float(c[2].rstrip(" %")) for c in found]
        assert shares == sorted(shares, reverse=True)


def test_the_kernel_matrix_has_blocks_when_tokens_are_many():
    few, many = collisions.kernel_matrix(5, 40), collisions.kernel_matrix(10**6, 40)
    apart = many[~np.eye(len(many), dtype=bool)]
    assert len(np.unique(apart.round(9))) == 3
    assert len(np.unique(few.round(9))) > 5
