"""How often each string was seen with each class, read before any work.

Source: symbind.
"""

from __future__ import annotations

import numpy as np

from numerics.shapes import Float64
from symbind_theory.validation import InputError, shorten

__all__ = ["read_counts"]


def read_counts(counts: object, n: int) -> Float64[np.ndarray, "n C"]:
    """Counts as float64, after checks.

    Args:
        counts: how often each string was seen with each class.
        n: the number of strings.

    Raises:
        InputError: another shape, other numbers than finite ones of at least 0, or a
            string without any.
    """
    array = np.asarray(counts)
    if array.ndim != 2 or len(array) != n or array.shape[1] < 2:
        raise InputError(
            f"counts has shape {array.shape}; expected ({n}, classes), a row for each "
            f"string of the kernel and a column for each of at least two classes"
        )
    if array.dtype.kind not in "iuf":
        raise InputError(f"counts has entries of {array.dtype}; expected real numbers")
    array = array.astype(np.float64)
    bad = ~np.isfinite(array) | (array < 0)
    if bad.any():
        i, c = np.argwhere(bad)[0]
        raise InputError(
            f"counts[{i}, {c}] is {array[i, c]:g}; expected finite numbers of at least "
            f"0"
        )
    if not array.sum(1).all():
        i = int(np.argmin(array.sum(1)))
        raise InputError(
            f"counts[{i}] is {shorten(array[i].tolist())}; expected a positive count "
            f"in each row: leave out strings that were not seen"
        )
    return array
