"""From tables of a sweep file to points: products of grids, presets, checked settings.

A point is base, with the values of the grid or of the list laid over it, with the names
of presets replaced by their tables. Its id is the digest of what the experiment's model
makes of it, defaults included: equal ids are equal points, however they are written.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from numerics.sweeps.experiment import Experiment, Presets, nearest
from symbind_theory.validation import InputError, shorten

__all__ = ["Point", "canonical_json", "expanded_points"]

_Table = Mapping[str, Any]
_Named = tuple[str, _Table]


@dataclass(frozen=True)
class Point:
    """One point of a sweep.

    Attributes:
        id: the SHA-256 of the experiment's name and of all settings, in hexadecimal.
        position: the place of the point in the sweep file, from 0.
        settings: what the experiment measures the point by.
        record: the settings as JSON has them.
    """

    id: str
    position: int
    settings: BaseModel
    record: Mapping[str, Any]


def canonical_json(value: Any) -> str:
    """JSON that is the same text for equal values, whatever the order of their keys.

    Raises:
        ValueError: a number that is not finite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def expanded_points(
    experiment: Experiment,
    base: _Table,
    presets: Presets,
    grids: Sequence[_Named],
    listed: Sequence[_Named],
) -> tuple[Point, ...]:
    """All points in file order, each once: those of the grids, then the list.

    Of a grid all combinations; the field named last varies fastest.

    Args:
        experiment: the experiment whose settings the points are.
        base: settings that all points share.
        presets: the presets of the file, beside those of the experiment.
        grids: lists of values by field, each grid with what messages call it.
        listed: single points, each with what messages call it.

    Raises:
        InputError: a field, preset or value that the experiment does not have.
    """
    tables = _all_presets(experiment, presets)
    for place, table in [("base", base), *grids, *listed]:
        _check_fields(experiment, place, table)
        _check_finite(place, table)
    points: dict[str, Point] = {}
    for place, row in itertools.chain(_products(grids), listed):
        origins = {**dict.fromkeys(base, "base"), **dict.fromkeys(row, place)}
        settings = _settings(experiment, {**base, **row}, origins, tables)
        record = settings.model_dump(mode="json")
        text = _as_json(place, {"experiment": experiment.name, "settings": record})
        id = hashlib.sha256(text.encode()).hexdigest()
        points.setdefault(id, Point(id, len(points), settings, record))
    return tuple(points.values())


def _as_json(place: str, value: Any) -> str:
    try:
        return canonical_json(value)
    except ValueError as error:
        raise InputError(
            f"{place} has a point with a number that is not finite ({error}); "
            "expected finite numbers"
        ) from None


def _products(grids: Sequence[_Named]) -> Iterator[_Named]:
    for place, grid in grids:
        for values in itertools.product(*grid.values()):
            yield place, dict(zip(grid, values, strict=True))


def _all_presets(experiment: Experiment, own: Presets) -> dict[str, dict[str, _Table]]:
    """The presets of experiment and file by field, none of them twice."""
    fields = experiment.settings.model_fields
    tables = {f: dict(named) for f, named in experiment.presets.items()}
    for field, named in own.items():
        if field not in fields:
            raise InputError(
                f"presets.{field} is for no field of the experiment "
                f"{experiment.name!r}; expected {nearest(field, fields)}"
            )
        of_field = tables.setdefault(field, {})
        for name, table in named.items():
            if name in of_field:
                raise InputError(
                    f"presets.{field}.{name} is a preset of the experiment "
                    f"{experiment.name!r} too; expected another name"
                )
            _check_finite(f"presets.{field}.{name}", table)
            of_field[name] = table
    return tables


def _check_fields(experiment: Experiment, place: str, table: _Table) -> None:
    fields = experiment.settings.model_fields
    for field in table:
        if field not in fields:
            raise InputError(
                f"{place}.{field} is no field of the experiment {experiment.name!r}; "
                f"expected {nearest(field, fields)}"
            )


def _settings(
    experiment: Experiment,
    row: _Table,
    origins: Mapping[str, str],
    presets: Mapping[str, Mapping[str, _Table]],
) -> BaseModel:
    """The settings of one point.

    Args:
        experiment: the experiment whose settings the point is.
        row: the values of its fields.
        origins: the table of the file that each field is from, for messages.
        presets: tables by field and name.
    """
    filled = {}
    for field, value in row.items():
        place = f"{origins[field]}.{field}"
        if isinstance(value, str) and field in presets:
            if value not in presets[field]:
                raise InputError(
                    f"{place} is {shorten(value)}; expected a table, or "
                    f"{nearest(value, presets[field])}"
                )
            value = {"name": value, **presets[field][value]}
        filled[field] = value
    try:
        return experiment.settings.model_validate(filled)
    except ValidationError as error:
        line = _refused_point(_first(error.errors()), row, origins, experiment)
        raise InputError(line) from None


def _check_finite(place: str, value: Any) -> None:
    """TOML has inf and nan, JSON and the equality of points do not."""
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{place} is {value}; expected a finite number")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_finite(f"{place}.{name}", inner)
    elif isinstance(value, list):
        for inner in value:
            _check_finite(place, inner)


def _first(errors: Sequence[Any]) -> Any:
    """The complaint to be shown.

    Of a field that takes one of several types pydantic has a complaint of each type,
    with the type as a step of its place. The one that is the furthest within says what
    is wrong; where none is within, the value is of no type that the field takes.
    """
    first = errors[0]
    same = [e for e in errors if e["loc"][:1] == first["loc"][:1]]
    if len({e["loc"][1:2] for e in same if e["loc"][1:]}) < 2:
        return first
    deepest = max(same, key=lambda e: len(e["loc"]))
    return {**deepest, "loc": (*deepest["loc"][:1], *deepest["loc"][2:])}


def _refused_point(
    error: Any, row: _Table, origins: Mapping[str, str], experiment: Experiment
) -> str:
    """Why a point is refused, in one line from pydantic's complaint about it.

    It has the key as the file writes it, or the whole point, and what was expected.
    """
    place = error["loc"]
    expected = " ".join(error["msg"].removeprefix("Value error, ").split())
    if not place:
        # What no field is wrong about alone: the whole point is shown.
        return f"the point {shorten(dict(row), 100)} is refused: {expected}"
    field = str(place[0])
    name = f"{origins.get(field, '')}.{field}".lstrip(".")
    if isinstance(row.get(field), str) and len(place) > 1:
        name += f" (the preset {row[field]})"
    name += "".join(f".{step}" for step in place[1:])
    if error["type"] == "missing":
        top = len(place) == 1
        where = "it in [base], [grid] or [[points]]" if top else "a value for it"
        return f"{name} is missing; expected {where}"
    if error["type"] == "extra_forbidden":
        fields = _fields_below(experiment)
        return f"{name} is no field; expected {nearest(str(place[-1]), fields)}"
    if "ctx" in error and (reason := _said_by(error)) is not None:
        return f"{name}: {reason}"
    if error["type"] == "less_than_equal":
        # Descriptions say what is too small; few settings have a largest value.
        most = error["ctx"]["le"]
        return f"{name} is {shorten(error['input'])}; expected at most {most}"
    described = experiment.settings.model_fields[field].description
    if len(place) == 1 and described:
        expected = described
    else:
        expected = expected.removeprefix("Input should be ")
        expected = expected[:1].lower() + expected[1:]
    return f"{name} is {shorten(error['input'])}; expected {expected}"


def _fields_below(experiment: Experiment) -> list[str]:
    """The fields of all tables that settings may hold."""
    tables = experiment.settings.model_json_schema().get("$defs", {}).values()
    names = (name for table in tables for name in table.get("properties", {}))
    return list(dict.fromkeys(names))


def _said_by(error: Any) -> str | None:
    """The whole reason, where a validator or a list of choices gives one."""
    context, given = error["ctx"], error["input"]
    if isinstance(context.get("error"), InputError):
        return str(context["error"])
    choices = context.get("expected_tags", context.get("expected"))
    if not isinstance(choices, str) or "'" not in choices:
        return None
    given = context.get("tag", given)
    names = re.findall("'([^']*)'", choices)
    return f"{shorten(given)} was given; expected {nearest(str(given), names)}"
