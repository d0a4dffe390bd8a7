"""A field that is described in a record is written, read and in the schema."""

import dataclasses
import json
from dataclasses import MISSING, dataclass
from enum import Enum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel
from symbind_testing.builders.toy_result import toy_result

from symbind_theory.interval import Interval
from symbind_theory.records import document
from symbind_theory.records import files as result_files
from symbind_theory.records.architecture import ArchitectureRecord
from symbind_theory.records.check import CheckResult, Estimates
from symbind_theory.records.description import (
    InDocument,
    described,
    document_fields,
    expected,
    written,
)
from symbind_theory.records.document import _table_of, model_of, schema
from symbind_theory.records.forms import IntervalForm
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.validation import InputError


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    last: Annotated[int, InDocument(place="end")]
    first: Annotated[float | None, InDocument(key="one", above=0)]


@dataclass(frozen=True)
class Outer:
    part: Annotated[Inner, InDocument(place="inline")]
    colour: Colour
    pair: tuple[int, int]
    many: tuple[Inner, ...]
    hidden: Annotated[int, InDocument(place="nowhere")] = 0


@dataclass(frozen=True, kw_only=True)
class Extended(CheckResult):
    """A check with one thing more."""

    spread: Annotated[float, InDocument(low=0)] = 0.0


def extended(**more):
    result = toy_result()
    values = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    return Extended(**values, **more)


def test_a_record_is_written_by_its_fields():
    inner = Inner(3, 0.5)
    outer = Outer(inner, Colour.BLUE, (0, 1), (inner, Inner(4, None)))
    assert list(written(outer).items()) == [
        ("one", 0.5),
        ("colour", "blue"),
        ("pair", [0, 1]),
        ("many", [{"one": 0.5, "last": 3}, {"one": None, "last": 4}]),
        ("last", 3),
    ]


def test_the_order_of_a_check_is_that_of_its_record():
    names = [field.key for field in document_fields(CheckResult)]
    assert list(written(toy_result())) == names
    assert names[:10] == [
        "task",
        "templates",
        "labels",
        "weights",
        "laws",
        "noise",
        "description",
        "architecture",
        "kernel",
        "equivalent_pairs",
    ]
    assert names[-6:] == ["level", "points", "method", "device", "seed", "version"]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"),
        (str | None, "text, or null"),
        (Annotated[int, InDocument(low=1)], "an integer of at least 1"),
        (Annotated[float, InDocument(above=0)], "a number above 0"),
        (
            Annotated[int | None, InDocument(low=0, high=10**18)],
            "an integer from 0 to 1e18, or null",
        ),
        (Literal["cls", "last", "mean"], "cls, last or mean"),
        (Colour, "red or blue"),
        (SampleComplexity, "a table with n, value, low, high, target and alpha"),
        (tuple[Inner, ...], "a list of tables with one and last"),
        (Annotated[float | None, InDocument(expected="0 or 1")], "0 or 1"),
    ],
)
def test_what_is_expected_follows_from_the_type(annotation, words):
    assert expected(described(annotation)) == words


def test_outer_marks_win_over_inner_ones():
    inner = Annotated[float, InDocument(low=0, key="x")]
    marks = described(Annotated[inner, InDocument(key="y", high=1)]).marks
    assert (marks.low, marks.high, marks.key) == (0, 1, "y")


def test_one_line_in_the_record_is_all_that_a_new_field_needs(monkeypatch):
    monkeypatch.setattr(document, "CheckResult", Extended)
    monkeypatch.setattr(result_files, "CheckResult", Extended)
    result = extended(spread=0.25)
    text = json.dumps(written(result))
    assert json.loads(text)["spread"] == 0.25
    assert written(result_files.parse_result(text))["spread"] == 0.25
    older = json.dumps(written(toy_result()))
    assert written(result_files.parse_result(older))["spread"] == 0.0
    wrong = json.dumps({**json.loads(text), "spread": -1})
    with pytest.raises(InputError, match=r"^spread is -1; expected a number of at le"):
        result_files.parse_result(wrong)
    properties = model_of(Extended).model_json_schema()["properties"]
    assert properties["spread"]["minimum"] == 0


def test_the_schema_is_that_of_the_record():
    """`python -m symbind_theory.records.document` writes what the file must be."""
    assert schema() == model_of(CheckResult).model_json_schema()


def test_the_schema_has_every_key_and_what_it_means():
    found = schema()
    keys = written(toy_result()).keys()
    assert found["properties"].keys() == keys
    optional = {f.key for f in document_fields(CheckResult) if f.default is not MISSING}
    assert set(found["required"]) == keys - optional
    assert all(entry["description"] for entry in found["properties"].values())
    assert found["$defs"]["ArchitectureRecord"]["additionalProperties"] is False


def test_an_interval_is_a_form_wherever_it_stands():
    """An interval that is no form would bring its level along."""
    for record in (CheckResult, Estimates, SampleComplexity, ArchitectureRecord):
        for field in document_fields(record):
            if field.described.kind is Interval:
                assert field.described.marks.form is IntervalForm


def test_the_table_inside_a_type_is_a_model_or_there_is_none():
    class Table(BaseModel):
        x: float

    assert _table_of(float) is None
    assert _table_of(Annotated[tuple[float, ...] | None, "x"]) is None
    assert _table_of(Annotated[tuple[Table, ...] | None, "x"]) is Table
