"""Checks side by side in a terminal."""

import dataclasses
import math
import re
from io import StringIO

import pytest
from rich.console import Console
from symbind_testing.builders.toy_result import toy_result
from symbind_testing.tasks import SAME_DIFFERENT, same_different

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.architecture import ActivationRecord
from symbind_theory.records.check import Gap
from symbind_theory.records.learning import Alignment, SampleComplexity
from symbind_theory.report.comparison import print_comparison
from symbind_theory.report.side_by_side import columns_of
from symbind_theory.tasks import TemplateTask

SYMBOLIC = TemplateTask(["?a X ?b"], ["?a"])
COMPLEXITY = SampleComplexity(
    3648, Interval(3647.5, 3600.25, 4e6), target=0.05, alpha=1e-3
)
HARDEST = Alignment(
    Interval(0.5, 0.25, 1.0),
    (1.0, -1.0),
    SampleComplexity(5000, Interval(4999.5, 4000.5, 6000), target=0.05, alpha=1e-3),
)


def render(checks, *, width=80, **options):
    """The comparison as text."""
    file = StringIO()
    print_comparison(checks, Console(file=file, width=width, **options))
    return file.getvalue()


def named(*checks):
    return [(f"check{i + 1}", check) for i, check in enumerate(checks)]


def row(text, quantity):
    """The cells beside a quantity, one text for each column."""
    (line,) = [x for x in text.splitlines() if x.startswith(f" {quantity} ")]
    return line.removeprefix(f" {quantity} ").split("   ")


def cells(text, quantity):
    return [cell.strip() for cell in row(text, quantity) if cell.strip()]


def below(text, quantity):
    """The second line of the cells beside a quantity."""
    lines = text.splitlines()
    (at,) = [i for i, x in enumerate(lines) if x.startswith(f" {quantity} ")]
    return lines[at + 1].split("  ")


def other(check, **changed):
    return dataclasses.replace(
        check,
        architecture=dataclasses.replace(check.architecture, **changed),
        seed=12,
        version="1.3",
    )


def test_every_quantity_of_each_check():
    one = toy_result(complexity=COMPLEXITY, alignment=HARDEST)
    text = render(named(one, toy_result(SYMBOLIC, c5=Outcome.REFUTED)))
    assert cells(text, "transformers") == ["learn it; MLPs do not", "do not learn it"]
    assert cells(text, "C3 template matrix") == ["HOLDS", "HOLDS"]
    assert cells(text, "C5 generalisation") == ["HOLDS", "REFUTED"]
    assert cells(text, "templates") == ["2", "1"]
    assert cells(text, "length") == ["2", "3"]
    assert cells(text, "smallest eigenvalue") == ["0.0625", "0.0625"]
    assert cells(text, "condition number") == ["1.235e+06", "1.235e+06"]
    assert cells(text, "strings for error 0.05") == ["3648", "–"]
    assert cells(text, "… smallest direction") == ["5000", "–"]
    assert cells(text, "MLP floor") == ["1", "–"]
    assert cells(text, "smallest gap") == ["0.5", "–"]
    assert cells(text, "points") == ["256", "256"]
    assert cells(text, "seed") == ["11", "11"]
    assert cells(text, "version") == ["1.2.3", "1.2.3"]


@pytest.mark.parametrize(
    ("quantity", "interval"),
    [
        ("smallest eigenvalue", "[0.03125, 0.09375]"),
        ("condition number", "[1234, 1e+07]"),
        ("strings for error 0.05", "[3601, 4e+06]"),
        ("… smallest direction", "[4001, 6000]"),
        ("smallest gap", "[0.5, 0.5]"),
    ],
)
def test_the_interval_stands_below_the_number(quantity, interval):
    check = toy_result(complexity=COMPLEXITY, alignment=HARDEST)
    found = [x.strip() for x in below(render(named(check, check)), quantity)]
    assert [x for x in found if x] == [interval, interval]


def test_the_smallest_gap_is_the_smallest():
    task = TemplateTask(["X Y", "?a ?b", "?a ?a"], [1, 2, 3])
    check = toy_result(task, gaps=[0.75, 0.25, 0.5])
    assert cells(render(named(check, check)), "smallest gap") == ["0.25", "0.25"]


def test_what_is_infinite_is_written_as_such():
    check = toy_result(
        condition=Interval(math.inf, 3.0, math.inf),
        complexity=SampleComplexity(
            None, Interval(math.inf, 0, math.inf), target=1, alpha=1
        ),
    )
    text = render(named(check, check))
    assert cells(text, "condition number") == ["∞", "∞"]
    assert cells(text, "strings for error 1") == ["beyond 1e15", "beyond 1e15"]
    assert text.count("[3, ∞]") == 2
    assert "inf" not in text


def test_claims_are_in_their_order_and_absent_ones_a_dash():
    one, two = toy_result(), toy_result()
    two = dataclasses.replace(two, verdicts=two.verdicts[1:])
    text = render(named(one, two))
    assert cells(text, "C3 template matrix") == ["HOLDS", "–"]
    assert text.index("C3 template") < text.index("C5 generalisation")
    assert "C2" not in text


def test_only_parameters_that_differ_are_in_the_second_table():
    one = other(toy_result(), identity_kq=2.0, readout="last")
    two = toy_result()
    text = render(named(one, two))
    _, _, differing = text.partition("What differs between the architectures")
    differing, _, common = differing.partition("In common: ")
    assert cells(differing, "identity_kq") == ["2.0", "0.0"]
    assert cells(differing, "readout") == ["last", "cls"]
    for name in ("beta", "gamma", "activation", "normalisation"):
        assert name not in differing
    for part in ("the task", "beta=0.0", "gamma=1.5", "cos(b1=0.25)"):
        assert part in common
    assert "identity_kq" not in common


def test_activations_differ_as_a_whole():
    one = other(toy_result(), activation=ActivationRecord("cos", (("b1", 0.5),)))
    text = render(named(one, toy_result()))
    assert cells(text, "activation") == ["cos(b1=0.5)", "cos(b1=0.25)"]


def test_there_is_no_second_table_where_architectures_are_the_same():
    text = render(named(toy_result(), toy_result(SYMBOLIC)))
    assert "What differs" not in text
    assert "In common: beta=0.0" in text
    assert "the task" not in text


@pytest.mark.parametrize("part", ["label", "weight", "template"])
def test_other_labels_weights_or_templates_are_another_task(part):
    changed = {
        "label": TemplateTask(["?a ?a", "?a ?b"], [1, 0]),
        "weight": same_different([1, 2]),
        "template": TemplateTask(["?a ?a", "?a X"], [1, -1]),
    }[part]
    checks = named(toy_result(SAME_DIFFERENT), toy_result(changed))
    assert "the task" not in render(checks)


def at_level(check, level):
    return on(check, level=level)


def on(check, **changed):
    estimates = dataclasses.replace(check.estimates, **changed)
    return dataclasses.replace(check, estimates=estimates)


def test_settings_are_common_or_rows():
    noisy = same_different(noise=0.5)
    one = toy_result(complexity=COMPLEXITY)
    rough = dataclasses.replace(COMPLEXITY, target=0.25, alpha=0.5)
    two = on(at_level(toy_result(noisy, complexity=rough), 0.95), method="rqmc")
    two = on(two, device="cuda:0")
    text = " ".join(render(named(one, one)).partition("In common")[2].split())
    for part in ("error aimed at 0.05", "ridge 0.001", "level of intervals 0.999"):
        assert part in text
    assert "method mc" in text
    assert "device cpu" in text
    assert "label noise" not in text
    text = render(named(one, two))
    assert cells(text, "error aimed at") == ["0.05", "0.25"]
    assert cells(text, "strings for the error") == ["3648", "3648"]
    assert cells(text, "ridge") == ["0.001", "0.5"]
    assert cells(text, "label noise") == ["0", "0.5"]
    assert cells(text, "level of intervals") == ["0.999", "0.95"]
    assert cells(text, "method") == ["mc", "rqmc"]
    assert cells(text, "device") == ["cpu", "cuda:0"]
    assert "label noise 0.5" in render(named(two, two))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_two_to_four_checks_are_one_table_at_80_columns(count):
    check = toy_result(complexity=COMPLEXITY, alignment=HARDEST)
    tiny = Interval(9.876e-16, 9.875e-16, 9.877e-16)
    check = on(check, smallest_eigenvalue=tiny, gaps=(Gap(0, 1, tiny, None, None),))
    text = render(named(*[check] * count))
    assert text.count("Checks side by side") == 1
    assert max(map(len, text.splitlines())) <= 80
    assert cells(text, "smallest eigenvalue") == ["9.876e-16"] * count
    assert cells(text, "… smallest direction") == ["5000"] * count
    assert text.count("[9.875e-16,") == 2 * count


@pytest.mark.parametrize(
    ("count", "width", "tables"),
    [
        (5, 80, [3, 2]),
        (9, 80, [3, 3, 3]),
        (12, 80, [4, 4, 4]),
        (5, 200, [5]),
        (2, 30, [1, 1]),
    ],
)
def test_more_checks_stand_in_several_tables(count, width, tables):
    checks = [
        (f"c{i}", other(toy_result(), beta=float(i))) for i in range(1, count + 1)
    ]
    text = render(checks, width=width)
    shown, differing, _ = text.partition("What differs")
    assert shown.count("Checks side by side") == len(tables)
    assert [len(s.split()) - 1 for s in lines(shown, "seed")] == tables
    betas = [x for s in lines(differing + text, " beta ") for x in s.split()[1:]]
    assert betas == [f"{i}.0" for i in range(1, count + 1)]
    assert re.findall(r"\bc\d+", shown) == [name for name, _ in checks]


def lines(text, part):
    return [line for line in text.splitlines() if part in line]


@pytest.mark.parametrize("width", [1, 20, 40, 80])
def test_it_fits_the_terminal(width):
    checks = [("a-long-name-without-a-space" * 3, toy_result())] * 5
    assert max(map(len, render(checks, width=width).splitlines())) <= width


def test_numbers_are_not_broken_where_it_is_narrow():
    """A third of the width is for quantities, the rest for the check."""
    text = render(named(toy_result(), toy_result()), width=30)
    assert len(lines(text, "[0.03125,")) == 2


def test_a_long_name_is_folded_and_not_cut():
    text = render([("x" * 60, toy_result()), *named(toy_result(), toy_result())])
    assert text.count("x") - render(named(*[toy_result()] * 3)).count("x") == 60


def test_names_and_texts_cannot_steer_the_terminal():
    hostile = ActivationRecord("[red]\x1b[31m", (("\x1b]8;;a", 1.0),))
    check = other(toy_result(), activation=hostile, normalisation="\x1b[2J")
    check = on(check, device="d\x1b", method="m\x9b")
    checks = [("[bold]\x1b[2J", check), ("b", toy_result())]
    text = render(checks, force_terminal=False)
    assert all(c.isprintable() for c in text.replace("\n", ""))
    assert "[bold]�[2J" in text
    assert "[red]�[31m" in text


def test_outcomes_have_their_colours(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    checks = named(toy_result(c5=Outcome.REFUTED), toy_result())
    text = render(checks, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mREFUTED" in text
    assert "\x1b[1;32mHOLDS" in text
    assert "\x1b[1;31mdo not learn it" in text
    assert "\x1b[1;32mlearn it" in text


def test_the_kernel_stands_first_where_checks_are_of_two():
    """λ_min below is then of two matrices; in words where both are the tangent one."""
    result = toy_result()
    trained = dataclasses.replace(result, kernel="ntk")
    both = columns_of([result, trained])
    assert both.rows[0].quantity == "kernel"
    assert [cell.text for cell in both.rows[0].cells] == ["nngp", "ntk"]
    assert "kernel ntk" in columns_of([trained, trained]).common
    assert "kernel" not in columns_of([result, result]).common
