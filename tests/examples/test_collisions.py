"""The tables of docs/learning.md: what the command writes, and what they show."""

from itertools import product

import numpy as np
import pytest

from examples import collisions
from examples.collisions import FIGURE, LAWS, PAGE, VOCABULARIES
from examples.pages import cells
from numerics.strings.collisions import collision_graph
from symbind_theory import TemplateTask
from symbind_theory.overlaps import number_of_overlap_types


def value(cell):
    """An estimate without its standard error."""
    return float(cell.split("(")[0])


TEXT = PAGE.read_text()
CELLS, EDGES, MARGINS = (cells(TEXT, name) for name in ("table", "edges", "margins"))


def test_the_tables_are_complete():
    assert [(c[0], int(c[1])) for c in CELLS] == [
        (law, v) for law in LAWS for v in VOCABULARIES
    ]
    # Types that share a token, less a swapped twin, less a string with itself.
    mixed, different = number_of_overlap_types(1, 2), number_of_overlap_types(2, 2)
    assert len(EDGES) == (mixed - 1) + (different - 1) - 1 - 1
    assert len(MARGINS) == 6
    assert FIGURE.read_text().count("<svg") == 1


@pytest.mark.slow
def test_a_row_is_what_the_command_measures(monkeypatch):
    seeds = collisions.SEEDS
    monkeypatch.setattr(collisions, "SEEDS", 3)
    row = collisions.measure("uniform", 5000)
    (cells,) = (c for c in CELLS if c[:2] == ["uniform", "5000"])
    for errors, cell in ((row.errors, cells[4]), (row.mean_errors, cells[7])):
        mean, spread = map(float, cell.rstrip(")").split("("))
        assert errors.shape == (3,)
        # Three of the seeds: within six of their own standard errors.
        assert abs(errors.mean() - mean) < 6e-4 * spread * np.sqrt(seeds / 3)
    assert f"{row.perturbed:.4f}" == cells[5]
    # Means of some 250 labels with noise.
    deviations = (row.means - [1, -1]) * np.sqrt(250) / collisions.NOISE
    assert 0.01 < np.abs(deviations).max() < 5
    assert len(list(collisions.table([row]))) == 3
    listed = [
        int(line.split("|")[3]) for line in list(collisions.edges_table([row]))[2:]
    ]
    assert sum(listed) == row.graph.edge_count


def test_edges_are_those_of_the_first_seed():
    for column, (law, vocabulary) in enumerate(product(LAWS, collisions.EDGES), 2):
        task = TemplateTask(collisions.TEMPLATES, collisions.LABELS, laws=law)
        tokens = [f"t{i}" for i in range(vocabulary)]
        sample = task.sample(collisions.STRINGS, tokens, seed=0)
        graph = collision_graph(sample.strings, [])
        known = {", ".join(kind.strings()): n for kind, n in graph.edges.items()}
        assert {c[1]: int(c[column]) for c in EDGES if c[column] != "0"} == known


def test_margins_are_what_the_command_measures():
    found = collisions.measure_margins(100, 1000)
    assert len(found.seeds) == collisions.MARGIN_SEEDS
    line = list(collisions.margins_table([found]))[2]
    (known,) = (c for c in MARGINS if c[:2] == ["100", "10"])
    printed = [cell.strip() for cell in line.strip("|").split("|")]
    # Other linear algebra draws other points: one unit of the last digit.
    for mine, theirs, unit in zip(
        printed[2:5], known[2:5], [1e-3, 1e-3, 1e-4], strict=True
    ):
        assert abs(value(mine) - value(theirs)) < 1.5 * unit
    for n, ratio, *estimates, _ in MARGINS:
        ideal, bound, change = map(value, estimates)
        assert int(n) * int(ratio) > 0
        assert change <= bound
        assert ideal > 0


def test_predictions_tend_to_the_shrunk_template_means():
    for law in LAWS:
        found = [c for c in CELLS if c[0] == law]
        ends = [float(x) for x in found[-1][6].split(", ")]
        means = [float(x) for x in found[-1][8].split(", ")]
        assert 0 < ends[0] < means[0]
        assert means[1] < ends[1] < 0
        shares = [float(c[2].rstrip(" %")) for c in found]
        assert shares == sorted(shares, reverse=True)


def test_the_kernel_matrix_has_blocks_when_tokens_are_many():
    few, many = collisions.kernel_matrix(5, 40), collisions.kernel_matrix(10**6, 40)
    apart = many[~np.eye(len(many), dtype=bool)]
    assert len(np.unique(apart.round(9))) == 3
    assert len(np.unique(few.round(9))) > 5


def test_the_matrices_have_one_scale_of_colours():
    figure = pytest.importorskip(
        "matplotlib.figure", reason="figures are an extra: symbind[figures]"
    ).Figure()
    axes = figure.subplots(1, 3)
    collisions.draw_matrices(figure, axes)
    scales = {axis.images[0].get_clim() for axis in axes}
    assert len(scales) == 1
