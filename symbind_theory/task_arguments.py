"""The arguments of a template task, read once: lines, templates, labels, weights.

`TemplateTask` documents them; each function here refuses with the message that the user
sees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from symbind_theory.templates import CLS, Template
from symbind_theory.validation import InputError, as_float, exact_real, shorten

__all__ = [
    "as_wildcard",
    "check_list",
    "check_same_templates",
    "check_templates",
    "label_of",
    "label_text",
    "parse_line",
    "read_labels",
    "read_weights",
    "reads_as_number",
    "text_or_none",
]


def as_wildcard(label: str) -> str | None:
    """The name of the wildcard that a symbolic label stands for, or None."""
    return next(iter(Template(label).wildcards), None)


def check_list(name: str, given: object, expected: str) -> None:
    """Refuse a single text or number where a list is meant.

    Raises:
        InputError: text, or what is no list.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        what = "the text " if isinstance(given, str) else ""
        raise InputError(
            f"{name} is {what}{shorten(given)}; expected a list {expected}"
        )


def check_same_templates(
    name: str, given: Sequence[Template], templates: Sequence[Template]
) -> None:
    """See that what was computed for some templates is used for a task of the same.

    Args:
        name: of what is given.
        given: the templates that it is of.
        templates: those of the task; names of wildcards play no part, the order does.

    Raises:
        InputError: other templates.
    """
    if len(given) != len(templates):
        raise InputError(
            f"{name} is of {len(given)} templates; expected the {len(templates)} of "
            "the task"
        )
    pairs = zip(given, templates, strict=True)
    for place, (found, expected) in enumerate(pairs, start=1):
        if not found.equivalent(expected):
            raise InputError(
                f"{name} is of {shorten(str(found))} as template {place}; expected "
                f"{shorten(str(expected))}: the templates of the task, in its order"
            )


def parse_line(line: str) -> tuple[Template, Fraction | str]:
    """Template and label of a line such as `?a ?b -> -1`.

    Raises:
        InputError: a line that does not read `template -> label`.
    """
    tokens = line.split()
    if "->" not in tokens and line.count("->") == 1:
        tokens = line.replace("->", " -> ").split()
    if tokens.count("->") != 1:
        raise InputError(
            f"template {shorten(line)} has {tokens.count('->')} '->'; expected one: "
            "'template -> label', such as '?a ?a -> 1' (a token -> goes into a task "
            "file)"
        )
    arrow = tokens.index("->")
    if arrow == 0:
        raise InputError(
            f"template {shorten(line)} is empty; expected tokens before '->'"
        )
    if arrow != len(tokens) - 2:
        raise InputError(
            f"template {shorten(line)} has {len(tokens) - arrow - 1} labels; "
            "expected one after '->'"
        )
    return Template(tokens[:arrow]), _parse_label(tokens[-1])


def _parse_label(text: str) -> Fraction | str:
    try:
        number = as_float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        return text
    if not math.isfinite(number):
        raise InputError(f"label is {text}; expected a finite number")
    # Fraction would write out an underflowing exponent such as 1e-999999999 in full.
    try:
        return Fraction(text) if number else Fraction(0)
    except ValueError:
        raise InputError(
            f"label {shorten(text)} has {len(text)} characters; expected fewer than "
            "Python's limit for integers"
        ) from None


def reads_as_number(label: object) -> bool:
    """Whether a label is text that a line `template -> label` would read as a number.

    >>> reads_as_number("1/2"), reads_as_number("x/y")
    (True, False)
    """
    if not isinstance(label, str):
        return False
    try:
        return not isinstance(_parse_label(label), str)
    except InputError:
        # Beyond float64: refused as a number, which it reads as all the same.
        return True


def label_text(label: Any) -> str:
    """A label as it is shown: in quotes where it is text that reads as a number."""
    return f'"{label}"' if reads_as_number(label) else str(label)


def check_templates(templates: tuple[Template, ...]) -> None:
    """Refuse what cannot be the templates of one task.

    Raises:
        InputError: no template, lengths that differ, or one written twice.
    """
    if not templates:
        raise InputError("templates is empty; expected at least one template")
    first = templates[0]
    seen: dict[Template, int] = {}
    for index, template in enumerate(templates):
        if template.length != first.length:
            raise InputError(
                f"template {shorten(str(template))} has {template.length} tokens and "
                f"{shorten(str(first))} has {first.length}; expected one length"
            )
        if template in seen:
            raise InputError(
                f"template {shorten(str(template))} is written twice "
                f"(numbers {seen[template] + 1} and {index + 1}); expected each once"
            )
        seen[template] = index


def read_labels(
    templates: tuple[Template, ...], labels: Sequence[Any]
) -> tuple[Any, ...]:
    """Exact numbers, or tokens and wildcards, one for each template.

    Raises:
        InputError: another number of them, numbers mixed with text, a number that is
            not finite, or text that is neither a token nor a wildcard of its template.
    """
    if len(labels) != len(templates):
        raise InputError(
            f"labels has {len(labels)} entries for {len(templates)} templates; "
            "expected one for each"
        )
    if len({isinstance(label, str) for label in labels}) > 1:
        number = next(label for label in labels if not isinstance(label, str))
        text = next(label for label in labels if isinstance(label, str))
        raise InputError(
            f"labels mix the number {number} with the text {shorten(text)}; expected "
            "all numbers, or all tokens and wildcards"
        )
    return tuple(
        _symbolic_label(template, label)
        if isinstance(label, str)
        else exact_real(f"label of {shorten(str(template))}", label)
        for template, label in zip(templates, labels, strict=True)
    )


def _symbolic_label(template: Template, label: str) -> str:
    if len(label.split()) != 1 or label.split() != [label] or label == CLS:
        raise InputError(
            f"label of {shorten(str(template))} is {shorten(label)}; expected a "
            "number, one token or one of its wildcards"
        )
    name = as_wildcard(label)
    if name is not None and name not in template.wildcards:
        raise InputError(
            f"label of {shorten(str(template))} is the wildcard {label}, which the "
            "template does not have; expected one of its own wildcards"
        )
    # ?α is written α, as the template writes it.
    return label if name is None else str(Template(label))


def label_of(label: Any, substitution: Mapping[str, str]) -> Any:
    """The label of one string: a wildcard's image where the label is copied."""
    if not isinstance(label, str):
        return label
    name = as_wildcard(label)
    return label if name is None else substitution[name]


def read_weights(count: int, weights: Sequence[Any] | None) -> tuple[Fraction, ...]:
    """Exact probabilities of so many templates; equal when None.

    Raises:
        InputError: another number of them, a negative or irrational one, all zero, or
            one below 1e-100 times the largest.
    """
    if weights is None:
        return (Fraction(1, count),) * count
    if len(weights) != count:
        raise InputError(
            f"weights has {len(weights)} entries for {count} templates; "
            "expected one for each"
        )
    exact = [exact_real("weight", weight) for weight in weights]
    for weight in exact:
        if not isinstance(weight, Fraction) or weight < 0:
            raise InputError(f"weight is {weight}; expected a rational of at least 0")
    total = sum(exact)
    if total == 0:
        raise InputError("weights are all zero; expected a positive one")
    for weight in exact:
        if 0 < weight < max(exact) / 10**100:
            raise InputError(
                f"weight is {shorten(weight)}, less than 1e-100 times the largest; "
                "expected 0 for a template that never occurs"
            )
    return tuple(weight / total for weight in exact)


def text_or_none(name: str, given: Any) -> str | None:
    """What may be text, or left out.

    Raises:
        InputError: something else.
    """
    if given is None or isinstance(given, str):
        return given
    raise InputError(f"{name} is {shorten(given)}; expected text, or None")
