"""The JSON document of a check as pydantic models, which follow from its record.

`records.description` says how, and writes the document. Whoever wrote a file is not
trusted: what is no such document is refused in one line.

    python -m symbind_theory.records.document > check.schema.json

prints the JSON schema, which the file of that name beside this module keeps.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import MISSING
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from symbind_theory.records.check import CheckResult
from symbind_theory.records.description import (
    Described,
    DocumentField,
    choices,
    described,
    document_fields,
    expected,
    fields_of,
)
from symbind_theory.validation import InputError, finite_number, shorten

__all__ = ["model_of", "read_document", "schema"]

# A document with none of these is something else than a damaged result.
_MARKS = ("architecture", "matrix", "verdicts")


def _number(value: Any) -> Any:
    finite_number("it", value)
    return value


def _label(value: Any) -> Any:
    return value if isinstance(value, str) else _number(value)


def _scalar(value: Any) -> Any:
    return value if isinstance(value, bool) else _number(value)


_NUMBER = {"type": "number"}

_Label = Annotated[
    Any,
    AfterValidator(_label),
    WithJsonSchema({"anyOf": [_NUMBER, {"type": "string"}]}),
]

_Scalar = Annotated[
    Any,
    AfterValidator(_scalar),
    WithJsonSchema({"anyOf": [_NUMBER, {"type": "boolean"}]}),
]


class _Table(BaseModel):
    # Later versions may write more.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _ClosedTable(_Table):
    model_config = ConfigDict(extra="forbid")


class _TableOfNumbers(_Table):
    model_config = ConfigDict(extra="allow")
    # As pydantic documents it, for the types of other keys.
    __pydantic_extra__: dict[str, _Scalar] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        init=False
    )


@cache
def model_of(record: type, closed: bool = False) -> type[BaseModel]:
    """The model of a record's table.

    Args:
        record: a frozen record as `records.description` describes it.
        closed: whether other keys are refused.
    """
    base = _ClosedTable if closed else _Table
    if any(field.place == "rest" for field in fields_of(record)):
        base = _TableOfNumbers
    fields = {field.key: _model_field(field) for field in document_fields(record)}
    model: Any = create_model
    return model(
        record.__name__.removesuffix("Form"),
        __base__=base,
        __doc__=(record.__doc__ or "").partition("\n")[0],
        **fields,
    )


def _model_field(field: DocumentField) -> tuple[Any, Any]:
    default = ... if field.default is MISSING else field.default
    if isinstance(default, tuple):
        default = list(default)
    kind = field.described
    return _model_type(kind), Field(default, description=expected(kind))


def _model_type(kind: Described) -> Any:
    """What pydantic checks in a place."""
    marks = kind.marks
    limits: dict[str, Any] = {"ge": marks.low, "gt": marks.above, "le": marks.high}
    if marks.filled:
        limits["min_length"] = 1
    checked: Any = _unlimited(kind)
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if given:
        checked = Annotated[checked, Field(**given)]
    if kind.kind is float:
        # An integer or a decimal that float64 holds.
        checked = Annotated[checked, BeforeValidator(_number)]
    if kind.marks.exact:
        least = {} if marks.low is None else {"minimum": marks.low}
        checked = Annotated[checked, WithJsonSchema({**_NUMBER, **least})]
    return checked | None if kind.nullable else checked


def _unlimited(kind: Described) -> Any:
    if kind.record is not None:
        return model_of(kind.record, bool(kind.marks.closed))
    if get_origin(kind.kind) is tuple:
        first, *others = get_args(kind.kind)
        entries = list[_model_type(described(first))]
        if others == [...]:
            return entries
        count = 1 + len(others)
        return Annotated[entries, Field(min_length=count, max_length=count)]
    if names := choices(kind.kind):
        return Literal[names]
    if kind.kind is float and kind.marks.exact:
        # Pydantic would make a decimal of an integer.
        return int | float
    return _Label if kind.kind == float | str else kind.kind


def schema() -> dict[str, Any]:
    """The JSON schema of a check's document, as shipped with the package."""
    text = resources.files("symbind_theory.records").joinpath("check.schema.json")
    return json.loads(text.read_text(encoding="utf-8"))


def read_document(text: str) -> dict[str, Any]:
    """The document of a check: every entry there, of its kind and within its range.

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
        return model_of(CheckResult).model_validate(document).model_dump()
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
        values: dict[str, Any] = {}
        for name, value in entries:
            if name in values:
                raise InputError(f"key {shorten(name)} is there twice; expected once")
            values[name] = value
        return values

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
    name, words, table = "", "", model_of(CheckResult)
    for step in error["loc"]:
        if isinstance(step, int):
            name += f"[{step}]"
            continue
        name += ("." if name else "") + (step if step.isidentifier() else shorten(step))
        if table is None:
            continue
        if error["type"] == "extra_forbidden" and step not in table.model_fields:
            return (
                f"{name} is no field; expected one of {', '.join(table.model_fields)}"
            )
        field = table.model_fields.get(step)
        # Other entries than its fields are numbers.
        words = "a number" if field is None else field.description or words
        table = None if field is None else _table_of(field.annotation)
    if error["type"] == "missing":
        return f"{name} is missing; expected {words}"
    given = "null" if error["input"] is None else shorten(error["input"])
    return f"{name} is {given}; expected {words}"


def _table_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside a field's type, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_of, get_args(annotation))), None)


if __name__ == "__main__":
    made = model_of(CheckResult).model_json_schema()
    sys.stdout.write(json.dumps(made, indent=2) + "\n")
