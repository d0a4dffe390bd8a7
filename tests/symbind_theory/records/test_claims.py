"""The registry of claims."""

import dataclasses
from typing import Any

import pytest

from symbind_theory.records.claims import CLAIMS, claim
from symbind_theory.validation import InputError


def test_ids_are_numbered_in_order():
    assert [entry.id for entry in CLAIMS] == [
        f"C{number}" for number in range(1, len(CLAIMS) + 1)
    ]


@pytest.mark.parametrize("entry", CLAIMS, ids=lambda entry: entry.id)
def test_every_claim_is_one_statement_with_a_source(entry):
    assert claim(entry.id) is entry
    assert entry.title.endswith(".")
    assert "\n" not in entry.title
    assert "arXiv 2310.09753" in entry.source


def test_titles_are_distinct():
    assert len({entry.title for entry in CLAIMS}) == len(CLAIMS)


def test_claims_are_frozen():
    entry: Any = CLAIMS[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.title = "anything"


@pytest.mark.parametrize("id", ["C0", "c1", "", "C1 ", "C14"])
def test_an_unknown_id_is_refused(id):
    with pytest.raises(InputError) as caught:
        claim(id)
    known = ", ".join(entry.id for entry in CLAIMS)
    assert str(caught.value) == f"claim is {id!r}; expected one of {known}"
