"""Heads taken out of a transformer, for as long as a context lasts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

from numerics.networks.blocks import SelfAttention
from numerics.networks.deep_transformer import DeepTransformer
from symbind_theory.validation import check_index

__all__ = ["without_heads"]


@contextmanager
def without_heads(
    network: DeepTransformer, heads: Iterable[tuple[int, int]]
) -> Iterator[None]:
    """Heads add nothing to the stream inside this context, and do again after it.

    Args:
        network: any transformer.
        heads: pairs of a block and a head of it, from 0.

    Raises:
        InputError: a block or a head that there is not.
    """
    attentions = network.attentions
    chosen = [
        (
            attentions[check_index("block", block, len(attentions))],
            check_index("head", head, network.shape.heads),
        )
        for block, head in heads
    ]
    scaled = [t for attention in attentions for t in _out_of(attention)]
    kept = [t.detach().clone() for t in scaled]
    e = network.shape.head_width
    try:
        with torch.no_grad():
            for attention, head in chosen:
                attention.output[:, head * e : (head + 1) * e] = 0
                if attention.identity_vo is not None:
                    attention.identity_vo[head] = 0
        yield
    finally:
        with torch.no_grad():
            for tensor, value in zip(scaled, kept, strict=True):
                tensor.copy_(value)


def _out_of(attention: SelfAttention) -> Iterator[torch.Tensor]:
    """What a head's output goes through: W_O, and b where there is one."""
    yield attention.output
    if attention.identity_vo is not None:
        yield attention.identity_vo
