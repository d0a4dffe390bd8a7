"""The tables of docs/depth.md: what the command writes, and what they show."""

import doctest
import math
import re

import pytest
from flint import fmpq_mat

from examples import depth, depth_rows, pages, rank_orders
from examples.depth import PAGE, depth_table, falls_table, identity_table, sizes_table
from examples.depth_rows import (
    DEPTHS,
    LINES,
    Line,
    Row,
    identity_lines,
    measure,
)
from examples.pages import cells
from examples.rank_orders import eigenvalue_orders, nested_orders, set_partitions
from examples.small_beta import (
    BETAS,
    GROWING,
    PLACES,
    SETS,
    SIZES,
    Falls,
    Sizes,
    slope,
)
from numerics import Architecture
from numerics.store import ValueCache
from symbind_theory import Interval
from symbind_theory.separation import leading_gap
from symbind_theory.separation.series import feature_series

QUANTITIES = ("smallest", "relative", "strings")
TEXT = PAGE.read_text()
DEPTH_CELLS = {name: cells(TEXT, name) for name in QUANTITIES}
BETA_CELLS = {(row[0], row[1]): row[2:] for row in cells(TEXT, "beta")}
SIZE_CELLS = {(int(row[0]), int(row[1])): row[2:] for row in cells(TEXT, "size")}


def interval(cell):
    """Value and ends of a printed cell."""
    plain = re.fullmatch(r"([\d.]+)\((\d+)\)(e-?\d+)?", cell)
    if plain:
        digits, width, power = plain.groups()
        places = len(digits.partition(".")[2])
        scale = float(f"1{power or 'e0'}")
        value, width = float(digits) * scale, int(width) * 10.0**-places * scale
        return value, value - width, value + width
    numbers = re.findall(r"[\d.]+(?:e[-+]?\d+)?|∞", cell)
    found = [math.inf if x == "∞" else float(x) for x in numbers]
    return tuple(found) if len(found) == 3 else (math.nan, *found)


def words(line):
    """The first cells of a line's row."""
    architecture = line.architecture
    return [
        line.task,
        architecture.readout,
        architecture.activation.name,
        line.kernel,
        f"{architecture.residual:g}",
        architecture.normalisation or "no",
    ]


def found(quantity, task, **settings):
    """Intervals of the one line with these settings, by depth."""
    wanted = {
        "readout": "cls",
        "activation": "cos",
        "kernel": "nngp",
        "residual": 0.0,
        "normalisation": None,
        **settings,
    }
    (place,) = (
        i
        for i, line in enumerate(LINES)
        if line.task == task
        and line.kernel == wanted["kernel"]
        and line.architecture.activation.name == wanted["activation"]
        and all(
            getattr(line.architecture, name) == wanted[name]
            for name in ("readout", "residual", "normalisation")
        )
    )
    printed = DEPTH_CELLS[quantity][place][6:]
    return {d: interval(cell) for d, cell in zip(DEPTHS, printed, strict=True) if cell}


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_tables_of_depth_are_complete(quantity):
    assert [row[:6] for row in DEPTH_CELLS[quantity]] == [words(line) for line in LINES]
    for line, row in zip(LINES, DEPTH_CELLS[quantity], strict=True):
        measured = [bool(cell) for cell in row[6:]]
        assert measured == [depth in line.depths for depth in DEPTHS]
        assert all(len(interval(cell)) == 3 for cell in row[6:] if cell)


def test_the_other_tables_are_complete():
    lines = [
        (*words(line)[:2], *(f"{x:g}" for x in _multiples(line)))
        for line in identity_lines()
    ]
    assert [tuple(row[:4]) for row in cells(TEXT, "identity")] == lines
    assert list(BETA_CELLS) == list(PLACES)
    assert list(SIZE_CELLS) == [(k, r) for k, sizes in SIZES.items() for r in sizes]
    for figure in (*depth.FIGURES.values(), depth.SMALL):
        assert figure.read_text().count("<svg") == 1


def _multiples(line):
    return line.architecture.identity_kq, line.architecture.identity_vo


@pytest.mark.parametrize("module", [pages, rank_orders])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_tables_of_made_up_rows():
    one, none = Interval(2.0, 1.75, 2.25), Interval(2.0, 0.0, math.inf)
    line = Line("aba-abb", Architecture(readout="last"), "ntk", depths=(2, 16))
    rows = {line: [Row(one, one, one), Row(none, none, none)]}
    table = list(depth_table(rows, "relative"))
    assert len({row.count("|") for row in table}) == 1
    assert table[2] == (
        "| aba-abb | last | cos | ntk | 0 | no |  | 2.00(25) |  |  |  |  |  | "
        "unresolved [0, ∞] |"
    )
    table = list(identity_table({line: [Row(one, one, one)] * 2}))
    assert len({row.count("|") for row in table}) == 1
    doubling = [Interval(4.0**i, 4.0**i * 0.99, 4.0**i * 1.01) for i in range(7)]
    falls = Falls("some", "depth 1", 1, (none, *doubling))
    found = slope(falls)
    assert found
    beta, steepness = found
    assert beta == BETAS[1]
    assert steepness.contains(2.0)
    table = list(falls_table([falls, Falls("some", "depth 2", None, (none,) * 8)]))
    assert len({row.count("|") for row in table}) == 1
    assert table[2].startswith(
        "| some | depth 1 | 2 | 2.000 ± 0.029 | 0.0625, 0.125 | "
    )
    assert table[3].startswith(
        "| some | depth 2 |  | unresolved |  | unresolved [0, ∞]"
    )
    (row,) = list(sizes_table([Sizes(3, 2, 2, (one,) * len(GROWING))]))[2:]
    assert row.startswith("| 3 | 2 | 4 | 2.00(25) |")


def test_rows_are_kept(tmp_path, monkeypatch):
    """What is finished is not measured again, and other settings are."""
    cache = ValueCache(tmp_path)
    line = Line("same-different", depths=(1,), points=2**10)
    first = measure(line, 1, cache)
    monkeypatch.setattr(depth_rows, "template_gram", None)
    assert measure(line, 1, cache) == first
    with pytest.raises(TypeError):
        measure(line, 2, cache)


def test_two_templates_separate_where_their_gap_starts():
    """For two templates L is the order of the exact gap."""
    some = set_partitions(4)
    for i, one in enumerate(some):
        for other in some[:i]:
            order = leading_gap(one, other).order
            assert eigenvalue_orders([one, other], 3) == (0, order)


def ranks_by_brute_force(templates, order, gamma):
    """Ranks of the features as power series cut after β^0, …, β^order.

    Features are those of `feature_series`, with all their shared Gaussians.
    """
    series = feature_series(templates, order)
    r = len(templates)
    rows = {}
    for j, features in enumerate(series.features):
        for l, coordinates in enumerate(features):
            for name, polynomial in coordinates.items():
                for (power, *monomial), value in polynomial.to_dict().items():
                    row = rows.setdefault((name, *monomial), [0] * r * (order + 1))
                    row[l * r + j] += value * gamma**power
    ranks = []
    for m in range(order + 1):
        # x^(0), …, x^(m) to the coefficient of β^i in F x.
        cut = [
            [*([0] * r * (m - i)), *row[: r * (i + 1)]]
            for i in range(m + 1)
            for row in rows.values()
        ]
        ranks.append(fmpq_mat(cut).rank())
    return ranks


@pytest.mark.parametrize(
    ("templates", "order"),
    [(set_partitions(3), 5), (SETS["aabb-abab"], 3), (set_partitions(4)[:6], 3)],
)
@pytest.mark.parametrize("gamma", [1, 3])
def test_orders_by_brute_force(templates, order, gamma):
    ranks = ranks_by_brute_force(templates, order, gamma)
    orders = eigenvalue_orders(templates, order)
    expected = [sum(max(0, m + 1 - e) for e in orders) for m in range(order + 1)]
    assert ranks == expected


def test_the_last_of_five_templates_needs_the_fifth_order():
    assert eigenvalue_orders(set_partitions(3), 4) == (0, 2, 2, 2)
    assert dict(nested_orders(set_partitions(3), 5)) == {2: 2, 3: 2, 4: 2, 5: 5}
    assert dict(nested_orders(set_partitions(3), 4))[5] is None


EXACT = {
    "same-different": (0, 2),
    "aba-abb": (0, 2),
    "aabb-abab": (0, 3),
    "relational-match-to-sample": (0, 2, 2, 5),
    "all 5 of length 3": (0, 2, 2, 2, 5),
    "all 15 of length 4": (0, *[2] * 4, *[3] * 2, *[5] * 5, *[8] * 3),
}


@pytest.mark.parametrize("templates", list(SETS))
def test_exact_orders_of_the_page(templates):
    assert eigenvalue_orders(SETS[templates], 8) == EXACT[templates]
    exact, printed, between = BETA_CELLS[templates, "depth 1"][:3]
    assert int(exact) == 2 * EXACT[templates][-1]
    value, width = map(float, printed.split(" ± "))
    if templates == "all 15 of length 4":
        assert between == "0.125, 0.25"
        assert value + width < 16
    else:
        assert between == "0.03125, 0.0625"
        assert abs(value - int(exact)) < 0.15


def test_steps_as_templates_are_added():
    steps = {(k, r): int(cells[0]) for (k, r), cells in SIZE_CELLS.items()}
    for (length, r), exact in steps.items():
        assert exact == 2 * (2 if r < 5 else 5 if r < 13 else 8)
        assert dict(nested_orders(set_partitions(length)[:r], 8))[r] == exact // 2


def test_slopes_of_two_blocks():
    """The order is that of one block where multiplicities agree, and lower for five."""
    for network in ("depth 2, s = 0", "depth 2, s = 0, ReLU", "depth 2, s = 1, pre"):
        value, _ = BETA_CELLS["aba-abb", network][1].split(" ± ")
        assert float(value) == pytest.approx(4, abs=0.04)
        value, _ = BETA_CELLS["aabb-abab", network][1].split(" ± ")
        assert 5.5 < float(value) < 6
    small = BETAS.index(1 / 16)
    one = interval(BETA_CELLS["all 5 of length 3", "depth 1"][3 + small])
    for network, below in (("depth 2, s = 0, ReLU", 1.0), ("depth 2, s = 1, pre", 0.5)):
        printed = BETA_CELLS["all 5 of length 3", network]
        value, _ = printed[1].split(" ± ")
        assert float(value) == pytest.approx(4, abs=0.04)
        assert interval(printed[3 + small])[1] > 1e6 * one[2]
        for beta, cell, single in zip(
            BETAS,
            printed[3:],
            BETA_CELLS["all 5 of length 3", "depth 1"][3:],
            strict=True,
        ):
            assert (interval(cell)[2] < interval(single)[1]) == (beta >= below)
            assert (interval(cell)[1] > interval(single)[2]) == (beta < below)


def test_self_values_keep_same_and_different_apart():
    """λ_min(C) does not vanish with β, and has its least value in between."""
    for network in ("depth 2, s = 0, ReLU", "depth 2, s = 1, pre"):
        printed = BETA_CELLS["same-different", network][3:]
        least, *more = map(interval, printed)
        assert least[1] > 1e-4
        assert any(found[2] < least[1] for found in more)
        assert more[-1][1] > least[2]
    value, _ = BETA_CELLS["same-different", "depth 2, s = 0"][1].split(" ± ")
    assert float(value) == pytest.approx(4, abs=0.05)


SHORT = ("same-different", "aba-abb", "aabb-abab")
PRE = {"residual": 1.0, "normalisation": "pre"}
POST = {"residual": 1.0, "normalisation": "post"}


def ratio(one, other):
    """Ends of the ratio of two printed numbers."""
    return one[1] / other[2], one[2] / other[1]


@pytest.mark.parametrize("task", SHORT)
def test_what_sixteen_blocks_lose_without_residual_connections(task):
    plain = found("relative", task)
    falls = {"same-different": 1.3e4, "aba-abb": 5e4, "aabb-abab": 1.8e5}[task]
    assert plain[1][0] / plain[16][0] == pytest.approx(falls, rel=0.03)
    smallest = found("smallest", task)[16]
    assert smallest[2] < 1e-9
    # e is little more than the ridge.
    assert smallest[0] / plain[16][0] == pytest.approx(1e-3, rel=0.01)
    strings = found("strings", task)[16]
    low, high = ratio(strings, found("strings", task, kernel="ntk")[16])
    assert 149 < low < high < 190
    low, high = ratio(strings, found("strings", task, activation="relu")[16])
    assert 9 < low < high < 14


@pytest.mark.parametrize("task", SHORT)
def test_what_residual_connections_keep(task):
    pre = found("strings", task, **PRE)
    change = {"same-different": 0.72, "aba-abb": 1.93, "aabb-abab": 4.4}[task]
    assert pre[16][0] / pre[1][0] == pytest.approx(change, rel=0.02)
    for kind in (PRE, POST):
        tangent = found("strings", task, kernel="ntk", **kind)
        for blocks, strings in found("strings", task, **kind).items():
            low, high = ratio(strings, tangent[blocks])
            assert 1 / 1.7 < low < high < 1.7
    relu = found("strings", task, activation="relu", **PRE)
    for blocks, strings in pre.items():
        low, high = ratio(relu[blocks], strings)
        assert 0.85 < low < high < 1.15


def test_one_block_is_best_at_cls_where_symbols_are_equally_frequent():
    for line, row in zip(LINES, DEPTH_CELLS["strings"], strict=True):
        first, *deeper = (interval(cell) for cell in row[6:] if cell)
        if line.task in SHORT[1:] and line.architecture.readout == "cls":
            assert all(first[2] < other[1] for other in deeper)


def test_depth_helps_at_the_last_symbol():
    plain = found("strings", "same-different", readout="last")
    assert ratio(plain[1], plain[3])[0] > 12
    for task, times in (("same-different", 11), ("aba-abb", 1.7)):
        strings = found("strings", task, readout="last", **PRE)
        assert ratio(strings[1], strings[16])[0] > times


IDENTITY = {
    tuple(row[:4]): list(map(interval, row[8:])) for row in cells(TEXT, "identity")
}


@pytest.mark.parametrize("task", ["same-different", "aabb-abab"])
@pytest.mark.parametrize("readout", ["cls", "last"])
def test_what_a_and_b_do_at_depth(task, readout):
    strings = {
        key[2:]: row for key, row in IDENTITY.items() if key[:2] == (task, readout)
    }
    none, two, four = (strings[a, "0"] for a in ("0", "2", "4"))
    assert two[0][2] < four[0][1]
    assert four[3][2] < two[3][1]
    assert four[3][2] < four[0][1]
    assert four[3][2] < none[3][1]
    once, twice = (strings["0", b] for b in ("1", "2"))
    assert once[3][2] < twice[3][1]
    if task == "same-different":
        assert once[3][2] < none[3][1]
    else:
        assert all(b[1] > plain[2] for b, plain in zip(once, none, strict=True))
    if (task, readout) == ("aabb-abab", "cls"):
        assert ratio(none[3], four[3])[0] > 16
    if readout == "last":
        assert four[3][2] < 760


@pytest.mark.slow
@pytest.mark.parametrize(("place", "blocks"), [(0, 3), (4, 4), (15, 2), (-1, 1)])
def test_the_command_writes_what_the_page_shows(place, blocks, tmp_path):
    """Rounding differs between machines, so digits are compared within the bars."""
    row = measure(LINES[place], blocks, ValueCache(tmp_path))
    for quantity in QUANTITIES:
        printed = DEPTH_CELLS[quantity][place][6 + DEPTHS.index(blocks)]
        value, low, high = interval(printed)
        assert abs(getattr(row, quantity).value - value) <= 0.1 * (high - low)
