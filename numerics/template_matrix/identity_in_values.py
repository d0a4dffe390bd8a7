"""A multiple b of the identity in W_V W_O, added to an estimate without it.

As the number of heads grows, K_b(X, Y) = K_attn(X, Y) + b² ⟨E Φ(X), E Φ(Y)⟩. Mean
features are known without any points (`string_moments`): b E f_i are further rows of
the features F, and self values grow by b² |E Φ|². So one sampling serves every b.

Source: symbind; docs/estimation.md, section 1.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from numerics.architecture import Architecture
from numerics.attention.string_moments import (
    StringMoments,
    key_covariance,
    mean_features,
    moments_of,
)
from numerics.averages.linalg import triangle
from numerics.shapes import Float64
from numerics.template_matrix.record import TemplateGram
from symbind_theory.separation.incidence import incidence_of
from symbind_theory.validation import InputError, finite_number

__all__ = ["MeanFeatures", "with_identity_vo"]


@dataclass(frozen=True, slots=True)
class MeanFeatures:
    """What is known of the distinct templates without any points.

    Attributes:
        strings: each template as the network sees it.
        tokens: the regular tokens that have coordinates.
        moments: mean attention weights.
        gamma: position scale.
    """

    strings: Sequence[Sequence[Hashable]]
    tokens: Sequence[Hashable]
    moments: StringMoments
    gamma: float

    @classmethod
    def of(cls, gram: TemplateGram) -> MeanFeatures:
        """Those of an estimate's distinct templates, in the order of its features."""
        count, architecture = max(gram.column) + 1, gram.architecture
        distinct = [gram.templates[gram.column.index(i)] for i in range(count)]
        incidences = [
            incidence_of(t.canonical(), architecture.readout) for t in distinct
        ]
        strings = [incidence.symbols for incidence in incidences]
        tokens = dict.fromkeys(x for t in incidences for x in t.skeleton if x)
        moments = moments_of(strings, architecture)
        return cls(strings, tuple(tokens), moments, architecture.gamma)

    def factors(
        self, b: float, factors: Sequence[Float64[np.ndarray, "distinct distinct"]]
    ) -> list[Float64[np.ndarray, "distinct distinct"]]:
        """F with the rows b E f_i: its triangular factor, for each F in turn."""
        rows = b * mean_features(
            self.strings, self.moments.weights, self.tokens, self.gamma
        )
        return [triangle(np.vstack([factor, rows])) for factor in factors]

    def squares(self, b: float) -> Float64[np.ndarray, " distinct"]:
        """What b adds to K_attn of a string with itself: b² |E Φ|²."""
        weights = self.moments.weights
        squares = [
            w @ key_covariance(string, self.gamma) @ w
            for w, string in zip(weights, self.strings, strict=True)
        ]
        return b**2 * np.array(squares)


def with_identity_vo(gram: TemplateGram, identity_vo: float) -> TemplateGram:
    """The estimate of the same transformer with b, from the same points.

    >>> from numerics import Architecture, template_gram
    >>> templates = ["?a ?a", "?a ?b"]
    >>> added = with_identity_vo(template_gram(templates), 1.0)
    >>> alone = template_gram(templates, Architecture(identity_vo=1.0))
    >>> alone.smallest_eigenvalue.contains(added.smallest_eigenvalue.value)
    True

    Args:
        gram: an estimate without b.
        identity_vo: b.

    Raises:
        InputError: an estimate that has a b already.
    """
    architecture: Architecture = gram.architecture
    if architecture.identity_vo != 0:
        raise InputError(
            f"gram has identity_vo={architecture.identity_vo:g}; expected 0, an "
            "estimate to which a multiple of the identity can be added"
        )
    b = finite_number("identity_vo", identity_vo)
    means = MeanFeatures.of(gram)
    added = means.squares(b)
    return replace(
        gram,
        architecture=replace(architecture, identity_vo=b),
        features=tuple(means.factors(b, gram.features)),
        self_values=tuple(d + added for d in gram.self_values),
    )
