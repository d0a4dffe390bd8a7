"""Mimetic initialisation: keys and queries whose product is near the identity.

    W_K,h W_Q,hᵀ = the best approximation of rank e to 0.7 Z + 0.7 I

for each head of width e, Z with entries N(0, 1/d), by singular vectors: W_K = U √S,
W_Q = V √S. Values and outputs, which the source starts near −0.4 I, stay random here.
The letters are those of `numerics.networks.blocks`, where the parameter `query` is W_K.

Source: Trockman & Kolter 2023, on self-attention layers.
"""

from __future__ import annotations

import math

import torch

from numerics.networks.blocks import SelfAttention
from symbind_theory.validation import InputError

__all__ = ["make_mimetic"]

_RANDOM = _IDENTITY = 0.7


@torch.no_grad()
def make_mimetic(attention: SelfAttention, generator: torch.Generator) -> None:
    """Set keys and queries of every head.

    Args:
        attention: one in the paper's form.
        generator: of Z.

    Raises:
        InputError: attention in the theory's form, whose parameters are not the
            matrices themselves.
    """
    if attention.theory:
        raise InputError("attention is in the theory's form; expected the paper's")
    d, e = attention.shape.width, attention.shape.head_width
    rank = min(d, e)
    for head in range(attention.shape.heads):
        Z = torch.randn(d, d, generator=generator, dtype=torch.float64) / math.sqrt(d)
        product = _RANDOM * Z + _IDENTITY * torch.eye(d, dtype=torch.float64)
        U, S, Vh = torch.linalg.svd(product)
        root = S[:rank].sqrt()
        rows = slice(head * e, head * e + rank)
        for matrix, vectors in ((attention.query, U[:, :rank].T), (attention.key, Vh)):
            matrix[head * e : (head + 1) * e] = 0
            matrix[rows] = (root[:, None] * vectors[:rank]).to(matrix.dtype)
