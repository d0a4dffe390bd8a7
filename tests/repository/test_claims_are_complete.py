"""Every claim has one checker, mutants, a test and a line of documentation."""

from pathlib import Path

import pytest

from examples.claims import PAGE, claims_table
from examples.pages import cells
from proofs_check.registry import CHECKERS, checker_of
from symbind_theory.records.claims import CLAIMS

ROOT = Path(__file__).parents[2]
TEXT = PAGE.read_text()


def module_of(checker):
    return checker.check.__module__.rpartition(".")[2]


def test_every_claim_has_exactly_one_checker():
    assert [checker.claim for checker in CHECKERS] == [entry.id for entry in CLAIMS]
    assert len({checker.check for checker in CHECKERS}) == len(CLAIMS)


@pytest.mark.parametrize("entry", CLAIMS, ids=lambda entry: entry.id)
def test_every_claim_has_a_module_a_mutant_and_a_test(entry):
    checker = checker_of(entry.id)
    assert checker.mutants
    name = module_of(checker)
    assert (ROOT / "proofs_check" / "claims" / f"{name}.py").is_file()
    test = ROOT / "tests" / "proofs_check" / "claims" / f"test_{name}.py"
    assert "def test_" in test.read_text()


def test_every_module_of_a_claim_is_registered():
    modules = (ROOT / "proofs_check" / "claims").glob("[a-z]*.py")
    assert {path.stem for path in modules} == set(map(module_of, CHECKERS))


def test_the_page_has_one_line_for_each_claim():
    assert "\n".join(claims_table()) in TEXT
    assert [row[0] for row in cells(TEXT, "claims")] == [entry.id for entry in CLAIMS]


def test_the_page_shows_what_was_found_about_each_claim():
    found = {row[0]: row for row in cells(TEXT, "findings")}
    assert list(found) == [entry.id for entry in CLAIMS]
