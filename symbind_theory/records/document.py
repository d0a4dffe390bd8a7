"""The JSON document of a check: its fields, and what each of them may be.

`report.document` writes it. Whoever wrote a file is not trusted: what is no such
document is refused in one line.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from symbind_theory.validation import InputError, finite_number, shorten

__all__ = [
    "AlignmentEntry",
    "CurveEntry",
    "GapEntry",
    "IntervalEntry",
    "OverlapEntry",
    "ResultFile",
    "SamplesEntry",
    "VerdictEntry",
    "read_document",
]

# A document with none of these is something else than a damaged result.
_MARKS = ("architecture", "matrix", "verdicts")

# Beyond what any check counts up to.
_MOST_STRINGS = 10**18

_INTERVAL = "a table with value, low and high, each a number or null for infinity"
_ROWS = "rows of numbers, one for each template"
_ROW = "a list of numbers, one for each template"
_PAIRS = "a list of pairs [i, j], i < j, of templates counted from 0"
_OVERLAPS = "a list of tables with i, j, i < j, and a witness"
_SAMPLES = "a table with n, value, low, high, target and alpha, or null"


def _number(value: Any) -> Any:
    finite_number("it", value)
    return value


def _label(value: Any) -> Any:
    return value if isinstance(value, str) else _number(value)


def _parameter(value: Any) -> Any:
    """A number as it is, text, null, or an activation: its name and its numbers."""
    if isinstance(value, dict):
        if not isinstance(value.get("name"), str):
            raise ValueError("an activation without its name")
        for name in value.keys() - {"name"}:
            _scalar(value[name])
    elif value is not None and not isinstance(value, str):
        _scalar(value)
    return value


def _scalar(value: Any) -> None:
    if not isinstance(value, bool):
        _number(value)


Number = Annotated[float, BeforeValidator(_number)]
"""An integer or a decimal that float64 holds."""

Pair = Annotated[list[int], Field(min_length=2, max_length=2)]


class _Part(BaseModel):
    # Later versions may write more.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class IntervalEntry(_Part):
    """An interval; null stands for infinity."""

    value: Number | None = Field(description="a number, or null for infinity")
    low: Number | None = Field(description="a number, or null for infinity")
    high: Number | None = Field(description="a number, or null for infinity")


class SamplesEntry(IntervalEntry):
    """A number of training strings."""

    n: int | None = Field(
        ge=0, le=_MOST_STRINGS, description="an integer from 0 to 1e18, or null"
    )
    target: Number = Field(gt=0, description="a number above 0")
    alpha: Number = Field(gt=0, description="a number above 0")


class OverlapEntry(_Part):
    """Two templates and a string of both."""

    i: int = Field(description="the number of a template, from 0")
    j: int = Field(description="the number of a template, from 0")
    witness: str = Field(description="text")


class GapEntry(_Part):
    """The gap between two templates."""

    i: int = Field(description="the number of a template, from 0")
    j: int = Field(description="the number of a template, from 0")
    order: int | None = Field(ge=0, description="an integer of at least 0, or null")
    coefficient: str | None = Field(description="text, or null")
    estimate: IntervalEntry = Field(description=_INTERVAL)


class AlignmentEntry(_Part):
    """How the labels lie to N's small directions."""

    energy: IntervalEntry = Field(description=_INTERVAL)
    hardest_labels: list[Number] = Field(description=_ROW)
    hardest_sample_complexity: SamplesEntry = Field(
        description=_SAMPLES.removesuffix(", or null")
    )


class CurveEntry(_Part):
    """Errors against numbers of strings."""

    sizes: list[Annotated[int, Field(ge=1, le=_MOST_STRINGS)]] = Field(
        description="increasing integers from 1 to 1e18, one or more", min_length=1
    )
    mse: list[IntervalEntry] = Field(description="an interval for each of the sizes")
    alpha: Number = Field(gt=0, description="a number above 0")


class VerdictEntry(_Part):
    """What is known about a claim."""

    claim: str = Field(description="the id of a claim, such as 'C3'")
    verdict: Literal["HOLDS", "REFUTED", "UNDECIDED"] = Field(
        description="HOLDS, REFUTED or UNDECIDED"
    )
    evidence: str = Field(description="text")


class ResultFile(_Part):
    """A check as a JSON document."""

    task: str | None = Field(description="the name of the task, or null")
    templates: list[str] = Field(description="a list of templates")
    labels: list[Annotated[Any, AfterValidator(_label)]] = Field(
        description="a list of numbers or text, one for each template"
    )
    weights: list[Annotated[Number, Field(ge=0)]] = Field(
        description="a list of numbers of at least 0, one for each template"
    )
    noise: Number = Field(0.0, ge=0, description="a number of at least 0")
    architecture: dict[str, Annotated[Any, AfterValidator(_parameter)]] = Field(
        description="numbers, text or null by name, the activation as a table of its "
        "name and its numbers"
    )
    equivalent_pairs: list[Pair] = Field(description=_PAIRS)
    overlapping_pairs: list[OverlapEntry] = Field(description=_OVERLAPS)
    overlapping_pairs_any: list[OverlapEntry] = Field(description=_OVERLAPS)
    collapsed_pairs: list[Pair] = Field(description=_PAIRS)
    mlp_floor: Number | None = Field(description="a number, or null")
    mlp_floor_exact: str | None = Field(description="text, or null")
    gaps: list[GapEntry] = Field(
        description="a list of tables with i, j, order, coefficient and estimate"
    )
    attention: list[list[Number]] = Field(description=_ROWS)
    attention_halfwidth: list[list[Number]] = Field(description=_ROWS)
    attention_self: list[Number] = Field(description=_ROW)
    matrix: list[list[Number]] = Field(description=_ROWS)
    matrix_halfwidth: list[list[Number]] = Field(description=_ROWS)
    matrix_self: list[Number] = Field(description=_ROW)
    eigenvalues: list[IntervalEntry] = Field(
        description="a list of intervals, one for each template"
    )
    smallest_eigenvalue: IntervalEntry = Field(description=_INTERVAL)
    condition_number: IntervalEntry = Field(description=_INTERVAL)
    attention_smallest_eigenvalue: IntervalEntry = Field(description=_INTERVAL)
    sample_complexity: SamplesEntry | None = Field(description=_SAMPLES)
    alignment: AlignmentEntry | None = Field(
        description="a table with energy, hardest_labels and "
        "hardest_sample_complexity, or null"
    )
    learning_curve: CurveEntry | None = Field(
        description="a table with sizes, mse and alpha, or null"
    )
    verdicts: list[VerdictEntry] = Field(
        description="a list of tables with claim, verdict and evidence"
    )
    level: Number = Field(gt=0, le=1, description="a number in (0, 1]")
    points: int = Field(ge=1, description="an integer of at least 1")
    method: str = Field(description="text")
    device: str = Field(description="text")
    seed: int = Field(ge=0, description="an integer of at least 0")
    version: str = Field(description="text")


def read_document(text: str) -> ResultFile:
    """The fields of a document, each of the right kind and within its range.

    Raises:
        InputError: text that is not strict JSON (with NaN, Infinity or a key twice), or
            a field that is missing or of another kind.
    """
    document = _strict_json(text)
    if not isinstance(document, dict) or not any(m in document for m in _MARKS):
        raise InputError(
            "it is another kind of document; expected what check_template --json writes"
        )
    try:
        return ResultFile.model_validate(document)
    except ValidationError as error:
        raise InputError(_explain(error.errors()[0])) from None


def _strict_json(text: str) -> Any:
    """The one JSON value in `text`; no constants beyond JSON, no key twice."""

    def constant(name: str) -> Any:
        raise InputError(f"not JSON: {name}; expected null for what is infinite")

    def decimal(digits: str) -> float:
        if math.isinf(number := float(digits)):
            raise InputError(
                f"a number is {shorten(digits)}; expected one that float64 holds"
            )
        return number

    def table(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in entries:
            if name in found:
                raise InputError(f"key {shorten(name)} is there twice; expected once")
            found[name] = value
        return found

    try:
        return json.loads(
            text, parse_constant=constant, parse_float=decimal, object_pairs_hook=table
        )
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        # ValueError alone: an integer longer than Python's limit for digits.
        raise InputError(
            f"not JSON: {' '.join(str(error).split())}; expected what check_template "
            "--json writes"
        ) from None


def _explain(error: Any) -> str:
    """One line from pydantic's first complaint: the field, and what was expected."""
    name, expected, part = "", "", ResultFile
    for step in error["loc"]:
        if isinstance(step, int):
            name += f"[{step}]"
            continue
        name += ("." if name else "") + (step if step.isidentifier() else shorten(step))
        field = part.model_fields.get(step) if part else None
        if field is not None:
            expected = field.description or expected
            part = _part_of(field.annotation)
    if error["type"] == "missing":
        return f"{name} is missing; expected {expected}"
    given = "null" if error["input"] is None else shorten(error["input"])
    return f"{name} is {given}; expected {expected}"


def _part_of(annotation: Any) -> type[_Part] | None:
    """The model inside a field's type, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, _Part):
        return annotation
    return next(filter(None, map(_part_of, get_args(annotation))), None)
