"""Heat maps: what plotly gets, in words and as a table too."""

import base64

import numpy as np
import pytest
from symbind_testing.tasks import SAME_DIFFERENT

from symbind_theory import TemplateTask
from symbind_theory.records.page import SampledKernel
from symbind_theory.report.page.heat_maps import matrix_figure, sampled_figure


def drawn(task, matrix, halfwidth):
    return matrix_figure("id", "M", "What it is.", task, matrix, halfwidth)


def decoded(values):
    """Plotly's base64 arrays as numbers."""
    flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return flat.reshape([int(n) for n in values["shape"].split(",")])


def test_entries_and_halfwidths_are_passed_on():
    matrix, width = ((1.0, 0.25), (0.25, 0.5)), ((0.01, 0.02), (0.02, 0.04))
    found = drawn(SAME_DIFFERENT, matrix, width)
    (heat,) = found.plot["data"]
    np.testing.assert_allclose(decoded(heat["z"]), matrix, rtol=1e-7)
    np.testing.assert_allclose(decoded(heat["customdata"]), width, rtol=1e-6)
    assert found.words == "Heat map of M, 2 by 2; entries from 0.25 to 1."
    assert found.table.rows == (
        ("1", "1 ± 0.01", "0.25 ± 0.02"),
        ("2", "0.25 ± 0.02", "0.5 ± 0.04"),
    )
    assert found.plot["layout"]["yaxis"]["ticktext"] == ["?a ?a", "?a ?b"]


def test_names_of_templates_are_escaped():
    task = TemplateTask(["?a <b>", "?a &"], [1, 2])
    found = drawn(task, np.eye(2).tolist(), np.eye(2).tolist())
    ticks = found.plot["layout"]["yaxis"]["ticktext"]
    assert ticks == ["?a &lt;b&gt;", "?a &amp;"]


def test_of_a_large_matrix_the_first_templates_are_drawn():
    task = TemplateTask([f"?a X{i}" for i in range(200)], range(200))
    square = np.arange(40_000.0).reshape(200, 200).tolist()
    found = drawn(task, square, square)
    assert decoded(found.plot["data"][0]["z"]).shape == (128, 128)
    assert "The first 128 of 200 templates are drawn." in found.caption
    assert len(found.table.rows) == 32
    assert found.table.note == "The first 32 of 128 templates."


def kernel(matrix, indices):
    strings = tuple(f"s{i} <i>" for i in range(len(indices)))
    return SampledKernel(
        strings, indices, tuple(map(tuple, matrix)), 0.01, 0.999, 64, 8192
    )


def test_blocks_are_told_from_what_departs_from_them():
    matrix = np.full((6, 6), 0.25)
    matrix[:3, :3] = 0.75
    matrix[0, 1] = matrix[1, 0] = 9.0
    np.fill_diagonal(matrix, 5.0)
    found = sampled_figure(kernel(matrix, (0, 0, 0, 2, 2, 2)), 3)
    heat, layout = found.plot["data"][0], found.plot["layout"]
    assert (heat["zmin"], heat["zmax"]) == (0.125, 0.875)
    assert found.table.rows == (("1", "0.75", "0.25"), ("2", "0.25", "0.25"))
    assert layout["xaxis"]["ticktext"] == ["1", "3"]
    assert layout["xaxis"]["tickvals"] == [1.0, 4.0]
    assert [(s["x0"], s["x1"]) for s in layout["shapes"]] == [(2.5, 2.5), (-0.5, 5.5)]
    assert layout["yaxis"]["autorange"] == "reversed"
    assert "6 strings of the first 2 of 3 templates" in found.caption
    assert "The blocks differ by" not in found.caption
    assert heat["text"][0][3] == "1: s0 &lt;i&gt;<br>3: s3 &lt;i&gt;"


@pytest.mark.parametrize("entry", [0.5, 0.0, -1.0])
def test_a_single_block_has_a_range(entry):
    matrix = np.full((3, 3), entry)
    heat = sampled_figure(kernel(matrix, (0, 0, 0)), 1).plot["data"][0]
    assert heat["zmin"] < entry < heat["zmax"]


def test_blocks_within_the_sampling_error_are_said():
    matrix = np.full((4, 4), 0.25)
    matrix[:2, :2] = 0.26
    found = sampled_figure(kernel(matrix, (0, 0, 1, 1)), 2)
    assert "4 strings of the task, sorted" in found.caption
    assert "The blocks differ by 0.01 at most, no more than the sampling" in (
        found.caption
    )


def test_of_many_blocks_some_have_numbers():
    places = tuple(np.repeat(range(36), 2).tolist())
    layout = sampled_figure(kernel(np.eye(72), places), 36).plot["layout"]
    assert layout["xaxis"]["ticktext"] == [str(i) for i in range(1, 37, 3)]
    assert layout["xaxis"]["tickvals"][1] == 6.5


def test_rows_run_downwards_and_bars_tell_their_ends_apart():
    close = ((0.33712, 0.33711), (0.33711, 0.3371))
    found = drawn(SAME_DIFFERENT, close, close)
    assert found.plot["layout"]["yaxis"]["autorange"] == "reversed"
    form = found.plot["data"][0]["colorbar"]["tickformat"]
    digits = int(form.removeprefix(".").removesuffix("~g"))
    assert f"{0.33712:.{digits}g}" != f"{0.3371:.{digits}g}"


def test_numbers_beyond_single_precision_are_kept():
    large = ((1e60, 0.0), (0.0, 2e60))
    values = decoded(drawn(SAME_DIFFERENT, large, large).plot["data"][0]["z"])
    np.testing.assert_allclose(values, large)
