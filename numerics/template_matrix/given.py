"""The template matrix that a function works with: a given one, or a new estimate.

What is computed from N is computed for a task and an architecture. A matrix of others
would be answered for silently; here it is refused, and so is whatever else comes with
an architecture of its own: a kernel, the result of a check.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from numerics.architecture import Architecture, read_architecture
from numerics.protocols import AttentionMatrix, TemplateMatrix
from numerics.template_matrix.estimate import template_gram
from symbind_theory.records.architecture import ActivationRecord, ArchitectureRecord
from symbind_theory.task_arguments import check_same_templates
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, shorten

__all__ = [
    "architecture_of",
    "check_architecture",
    "check_kind",
    "checked_attention",
    "checked_matrix",
    "matrix_of",
]

Given = TypeVar("Given", bound=TemplateMatrix)

_KINDS: dict[type, str] = {
    TemplateMatrix: "a template matrix, such as template_gram returns",
    AttentionMatrix: "a matrix with the attention kernel behind it, such as "
    "template_gram returns",
}


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
        InputError: a gram of other templates or of another architecture, or something
            else than a template matrix.
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

    Raises:
        InputError: neither names a transformer although a matrix is given, or one of
            them is something else.
    """
    if architecture is None and gram is not None:
        check_kind("gram", gram, TemplateMatrix)
        if gram.architecture is None:
            raise InputError(
                "the architecture of gram is not known; expected the matrix of a "
                "transformer"
            )
        return gram.architecture
    return read_architecture(architecture)


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
        InputError: a matrix of other templates or of another architecture, or something
            else than a template matrix.
    """
    check_kind(name, given, TemplateMatrix)
    check_same_templates(name, given.templates, templates)
    if architecture is not None:
        check_architecture(name, given.architecture, read_architecture(architecture))
    return given


def checked_attention(
    name: str,
    given: AttentionMatrix,
    templates: Sequence[Template],
    architecture: Architecture | None = None,
) -> AttentionMatrix:
    """The matrix given, if the attention kernel behind it is known too.

    Args:
        name: what the argument that holds the matrix is called.
        given: the matrix.
        templates: what it should be of, in this order; names of wildcards play no part.
        architecture: what it should be of; any when None.

    Raises:
        InputError: what `checked_matrix` refuses, or a matrix without what estimates of
            the attention kernel know.
    """
    checked = checked_matrix(name, given, templates, architecture)
    check_kind(name, checked, AttentionMatrix)
    return checked


def check_kind(name: str, given: object, kind: type) -> None:
    """See that an argument has what a protocol asks for, without computing any of it.

    `isinstance` evaluates properties in Python 3.11, eigenvalues among them.

    Args:
        name: what the argument is called.
        given: the argument.
        kind: `TemplateMatrix` or `AttentionMatrix`.

    Raises:
        InputError: something is missing.
    """
    if isinstance(given, type):
        raise InputError(
            f"{name} is the class {given.__name__}; expected {_KINDS[kind]}"
        )
    asked = {m for base in kind.__mro__ for m in vars(base) if not m.startswith("_")}
    missing = sorted(member for member in asked if not _has(given, member))
    if len(missing) == len(asked):
        raise InputError(f"{name} is {shorten(given)}; expected {_KINDS[kind]}")
    if missing:
        raise InputError(
            f"{name} is a {type(given).__name__} without {missing[0]}; expected "
            f"{_KINDS[kind]}"
        )


def _has(given: object, member: str) -> bool:
    try:
        inspect.getattr_static(given, member)
    except AttributeError:
        # Nothing of that name is stored, so that no property is evaluated either.
        return hasattr(given, member)
    return True


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
    if not isinstance(given, Architecture | ArchitectureRecord):
        raise InputError(
            f"the architecture of {name} is not known; expected {passed!r}, as passed"
        )
    meant = passed.record() if isinstance(given, ArchitectureRecord) else passed
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
