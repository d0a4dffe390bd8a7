"""A scan: every point as its own call finds it, as rows, columns and frames."""

import math
import re
import sys

import pytest
from symbind_testing.tasks import COPY, SAME_DIFFERENT

from numerics import (
    Precision,
    Scan,
    sample_complexity,
    scan,
    template_gram,
)
from symbind_theory import InputError

ROUGH = Precision(rel_tol=0.5, max_points=256)
OVER = {"beta": [0.0, 2.0], "activation": ["cos", "relu"]}


@pytest.fixture(scope="module")
def found():
    return scan(SAME_DIFFERENT, OVER, target=0.05, precision=ROUGH)


def test_every_point_is_what_its_own_call_finds(found):
    assert len(found) == 4
    for row in found:
        gram = template_gram(
            SAME_DIFFERENT.templates, row.architecture, rel_tol=0.5, max_points=256
        )
        alone = sample_complexity(SAME_DIFFERENT, target=0.05, gram=gram)
        assert row.strings == alone
        assert row.smallest_eigenvalue == gram.smallest_eigenvalue
        assert row.points == gram.points


def test_the_last_parameter_changes_fastest(found):
    order = [(r.architecture.beta, r.architecture.activation.name) for r in found]
    assert order == [(0.0, "cos"), (0.0, "relu"), (2.0, "cos"), (2.0, "relu")]
    assert found[1] is found.rows[1]


def test_columns_hold_parameters_and_numbers(found):
    table = found.columns()
    assert table["activation"] == ["cos(b1=1, b2=0.3)", "relu"] * 2
    assert table["strings"][2] == found[2].strings.n
    assert table["strings_low"][2] == found[2].strings.interval.low
    assert {len(column) for column in table.values()} == {4}


def test_a_scan_prints_a_row_for_each_architecture(found, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    title, heads, _, *rows = str(found).splitlines()
    assert title.startswith("Scan, architectures: 4; gamma=1.0, readout=cls")
    assert title.endswith("level 0.999")
    assert re.fullmatch(
        r" architecture +strings +interval +λ_min\(N\) +interval", heads
    )
    assert len(rows) == 4
    for line, row in zip(rows, found, strict=True):
        assert f"beta={row.architecture.beta}, {row.architecture.activation.name}(" in (
            line
        )
        assert f" {row.smallest_eigenvalue.value:.4g} " in line
    assert f" {found[2].strings.n} " in rows[2]


def test_a_long_scan_prints_its_first_rows_and_says_so(found, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    title, _, _, *rows = str(Scan(found.rows * 11)).splitlines()
    assert "architectures: 44, the first 40 here and all in frame()" in title
    assert len(rows) == 40


def test_without_numbers_as_labels_no_strings_are_printed():
    shown = str(scan(COPY, {"beta": [1.0]}, precision=ROUGH, cache=None))
    assert "λ_min(N)" in shown
    assert "strings" not in shown


def test_a_frame_of_polars(found):
    frame = found.frame()
    assert frame.shape == (4, len(found.columns()))
    assert frame["strings"].to_list() == found.columns()["strings"]
    least = frame.sort("strings_high").row(0, named=True)
    assert least["strings_high"] == min(found.columns()["strings_high"])


def test_frames_of_what_is_not_there_are_refused(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"^backend is 'pandas', which is not inst"):
        found.frame("pandas")


def test_symbolic_labels_have_no_strings():
    """Their N is estimated all the same; one that is singular is said to be."""
    (row,) = scan(COPY, {"beta": [1.0]}, precision=ROUGH)
    assert row.strings is None
    assert row.smallest_eigenvalue.value > 0
    assert "strings" not in scan(COPY, {"beta": [1.0]}, precision=ROUGH).columns()


def test_progress_counts_every_estimate():
    seen = []
    scan(
        SAME_DIFFERENT,
        {"beta": [1.0, 2.0]},
        precision=ROUGH,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": 0}, r"^target is 0; expected"),
        ({"alpha": math.nan}, r"^alpha is nan; expected"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        scan(SAME_DIFFERENT, {"beta": [1.0]}, **arguments)
