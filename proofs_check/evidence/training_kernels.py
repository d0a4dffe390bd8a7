"""Kernel matrices of sampled training strings, held against the blocks of N."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics import Architecture, AttentionMatrix, string_gram
from numerics.shapes import Bool, Float64, Int64
from symbind_theory.tasks import Sample, TemplateTask

__all__ = ["TrainingKernel", "training_kernel"]

# Points of the Gaussians for each training set: an entry is then off by 2 % or so,
# less than strings differ, and more sets are worth more than more points.
_POINTS = 1024


@dataclass(frozen=True, slots=True)
class TrainingKernel:
    """Sampled strings of a task and the kernel between them.

    Attributes:
        template: which each string comes from; shape (n,).
        shares: which pairs share a symbol.
        attention: K_attn.
    """

    template: Int64[np.ndarray, " n"]
    shares: Bool[np.ndarray, "n n"]
    attention: Float64[np.ndarray, "n n"]

    @property
    def pairs(self) -> Bool[np.ndarray, "n n"]:
        """All pairs of two strings: the diagonal is left aside."""
        return ~np.eye(len(self.template), dtype=bool)

    @property
    def share(self) -> float:
        """The part of all pairs that share a symbol."""
        return float(self.shares[self.pairs].mean())

    def block(self, i: int, j: int) -> float | None:
        """Mean K_attn of strings of i and j that share no symbol; None without any."""
        rows, columns = self.template[:, None] == i, self.template[None, :] == j
        chosen = self.attention[rows & columns & self.pairs & ~self.shares]
        return float(chosen.mean()) if chosen.size else None

    def deviation(self, blocks: AttentionMatrix) -> Float64[np.ndarray, "n n"]:
        """K − N_ij, i and j the templates of a pair; it means nothing on the diagonal.

        Args:
            blocks: N.
        """
        i, j = self.template[:, None], self.template[None, :]
        d = blocks.attention_self
        kernel = blocks.architecture.activation.dual(d[i], d[j], self.attention)
        return kernel - blocks.matrix[i, j]

    def distance(self, blocks: AttentionMatrix) -> float:
        """Mean |K − N| over all pairs.

        Pairs that share no symbol count as 0, which they are but for the error of the
        estimate.

        Args:
            blocks: N.
        """
        away = np.where(self.shares, np.abs(self.deviation(blocks)), 0.0)
        return float(away[self.pairs].mean())


def training_kernel(
    task: TemplateTask,
    architecture: Architecture,
    vocabulary: Sequence[str],
    strings: int,
    seed: int,
    points: int = _POINTS,
) -> TrainingKernel:
    """Sample strings, and the kernel between them.

    Equal seeds give strings of the same templates, whatever the vocabulary.

    Args:
        task: whose strings are sampled.
        architecture: the transformer.
        vocabulary: tokens that substitutions draw from.
        strings: how many strings are sampled.
        seed: from which the strings and the Gaussians follow.
        points: of the Gaussians.

    Raises:
        InputError: an argument out of range, or a vocabulary that the task's laws
            cannot use.
    """
    sample = task.sample(strings, vocabulary, seed)
    gram = string_gram(sample.strings, architecture, points, seed)
    return TrainingKernel(
        np.array(sample.template_indices), _shares(task, sample), gram.attention
    )


def _shares(task: TemplateTask, sample: Sample) -> Bool[np.ndarray, "n n"]:
    """Which pairs have a token in common besides regular ones."""
    regular = set(task.regular_tokens)
    symbols = [set(string.split()) - regular for string in sample.strings]
    number = {x: i for i, x in enumerate(sorted(set().union(*symbols)))}
    has = np.zeros((len(symbols), len(number)))
    for row, symbols_of_string in zip(has, symbols, strict=True):
        row[[number[x] for x in symbols_of_string]] = 1
    return has @ has.T > 0
