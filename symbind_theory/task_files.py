"""Task files: a template task as TOML, read, checked and written.

    name = "same-different"

    [[templates]]
    template = "?a ?a"
    label = 1

`docs/tasks.md` lists the fields; `task_file.schema.json` beside this module is their
JSON schema. Of this package only modules that read files import pydantic: this one and
`records.document`.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import tomllib
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    WithJsonSchema,
)

from symbind_theory.files import read_text, write_text
from symbind_theory.laws.substitution_laws import Law, Probabilities, Zipf
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, as_float, shorten

__all__ = ["dump_task", "load_task", "parse_task", "save_task", "schema"]

_WHAT = "the task file"
# A task file is written by hand; one of this size is something else.
_MOST_BYTES = 2**24

Number = StrictInt | Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""Exact: TOML's decimals are never rounded to binary."""

Weight = Number | StrictStr

LawField = Literal["uniform", "zipf"] | dict[str, Weight] | None

_LAW = "'uniform', 'zipf', or a table of tokens and their weights"
_ENTRY = "a table with template and label"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TemplateEntry(_Strict):
    """One template of a task file."""

    template: StrictStr | list[StrictStr] = Field(
        description="text, or a list of tokens"
    )
    label: Number | StrictStr = Field(
        description="a number, or as text a token or one of the template's wildcards"
    )
    weight: Weight = Field(
        1, description="a number of at least 0, or a fraction such as '1/3'"
    )
    substitutions: LawField = Field(None, description=_LAW)


class TaskFile(_Strict):
    """A template task as a TOML file."""

    name: StrictStr | None = Field(None, description="text")
    description: StrictStr | None = Field(None, description="text")
    noise: Number = Field(
        0, description="a number of at least 0, the deviation of the labels' noise"
    )
    substitutions: LawField = Field(None, description=_LAW)
    templates: list[TemplateEntry] = Field(
        description="at least one [[templates]] table", min_length=1
    )


def load_task(path: str | os.PathLike[str]) -> TemplateTask:
    """Read a task file.

    Args:
        path: of the file.

    Raises:
        InputError: a file that cannot be read, is not TOML, or does not describe a
            task; one line that names the file, the line or field, and what was
            expected.
    """
    text = read_text(path, _WHAT, _MOST_BYTES)
    try:
        return parse_task(text)
    except InputError as error:
        raise InputError(f"{_WHAT} {shorten(str(path), 200)}: {error}") from None


def parse_task(text: str) -> TemplateTask:
    """A task from the text of a task file.

    >>> parse_task('templates = [{template = "?a ?a", label = 0.5}]').labels
    (Fraction(1, 2),)

    Raises:
        InputError: text that is not TOML, or does not describe a task.
    """
    file = _read(text)
    shared = _law("substitutions", file.substitutions)
    entries = list(enumerate(file.templates, 1))
    return TemplateTask(
        [Template(entry.template) for _, entry in entries],
        [_label(f"templates[{i}].label", entry.label) for i, entry in entries],
        [_weight(f"templates[{i}].weight", entry.weight) for i, entry in entries],
        name=file.name,
        laws=[
            _law(f"templates[{i}].substitutions", entry.substitutions)
            or shared
            or "uniform"
            for i, entry in entries
        ],
        noise=float(_exact("noise", file.noise)),
        description=file.description,
    )


def save_task(task: TemplateTask, path: str | os.PathLike[str]) -> None:
    """Write a task file: it is there whole, or as it was before.

    Raises:
        InputError: the file cannot be written, or the task cannot be written exactly.
    """
    write_text(path, dump_task(task), _WHAT)


def dump_task(task: TemplateTask) -> str:
    """The text of a task file from which `parse_task` gives the task again.

    >>> print(dump_task(TemplateTask(["?a ?a"], [1])))
    templates = [
        { template = "?a ?a", label = 1 },
    ]
    <BLANKLINE>

    Raises:
        InputError: a label that no decimal number gives exactly.
    """
    one_law = len(set(task.laws)) == 1
    document: dict[str, Any] = {"name": task.name, "description": task.description}
    document["noise"] = Decimal(repr(task.noise)) if task.noise else None
    document["substitutions"] = _law_field(task.laws[0]) if one_law else None
    equal = len(set(task.weights)) == 1
    document["templates"] = [
        _present(
            {
                "template": str(template),
                "label": label
                if isinstance(label, str)
                else _decimal(f"label of '{template}'", label),
                "weight": None if equal else _weight_field(weight),
                "substitutions": None if one_law else _law_field(law),
            }
        )
        for (template, label), weight, law in zip(
            task, task.weights, task.laws, strict=True
        )
    ]
    return tomli_w.dumps(_present(document))


def schema() -> dict[str, Any]:
    """The JSON schema of a task file, as shipped with the package."""
    text = resources.files("symbind_theory").joinpath("task_file.schema.json")
    return json.loads(text.read_text(encoding="utf-8"))


def _read(text: str) -> TaskFile:
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        # ValueError alone: an integer longer than Python's limit for digits.
        reason = " ".join(str(error).split())
        raise InputError(f"not TOML: {reason}") from None
    try:
        return TaskFile.model_validate(document)
    except ValidationError as error:
        # A field misspelt is also one that is missing: say what is wrong first.
        errors = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        raise InputError(_explain(errors[0])) from None


def _explain(error: Any) -> str:
    """One line from pydantic's first complaint: the field, and what was expected."""
    place = error["loc"]
    model, name, expected = TaskFile, "", ""
    if len(place) > 1 and place[0] == "templates":
        model, name, expected = TemplateEntry, f"templates[{place[1] + 1}]", _ENTRY
        place = place[2:]
    if place:
        # What follows is inside a value, or names one alternative of a union.
        field = str(place[0])
        name += f".{field}" if name else field
        if error["type"] == "extra_forbidden":
            near = difflib.get_close_matches(field, model.model_fields, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            names = ", ".join(model.model_fields)
            return f"{name} is no field; expected one of {names}{hint}"
        expected = model.model_fields[field].description or ""
    if error["type"] == "missing":
        return f"{name} is missing; expected {expected}"
    return f"{name} is {_shown(error['input'])}; expected {expected}"


def _shown(value: object) -> str:
    """A value as the file has it."""
    if isinstance(value, bool | Decimal):
        return str(value).lower()
    return shorten(value)


def _exact(name: str, value: int | Decimal) -> Fraction:
    """The number itself; an exponent is written out only within float64's range."""
    number = as_float(value)
    if math.isinf(number):
        raise InputError(
            f"{name} is {_shown(value)}; expected a number that float64 holds"
        )
    return Fraction(value) if number else Fraction(0)


def _label(name: str, value: int | Decimal | str) -> Fraction | str:
    return value if isinstance(value, str) else _exact(name, value)


def _weight(name: str, value: int | Decimal | str) -> Fraction:
    if not isinstance(value, str):
        if value < 0:
            raise InputError(f"{name} is {value}; expected a number of at least 0")
        return _exact(name, value)
    if re.fullmatch(r"[0-9]{1,300}/0*[1-9][0-9]{0,300}", value):
        return Fraction(value)
    raise InputError(
        f"{name} is {shorten(value)}; expected a number or a fraction such as '1/3'"
    )


def _law(name: str, value: Any) -> Any:
    """What `TemplateTask` takes for a law; None where the file says nothing."""
    if isinstance(value, dict):
        return {t: _weight(f"{name}.{t}", weight) for t, weight in value.items()}
    return value


def _law_field(law: Law) -> str | dict[str, Any] | None:
    """A law as the file writes it; None for the uniform one."""
    if isinstance(law, Probabilities):
        return {token: _weight_field(weight) for token, weight in law.table}
    return "zipf" if isinstance(law, Zipf) else None


def _weight_field(weight: Fraction) -> int | str:
    return int(weight) if weight.denominator == 1 else str(weight)


def _decimal(name: str, value: Any) -> int | Decimal:
    """A number with a finite decimal expansion, as TOML writes it."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return int(value)
        # 1/2ⁿ has n decimals, 1/5ⁿ too; as text no context rounds the number.
        digits = value.denominator.bit_length()
        scaled = value * 10**digits
        if scaled.denominator == 1:
            zeros = len(str(scaled)) - len(str(scaled).rstrip("0"))
            return Decimal(f"{int(scaled) // 10**zeros}E{zeros - digits}")
    raise InputError(
        f"{name} is {shorten(value)}; expected a decimal number, the only kind that "
        "TOML writes exactly"
    )


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
