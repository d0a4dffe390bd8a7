"""Task files: a template task as TOML, read, checked and written.

    name = "same-different"

    [[templates]]
    template = "?a ?a"
    label = 1

`docs/tasks.md` lists the fields; `task_file.schema.json` beside this module is their
JSON schema. pydantic is imported here and nowhere else.
"""

from __future__ import annotations

import difflib
import json
import os
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
from symbind_theory.substitution_laws import Law, Probabilities, Zipf
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, as_float, shorten

__all__ = ["dump_task", "load_task", "parse_task", "save_task", "schema"]

_WHAT = "the task file"
# A task file is written by hand; one of this size is something else.
_MOST_BYTES = 2**24

Number = StrictInt | Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""Exact: TOML's decimals are never rounded to binary."""

Weight = Annotated[
    Number | StrictStr,
    Field(description="a number of at least 0, or a fraction such as '1/3'"),
]

LawField = Annotated[
    Literal["uniform", "zipf"] | dict[str, Weight],
    Field(description="'uniform', 'zipf', or a table of tokens and their weights"),
]


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
    weight: Weight = 1
    substitutions: LawField | None = None


class TaskFile(_Strict):
    """A template task as a TOML file."""

    name: StrictStr | None = Field(None, description="text")
    description: StrictStr | None = Field(None, description="text")
    noise: Number = Field(
        0, description="a number of at least 0, the deviation of the labels' noise"
    )
    substitutions: LawField | None = None
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
    task = TemplateTask(
        [entry.template for _, entry in entries],  # type: ignore[misc]
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
    )
    return task


def save_task(
    task: TemplateTask, path: str | os.PathLike[str], description: str | None = None
) -> None:
    """Write a task file: it is there whole, or as it was before.

    Raises:
        InputError: the file cannot be written, or the task cannot be written exactly.
    """
    write_text(path, dump_task(task, description), _WHAT)


def dump_task(task: TemplateTask, description: str | None = None) -> str:
    """The text of a task file from which `parse_task` gives the task again.

    >>> print(dump_task(TemplateTask(["?a ?a"], [1])))
    [[templates]]
    template = "?a ?a"
    label = 1
    <BLANKLINE>

    Raises:
        InputError: a label or a noise that no decimal number gives exactly.
    """
    one_law = len(set(task.laws)) == 1
    document: dict[str, Any] = {"name": task.name, "description": description}
    document["noise"] = _decimal("noise", task.noise) or None
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
                "substitutions": None if one_law else _law_field(law) or "uniform",
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
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"not TOML: {reason}") from None
    try:
        return TaskFile.model_validate(document)
    except ValidationError as error:
        raise InputError(_explain(error.errors()[0])) from None


def _explain(error: Any) -> str:
    """One line from pydantic's first complaint: the field, and what was expected."""
    model, fields, name = TaskFile, [], ""
    for part in error["loc"]:
        if isinstance(part, int):
            name += f"[{part + 1}]"
        elif part in model.model_fields or error["type"] == "extra_forbidden":
            name += f".{part}" if name else part
            fields = list(model.model_fields)
            field = model.model_fields.get(part)
            model = TemplateEntry if part == "templates" else model
        else:
            # Inside a table of weights, or the name of one alternative of a union.
            break
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), fields, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{name} is no field; expected one of {', '.join(fields)}{hint}"
    expected = (field and field.description) or "'uniform', 'zipf' or a table"
    if error["type"] == "missing":
        return f"{name} is missing; expected {expected}"
    return f"{name} is {shorten(error['input'])}; expected {expected}"


def _exact(name: str, value: int | Decimal) -> Fraction:
    """The number itself; an exponent is written out only within float64's range."""
    number = as_float(value)
    if number in (float("inf"), float("-inf")):
        raise InputError(
            f"{name} is {shorten(value)}; expected a number that float64 holds"
        )
    return Fraction(value) if number else Fraction(0)


def _label(name: str, value: int | Decimal | str) -> Fraction | str:
    return value if isinstance(value, str) else _exact(name, value)


def _weight(name: str, value: int | Decimal | str) -> Fraction:
    if not isinstance(value, str):
        return _exact(name, value)
    top, slash, bottom = value.partition("/")
    if slash and top.isdecimal() and bottom.isdecimal() and int(bottom):
        return Fraction(int(top), int(bottom))
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
        rest = value.denominator
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        digits = len(str(value.denominator)) * 4
        if rest == 1 and digits < 5000:
            with_room = value * 10**digits
            return Decimal(int(with_room)).scaleb(-digits).normalize()
    raise InputError(
        f"{name} is {shorten(value)}; expected a decimal number, the only kind that "
        "TOML writes exactly"
    )


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
