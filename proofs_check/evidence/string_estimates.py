"""C from strings alone, against C from conditional expectations.

The one side takes the kernel of concrete strings (`string_gram`) and knows nothing of
templates; the other integrates their wildcards out (`template_gram`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics import Architecture, AttentionMatrix, string_gram
from numerics.kernels.closed_form import fresh_strings
from numerics.shapes import Float64
from proofs_check.judgements import equals, mean_interval
from proofs_check.remedies import Remedy, more_of
from symbind_theory.interval import Interval
from symbind_theory.records.ledger import Finding
from symbind_theory.templates import Template
from symbind_theory.validation import positive_integer

__all__ = ["Sampling", "StringEstimates", "entries_agree", "gaps_agree"]

# Relative to the sums that they are differences of: far above rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Sampling:
    """How much goes into the two estimates of C.

    Attributes:
        points: outer points for conditional expectations at most, ≥ 64.
        replications: independent estimates from strings, ≥ 2.
        string_points: points of the Gaussians in each replication, ≥ 32.
        copies: strings of each template in a replication, no symbol shared, ≥ 2.

    Raises:
        InputError: a number out of range.
    """

    points: int = 2**11
    replications: int = 32
    string_points: int = 2**12
    copies: int = 8

    def __post_init__(self) -> None:
        positive_integer("points", self.points, low=64)
        positive_integer("replications", self.replications, low=2)
        positive_integer("string_points", self.string_points, low=32)
        positive_integer("copies", self.copies, low=2)


@dataclass(frozen=True)
class StringEstimates:
    """Independent unbiased estimates from strings, one a replication.

    Attributes:
        attention: estimates of C, symmetric; shape (replications, r, r).
        attention_self: estimates of d, the self values; shape (replications, r).
        rounding: bound on the error of each, and of gaps, by rounding.
    """

    attention: Float64[np.ndarray, "replications r r"]
    attention_self: Float64[np.ndarray, "replications r"]
    rounding: float

    @classmethod
    def draw(
        cls,
        templates: Sequence[Template],
        architecture: Architecture,
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> StringEstimates:
        """One Gram matrix of all strings for each seed.

        C averages over the pairs of different copies, whose wildcards are independent
        given what the draw shares.
        """
        copies, r = sampling.copies, len(templates)
        # Regular tokens are numbers like all others: the kernel knows only equality.
        strings = fresh_strings(templates, copies).reshape(copies * r, -1)
        grams = [
            string_gram(
                strings, architecture, sampling.string_points, seed, device="cpu"
            )
            for seed in seeds
        ]
        k = np.stack([g.attention for g in grams]).reshape(-1, copies, r, copies, r)
        same = np.einsum("ncicj->nij", k)
        between = (k.sum((1, 3)) - same) / (copies * (copies - 1))
        d = np.einsum("ncici->ni", k) / copies
        # A gap is made of four entries, none of which exceeds the largest d.
        rounding = 4 * grams[0].rounding * float(d.max())
        return cls(attention=between, attention_self=d, rounding=rounding)

    @property
    def gaps(self) -> Float64[np.ndarray, "replications r r"]:
        """C_ii + C_jj − 2 C_ij, each within one replication: what it shares cancels."""
        diagonal = np.diagonal(self.attention, axis1=1, axis2=2)
        return diagonal[:, :, None] + diagonal[:, None] - 2 * self.attention


def entries_agree(
    gram: AttentionMatrix, strings: StringEstimates, sampling: Sampling
) -> Finding:
    """Whether two algorithms agree on the entries of C and on self values.

    Were the strings of one template not disjoint, C_ii would be d_i: the resolution is
    a quarter of the least such step.

    Args:
        gram: C by conditional expectations.
        strings: C by strings.
        sampling: how much went into both.
    """
    r = len(gram.templates)
    difference = _largest_difference(
        [
            *_differences(gram, strings, "attention", np.triu_indices(r)),
            *_differences(gram, strings, "attention_self", (np.arange(r),)),
        ],
        gram.level,
    )
    step = gram.attention_self - np.diagonal(gram.attention)
    wild = [bool(t.wildcards) for t in gram.templates]
    effect = step[wild].min() if any(wild) else gram.attention_self.min()
    return equals(
        "C = E⟨f_i, f_j⟩ and self values, by conditional expectations and by strings: "
        "largest difference",
        difference,
        0.0,
        float(effect) / 4,
        _more_points(sampling),
    )


def gaps_agree(
    gram: AttentionMatrix, strings: StringEstimates, sampling: Sampling
) -> Finding:
    """Whether two algorithms agree on gaps, resolved to half of the largest gap.

    Features not averaged over the wildcards would be several times as far apart.

    Args:
        gram: gaps by conditional expectations.
        strings: gaps by strings.
        sampling: how much went into both.
    """
    entries = np.triu_indices(len(gram.templates), 1)
    differences = _differences(gram, strings, "gaps", entries)
    difference = _largest_difference(differences, gram.level)
    largest = float(gram.gaps.max())
    return equals(
        "gaps E‖f_i − f_j‖², by conditional expectations and by strings: largest "
        "difference",
        difference,
        0.0,
        max(largest / 2, 4 * strings.rounding),
        _more_points(sampling),
    )


def _more_points(sampling: Sampling) -> Remedy:
    """More points on both sides; strings have by far the wider intervals."""
    return more_of("sampling", sampling, "string_points", "points")


def _differences(
    gram: AttentionMatrix,
    strings: StringEstimates,
    name: str,
    entries: tuple[np.ndarray, ...],
) -> list[tuple[float, float]]:
    """For each entry the difference of two estimates, and what their intervals allow.

    Args:
        gram: one estimate.
        strings: the other.
        name: the field that both have.
        entries: indices into it.
    """
    value, reach = getattr(gram, name)[entries], gram.halfwidth[name][entries]
    columns = getattr(strings, name)[(slice(None), *entries)].T
    intervals = [mean_interval(column, gram.level) for column in columns]
    return [
        (float(v - interval.value), float(w + interval.halfwidth) + strings.rounding)
        for v, w, interval in zip(value, reach, intervals, strict=True)
    ]


def _largest_difference(
    differences: Sequence[tuple[float, float]], level: float
) -> Interval:
    """max |difference|, from two intervals of that level for each."""
    value = max(abs(x) for x, _ in differences)
    low = max(abs(x) - reach for x, reach in differences)
    high = max(abs(x) + reach for x, reach in differences)
    together = 1 - 2 * len(differences) * (1 - level)
    return Interval(value, max(0.0, low), high, together)
