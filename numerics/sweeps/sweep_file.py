"""Sweep files: the points of a sweep as TOML, read, checked and counted once each.

    name = "small"
    experiment = "training"

    [base]
    epochs = 1000

    [grid]
    n = [128, 256]
    seed = [0, 1, 2]

`docs/sweeps.md` explains the fields; `sweep.schema.json` beside this module is their
JSON schema, which `python -m numerics.sweeps.sweep_file` writes.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictStr,
    StringConstraints,
    ValidationError,
    field_validator,
)

from numerics.sweeps.experiment import Experiment, experiment_named, nearest
from numerics.sweeps.points import Point, expanded_points
from symbind_theory.files import read_text
from symbind_theory.validation import InputError, shorten

__all__ = ["Point", "Sweep", "SweepFile", "parse_sweep", "read_sweep", "schema"]

_WHAT = "the sweep file"
# A sweep file is written by hand; one of this size is something else.
_MOST_BYTES = 2**24

_Text = Annotated[str, StringConstraints(strict=True, min_length=1)]
_Values = Annotated[list[Any], Field(min_length=1)]
_Grid = Annotated[dict[str, _Values], Field(min_length=1)]
_Table = dict[str, Any]

_GRID = "a table of fields, each with a list of at least one value"


class SweepFile(BaseModel):
    """The points of a sweep as a TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Text = Field(description="text")
    description: StrictStr | None = Field(None, description="text")
    experiment: _Text = Field(description="the name of an experiment")
    base: _Table = Field(
        default_factory=dict,
        description="a table of the settings that all points share",
    )
    presets: dict[str, dict[str, _Table]] = Field(
        default_factory=dict,
        description="tables [presets.field.name], which points call by their name",
    )
    grid: _Grid | None = Field(None, description=_GRID)
    grids: list[_Grid] | None = Field(
        None, description=f"[[grids]], each {_GRID}", min_length=1
    )
    points: list[_Table] | None = Field(
        None, description="[[points]], each a table of settings", min_length=1
    )

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        """It stands in lines of reports, and in figures, which XML is the text of."""
        if any(unicodedata.category(letter) == "Cc" for letter in name):
            raise ValueError("control characters")
        return name


@dataclass(frozen=True)
class Sweep:
    """The points at which an experiment is measured, in their order.

    Attributes:
        name: the name of the sweep, in reports and above figures.
        description: what the sweep file says about itself, or None.
        experiment: what is measured at each point.
        points: the points, at least one, with ids that all differ.
        document: what decides the points, as the file has it: experiment, base,
            presets, grid, grids and points, ready for JSON.
    """

    name: str
    description: str | None
    experiment: Experiment
    points: tuple[Point, ...]
    document: Mapping[str, Any]


def read_sweep(
    path: str | os.PathLike[str],
    experiments: Mapping[str, Experiment] | None = None,
) -> Sweep:
    """Read a sweep file.

    Args:
        path: the path of the file.
        experiments: the experiments by their names; those of the package when None.
            Give your own to sweep what the package does not have.

    Raises:
        InputError: a file that cannot be read, is not TOML, or asks for points that the
            experiment does not have; one line that names the file, the key, what was
            given and what was expected.
    """
    text = read_text(path, _WHAT, _MOST_BYTES)
    try:
        return parse_sweep(text, experiments)
    except InputError as error:
        raise InputError(f"{_WHAT} {shorten(str(path), 200)}: {error}") from None


def parse_sweep(
    text: str, experiments: Mapping[str, Experiment] | None = None
) -> Sweep:
    """A sweep from the text of a sweep file.

    Args:
        text: the file's text, TOML.
        experiments: the experiments by their names; those of the package when None.

    Raises:
        InputError: text that is not TOML, or asks for points that the experiment does
            not have.
    """
    file = _read(text)
    experiment = _experiment(file.experiment, experiments)
    if file.grid is not None and file.grids is not None:
        raise InputError("grids was given beside grid; expected one of the two")
    grids = [("grid", file.grid)] if file.grid is not None else []
    grids += [(f"grids[{i}]", grid) for i, grid in enumerate(file.grids or (), 1)]
    listed = [(f"points[{i}]", row) for i, row in enumerate(file.points or (), 1)]
    if not grids and not listed:
        raise InputError("grid is missing; expected [grid], [[grids]] or [[points]]")
    points = expanded_points(experiment, file.base, file.presets, grids, listed)
    names = {"experiment", "base", "presets", "grid", "grids", "points"}
    document = file.model_dump(mode="json", include=names, exclude_none=True)
    return Sweep(file.name, file.description, experiment, points, document)


def schema() -> dict[str, Any]:
    """The JSON schema of a sweep file, as shipped with the package."""
    text = resources.files("numerics.sweeps").joinpath("sweep.schema.json")
    return json.loads(text.read_text(encoding="utf-8"))


def _read(text: str) -> SweepFile:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # ValueError alone: an integer longer than Python's limit for digits.
        reason = " ".join(str(error).split())
        raise InputError(f"not TOML: {reason}") from None
    try:
        return SweepFile.model_validate(document)
    except ValidationError as error:
        # A field misspelt is also one that is missing: say what is wrong first.
        errors = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        raise InputError(_refused_document(errors[0])) from None


def _refused_document(error: Any) -> str:
    """Why a file is refused as a whole, in one line from pydantic's complaint.

    It has the key of the file, and what was expected there; points are not looked at.
    """
    field = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{field} is no field; expected {nearest(field, SweepFile.model_fields)}"
    expected = SweepFile.model_fields[field].description
    if error["type"] == "value_error":
        expected = f"{expected} in one line, without control characters"
    if error["type"] == "missing":
        return f"{field} is missing; expected {expected}"
    name = field
    for step in error["loc"][1:]:
        name += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    return f"{name} is {shorten(error['input'])}; expected {expected}"


def _experiment(name: str, own: Mapping[str, Experiment] | None) -> Experiment:
    if own is None:
        return experiment_named(name)
    if name not in own:
        raise InputError(
            f"experiment is {shorten(name)}; expected {nearest(name, own)}"
        )
    return own[name]


if __name__ == "__main__":
    made = SweepFile.model_json_schema()
    sys.stdout.write(json.dumps(made, indent=2) + "\n")
