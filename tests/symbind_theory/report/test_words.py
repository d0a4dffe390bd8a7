"""Words of reports are explained, once, where they first stand."""

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from symbind_testing.builders.toy_result import toy_result
from symbind_testing.tasks import SAME_DIFFERENT

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.learning import Alignment, SampleComplexity
from symbind_theory.records.ledger import Entry, Finding, Ledger, Report, Trial
from symbind_theory.report.comparison import print_comparison
from symbind_theory.report.ledger import print_ledger, report_text
from symbind_theory.report.notebook import check_html, interval_html
from symbind_theory.report.page import render_comparison, to_html
from symbind_theory.report.terminal import check_text
from symbind_theory.report.words import MEANINGS, first_meanings

GLOSSARY = Path(__file__).parents[3] / "docs" / "glossary.md"


def flat(text):
    """The text in one line, entities as they are read."""
    return " ".join(re.sub("&#39;", "'", text).split())


def printed(write, shown):
    """What a wide terminal gets."""
    file = StringIO()
    write(shown, Console(file=file, width=200))
    return file.getvalue()


def test_the_glossary_has_each_word_with_its_phrase():
    rows = {
        cells[1].strip(): cells[4]
        for line in GLOSSARY.read_text().splitlines()
        if len(cells := line.split("|")) > 5
    }
    assert {word for word in MEANINGS if MEANINGS[word] not in rows.get(word, "")} == (
        set()
    )


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["the Skeleton", "skeletons at level 1"], [["skeleton"], ["level"]]),
        (["1 point, pinpoints, levelled"], [[]]),
        (["along N's smallest direction: points"], [["smallest direction", "points"]]),
        (["MLP coupling", "coupling"], [["coupling"], []]),
        ([], []),
    ],
)
def test_a_word_is_explained_where_it_first_stands(texts, words):
    expected = ["; ".join(f"{w}: {MEANINGS[w]}" for w in new) for new in words]
    assert first_meanings(texts) == expected


ALIGNMENT = Alignment(
    Interval(0.5, 0.25, 1.0),
    (1.0, -1.0),
    SampleComplexity(5, Interval(4.5, 4, 6), 1, 1),
)
RESULT = toy_result(
    SAME_DIFFERENT, evidence="given the skeleton, at level 0.999", alignment=ALIGNMENT
)


def side_by_side(checks):
    return printed(print_comparison, [("one", checks), ("two", checks)])


@pytest.mark.parametrize(
    ("write", "words"),
    [
        pytest.param(
            check_text,
            ["skeleton", "smallest direction", "level", "points"],
            id="terminal",
        ),
        pytest.param(
            to_html, ["skeleton", "smallest direction", "level", "points"], id="page"
        ),
        pytest.param(
            check_html, ["skeleton", "smallest direction", "level"], id="notebook"
        ),
        pytest.param(
            side_by_side, ["smallest direction", "level", "points"], id="comparison"
        ),
        pytest.param(
            lambda result: render_comparison([("one", result), ("two", result)]),
            ["smallest direction", "level", "points"],
            id="comparison page",
        ),
        pytest.param(lambda _: interval_html(Interval(1, 0, 2)), ["level"], id="ends"),
    ],
)
def test_each_report_explains_its_words_once(write, words):
    text = flat(write(RESULT))
    counts = {word: text.count(MEANINGS[word]) for word in MEANINGS}
    assert counts == {word: int(word in words) for word in MEANINGS}


def test_the_ledger_explains_the_coupling_once():
    report = Report("C1", (Finding("steps", Outcome.HOLDS),))
    trial = Trial("same-different", Outcome.HOLDS, report, 1.0)
    ledger = Ledger((Entry("C1", (trial,), ()),) * 2, "quick", 7, "1.2")
    shown = printed(print_ledger, ledger)
    assert shown.count(f"   coupling: {MEANINGS['coupling']}\n") == 1
    assert MEANINGS["coupling"] in flat(report_text(report))
