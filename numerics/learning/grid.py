"""Grids of architectures: values of each parameter, and all their combinations.

Template matrices of architectures that differ in the activation and in b alone follow
from one set of features, so a grid is walked through with these two last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product
from typing import Any, get_args

from numerics.activations import GELU, Cosine, Erf, ReLU
from numerics.architecture import Architecture
from numerics.averages.jackknife import GROUPS, read_level
from numerics.devices import DEVICES
from numerics.protocols import AttentionMatrix
from numerics.template_matrix.accuracy import Accuracy
from numerics.template_matrix.deep_estimate import deep_gram
from numerics.template_matrix.identity_in_values import with_identity_vo
from numerics.template_matrix.one_layer import one_layer_gram
from numerics.template_matrix.record import TemplateGram
from symbind_theory.records.advice import Parameter
from symbind_theory.templates import Template, read_templates
from symbind_theory.validation import (
    InputError,
    finite_number,
    one_of,
    positive_integer,
    shorten,
)

__all__ = [
    "DEFAULT_VALUES",
    "Grid",
    "Precision",
    "estimated",
    "read_grid",
    "read_precision",
    "sharing_features",
]

DEFAULT_VALUES: Mapping[Parameter, tuple[Any, ...]] = {
    "readout": ("cls", "last", "mean"),
    "beta": (1.0, 2.0, 4.0, 8.0),
    "gamma": (0.5, 1.0, 2.0, 4.0),
    "identity_kq": (0.0, 1.0),
    "identity_vo": (0.0, 1.0),
    "activation": (Cosine(), ReLU(), Erf(), GELU()),
}
"""What is tried where nobody says what to try."""

_ACTIVATIONS = {a.name: a for a in (Cosine(), ReLU(), Erf(), GELU())}
_SHARED = ("identity_vo", "activation")
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Grid:
    """Values of some parameters; the base has those of all others.

    Attributes:
        base: an architecture, of the grid or not.
        values: for each parameter that is varied, the values that it takes.
    """

    base: Architecture
    values: Mapping[Parameter, tuple[Any, ...]]

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """All combinations."""
        return tuple(
            replace(self.base, **dict(zip(self.values, combination, strict=True)))
            for combination in product(*self.values.values())
        )

    @property
    def changes(self) -> tuple[tuple[Parameter, Architecture], ...]:
        """The base with one parameter changed, for each other value."""
        return tuple(
            (name, replace(self.base, **{name: value}))
            for name, values in self.values.items()
            for value in values
            if value != getattr(self.base, name)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How a template matrix is estimated; `template_gram` explains each.

    Attributes:
        rel_tol: relative halfwidth aimed at for the smallest eigenvalue.
        max_points: outer points at most.
        level: coverage of every interval.
        seed: of the points.
        device: where features are computed.

    Raises:
        InputError: a number out of range, or another device.
    """

    rel_tol: float = 1e-3
    max_points: int = 2**16
    level: float = 0.999
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        if finite_number("rel_tol", self.rel_tol, low=0, strict=True) > 1:
            raise InputError(f"rel_tol is {self.rel_tol}; expected a number in (0, 1]")
        positive_integer("max_points", self.max_points, low=4 * GROUPS)
        read_level(self.level)
        positive_integer("seed", self.seed, low=0)
        one_of("device", self.device, DEVICES)


def read_grid(over: object, base: Architecture) -> Grid:
    """The grid that `over` describes.

    Args:
        over: for each parameter that is varied, a list of its values; activations by
            name or as objects.
        base: has the values of all other parameters.

    Raises:
        InputError: no such mapping, a parameter that is not estimated, no value, one
            that is there twice or out of range, or more than 10 000 architectures.
    """
    names = get_args(Parameter)
    if not isinstance(over, Mapping) or not over:
        raise InputError(
            f"over is {shorten(over)}; expected lists of values by parameter, such as "
            "{'beta': [1, 2, 4]}"
        )
    values: dict[Parameter, tuple[Any, ...]] = {}
    for name, given in over.items():
        if name not in names:
            raise InputError(
                f"over has {shorten(name)}; expected parameters among "
                f"{', '.join(names)}"
            )
        values[name] = _values(name, given, base)
    ordered = sorted(values.items(), key=lambda item: item[0] in _SHARED)
    grid = Grid(base, dict(ordered))
    count = 1
    for taken in values.values():
        count *= len(taken)
    if count > _MOST:
        raise InputError(
            f"over makes {count} architectures; expected at most {_MOST}: leave out "
            "values, or call several times"
        )
    return grid


def read_precision(precision: object, default: Precision) -> Precision:
    """The precision that is passed, or the default where none is.

    Raises:
        InputError: something else.
    """
    if precision is None:
        return default
    if not isinstance(precision, Precision):
        raise InputError(
            f"precision is {shorten(precision)}; expected a Precision, such as "
            "Precision(rel_tol=1e-2)"
        )
    return precision


def _values(name: str, given: object, base: Architecture) -> tuple[Any, ...]:
    """The values of one parameter, each tried in the base.

    Raises:
        InputError: what `read_grid` says.
    """
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InputError(
            f"over[{name!r}] is {shorten(given)}; expected a list of values, one or "
            "more"
        )
    values = []
    for value in given:
        if name == "activation" and isinstance(value, str):
            if value not in _ACTIVATIONS:
                raise InputError(
                    f"over['activation'] has {shorten(value)}; expected activations, "
                    f"or names among {', '.join(_ACTIVATIONS)}"
                )
            value = _ACTIVATIONS[value]
        tried = getattr(replace(base, **{name: value}), name)
        tried = float(tried) if isinstance(tried, int) else tried
        if tried in values:
            raise InputError(
                f"over[{name!r}] has {shorten(value)} twice; expected each value once"
            )
        values.append(tried)
    return tuple(values)


def estimated(
    templates: Sequence[Template],
    architectures: Sequence[Architecture],
    precision: Precision,
) -> Iterator[tuple[Architecture, AttentionMatrix]]:
    """The template matrix of each architecture, one after the other.

    Features of one layer are shared by neighbours that differ in the activation and in
    b alone, and dropped after them: memory is that of one estimate.

    Args:
        templates: of the task.
        architectures: in an order in which these two vary fastest.
        precision: how each is estimated.
    """
    accuracy = Accuracy(**dataclasses.asdict(precision))
    parsed = read_templates(templates)
    for group in sharing_features(architectures):
        plain = None
        for architecture in group:
            if not architecture.one_layer:
                yield architecture, deep_gram(parsed, architecture, accuracy)
                continue
            if plain is None:
                first = replace(architecture, identity_vo=0.0)
                plain = one_layer_gram(parsed, first, accuracy)
            gram = _varied(plain, architecture)
            if not _enough(gram, precision):
                gram = one_layer_gram(parsed, architecture, accuracy)
            yield architecture, gram


def sharing_features(
    architectures: Sequence[Architecture],
) -> Iterator[tuple[Architecture, ...]]:
    """Neighbours that differ in the activation and in b alone.

    Args:
        architectures: in an order in which these two vary fastest.
    """
    for _, group in groupby(architectures, _drawn):
        yield tuple(group)


def _drawn(architecture: Architecture) -> Architecture:
    """What the features depend on."""
    return replace(architecture, activation=Cosine(), identity_vo=0.0)


def _varied(plain: TemplateGram, architecture: Architecture) -> TemplateGram:
    """The matrix of another activation and another b, from the same features."""
    gram = replace(plain, architecture=replace(architecture, identity_vo=0.0))
    return with_identity_vo(gram, b) if (b := architecture.identity_vo) else gram


def _enough(gram: AttentionMatrix, precision: Precision) -> bool:
    """Whether more points would not be drawn for this architecture either."""
    if 2 * gram.points > precision.max_points:
        return True
    return gram.smallest_eigenvalue.relative_halfwidth <= precision.rel_tol
