"""The ledger as text and as a JSON document."""

import io
import json
import math

import pytest
from rich.console import Console

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.claims import claim
from symbind_theory.records.ledger import Entry, Finding, Ledger, Report, Trial
from symbind_theory.report.ledger import ledger_to_json, print_ledger

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED


def ledger(instance=HOLDS, mutant=REFUTED, refuted_by="D"):
    found = Report(
        "C2",
        (
            Finding("D <mean>", instance, Interval(0.01, -0.1, 0.1), "0", 1e-5),
            Finding("runs below", None, Interval(0.2, 0.1, math.inf)),
        ),
    )
    caught = Report("C2", (Finding("D", mutant), Finding("harmless", HOLDS)))
    entry = Entry(
        "C2",
        (Trial("same-different", HOLDS, found, 1.25),),
        (Trial("tied [bold]embedding", REFUTED, caught, 0.5, refuted_by),),
    )
    return Ledger((entry,), "quick", 7, "1.2")


def text(shown, width=88, verbose=False):
    file = io.StringIO()
    print_ledger(shown, Console(file=file, width=width), verbose)
    return file.getvalue()


def test_every_finding_is_shown_on_demand():
    shown = text(ledger(), verbose=True)
    assert "C2 MLP floor: HOLDS  1.8 s" in shown
    assert claim("C2").source[:40] in shown
    assert "holds: D <mean>: 0.01 in [-0.1, 0.1], expected 0" in shown
    assert "reported: runs below: 0.2 in [0.1, inf]" in shown
    assert "1 of 1 claims as expected, 1 of 1 mutants refuted." in shown
    assert "at most 1e-05" in shown
    assert "seed 7" in " ".join(shown.split())


def test_what_decides_is_shown():
    shown = text(ledger())
    assert "holds: D <mean>" in shown
    assert "reported" not in shown
    assert shown.count("and 1 more (--verbose)") == 2
    assert "mutant: tied [bold]embedding: REFUTED" in shown
    assert "refuted: D" in shown
    assert "harmless" not in shown


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (ledger(instance=REFUTED), "same-different: REFUTED, expected HOLDS"),
        (ledger(instance=UNDECIDED), "same-different: UNDECIDED, expected HOLDS"),
        (ledger(mutant=HOLDS), "HOLDS, expected REFUTED"),
        (ledger(refuted_by="harmless"), "REFUTED, expected REFUTED by: harmless"),
    ],
)
def test_what_is_not_as_expected_stands_out(changed, words):
    shown = text(changed)
    assert words in shown
    assert "1 of 1 claims" not in shown


def test_it_fits_a_narrow_terminal():
    lines = text(ledger(), width=40).splitlines()
    assert max(map(len, lines)) <= 40


def refuse(constant):
    raise ValueError(constant)


def test_the_document_is_strict_and_has_the_stable_keys():
    document = json.loads(ledger_to_json(ledger()), parse_constant=refuse)
    assert {"claims", "seed", "version"} <= set(document)
    (entry,) = document["claims"]
    stable = {"id", "title", "source", "verdict", "expected", "evidence", "seconds"}
    assert stable <= set(entry)
    assert entry["id"] == "C2"
    assert entry["verdict"] == entry["expected"] == "HOLDS"
    assert entry["title"] == claim("C2").title
    assert entry["evidence"] == (
        "same-different: D <mean>: 0.01 in [-0.1, 0.1], expected 0."
    )
    assert entry["seconds"] == 1.75
    (run,) = entry["instances"]
    assert run["findings"][1]["estimate"] == {
        "value": 0.2,
        "low": 0.1,
        "high": None,
        "level": 0.999,
    }
    assert run["findings"][1]["outcome"] is None
    assert entry["mutants"][0]["verdict"] == "REFUTED"
    assert entry["mutants"][0]["expected"] == "REFUTED"
