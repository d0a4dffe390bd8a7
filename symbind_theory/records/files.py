"""Files of checks: the JSON document of a check, read back as a record.

They are what `check_template --json` writes. Text in them is never evaluated, and a
document that no check can have written is refused.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from symbind_theory.files import read_text
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.check import (
    Alignment,
    CheckResult,
    Curve,
    Estimates,
    Gap,
    Samples,
)
from symbind_theory.records.document import (
    IntervalEntry,
    OverlapEntry,
    ResultFile,
    SamplesEntry,
    VerdictEntry,
    read_document,
)
from symbind_theory.records.verdict import Verdict
from symbind_theory.tasks import Overlap, TemplateTask
from symbind_theory.validation import InputError, as_float, shorten

__all__ = ["load_result", "parse_result"]

_WHAT = "the result file"
# A check of 256 templates, far more than are usual, is about 20 MB.
_MOST_BYTES = 2**26
# Weights are rounded fractions; those of tasks seldom have larger denominators.
_LARGEST_DENOMINATOR = 10**6
# Python reads no more digits than 4300.
_FRACTION = re.compile(r"[0-9]{1,4300}(/0*[1-9][0-9]{0,4000})?")


def load_result(path: str | os.PathLike[str]) -> CheckResult:
    """Read the file of a check.

    Args:
        path: of a file that `check_template --json` wrote.

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

    `report.document` writes the same document of it again, but for one thing: an MLP
    floor that is irrational is read as the float beside it, and its exact text becomes
    that float's. Labels are read as the decimals of the document, weights as the
    fractions that it rounds, laws of substitutions as uniform, and every interval has
    the level of the document.

    Raises:
        InputError: text that is not strict JSON, or not the document of a check.
    """
    file = read_document(text)
    task = _task(file)
    return CheckResult(
        task=task,
        architecture=file.architecture,
        equivalent_pairs=_pairs("equivalent_pairs", file.equivalent_pairs, len(task)),
        overlapping_pairs=_overlaps(
            "overlapping_pairs", file.overlapping_pairs, len(task)
        ),
        overlapping_pairs_any=_overlaps(
            "overlapping_pairs_any", file.overlapping_pairs_any, len(task)
        ),
        collapsed_pairs=_pairs("collapsed_pairs", file.collapsed_pairs, len(task)),
        mlp_floor=_floor(file, task.symbolic),
        estimates=_estimates(file, len(task)),
        sample_complexity=None
        if file.sample_complexity is None
        else _samples("sample_complexity", file.sample_complexity, file.level),
        alignment=_alignment(file, len(task)),
        learning_curve=_curve(file),
        verdicts=_verdicts(file.verdicts),
        seed=file.seed,
        version=file.version,
    )


def _task(file: ResultFile) -> TemplateTask:
    return TemplateTask(
        file.templates,
        file.labels,
        _weights(file.weights),
        file.task,
        noise=file.noise,
    )


def _weights(rounded: Sequence[float]) -> list[Fraction]:
    """Probabilities that sum to 1 and round to these floats, simple ones if possible.

    Where they are not simple, what the floats miss of 1 is shared out in proportion to
    the distances of the next floats: the true weights are within half of that.
    """
    simple = [Fraction(w).limit_denominator(_LARGEST_DENOMINATOR) for w in rounded]
    if sum(simple) == 1 and [float(w) for w in simple] == list(rounded):
        return simple
    exact = [Fraction(w) for w in rounded]
    missing = 1 - sum(exact)
    towards = math.inf if missing > 0 else 0.0
    room = [Fraction(abs(math.nextafter(w, towards) - w)) if w else 0 for w in rounded]
    if 2 * abs(missing) > sum(room):
        raise InputError(
            f"weights sum to {math.fsum(rounded):g}; expected probabilities that sum "
            "to 1"
        )
    share = Fraction(missing) / Fraction(sum(room))
    return [w + share * r for w, r in zip(exact, room, strict=True)]


def _floor(file: ResultFile, symbolic: bool) -> Fraction | float | None:
    """The exact floor where its text is a fraction, its float where it is not."""
    text = file.mlp_floor_exact
    if (text is None) != symbolic or (symbolic and file.mlp_floor is not None):
        raise InputError(
            f"mlp_floor is {file.mlp_floor} and mlp_floor_exact {shorten(text)}; "
            "expected a number and text for labels that are numbers, null for others"
        )
    if text is None:
        return None
    number = math.inf if file.mlp_floor is None else file.mlp_floor
    if not _FRACTION.fullmatch(text):
        return number
    exact = Fraction(text)
    if as_float(exact) != number:
        raise InputError(
            f"mlp_floor is {file.mlp_floor} and mlp_floor_exact {shorten(text)}; "
            "expected one number"
        )
    return exact


def _estimates(file: ResultFile, size: int) -> Estimates:
    def square(name: str) -> tuple[tuple[float, ...], ...]:
        rows = getattr(file, name)
        _check_length(name, rows, size)
        for i, row in enumerate(rows):
            _check_length(f"{name}[{i}]", row, size)
        return tuple(map(tuple, rows))

    def row(name: str) -> tuple[float, ...]:
        _check_length(name, getattr(file, name), size)
        return tuple(getattr(file, name))

    def interval(name: str) -> Interval:
        return _interval(name, getattr(file, name), file.level)

    _check_length("eigenvalues", file.eigenvalues, size)
    return Estimates(
        attention=square("attention"),
        attention_halfwidth=square("attention_halfwidth"),
        attention_self=row("attention_self"),
        matrix=square("matrix"),
        matrix_halfwidth=square("matrix_halfwidth"),
        matrix_self=row("matrix_self"),
        gaps=_gaps(file, size),
        eigenvalues=_intervals("eigenvalues", file.eigenvalues, file.level),
        smallest_eigenvalue=interval("smallest_eigenvalue"),
        condition_number=interval("condition_number"),
        attention_smallest_eigenvalue=interval("attention_smallest_eigenvalue"),
        points=file.points,
        method=file.method,
        device=file.device,
    )


def _gaps(file: ResultFile, size: int) -> tuple[Gap, ...]:
    pairs = [_pair(f"gaps[{g}]", x.i, x.j, size) for g, x in enumerate(file.gaps)]
    count = size * (size - 1) // 2
    if not len(set(pairs)) == len(pairs) == count:
        raise InputError(
            f"gaps has {len(pairs)} entries for {len(set(pairs))} pairs of templates; "
            f"expected one for each of the {count} pairs"
        )
    return tuple(
        Gap(
            x.i,
            x.j,
            _interval(f"gaps[{g}].estimate", x.estimate, file.level),
            x.order,
            x.coefficient,
        )
        for g, x in enumerate(file.gaps)
    )


def _alignment(file: ResultFile, size: int) -> Alignment | None:
    found = file.alignment
    if found is None:
        return None
    _check_length("alignment.hardest_labels", found.hardest_labels, size)
    return Alignment(
        _interval("alignment.energy", found.energy, file.level),
        tuple(found.hardest_labels),
        _samples(
            "alignment.hardest_sample_complexity",
            found.hardest_sample_complexity,
            file.level,
        ),
    )


def _curve(file: ResultFile) -> Curve | None:
    found = file.learning_curve
    if found is None:
        return None
    if any(one >= other for one, other in pairwise(found.sizes)):
        raise InputError(
            f"learning_curve.sizes is {shorten(found.sizes)}; expected increasing "
            "integers of at least 1"
        )
    _check_length("learning_curve.mse", found.mse, len(found.sizes), "of the sizes")
    mse = _intervals("learning_curve.mse", found.mse, file.level)
    return Curve(tuple(found.sizes), mse, found.alpha)


def _verdicts(entries: Sequence[VerdictEntry]) -> tuple[Verdict, ...]:
    found: dict[str, Verdict] = {}
    for v, entry in enumerate(entries):
        if entry.claim in found:
            raise InputError(f"verdicts has claim {entry.claim} twice; expected once")
        try:
            verdict = Verdict(entry.claim, Outcome(entry.verdict), entry.evidence)
        except InputError as error:
            raise InputError(f"verdicts[{v}].{error}") from None
        found[entry.claim] = verdict
    return tuple(found.values())


def _samples(name: str, entry: SamplesEntry, level: float) -> Samples:
    interval = _interval(name, entry, level)
    return Samples(entry.n, interval, entry.target, entry.alpha)


def _intervals(
    name: str, entries: Sequence[IntervalEntry], level: float
) -> tuple[Interval, ...]:
    return tuple(
        _interval(f"{name}[{i}]", entry, level) for i, entry in enumerate(entries)
    )


def _interval(name: str, entry: IntervalEntry, level: float) -> Interval:
    """The interval; an end that is null is infinite on the side where it can be."""
    value = math.inf if entry.value is None else entry.value
    high = math.inf if entry.high is None else entry.high
    low = entry.low
    if low is None:
        low = math.inf if entry.value is None else -math.inf
    try:
        return Interval(value, low, high, level)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _overlaps(
    name: str, entries: Sequence[OverlapEntry], size: int
) -> tuple[Overlap, ...]:
    return tuple(
        Overlap(*_pair(f"{name}[{o}]", entry.i, entry.j, size), entry.witness)
        for o, entry in enumerate(entries)
    )


def _pairs(
    name: str, pairs: Sequence[Sequence[int]], size: int
) -> tuple[tuple[int, int], ...]:
    return tuple(_pair(f"{name}[{p}]", i, j, size) for p, (i, j) in enumerate(pairs))


def _pair(name: str, i: int, j: int, size: int) -> tuple[int, int]:
    if not 0 <= i < j < size:
        raise InputError(
            f"{name} is of templates {shorten(i)} and {shorten(j)}; expected "
            f"0 <= i < j < {size}"
        )
    return i, j


def _check_length(
    name: str, entries: Sequence[Any], size: int, of: str = "of the templates"
) -> None:
    if len(entries) != size:
        raise InputError(
            f"{name} has {len(entries)} entries; expected {size}, one for each {of}"
        )
