"""The embeddings of tokens that no training string has, while a network is trained.

With logits for all tokens and tied embeddings, cross-entropy moves them too: each step
pushes every token that is not the label away from the network's outputs, all unseen
ones in the same direction, and they grow alike. How alike is the mean cosine of pairs,

    s = 2 Σ_{t<u} cos(W_E[t], W_E[u]) / (n (n − 1)),

0 ± √(2/(n(n−1)d)) for n independent normal rows of width d.

What may be done about it: "train" leaves them to the loss, "freeze" keeps them where
they started, "reset" draws them anew whenever the errors are looked at.

Source: arXiv 2310.09753 and its public review, on unseen tokens; s is symbind's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch

from numerics.networks.embedding_network import EmbeddingNetwork
from numerics.networks.unseen_strings import UnseenSymbols
from symbind_theory.validation import InputError, one_of

__all__ = ["RowPolicy", "UnseenRows", "similarity", "unseen_rows"]

RowPolicy = Literal["train", "freeze", "reset"]
"""What is done about the embeddings of unseen tokens."""


def unseen_rows(data: UnseenSymbols) -> torch.Tensor:
    """Numbers of the validation and test strings' own symbols."""
    seen = set(data.train.candidates.tolist())
    rows = [*data.validation.candidates.tolist(), *data.test.candidates.tolist()]
    return torch.tensor([row for row in dict.fromkeys(rows) if row not in seen])


@torch.no_grad()
def similarity(network: EmbeddingNetwork, rows: torch.Tensor) -> float:
    """s, the mean cosine of pairs of embeddings.

    Args:
        network: whose embeddings.
        rows: numbers of at least two tokens.

    Raises:
        InputError: fewer of them.
    """
    if len(rows) < 2:
        raise InputError(f"rows has length {len(rows)}; expected at least two tokens")
    vectors = network.embedding[rows].double()
    directions = torch.nn.functional.normalize(vectors, dim=1)
    n = len(rows)
    return float((directions.sum(0).square().sum() - n) / (n * (n - 1)))


class UnseenRows:
    """What is done about some rows of an embedding while the others are trained.

    Args:
        network: whose embedding it is.
        rows: numbers of tokens.
        policy: "train", "freeze" or "reset".
        seed: of the rows that are drawn anew; another than that of the network, whose
            first draws they would be.

    Raises:
        InputError: an unknown policy.
    """

    def __init__(
        self,
        network: EmbeddingNetwork,
        rows: torch.Tensor,
        policy: RowPolicy,
        seed: int = 0,
    ) -> None:
        self._embedding, self._rows = network.embedding, rows
        self._policy = one_of("policy", policy, get_args(RowPolicy))
        self._start = network.embedding.detach()[rows].clone()
        self._generator = torch.Generator().manual_seed(seed)

    @contextmanager
    def training(self) -> Iterator[None]:
        """While it lasts, frozen rows have no gradient; `hold` follows each step."""
        if self._policy != "freeze":
            yield
            return
        mask = torch.ones_like(self._embedding[:, :1])
        mask[self._rows] = 0
        hook = self._embedding.register_hook(lambda gradient: gradient * mask)
        try:
            yield
        finally:
            hook.remove()

    @torch.no_grad()
    def hold(self) -> None:
        """Put frozen rows back where they started, after a step of an optimiser.

        Weight decay moves rows without a gradient too, and asgd has one of its own.
        """
        if self._policy == "freeze":
            self._embedding[self._rows] = self._start

    @contextmanager
    def looking(self) -> Iterator[None]:
        """While it lasts, rows to be reset are new draws of N(0, 1)."""
        if self._policy != "reset":
            yield
            return
        size = (len(self._rows), self._embedding.shape[1])
        draws = torch.randn(size, generator=self._generator, dtype=torch.float64)
        with torch.no_grad():
            kept = self._embedding[self._rows].clone()
            self._embedding[self._rows] = draws.to(self._embedding)
        try:
            yield
        finally:
            with torch.no_grad():
                self._embedding[self._rows] = kept
