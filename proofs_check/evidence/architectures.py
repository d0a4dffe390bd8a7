"""Architectures with the template matrix of each, and what each is claimed to see."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from numerics import Architecture, Cosine, template_gram
from numerics.activations import Activation
from numerics.kernels.closed_form import (
    StringKernel,
    closed_matrix,
    fresh_strings,
    parallel_rows,
)
from numerics.kernels.equality_kernels import (
    aligned_equalities,
    bag_kernel,
    common_equalities,
    common_tokens,
    equalities,
    equality_kernel,
    recurrent_kernel,
)
from numerics.kernels.one_hot_mlp import mlp_kernel
from numerics.protocols import TemplateMatrix
from proofs_check.judgements import TEST_LEVEL
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, shorten

__all__ = [
    "EQUALITY_PATTERN",
    "REGULAR_COUNTS",
    "SKELETON",
    "TEMPLATE",
    "Candidate",
    "Invariant",
    "candidates",
    "transformer",
]

# Below this |cos b2| the rows that only E φ makes non-zero drown in rounding.
_ODD = 1e-3


@dataclass(frozen=True, slots=True)
class Invariant:
    """What an architecture sees of strings of fresh symbols.

    Attributes:
        words: what that is.
        of: its value for a template, equal where the architecture sees no difference.
    """

    words: str
    of: Callable[[Template], Hashable]


def _counts(template: Template) -> Hashable:
    found = template.regular_positions.items()
    return frozenset((token, len(positions)) for token, positions in found)


def _pattern(template: Template) -> Hashable:
    regular, wild = template.regular_positions, template.wildcard_positions
    return frozenset((*regular.values(), *wild.values()))


SKELETON = Invariant("the skeleton", lambda template: template.skeleton)
REGULAR_COUNTS = Invariant("how often each regular token occurs", _counts)
EQUALITY_PATTERN = Invariant("which positions are equal", _pattern)
TEMPLATE = Invariant("the template up to renaming", Template.canonical)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An architecture and what it is claimed to see.

    Attributes:
        name: of the architecture.
        invariant: N is claimed to be singular exactly when two templates share it.
        matrix: N of templates of one length, with λ_min(N).
        compares: what K(X, Y) is a function of, up to a factor for X and one for Y:
            integers for each of n and m strings, first axes n and m. None where that is
            not known: parallel rows of N then stand for rows that compare equal.
    """

    name: str
    invariant: Invariant
    matrix: Callable[[Sequence[Template]], TemplateMatrix]
    compares: Callable[[Any, Any], np.ndarray] | None = None

    def blind_pairs(self, templates: Sequence[Template]) -> set[tuple[int, int]]:
        """Pairs that compare equal with every template, so that rows are parallel.

        Args:
            templates: templates of one length.
        """
        if self.compares is None:
            return set(parallel_rows(self.matrix(templates)))
        seen = self.compares(*fresh_strings(templates))
        pairs = combinations(range(len(templates)), 2)
        return {(i, j) for i, j in pairs if np.array_equal(seen[i], seen[j])}


def candidates(activation: Activation = Cosine()) -> tuple[Candidate, ...]:
    """The architectures whose N is known in closed form.

    Args:
        activation: φ, a cosine with b1 ≠ 0 and cos b2 ≠ 0. For an odd φ the row of a
            template without regular tokens may vanish, and other activations see self
            values, so that less than the invariant is lost.

    Raises:
        InputError: another activation.
    """
    if not isinstance(activation, Cosine) or activation.constant:
        raise InputError(
            f"activation is {shorten(activation)}; expected a Cosine with b1 other "
            "than 0"
        )
    if abs(math.cos(activation.b2)) < _ODD:
        raise InputError(
            f"b2 is {activation.b2:g}, for which the activation is odd up to rounding; "
            "expected a phase with cos(b2) other than 0"
        )

    def candidate(
        name: str,
        invariant: Invariant,
        kernel: Callable[..., Any],
        compares: Callable[..., Any],
        **options: object,
    ) -> Candidate:
        fixed: StringKernel = partial(kernel, activation=activation, **options)
        return Candidate(name, invariant, partial(closed_matrix, fixed), compares)

    closed = [
        candidate(
            "an MLP on one-hot strings", SKELETON, mlp_kernel, aligned_equalities
        ),
        candidate(
            "an MLP of depth 3", SKELETON, mlp_kernel, aligned_equalities, depth=3
        ),
        candidate(
            "mean pooling of embeddings", REGULAR_COUNTS, bag_kernel, common_tokens
        ),
        candidate(
            "a recurrent network, last state",
            SKELETON,
            recurrent_kernel,
            aligned_equalities,
        ),
        candidate(
            "a recurrent network, mean over time",
            SKELETON,
            recurrent_kernel,
            equalities,
            readout="mean",
        ),
        candidate(
            "an MLP on X Xᵀ", EQUALITY_PATTERN, equality_kernel, common_equalities
        ),
    ]
    return tuple(closed)


def transformer(
    architecture: Architecture | None = None, points: int = 2**10, seed: int = 0
) -> Candidate:
    """The transformer: it sees templates up to a renaming of wildcards.

    Args:
        architecture: of depth 1; `Architecture()` when None.
        points: outer points at most, ≥ 64.
        seed: of the points, ≥ 0.
    """

    def matrix(templates: Sequence[Template]) -> TemplateMatrix:
        return template_gram(
            templates,
            architecture,
            max_points=points,
            seed=seed,
            device="cpu",
            level=TEST_LEVEL,
        )

    return Candidate("a transformer", TEMPLATE, matrix)
