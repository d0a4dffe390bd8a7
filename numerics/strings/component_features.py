"""The components of shared tokens at given points, by inclusion and exclusion.

A component f_S is a signed sum of what the inner stage returns for templates in which
some wildcards are regular. Where rare points decide (`averages.inflation`), they are
drawn further out and weighted, and the mean of the component, which is known, is taken
off before: with the weights w

    E⟨f, f'⟩ = ⟨E f, E f'⟩ + E w ⟨f − E f, f' − E f'⟩.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from numerics.architecture import Architecture
from numerics.attention.conditional_softmax import ConditionalSoftmax
from numerics.attention.laplace_table import FINE, ROUGH
from numerics.attention.string_moments import mean_features, moments_of
from numerics.shapes import Float64
from numerics.strings.component_points import PointsOfSize
from numerics.strings.faces import Face, Plan
from symbind_theory.separation.incidence import incidence_of

__all__ = ["MARGIN", "ComponentFeatures"]

MARGIN = 10
"""How much larger than the defect of the weights' sum the features' errors may be."""


class ComponentFeatures:
    """The components of faces of one size, at points of that size.

    Args:
        faces: distinct faces.
        points: where they are to be averaged.
        architecture: the transformer, of depth 1.
        device: where to compute.

    Attributes:
        inner: the inner stage.
        columns: how many there are: one for each face and each order of its slots.
        means: E f_S where points are inflated, else 0; shape (coordinates, columns).
    """

    def __init__(
        self,
        faces: Sequence[Face],
        points: PointsOfSize,
        architecture: Architecture,
        device: torch.device,
    ) -> None:
        self._plan = Plan.of(faces, points.pool)
        self._inflation = points.inflation
        self._parts = torch.from_numpy(self._plan.parts.T.copy()).to(device)
        self.inner = ConditionalSoftmax(
            self._plan.templates,
            architecture,
            device,
            reference=points.reference,
            rule=ROUGH if points.inflation.plain else FINE,
        )
        # Tables are built when first used: here, not once in each replication.
        self.inner(torch.zeros(1, self.inner.dimension, dtype=torch.float64))
        self.columns = len(self._plan.parts)
        self._defect = 0.0
        coordinates = len(self.inner.tokens) + self.inner.templates[0].length
        coordinates += architecture.readout == "cls"
        self.means = np.zeros((coordinates, self.columns))
        if not points.inflation.plain:
            self._take_means(architecture)

    def _take_means(self, architecture: Architecture) -> None:
        seen = [incidence_of(t, architecture.readout) for t in self._plan.templates]
        strings = [incidence.symbols for incidence in seen]
        moments = moments_of(strings, architecture)
        each = mean_features(
            strings, moments.weights, self.inner.tokens, architecture.gamma
        )
        self.means = each[:, self._plan.parts] @ self._plan.signs
        self._defect = moments.error / MARGIN

    def __call__(
        self, points: Float64[np.ndarray, "n dimension"]
    ) -> tuple[Float64[torch.Tensor, "rows columns"], float]:
        """A row for each point and coordinate; √w (f_S − E f_S) where inflated.

        Args:
            points: standard normals.

        Returns:
            The rows, and the largest defect of the inner stage.
        """
        plain = self._inflation.plain
        moved, root_w = (points, None) if plain else self._inflation(points)
        result = self.inner(torch.from_numpy(moved))
        features = result.features
        component = torch.zeros_like(features[:, :1]).expand(-1, self.columns, -1)
        component = component.clone()
        for sign, part in zip(self._plan.signs.tolist(), self._parts, strict=True):
            component.add_(features[:, part], alpha=sign)
        if root_w is not None:
            component -= torch.from_numpy(self.means.T.copy()).to(component)
            component *= torch.from_numpy(root_w).to(component)[:, None, None]
        defect = max(result.defect, self._defect)
        return component.transpose(1, 2).flatten(0, 1), defect
