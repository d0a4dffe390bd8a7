"""Architectures with the template matrix of each, and what each is claimed to see.

What an architecture sees of a string is an `Invariant` of its template: templates that
share it have parallel rows of N. A `Candidate` is an architecture with the invariant
that is claimed for it; `candidates` has those whose N is known in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, fields
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
    "Candidates",
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
        words: what is seen, such as "the skeleton".
        of: its value for a template; templates of equal values look alike.
    """

    words: str
    of: Callable[[Template], Hashable]


def _regular_counts(template: Template) -> Hashable:
    """Each regular token with the number of its positions."""
    positions = template.regular_positions
    return frozenset((token, len(where)) for token, where in positions.items())


def _equality_pattern(template: Template) -> Hashable:
    """The positions of each token and of each wildcard, whichever that is."""
    regular, wild = template.regular_positions, template.wildcard_positions
    return frozenset((*regular.values(), *wild.values()))


SKELETON = Invariant("the skeleton", lambda template: template.skeleton)
REGULAR_COUNTS = Invariant("how often each regular token occurs", _regular_counts)
EQUALITY_PATTERN = Invariant("which positions are equal", _equality_pattern)
TEMPLATE = Invariant("the template up to renaming", Template.canonical)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An architecture and what it is claimed to see.

    Attributes:
        name: what the architecture is called in statements.
        invariant: N is claimed to be singular exactly when two templates share it.
        matrix: N of templates of one length, with λ_min(N).
        compares: from n strings X and m strings Y, the integers that K(X, Y) is a
            function of, up to a factor for X and one for Y; first axes n and m. None
            where that is not known: parallel rows of N then stand for rows that compare
            equal.
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


@dataclass(frozen=True, slots=True)
class Candidates:
    """The architectures whose N is known in closed form, each with what it sees.

    They are taken one after the other in this order.

    Attributes:
        one_hot_mlp: an MLP on one-hot strings, of one hidden layer.
        deep_mlp: an MLP on one-hot strings, of three hidden layers.
        mean_pooling: a layer on the mean of a string's embeddings.
        recurrent_last: a recurrent network, read after the last token.
        recurrent_mean: a recurrent network, read as the mean over time.
        equality_mlp: an MLP on X Xᵀ, the matrix of which positions are equal.
    """

    one_hot_mlp: Candidate
    deep_mlp: Candidate
    mean_pooling: Candidate
    recurrent_last: Candidate
    recurrent_mean: Candidate
    equality_mlp: Candidate

    def __iter__(self) -> Iterator[Candidate]:
        return (getattr(self, field.name) for field in fields(self))


def candidates(activation: Activation = Cosine()) -> Candidates:
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
    return Candidates(
        one_hot_mlp=_closed(
            "an MLP on one-hot strings",
            SKELETON,
            partial(mlp_kernel, activation=activation),
            aligned_equalities,
        ),
        deep_mlp=_closed(
            "an MLP of depth 3",
            SKELETON,
            partial(mlp_kernel, activation=activation, depth=3),
            aligned_equalities,
        ),
        mean_pooling=_closed(
            "mean pooling of embeddings",
            REGULAR_COUNTS,
            partial(bag_kernel, activation=activation),
            common_tokens,
        ),
        recurrent_last=_closed(
            "a recurrent network, last state",
            SKELETON,
            partial(recurrent_kernel, activation=activation),
            aligned_equalities,
        ),
        recurrent_mean=_closed(
            "a recurrent network, mean over time",
            SKELETON,
            partial(recurrent_kernel, activation=activation, readout="mean"),
            equalities,
        ),
        equality_mlp=_closed(
            "an MLP on X Xᵀ",
            EQUALITY_PATTERN,
            partial(equality_kernel, activation=activation),
            common_equalities,
        ),
    )


def _closed(
    name: str,
    invariant: Invariant,
    kernel: StringKernel,
    compares: Callable[[Any, Any], np.ndarray],
) -> Candidate:
    """The candidate whose N is a kernel's on fresh strings."""
    matrix = partial(closed_matrix, kernel)
    return Candidate(name=name, invariant=invariant, matrix=matrix, compares=compares)


def transformer(
    architecture: Architecture | None = None, points: int = 2**10, seed: int = 0
) -> Candidate:
    """The transformer: it sees templates up to a renaming of wildcards.

    Args:
        architecture: a transformer of depth 1; `Architecture()` when None.
        points: outer points at most, ≥ 64.
        seed: from which the points follow, ≥ 0.
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

    return Candidate(name="a transformer", invariant=TEMPLATE, matrix=matrix)
