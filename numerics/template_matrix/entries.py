"""C, d, gaps, N and its self values, with halfwidths, from the features of templates.

With F the features of the templates, C = FᵀF and gap_ij = ‖F_i − F_j‖²; N_ij is the
dual of the activation at (d_i, d_j, C_ij). The halfwidth of an entry is that of the
jackknife over groups of points, plus what rounding and the inner stage may add. Where
there are too few points for a jackknife it is what holds of all matrices:

    0 ≤ C_ij ≤ √(d_i d_j),     0 ≤ gap_ij ≤ d_i + d_j,     |N_ij| ≤ √(K_i K_j),

K the self values of the whole kernel, as features are not negative and C_ii ≤ d_i.

Source: symbind; docs/estimation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from numerics.activations import Activation
from numerics.averages.jackknife import jackknife_halfwidth
from numerics.shapes import Float64
from numerics.template_matrix.error_bounds import stage_errors

__all__ = ["Entries", "entries_of"]


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of matrices by the names that `TemplateGram` gives them.

    Attributes:
        values: each matrix, estimated from all points.
        halfwidth: that of each entry, under the same name and in the same shape.
    """

    values: Mapping[str, Float64[np.ndarray, " ..."]]
    halfwidth: Mapping[str, Float64[np.ndarray, " ..."]]


def entries_of(
    activation: Activation,
    column: Sequence[int],
    features: Sequence[Float64[np.ndarray, "distinct distinct"]],
    self_values: Sequence[Float64[np.ndarray, " distinct"]],
    *,
    feature_error: float,
    self_error: float,
    level: float,
    enough: bool = True,
) -> Entries:
    """Every entry that follows from the features, and its halfwidth.

    Args:
        activation: φ.
        column: which column of the features each template has.
        features: F, from all points and then with each group of points left out.
        self_values: d of the distinct templates, for the same points.
        feature_error: bound on the relative error of each column of the features.
        self_error: bound on the relative error of the self values.
        level: coverage of each entry.
        enough: whether the points are enough for a jackknife.
    """
    place = np.array(column)
    estimates = [
        _estimates(factor[:, place], d[place], activation.dual)
        for factor, d in zip(features, self_values, strict=True)
    ]
    pooled = estimates[0]
    without = {name: np.stack([e[name] for e in estimates[1:]]) for name in pooled}
    stage = stage_errors(
        activation,
        c=pooled["attention"],
        d=pooled["attention_self"],
        self_error=self_error,
        gaps=pooled["gaps"],
        relative=feature_error,
    )
    # Equivalent templates share their features: that gap is 0 exactly.
    stage["gaps"] = np.where(place[:, None] == place, 0.0, stage["gaps"])
    halfwidth = {
        name: jackknife_halfwidth(pooled[name], replicates, level) + stage[name]
        for name, replicates in without.items()
    }
    if not enough:
        halfwidth |= _certain(pooled, halfwidth)
    return Entries(pooled, MappingProxyType(halfwidth))


def _certain(
    values: Mapping[str, Float64[np.ndarray, " ..."]],
    halfwidth: Mapping[str, Float64[np.ndarray, " ..."]],
) -> dict[str, Float64[np.ndarray, " ..."]]:
    """Halfwidths of C, gaps and N that need no more than the self values."""
    d = values["attention_self"] + halfwidth["attention_self"]
    K = values["matrix_self"] + halfwidth["matrix_self"]
    return {
        "attention": np.maximum(values["attention"], np.sqrt(np.outer(d, d))),
        "gaps": np.maximum(values["gaps"], d[:, None] + d),
        "matrix": np.abs(values["matrix"]) + np.sqrt(np.outer(K, K)),
    }


def _estimates(
    features: Float64[np.ndarray, "rows r"],
    d: Float64[np.ndarray, " r"],
    dual: Callable[..., Float64[np.ndarray, " ..."]],
) -> dict[str, Float64[np.ndarray, " ..."]]:
    """C, d, gaps, N and its self values.

    Gaps come from distances of columns, which rounding does not hide.
    """
    c = features.T @ features
    columns = features.T
    gaps = np.stack([((column - columns) ** 2).sum(1) for column in columns])
    return {
        "attention": c,
        "attention_self": d,
        "gaps": gaps,
        "matrix": dual(d[:, None], d[None, :], c),
        "matrix_self": dual(d, d, d),
    }
