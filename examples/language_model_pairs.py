"""Nearness to the identity of W_K W_Qᵀ when the two are of one head, and of two heads.

    python -m examples.language_model_pairs --model build/language-models/model

That singular vectors are unrelated is a weak null: all weights of a layer read and
write one stream, and may be near to each other in whatever directions it uses most.
Keys of one head with queries of another head of the same layer share that, and nothing
that training did for the pair. Where heads share one W_K and one W_V, in groups, two
heads are of two groups. The same for W_V of one head and W_O of another.

For keys K and queries Q, d × e,

    tr K Qᵀ = Σ K ∘ Q,      ‖K Qᵀ‖² = Σ KᵀK ∘ QᵀQ,

and the nearness is tr K Qᵀ / (√min(d, e) ‖K Qᵀ‖) (`numerics.gpt2.head_scores`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from numerics.gpt2 import head_shape, layer_heads, load_model
from symbind_theory import InputError
from symbind_theory.records import NEAR

if TYPE_CHECKING:
    import torch

    from numerics.gpt2 import LocalModel

__all__ = ["main", "pair_nearness", "summary"]

_QUANTILES = (0.01, 0.5, 0.99)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one JSON document; returns the exit status.

    Args:
        arguments: as on the command line; those of the process when None.
    """
    parser = argparse.ArgumentParser(description="Products of one head, and of two.")
    parser.add_argument("--model", metavar="FILE", required=True)
    options = parser.parse_args(arguments)
    try:
        pairs = pair_nearness(load_model(options.model))
    except InputError as error:
        parser.error(str(error))
    document = {
        product: {which: summary(values) for which, values in both.items()}
        for product, both in pairs.items()
    }
    print(json.dumps({"model": options.model, **document}, allow_nan=False))
    return 0


def pair_nearness(model: LocalModel) -> dict[str, dict[str, np.ndarray]]:
    """The nearness of products within heads and across, by product.

    Args:
        model: of any family that `load_model` reads.
    """
    shape = head_shape(model)
    group = np.arange(shape.heads) // (shape.heads // shape.key_heads)
    one = np.eye(shape.heads, dtype=bool)
    two = group[:, None] != group
    found: dict[str, list[np.ndarray]] = {"keys": [], "values": []}
    for heads in layer_heads(model):
        found["keys"].append(_nearness(heads.key, heads.query))
        found["values"].append(_nearness(heads.value, heads.output))
    return {
        product: {
            name: np.concatenate([layer[chosen] for layer in layers])
            for name, chosen in (("one head", one), ("two heads", two))
        }
        for product, layers in found.items()
    }


def _nearness(left: torch.Tensor, right: torch.Tensor) -> np.ndarray:
    """Of F_i G_jᵀ for all i and j, from factors of shape heads × d × e."""
    rank = min(left.shape[1:])
    trace = np.einsum("ide,jde->ij", left.numpy(), right.numpy())
    grams = (left.mT @ left).numpy(), (right.mT @ right).numpy()
    norm = np.sqrt(np.einsum("ief,jef->ij", *grams))
    return np.divide(trace, rank**0.5 * norm, out=np.zeros_like(trace), where=norm > 0)


def summary(values: np.ndarray) -> dict[str, float | list[float]]:
    """How many products there are, their spread, and how many are near.

    Args:
        values: of nearness.
    """
    return {
        "products": len(values),
        "quantiles": [float(q) for q in _spread(values)],
        "near": int((values > NEAR).sum()),
        "near_negative": int((values < -NEAR).sum()),
    }


def _spread(values: np.ndarray) -> Iterator[float]:
    """The least, three quantiles, the most."""
    yield values.min()
    yield from np.quantile(values, _QUANTILES)
    yield values.max()


if __name__ == "__main__":
    sys.exit(main())
