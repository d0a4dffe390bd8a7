"""Files of checks: the JSON document of a check, read back as a record.

They are what `check_template --json` writes. Text in them is never evaluated, and a
document that no check can have written is refused.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from typing import Any, get_args, get_origin

from symbind_theory.files import read_text
from symbind_theory.records.check import CheckResult
from symbind_theory.records.description import (
    Described,
    described,
    document_fields,
    fields_of,
)
from symbind_theory.records.document import read_document
from symbind_theory.records.forms import FloorForm
from symbind_theory.validation import InputError, shorten

__all__ = ["load_result", "parse_result"]

_WHAT = "the result file"
# A check of 256 templates, far more than are usual, is about 20 MB.
_MOST_BYTES = 2**26
# Of the largest entry, for entries that are computed twice: far above rounding.
_ROUNDING = 1e-9


def load_result(path: str | os.PathLike[str]) -> CheckResult:
    """Read the file of a check.

    Args:
        path: the path of a file that `check_template --json` wrote.

    Raises:
        InputError: a file that cannot be read, or is not the document of a check; one
            line that names the file, the field, and what was expected.
    """
    text = read_text(path, _WHAT, _MOST_BYTES)
    try:
        return parse_result(text)
    except InputError as error:
        raise InputError(f"{_WHAT} {shorten(str(path), 200)}: {error}") from None


def parse_result(text: str) -> CheckResult:
    """A check from the text of its JSON document.

    It equals the check that was written but for what a document of decimals does not
    hold: labels are read as the decimals that it has (1/3 as 0.3333333333333333),
    weights as the simplest fractions that it rounds (their own where no denominator is
    above 10⁶), an MLP floor that is irrational as the float beside it, and every
    interval at the level of the document, which is that of all intervals of a check.
    Infinite ends are null in the document, and infinite again. `report.document` writes
    the same document of what is read, but for the exact text of an irrational floor,
    which becomes that of the float.

    Raises:
        InputError: text that is not strict JSON, or not the document of a check.
    """
    document = read_document(text)
    result = _Reading(document).record(CheckResult, document, "")
    _check_pairs(result)
    _check_verdicts(result)
    _check_symmetric(result)
    if (result.mlp_floor is None) != result.task.symbolic:
        raise InputError(FloorForm.of(result.mlp_floor).mismatch())
    return result


@dataclass(frozen=True, slots=True)
class _Reading:
    """Makes the records of a document whose entries are of the right kinds.

    Attributes:
        document: the whole of it.
    """

    document: Mapping[str, Any]

    def record(self, kind: type, table: Mapping[str, Any], place: str) -> Any:
        """A record from its table, `place` in the document."""
        values: dict[str, Any] = {}
        for field in fields_of(kind):
            if field.place == "inline":
                values[field.name] = self._table(field.described, table, place)
            elif field.place == "rest":
                keys = {other.key for other in document_fields(kind)}
                rest = ((key, x) for key, x in table.items() if key not in keys)
                values[field.name] = tuple(rest)
            elif field.place != "nowhere":
                inner = f"{place}.{field.key}" if place else field.key
                values[field.name] = self._value(
                    field.described, table[field.key], inner, table
                )
        with _located(place, table):
            return kind(**values)

    def _table(self, kind: Described, table: Mapping[str, Any], place: str) -> Any:
        """What a table stands for: a record, or the value of a form."""
        form = kind.marks.form
        if form is None:
            return self.record(kind.kind, table, place)
        made = self.record(form, table, place)
        with _located(place, table):
            return made.read(self.document["level"])

    def _value(
        self, kind: Described, given: Any, place: str, table: Mapping[str, Any]
    ) -> Any:
        """What stands at `place`, an entry of `table`."""
        if given is None:
            return None
        if kind.record is not None:
            return self._table(kind, given, place)
        if get_origin(kind.kind) is tuple:
            self._check_length(kind.marks.one_for_each, given, place, table)
            inner = described(get_args(kind.kind)[0])
            return tuple(
                self._value(inner, x, f"{place}[{i}]", table)
                for i, x in enumerate(given)
            )
        if isinstance(kind.kind, type) and issubclass(kind.kind, Enum):
            return kind.kind(given)
        return given

    def _check_length(
        self, key: str | None, given: Sized, place: str, table: Mapping[str, Any]
    ) -> None:
        if key is None:
            return
        size = len(table[key] if key in table else self.document[key])
        if len(given) != size:
            raise InputError(
                f"{place} has {len(given)} entries; expected {size}, one for each of "
                f"the {key}"
            )


@contextmanager
def _located(place: str, table: Mapping[str, Any]) -> Iterator[None]:
    """Say in errors where in the document it was."""
    try:
        yield
    except InputError as error:
        if not place:
            raise
        # "claim is …" is about an entry, "interval is …" about the table.
        link = "." if str(error).split()[0] in table else ": "
        raise InputError(f"{place}{link}{error}") from None


def _check_pairs(result: CheckResult) -> None:
    """Refuse templates that are not there, and gaps of too few pairs.

    Raises:
        InputError: where they are.
    """
    size = len(result.task)
    gaps = [(gap.i, gap.j) for gap in result.estimates.gaps]
    named: dict[str, Sequence[tuple[int, int]]] = {
        "equivalent_pairs": result.equivalent_pairs,
        "overlapping_pairs": [(o.i, o.j) for o in result.overlapping_pairs],
        "overlapping_pairs_any": [(o.i, o.j) for o in result.overlapping_pairs_any],
        "collapsed_pairs": result.collapsed_pairs,
        "gaps": gaps,
    }
    for name, pairs in named.items():
        for p, (i, j) in enumerate(pairs):
            if not 0 <= i < j < size:
                raise InputError(
                    f"{name}[{p}] is of templates {shorten(i)} and {shorten(j)}; "
                    f"expected 0 <= i < j < {size}"
                )
    count = size * (size - 1) // 2
    if not len(set(gaps)) == len(gaps) == count:
        raise InputError(
            f"gaps has {len(gaps)} entries for {len(set(gaps))} pairs of templates; "
            f"expected one for each of the {count} pairs"
        )


def _check_symmetric(result: CheckResult) -> None:
    """Refuse a matrix that is not that of a kernel: K(x, y) = K(y, x) to rounding.

    Raises:
        InputError: the entry.
    """
    estimates, size = result.estimates, len(result.task)
    named = {
        "attention": (estimates.attention, estimates.attention),
        "attention_halfwidth": (estimates.attention_halfwidth, estimates.attention),
        "matrix": (estimates.matrix, estimates.matrix),
        "matrix_halfwidth": (estimates.matrix_halfwidth, estimates.matrix),
    }
    for name, (rows, entries) in named.items():
        allowed = _ROUNDING * max(abs(x) for row in entries for x in row)
        for i, j in combinations(range(size), 2):
            if abs(rows[i][j] - rows[j][i]) > allowed:
                raise InputError(
                    f"{name}[{i}][{j}] is {rows[i][j]:g}; expected {rows[j][i]:g} as "
                    f"in {name}[{j}][{i}]: a kernel is symmetric"
                )


def _check_verdicts(result: CheckResult) -> None:
    """Refuse two verdicts on one claim.

    Raises:
        InputError: the claim.
    """
    counts = Counter(verdict.claim for verdict in result.verdicts)
    for claim, count in counts.items():
        if count > 1:
            raise InputError(f"verdicts has claim {claim} twice; expected once")
