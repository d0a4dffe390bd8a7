"""Certificates: why N is non-singular, in a file that anyone can verify.

A certificate lists, for every pair of templates, the order in beta at which their
attention features separate, with one coefficient of each that differs, and for every
lower order which templates agree. `certificate_verifier` checks it without the rest of
this package.

Where two templates agree below the order L, the difference of their coefficients is a
number that is not 0 times

    1 or γ  (L = 0),     γ²  (L = 1),     γ (1 + γ²)  (L = 2),     γ³ (1 + γ²)  (L = 3):

what regular tokens add to either is equal from L = 2 on, and drops out. So it is 0 at
γ = 0 alone; docs/separation.md has the proof. It is γ where the lengths differ and all
regular tokens are equally frequent: a position that only the longer one has tells.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import combinations, product
from typing import Any

from symbind_theory.certificate_verifier import (
    FORMAT,
    FORMAT_VERSION,
    MOST_NUMBERS,
    STATEMENTS,
    Rejected,
    check,
    parse,
)
from symbind_theory.files import write_text
from symbind_theory.separation.incidence import (
    ORDERS,
    Incidence,
    Readout,
    incidence_of,
    read_readout,
)
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template, read_templates
from symbind_theory.validation import InputError
from symbind_theory.version import __version__

__all__ = [
    "certify",
    "reason_to_reject",
    "verify",
    "write_certificate",
]

Certificate = dict[str, Any]
"""A JSON document."""


def certify(
    templates: TemplateTask | Iterable[Template | str], readout: Readout = "cls"
) -> Certificate:
    """The certificate that N is non-singular: a JSON document.

    >>> certificate = certify(["?a ?a", "?a ?b"])
    >>> certificate["pairs"][0]["order"], certificate["pairs"][0]["values"]
    (2, [{'1': '-1/54', '3': '-1/54'}, {'1': '1/54', '3': '1/54'}])
    >>> verify(certificate)
    True

    Args:
        templates: pairwise inequivalent templates, their text, or a task; lengths may
            differ.
        readout: "cls", "last" or "mean".

    Raises:
        InputError: two templates are equivalent, so there is nothing to certify; or an
            argument that cannot be used.
    """
    read_readout(readout)
    if isinstance(templates, TemplateTask):
        templates = templates.templates
    parsed = read_templates(templates, one_length=False)
    if sum((t.length + 1) ** 2 for t in parsed) > MOST_NUMBERS:
        longest = max(t.length for t in parsed)
        raise InputError(
            f"{len(parsed)} templates of {longest} tokens are more than the verifier "
            f"takes; expected a sum of (tokens + 1)² of at most {MOST_NUMBERS}"
        )
    incidences = [incidence_of(t, readout) for t in parsed]
    classes = _classes(incidences)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "package_version": __version__,
        "readout": readout,
        "templates": [str(x.template) for x in incidences],
        "statement": STATEMENTS[FORMAT_VERSION].format(readout=readout),
        "agreement": {str(l): _groups(classes[l]) for l in range(ORDERS - 1)},
        "pairs": [
            {"i": i, "j": j, **_witness(incidences, classes, i, j)}
            for i, j in combinations(range(len(incidences)), 2)
        ],
    }


def verify(certificate: object) -> bool:
    """Whether a certificate, or its JSON text, proves its statement.

    `reason_to_reject` says why not.
    """
    return reason_to_reject(certificate) is None


def reason_to_reject(certificate: object) -> str | None:
    """What is wrong with a certificate, or None if it proves its statement."""
    try:
        check(parse(certificate) if isinstance(certificate, str) else certificate)
    except Rejected as reason:
        return str(reason)
    return None


def write_certificate(certificate: Certificate, path: str | os.PathLike[str]) -> None:
    """Write a certificate as JSON: a file is there whole, or as it was before.

    Raises:
        InputError: the file cannot be written.
    """
    write_text(path, json.dumps(certificate, indent=1) + "\n", "the certificate")


def _classes(incidences: list[Incidence]) -> list[list[int]]:
    """For each order, a number for each template, equal where they agree so far."""
    numbers = [0] * len(incidences)
    classes = []
    for order in range(ORDERS):
        seen: dict[tuple[int, object], int] = {}
        numbers = [
            seen.setdefault((number, x.key(order)), len(seen))
            for number, x in zip(numbers, incidences, strict=True)
        ]
        classes.append(numbers)
    return classes


def _groups(numbers: list[int]) -> list[list[int]]:
    """Templates of one class, for classes of at least two."""
    groups: dict[int, list[int]] = {}
    for index, number in enumerate(numbers):
        groups.setdefault(number, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def _witness(
    incidences: list[Incidence], classes: list[list[int]], i: int, j: int
) -> dict[str, Any]:
    """The order at which a pair separates, and a coefficient that shows it."""
    order = next((l for l in range(ORDERS) if classes[l][i] != classes[l][j]), None)
    pair = incidences[i], incidences[j]
    if order is None:
        raise InputError(
            f"templates {i + 1} and {j + 1}, '{pair[0].template}' and "
            f"'{pair[1].template}', are equivalent; expected pairwise inequivalent "
            "templates: there is no certificate, N is singular"
        )
    coordinate, variable, coefficient = _WITNESSES[order](*pair)
    return {
        "order": order,
        "coordinate": coordinate,
        "variable": variable,
        "values": [
            {str(power): str(number) for power, number in coefficient(x).items()}
            for x in pair
        ],
    }


_Witness = tuple[
    dict[str, Any], dict[str, Any] | None, Callable[[Incidence], dict[int, Fraction]]
]
"""Coordinate, variable, and the coefficient there as {power of gamma: number}."""


def _counts(t: Incidence, u: Incidence) -> _Witness:
    """The constant term at a token not equally frequent, or beyond the shorter one."""
    tokens = [*t.counts, *u.counts]
    token = next((x for x in tokens if t.frequency(x) != u.frequency(x)), None)
    if token is not None:
        return {"token": token}, None, lambda x: {0: x.frequency(token)}
    last = max(t.size, u.size) - 1
    return {"position": last}, None, lambda x: {1: Fraction(x.size > last, x.size)}


def _positions(t: Incidence, u: Incidence) -> _Witness:
    """G[query, token] at a position where one template alone has that token."""
    a = next(a for a in range(t.size) if t.skeleton[a] != u.skeleton[a])
    token = t.skeleton[a] or u.skeleton[a]

    def coefficient(x: Incidence) -> dict[int, Fraction]:
        excess = x.size * (x.skeleton[a] == token) - x.counts[str(token)]
        return {2: Fraction(excess, x.size ** (3 if x.readout == "mean" else 2))}

    return {"position": a}, {"token": token}, coefficient


def _multiplicities(t: Incidence, u: Incidence) -> _Witness:
    """The constant term at a position whose wildcard is not equally frequent."""
    a = next(a for a in range(t.size) if t.deviations[a] != u.deviations[a])

    def coefficient(x: Incidence) -> dict[int, Fraction]:
        of_wildcards, of_regular = (
            Fraction(x.size * m[a][a] - sum(m[b][b] for b in range(x.size)))
            for m in (x.centred, x.centred_regular)
        )
        wild = Fraction(int(x.query is None))
        if x.readout == "mean":
            wild = Fraction(x.skeleton.count(None), x.size)
        scale = Fraction(1, 2 * x.size**4)
        return {
            1: scale * (of_wildcards + wild * of_regular),
            3: scale * of_wildcards,
        }

    return {"position": a}, None, coefficient


def _pattern(t: Incidence, u: Incidence) -> _Witness:
    """G[query, position] at a position: which wildcards are the same."""
    places = product(range(t.size), repeat=2)
    a, c = next((a, c) for a, c in places if t.centred[a][c] != u.centred[a][c])

    def coefficient(x: Incidence) -> dict[int, Fraction]:
        size = x.size
        projection = size * (a == c) - 1

        def linear(m: tuple[tuple[int, ...], ...]) -> int:
            trace = sum(m[b][b] for b in range(size))
            at_a, at_c = (size * m[b][b] - trace for b in (a, c))
            return projection * at_a - 2 * size * m[a][c] - at_c

        of_wildcards = linear(x.centred)
        wild = int(x.query is None)
        scale = Fraction(1, 2 * size ** (6 if x.readout == "mean" else 5))
        return {
            3: scale * (of_wildcards + wild * linear(x.centred_regular)),
            5: scale * (of_wildcards - 2 * size**2 * wild * projection),
        }

    return {"position": a}, {"position": c}, coefficient


_WITNESSES: tuple[Callable[[Incidence, Incidence], _Witness], ...] = (
    _counts,
    _positions,
    _multiplicities,
    _pattern,
)
