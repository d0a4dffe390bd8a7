"""The template matrix that a function works with: a given one, or a new estimate.

What is computed from N is computed for a task and an architecture. A matrix of others
would be answered for silently; here it is refused, and so is whatever else comes with
an architecture of its own: a kernel, the result of a check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from numerics.architecture import Architecture
from numerics.protocols import TemplateMatrix
from numerics.template_matrix.estimate import template_gram
from symbind_theory.records.architecture import ActivationRecord, ArchitectureRecord
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, shorten

__all__ = ["architecture_of", "check_architecture", "checked_matrix", "matrix_of"]

Given = TypeVar("Given", bound=TemplateMatrix)


def matrix_of(
    templates: Sequence[Template],
    architecture: Architecture | None = None,
    gram: TemplateMatrix | None = None,
    **settings: Any,
) -> TemplateMatrix:
    """The template matrix of these templates: the one given, or an estimate.

    >>> from symbind_theory import Template
    >>> pair = [Template("?a ?a"), Template("?a ?b")]
    >>> gram = matrix_of(pair, Architecture(beta=2.0), max_points=64)
    >>> matrix_of(pair, gram=gram) is gram
    True

    Args:
        templates: those of the task, in its order.
        architecture: the transformer; when None that of `gram`, or `Architecture()`.
        gram: the matrix if it is there already.
        settings: further arguments of `template_gram`, should it be asked.

    Raises:
        InputError: a gram of other templates or of another architecture.
    """
    if gram is None:
        return template_gram(templates, architecture, **settings)
    return checked_matrix("gram", gram, templates, architecture)


def architecture_of(
    architecture: Architecture | None, gram: TemplateMatrix | None
) -> Architecture:
    """The transformer that is meant: the one passed, that of the matrix, the default.

    Args:
        architecture: the one passed, if any.
        gram: the matrix given, if any.
    """
    if architecture is None and gram is not None:
        architecture = gram.architecture
    return architecture or Architecture()


def checked_matrix(
    name: str,
    given: Given,
    templates: Sequence[Template],
    architecture: Architecture | None = None,
) -> Given:
    """The matrix given, if it is of these templates and of this architecture.

    Args:
        name: what the argument that holds the matrix is called.
        given: the matrix.
        templates: what it should be of, in this order; names of wildcards play no part.
        architecture: what it should be of; any when None.

    Raises:
        InputError: a matrix of other templates or of another architecture.
    """
    if len(given.templates) != len(templates):
        raise InputError(
            f"{name} is of {len(given.templates)} templates; expected the "
            f"{len(templates)} of the task"
        )
    pairs = zip(given.templates, templates, strict=True)
    for place, (found, expected) in enumerate(pairs, start=1):
        if not found.equivalent(expected):
            raise InputError(
                f"{name} is of {shorten(str(found))} as template {place}; expected "
                f"{shorten(str(expected))}: the templates of the task, in its order"
            )
    if architecture is not None:
        check_architecture(name, given.architecture, architecture)
    return given


def check_architecture(
    name: str,
    given: Architecture | ArchitectureRecord | None,
    passed: Architecture,
) -> None:
    """See that what a function was given is of the architecture passed beside it.

    Args:
        name: what the argument that was given is called.
        given: the architecture of the matrix, kernel or result that it holds, or the
            record of it; None where it is not known.
        passed: the architecture passed.

    Raises:
        InputError: two architectures, or one that is not known.
    """
    meant = passed.record() if isinstance(given, ArchitectureRecord) else passed
    if given is None:
        raise InputError(
            f"{name} is of a kernel whose architecture is not known; expected "
            f"{passed!r}, as passed"
        )
    if given != meant:
        names = [
            field.name
            for field in fields(given)
            if getattr(given, field.name) != getattr(meant, field.name)
        ]
        is_of, expected = _in_words(given, names), _in_words(meant, names)
        raise InputError(
            f"{name} is of an architecture with {is_of}; expected {expected}, as passed"
        )


def _in_words(
    architecture: Architecture | ArchitectureRecord, names: Sequence[str]
) -> str:
    """Some parameters of an architecture, each by its name."""
    return ", ".join(f"{name} {_shown(getattr(architecture, name))}" for name in names)


def _shown(value: Any) -> str:
    """A parameter as its owner writes it: activations of records by their numbers."""
    if not isinstance(value, ActivationRecord):
        return repr(value)
    numbers = ", ".join(f"{name}={number}" for name, number in value.parameters)
    return f"{value.name}({numbers})"
