"""The figure of the block structure: what it shows, and that it is there."""

import numpy as np
import pytest

from examples import block_structure
from examples.block_structure import FIGURE, LAWS, NAMES, TEMPLATES
from numerics import Architecture, template_gram

BLOCKS = template_gram(TEMPLATES, Architecture(beta=2.0), rel_tol=0.1)


@pytest.fixture(scope="module")
def rows():
    return [
        block_structure.measure(law, vocabulary, BLOCKS, sets=4)
        for law in LAWS
        for vocabulary in (4, 32)
    ]


def test_the_figure_is_there_with_every_template_named():
    text = FIGURE.read_text()
    assert text.count("<svg") == 1
    assert all(name in text for name in NAMES)


def test_the_matrix_tends_to_the_blocks():
    limit = block_structure.block_matrix(BLOCKS, 30)
    few, many = (
        block_structure.kernel_matrix(v, BLOCKS, 30, points=2**12) for v in (4, 10**6)
    )
    assert np.abs(many - limit).max() < 0.03
    assert np.abs(few - limit).max() > 0.1
    assert (np.diag(few) == np.diag(limit)).all()


def test_distance_and_collisions_fall_with_diversity(rows):
    for law in LAWS:
        few, many = (row for row in rows if row.law == law)
        assert few.diversity < many.diversity
        assert few.shares.mean() > many.shares.mean() > 0
        assert few.distances.mean() > many.distances.mean() > 0
    uniform, zipf = rows[1], rows[3]
    assert uniform.distances.mean() < zipf.distances.mean()


def test_the_matrices_have_one_scale_of_colours(rows, monkeypatch):
    figure = pytest.importorskip(
        "matplotlib.figure", reason="figures are an extra: symbind[figures]"
    ).Figure()
    matrix = block_structure.kernel_matrix(4, BLOCKS, points=64)
    monkeypatch.setattr(block_structure, "kernel_matrix", lambda *_: matrix)
    axes = figure.subplots(1, 6)
    block_structure.draw_matrices(figure, axes[:4], BLOCKS)
    assert len({axis.images[0].get_clim() for axis in axes[:4]}) == 1
    block_structure.draw_distances(axes[4], rows, BLOCKS)
    block_structure.draw_shares(axes[5], rows)
    assert len(axes[5].get_legend_handles_labels()[1]) == 4
