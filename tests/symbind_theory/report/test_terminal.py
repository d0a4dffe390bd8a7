"""The report for a terminal, and the progress bar beside it."""

import math
import re
from io import StringIO
from itertools import combinations
from types import SimpleNamespace

import pytest
from rich.console import Console
from symbind_testing.builders.toy_result import toy_result
from symbind_testing.tasks import SAME_DIFFERENT, SAME_DIFFERENT_IN_WORDS

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.learning import Alignment, SampleComplexity
from symbind_theory.report import progress
from symbind_theory.report.progress import progress_bar
from symbind_theory.report.terminal import print_result
from symbind_theory.tasks import TemplateTask

TEN = 10


def render(result, *, width=200, **options):
    """The report as text."""
    file = StringIO()
    print_result(result, Console(file=file, width=width, **options))
    return file.getvalue()


def words(text):
    """The text with its line breaks and runs of spaces made single spaces."""
    return " ".join(text.split())


def lines_with(text, *parts):
    """The lines in which every one of the parts occurs."""
    return [line for line in text.splitlines() if all(part in line for part in parts)]


@pytest.mark.parametrize(
    ("task", "outcome", "expected"),
    [
        pytest.param(
            SAME_DIFFERENT,
            Outcome.HOLDS,
            "Transformers learn this task from about 500 strings (C5); MLPs do not, "
            "their error stays at 1 or more (C2).",
            id="only transformers",
        ),
        pytest.param(
            SAME_DIFFERENT,
            Outcome.REFUTED,
            "Transformers do not learn this task as it stands (C5).",
            id="refuted",
        ),
        pytest.param(
            SAME_DIFFERENT,
            Outcome.UNDECIDED,
            "Whether transformers learn this task is undecided (C5).",
            id="undecided",
        ),
    ],
)
def test_the_headline_is_the_first_line(task, outcome, expected):
    text = render(toy_result(task, c5=outcome))
    assert text.splitlines()[0].rstrip() == expected


@pytest.mark.parametrize(
    ("c3", "c5", "colour"),
    [
        pytest.param(Outcome.HOLDS, Outcome.HOLDS, "32", id="green where all holds"),
        pytest.param(Outcome.REFUTED, Outcome.UNDECIDED, "31", id="red where refuted"),
        pytest.param(Outcome.UNDECIDED, Outcome.UNDECIDED, "33", id="yellow otherwise"),
    ],
)
def test_the_headline_has_the_colour_of_the_exit_status(c3, c5, colour, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = render(
        toy_result(c3=c3, c5=c5), force_terminal=True, color_system="standard"
    )
    assert text.startswith(f"\x1b[1;{colour}m")


def test_there_is_no_colour_off_a_terminal():
    assert "\x1b" not in render(toy_result(), force_terminal=False)


def test_wildcards_are_coloured_and_regular_tokens_are_not(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    task = TemplateTask(["?a X ?b"], [1])
    text = render(toy_result(task), force_terminal=True, color_system="standard")
    (line,) = lines_with(text, "?a", "X", "?b")
    first, rest = line.split("?a")
    middle, _ = rest.split("?b")
    assert first.endswith("\x1b[36m")
    assert middle == "\x1b[0m X \x1b[35m"


def test_every_template_with_its_label_and_weight():
    task = TemplateTask(
        ["?a ?a X", "α ?b ?b", "X Y ?c"], [1, -0.5, 3], weights=[1, 2, 3]
    )
    text = render(toy_result(task))
    for parts in [
        ("1", "?a ?a X", "1", "1/6"),
        ("2", "α ?b ?b", "-1/2", "1/3"),
        ("3", "X Y ?c", "3", "1/2"),
    ]:
        assert lines_with(text, *parts), parts


def test_every_verdict_with_its_evidence():
    text = render(
        toy_result(c3=Outcome.REFUTED, c5=Outcome.UNDECIDED, evidence="As seen.")
    )
    assert lines_with(text, "C3 template matrix: REFUTED")
    assert lines_with(text, "C5 generalisation: UNDECIDED")
    assert len(lines_with(text, "As seen.")) == 2


@pytest.mark.parametrize(
    "token",
    ["[bold]", "[red]x[/red]", "[/]", "[/bold]", ":smile:", "\\[b]", "[link=x]"],
)
def test_markup_in_the_users_text_is_shown_as_it_is(token):
    """In templates, labels and evidence, on a terminal and off it."""
    task = TemplateTask([f"{token} ?a", f"?a {token}"], [token, f"{token}2"])
    result = toy_result(task, evidence=f"Saw {token} there.")
    for terminal in (False, True):
        text = render(result, force_terminal=terminal, no_color=True)
        assert lines_with(text, f"{token}2")
        assert lines_with(text, f"Saw {token} there.")
    text = render(result, force_terminal=False)
    assert lines_with(text, f"{token} ?a")
    assert lines_with(text, f"?a {token}")
    assert lines_with(text, "Note: 1 pair would overlap", f"'{token} {token}'")


def test_overlaps_for_any_tokens_are_a_note():
    one = TemplateTask(["?a ?b", "X ?b"], [1, 2])
    two = TemplateTask(["?a ?b", "X ?b", "Y ?b"], [1, 2, 3])
    (note,) = lines_with(render(toy_result(one)), "Note:")
    assert "1 pair would overlap" in note
    assert "templates 1 and 2 in 'X a'" in note
    (note,) = lines_with(render(toy_result(two)), "Note:")
    assert "2 pairs would overlap" in note


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(SAME_DIFFERENT, id="none"),
        pytest.param(TemplateTask(["?a", "?b"], [1, 2]), id="only for symbols too"),
    ],
)
def test_there_is_no_note_without_such_overlaps(task):
    assert "Note:" not in render(toy_result(task))


def test_few_gaps_are_all_shown_without_a_note():
    task = TemplateTask([" ".join("X" * i + "Y" * (5 - i)) for i in range(5)], range(5))
    text = render(toy_result(task))
    assert "the smallest" not in words(text)
    for i, j in combinations(range(1, 6), 2):
        assert lines_with(text, f" {i}, {j} ")


def test_of_many_gaps_the_ten_smallest_are_shown_in_order():
    task = TemplateTask([" ".join("X" * i + "Y" * (6 - i)) for i in range(6)], range(6))
    pairs = list(combinations(range(1, 7), 2))
    values = [float(100 + len(pairs) - g) for g in range(len(pairs))]
    text = render(toy_result(task, gaps=values))
    assert f"the smallest {TEN} of {len(pairs)}" in words(text)
    table = text[text.index("Gaps between") : text.index("N, entries")]
    shown = re.findall(r"^ (\d, \d) ", table, flags=re.M)
    assert shown == [f"{i}, {j}" for i, j in reversed(pairs)][:TEN]


def test_one_template_has_no_gaps_and_no_matrix():
    text = render(toy_result(TemplateTask(["?a ?b"], [1])))
    assert "Gaps" not in text
    assert "entries" not in text


@pytest.mark.parametrize(("count", "shown"), [(2, True), (8, True), (9, False)])
def test_the_matrix_is_shown_up_to_eight_templates(count, shown):
    task = TemplateTask([f"X{i}" for i in range(count)], range(count))
    text = render(toy_result(task))
    assert ("N, entries to within 0.02" in words(text)) == shown
    assert bool(lines_with(text, "0.0000", "0.1250")) == shown


def test_the_numbers_with_their_intervals():
    complexity = SampleComplexity(
        3648, Interval(3647.5, 3600.25, 4e6), target=0.05, alpha=1e-3
    )
    text = render(toy_result(complexity=complexity))
    assert lines_with(text, "smallest eigenvalue", " 0.0625 ", "[0.03125, 0.09375]")
    assert lines_with(text, "condition number", " 1.235e+06 ", "[1234, 1e+07]")
    assert lines_with(text, "strings for error 0.05", " 3648 ", "[3601, 4e+06]")
    assert lines_with(text, "MLP floor", " 1 ", "exact")
    assert "interval at level 0.999" in text


def test_an_interval_at_infinity_is_shown_and_not_taken_for_markup():
    text = render(toy_result(condition=Interval(math.inf, math.inf, math.inf)))
    assert lines_with(text, "condition number", " ∞ ", "[∞, ∞]")


def test_the_alignment_has_its_rows_where_there_is_one():
    assert not lines_with(render(toy_result()), "smallest direction")
    complexity = SampleComplexity(12, Interval(11.5, 10, 13), target=0.25, alpha=0.5)
    energy = Interval(0.015625, 0.0078125, 0.03125)
    text = render(toy_result(alignment=Alignment(energy, (1.0, -1.0), complexity)))
    assert lines_with(text, "yᵀN⁻¹y", " 0.01562 ", "[0.007812, 0.03125]")
    assert lines_with(text, "… along N's smallest direction", " 12 ", "[10, 13]")
    assert lines_with(text, "with uneven weights others may need more strings")


@pytest.mark.parametrize(
    ("order", "coefficient", "written"),
    [
        (3, "8*gamma**4*(gamma**2 + 1)**3/625", "8 γ⁴ (γ² + 1)³/625 β⁶"),
        (2, "2*gamma**12/7", "2 γ¹²/7 β⁴"),
        (0, "1/9", "1/9"),
        (None, "0", "0"),
        (None, None, "not known"),
    ],
)
def test_the_leading_term_of_a_gap_is_in_usual_notation(order, coefficient, written):
    result = toy_result(leading=(order, coefficient))
    (line,) = lines_with(render(result), " 1, 2 ")
    assert line.rstrip().endswith(f"]   {written}")


def test_what_is_infinite_is_written_as_such():
    text = render(
        toy_result(
            condition=Interval(math.inf, 3.0, math.inf),
            complexity=SampleComplexity(
                None, Interval(math.inf, 0, math.inf), target=1, alpha=1
            ),
        )
    )
    assert lines_with(text, "condition number", " ∞ ", "[3, ∞]")
    assert lines_with(text, "strings for error 1", " beyond 1e15 ", "[0, ∞]")
    assert not lines_with(text, "inf")


def test_symbolic_labels_have_no_floor_and_no_complexity():
    text = render(toy_result(SAME_DIFFERENT_IN_WORDS))
    assert "MLP floor" not in text
    assert "strings for" not in text


def test_the_footer_says_how_to_repeat_the_check():
    """beta is named even where it is 0; other parameters only where they act."""
    footer = render(toy_result()).splitlines()[-2]
    for part in ("beta=0.0", "gamma=1.5", "cos(b1=0.25)", "mc", "256 points"):
        assert part in footer
    for part in ("seed 11", "cpu", "symbind 1.2.3"):
        assert part in footer
    assert "identity_kq" not in footer
    assert "normalisation" not in footer


@pytest.mark.parametrize("width", [1, 20, 80])
def test_a_narrow_terminal_does_not_break_it(width):
    text = render(toy_result(), width=width)
    assert max(map(len, text.splitlines())) <= max(width, 1)


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still; `clock.now` sets it. Only the bar's module sees it."""
    fake = SimpleNamespace(now=100.0)
    fake.monotonic = lambda: fake.now
    monkeypatch.setattr(progress, "time", fake)
    return fake


def test_nothing_is_drawn_within_a_second(clock):
    file = StringIO()
    with progress_bar("working", Console(file=file, force_terminal=True)) as advance:
        advance(1, 4)
        clock.now += 0.99
        advance(2, 4)
    assert file.getvalue() == ""


def test_the_bar_is_drawn_after_a_second_and_removed_at_the_end(clock):
    file = StringIO()
    console = Console(file=file, force_terminal=True, width=120)
    with progress_bar("working", console) as advance:
        clock.now += 1.01
        advance(3, 4)
        drawn = file.getvalue()
        advance(4, 4)
    assert "working" in drawn
    plain = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert "4/4 points" in plain
    # The line is erased, nothing is written there again, and the cursor comes back.
    assert "points" not in file.getvalue().rpartition("\x1b[2K")[2]
    assert "\x1b[?25h" in file.getvalue()[len(drawn) :]


def test_a_description_is_text_and_no_markup(clock):
    file = StringIO()
    console = Console(file=file, force_terminal=True, width=120)
    with progress_bar("a [/b] [red]x", console, unit="[/c]") as advance:
        clock.now += 1.01
        advance(1, 4)
    assert "a [/b] [red]x" in file.getvalue()
    assert "[/c]" in file.getvalue()


def test_nothing_is_drawn_off_a_terminal(clock):
    file = StringIO()
    with progress_bar("working", Console(file=file, force_terminal=False)) as advance:
        clock.now += 5
        advance(1, 4)
        advance(4, 4)
    assert file.getvalue() == ""


def test_nothing_is_drawn_when_the_work_reports_nothing(clock):
    file = StringIO()
    with progress_bar("working", Console(file=file, force_terminal=True)):
        clock.now += 5
    assert file.getvalue() == ""


def interrupted(console, clock):
    """Open a bar, draw it and be interrupted."""
    with progress_bar("working", console) as advance:
        clock.now += 2
        advance(1, 4)
        raise KeyboardInterrupt


def test_an_interruption_removes_the_bar_and_passes_on(clock):
    file = StringIO()
    with pytest.raises(KeyboardInterrupt):
        interrupted(Console(file=file, force_terminal=True), clock)
    assert "\x1b[?25h" in file.getvalue()


def test_the_bar_goes_to_the_standard_error(clock, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar("working") as advance:
        clock.now += 2
        advance(1, 4)
    out, err = capsys.readouterr()
    assert out == ""
    assert "working" in err
