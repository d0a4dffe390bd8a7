"""C or N from strings alone, against that from conditional expectations.

The one side takes the kernel of concrete strings (`string_gram` for one layer,
`deep_strings` for blocks) and knows nothing of templates; the other integrates their
wildcards out (`template_gram`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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

__all__ = [
    "Sampling",
    "StringEstimates",
    "between_copies",
    "entries_agree",
    "gaps_agree",
    "gaps_of",
]

# Where strings leave no step to resolve, estimates agree to this part of self values.
_FORGOTTEN = 1e-6


@dataclass(frozen=True, slots=True)
class Sampling:
    """How much goes into the two estimates of C, or of N.

    Attributes:
        points: outer points for conditional expectations at most, ≥ 64.
        replications: independent estimates from strings, ≥ 2.
        string_points: points of the Gaussians in each replication, ≥ 32; of blocks, in
            each one.
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
    """Independent estimates from strings, one a replication.

    Attributes:
        values: estimates of "gaps" and of two more fields of `AttentionMatrix`, under
            their names: "attention" and "attention_self", or "matrix" and
            "matrix_self"; the first axis is that of replications.
        rounding: bound on the error of each, and of gaps, by rounding.
        bias: what the mean of each entry may be off besides; {} where nothing.
    """

    values: Mapping[str, Float64[np.ndarray, "replications ..."]]
    rounding: float
    bias: Mapping[str, Float64[np.ndarray, " ..."]] = field(default_factory=dict)

    @classmethod
    def draw(
        cls,
        templates: Sequence[Template],
        architecture: Architecture,
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> StringEstimates:
        """C of one layer, unbiased: one Gram matrix of all strings for each seed."""
        # Regular tokens are numbers like all others: the kernel knows only equality.
        strings = fresh_strings(templates, sampling.copies)
        strings = strings.reshape(-1, strings.shape[2])
        grams = [
            string_gram(
                strings, architecture, sampling.string_points, seed, device="cpu"
            )
            for seed in seeds
        ]
        kernels = np.stack([g.attention for g in grams])
        C, d = between_copies(kernels, sampling.copies)
        # A gap is made of four entries, none of which exceeds the largest d.
        rounding = 4 * grams[0].rounding * float(d.max())
        values = {"attention": C, "attention_self": d, "gaps": gaps_of(C)}
        return cls(values=values, rounding=rounding)

    @property
    def kernel(self) -> str:
        """Which kernel is compared entry by entry: "attention" or "matrix"."""
        return "matrix" if "matrix" in self.values else "attention"


def between_copies(
    kernels: Float64[np.ndarray, "replications n n"], copies: int
) -> tuple[
    Float64[np.ndarray, "replications r r"], Float64[np.ndarray, "replications r"]
]:
    """A kernel between templates, and of a string with itself, from that of strings.

    Between templates it is the mean over pairs of different copies, whose wildcards are
    independent given what the draw shares.

    Args:
        kernels: of strings, all templates of the first copy, then of the second.
        copies: strings of each template, no symbol shared, ≥ 2.
    """
    r = kernels.shape[1] // copies
    k = kernels.reshape(-1, copies, r, copies, r)
    same = np.einsum("ncicj->nij", k)
    between = (k.sum((1, 3)) - same) / (copies * (copies - 1))
    return between, np.einsum("ncici->ni", k) / copies


def gaps_of(
    C: Float64[np.ndarray, "replications r r"],
) -> Float64[np.ndarray, "replications r r"]:
    """C_ii + C_jj − 2 C_ij, each within one replication: what it shares cancels."""
    diagonal = np.diagonal(C, axis1=1, axis2=2)
    return diagonal[:, :, None] + diagonal[:, None] - 2 * C


def entries_agree(
    gram: AttentionMatrix, strings: StringEstimates, sampling: Sampling
) -> Finding:
    """Whether two algorithms agree on the entries of C or N, and on self values.

    Were the strings of one template not disjoint, C_ii would be d_i: the resolution is
    a quarter of the least such step. There is none where a stream forgets all strings.

    Args:
        gram: C and N by conditional expectations.
        strings: C or N by strings.
        sampling: how much went into both.
    """
    r, name = len(gram.templates), strings.kernel
    difference = _largest_difference(
        [
            *_differences(gram, strings, name, np.triu_indices(r)),
            *_differences(gram, strings, f"{name}_self", (np.arange(r),)),
        ],
        gram.level,
    )
    self_values = getattr(gram, f"{name}_self")
    step = self_values - np.diagonal(getattr(gram, name))
    wild = [bool(t.wildcards) for t in gram.templates]
    effect = step[wild].min() if any(wild) else self_values.min()
    compared = "C = E⟨f_i, f_j⟩" if name == "attention" else "N"
    return equals(
        f"{compared} and self values, by conditional expectations and by strings: "
        "largest difference",
        difference,
        0.0,
        max(float(effect) / 4, _FORGOTTEN * float(self_values.max())),
        _more_points(sampling),
    )


def gaps_agree(
    gram: AttentionMatrix, strings: StringEstimates, sampling: Sampling
) -> Finding:
    """Whether two algorithms agree on gaps.

    Of one layer they are resolved to half of the largest gap: features not averaged
    over the wildcards would be several times as far apart. After more blocks they would
    be a hundred times as far apart and more, while strings may know gaps no better than
    to their own size: a hundredth of that distance is enough there.

    Args:
        gram: gaps by conditional expectations.
        strings: gaps by strings.
        sampling: how much went into both.
    """
    entries = np.triu_indices(len(gram.templates), 1)
    differences = _differences(gram, strings, "gaps", entries)
    difference = _largest_difference(differences, gram.level)
    resolution = float(gram.gaps.max()) / 2
    if strings.kernel == "matrix":
        d = gram.attention_self
        not_averaged = d[:, None] + d - 2 * gram.attention
        resolution = max(resolution, float(not_averaged[entries].max()) / 100)
    return equals(
        "gaps E‖f_i − f_j‖², by conditional expectations and by strings: largest "
        "difference",
        difference,
        0.0,
        max(resolution, 4 * strings.rounding),
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
    bias = strings.bias.get(name, np.zeros_like(getattr(gram, name)))[entries]
    columns = strings.values[name][(slice(None), *entries)].T
    intervals = [mean_interval(column, gram.level) for column in columns]
    reach = reach + bias + strings.rounding
    return [
        (float(v - interval.value), float(w + interval.halfwidth))
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
