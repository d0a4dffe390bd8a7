"""The table of docs/identity.md: what the command writes, and what it shows."""

import doctest
import re
from pathlib import Path

import pytest

from examples import identity_perturbation
from examples.identity_perturbation import MULTIPLES, PAGE, TASKS
from examples.pages import cells
from symbind_theory.separation.incidence import READOUTS

CELLS = cells(PAGE.read_text(), "table")
QUANTITIES = ("smallest", "relative", "condition", "strings", "gap")


def number(cell):
    """Value and halfwidth of a printed cell; of an interval, the wider side."""
    plain = re.fullmatch(r"([\d.]+)\((\d+)\)(e-?\d+)?", cell)
    if plain:
        digits, width, power = plain.groups()
        places = len(digits.partition(".")[2])
        scale = float(f"1{power or 'e0'}")
        return float(digits) * scale, int(width) * 10.0**-places * scale
    value, low, high = map(float, re.findall(r"[\d.]+(?:e[-+]?\d+)?", cell))
    return value, max(value - low, high - value)


FOUND = {
    (task, readout, float(a)): dict(zip(QUANTITIES, map(number, cells), strict=True))
    for task, readout, a, *cells in CELLS
}


def test_the_table_is_complete():
    assert set(FOUND) == {(t, r, a) for t in TASKS for r in READOUTS for a in MULTIPLES}
    assert Path(identity_perturbation.FIGURE).read_text().count("<svg") == 1
    assert doctest.testmod(identity_perturbation).failed == 0


def ratio(key, a, base=0.0):
    """Ends of the ratio of one quantity at a to that at the base."""

    def of(task, readout):
        value, width = FOUND[task, readout, a][key]
        at, error = FOUND[task, readout, base][key]
        return (value - width) / (at + error), (value + width) / (at - error)

    return of


def test_last_improves_ninefold_and_then_gets_worse():
    low, high = ratio("smallest", 2.0)("same-different", "last")
    assert 9 < low < high < 9.6
    assert ratio("smallest", 6.0)("same-different", "last")[1] < 1
    low, high = ratio("condition", 2.0)("same-different", "last")
    assert 0.1 < low < high < 0.11


@pytest.mark.parametrize("task", TASKS)
def test_cls_gains_little_anywhere_and_loses_its_gap(task):
    for a in MULTIPLES[1:]:
        if FOUND[task, "cls", a]["relative"][1] < FOUND[task, "cls", a]["relative"][0]:
            assert ratio("relative", a)(task, "cls")[1] < 1.2
        assert ratio("smallest", a)(task, "cls")[1] < 1.01
    assert ratio("gap", 4.0)(task, "cls")[1] < 0.02


@pytest.mark.parametrize("task", TASKS)
def test_more_strings_where_the_relative_eigenvalue_is_smaller(task):
    """MSE is about (1 + n λ/2)⁻², as ±1 is nearly N's smallest direction: n = 18/λ."""
    for readout in READOUTS:
        for a in MULTIPLES:
            row = FOUND[task, readout, a]
            value, width = row["relative"]
            if width < 0.01 * value:
                assert row["strings"][0] * value == pytest.approx(18, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        ("same-different", "cls", 0.5),
        ("aabb-abab", "mean", 2.0),
        ("same-different", "last", 2.0),
    ],
)
def test_the_command_writes_what_the_page_shows(place):
    """Rounding differs between machines, so digits are compared within the bars."""
    row = identity_perturbation.measure(*place)
    for name, (value, width) in FOUND[place].items():
        assert abs(getattr(row, name).value - value) <= 0.2 * width
