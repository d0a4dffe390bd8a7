"""What estimators are given, read before any work: labels, classes and weights.

Source: symbind; the conventions are scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils.validation import column_or_1d

from numerics.shapes import Float64
from numerics.strings.patterns import listed
from symbind_theory.validation import InputError, shorten

__all__ = ["read_classes", "read_labels", "read_tokens", "read_weighted"]


def read_tokens(tokens: object) -> list[str] | None:
    """Regular tokens by name; None for "auto".

    Args:
        tokens: "auto", or text and integers. An integer is the token that prints it.

    Raises:
        InputError: anything else.
    """
    if isinstance(tokens, str) and tokens == "auto":
        return None
    if isinstance(tokens, str | bytes) or not isinstance(tokens, Iterable):
        raise InputError(
            f"regular_tokens is {shorten(tokens)}; expected 'auto' or a list of tokens"
        )
    names = list(tokens)
    for name in names:
        if isinstance(name, bool) or not isinstance(name, str | int | np.integer):
            raise InputError(
                f"regular_tokens has {shorten(name)}; expected text or an integer"
            )
    return list(map(str, names))


def read_labels(y: object) -> Float64[np.ndarray, " ..."]:
    """Labels of a regression; shape (n,) or (n, outputs).

    Raises:
        InputError: something else than finite real numbers, or of another shape.
    """
    _check_given(y)
    labels = _real("y", y)
    if labels.ndim not in (1, 2) or 0 in labels.shape[1:]:
        raise InputError(
            f"y has shape {labels.shape}; expected (n,) or (n, outputs) with at least "
            "one label"
        )
    if not np.isfinite(labels).all():
        raise InputError("y has labels that are NaN or infinite; expected numbers")
    return labels


def read_classes(y: object) -> np.ndarray:
    """Classes: whole numbers, or things of one kind that can be sorted; shape (n,).

    Raises:
        InputError: none, NaN, fractions, text beside numbers, or another shape.
    """
    _check_given(y)
    try:
        classes = column_or_1d(y, warn=True)
    except ValueError:
        given = np.asarray(y, dtype=object)
        if any(isinstance(c, complex | np.complexfloating) for c in given.flat):
            raise InputError(
                "Complex data not supported: y has complex numbers; expected classes"
            ) from None
        if given.ndim < 2:
            raise InputError(
                f"y is {shorten(y)}; expected a class for each string"
            ) from None
        raise InputError(f"y has shape {given.shape}; expected (n,)") from None
    if classes.dtype.kind == "f":
        if not np.isfinite(classes).all():
            raise InputError("y has labels that are NaN or infinite; expected classes")
        if (classes != np.round(classes)).any():
            raise InputError(
                "Unknown label type: y has numbers with fractions; expected classes, "
                "or a regressor"
            )
    if classes.dtype.kind in "OU":
        # As they were given: numpy makes text of a NaN beside text.
        given = np.asarray(y, dtype=object).ravel()
        if any(c is None or c != c for c in given):
            raise InputError("y has labels that are NaN or None; expected classes")
        if len({isinstance(c, str) for c in given}) > 1:
            raise InputError("y has text beside other classes; expected one kind")
    return classes


def read_weighted(
    X: object, y: np.ndarray, sample_weight: object
) -> tuple[Any, np.ndarray, Float64[np.ndarray, " n"]]:
    """Strings, labels and weights with those of weight 0 left out.

    Args:
        X: strings.
        y: labels or classes; a row for each string.
        sample_weight: one for each string, one for all, or None for ones.

    Raises:
        InputError: strings that cannot be counted, or other numbers of labels or
            weights.
    """
    strings = listed(X)
    n = len(strings)
    if n != len(y):
        raise InputError(f"X has {n} strings and y {len(y)} labels; expected as many")
    if sample_weight is None:
        return strings, y, np.ones(n)
    weight = _read_weight(sample_weight, n)
    kept = np.flatnonzero(weight)
    if len(kept) == n:
        return strings, y, weight
    if isinstance(strings, np.ndarray):
        return strings[kept], y[kept], weight[kept]
    return [strings[i] for i in kept], y[kept], weight[kept]


def _read_weight(sample_weight: object, n: int) -> Float64[np.ndarray, " n"]:
    weight = _real("sample_weight", sample_weight)
    if weight.ndim == 0:
        weight = np.full(n, float(weight))
    usable = weight.shape == (n,) and np.isfinite(weight).all() and (weight >= 0).all()
    if not usable or not weight.any():
        raise InputError(
            f"sample_weight is {shorten(sample_weight)}; expected {n} numbers of at "
            "least 0, not all zero weights"
        )
    return weight


def _check_given(y: object) -> None:
    if y is None:
        raise InputError("requires y to be passed, but the target y is None")


def _real(name: str, values: object) -> Float64[np.ndarray, " ..."]:
    """As float64.

    Raises:
        InputError: something else than real numbers.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind != "c":
            return array.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {shorten(values)}; expected numbers") from None
    raise InputError(
        f"Complex data not supported: {name} is {shorten(values)}; expected real "
        "numbers"
    )
