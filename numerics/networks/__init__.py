"""Finite networks: what the kernels are limits of, sampled and trained.

`DeepTransformer` is the transformer of the paper's experiments, or of the theory, at
any depth; `unseen_symbols` draws training, validation and test strings that share no
symbol, and `train_unseen` trains on the first and keeps the error on the last.
"""

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from numerics.networks.blocks import BlockShape
    from numerics.networks.deep_transformer import (
        PAPER,
        DeepTransformer,
        Initialisation,
    )
    from numerics.networks.trained_parts import (
        LastLayer,
        Linearised,
        empirical_tangent_kernel,
    )
    from numerics.networks.training import Training
    from numerics.networks.unseen_strings import UnseenSymbols, unseen_symbols
    from numerics.networks.unseen_training import Schedule, UnseenError, train_unseen

__all__ = [
    "PAPER",
    "BlockShape",
    "DeepTransformer",
    "Initialisation",
    "LastLayer",
    "Linearised",
    "Schedule",
    "Training",
    "UnseenError",
    "UnseenSymbols",
    "empirical_tangent_kernel",
    "train_unseen",
    "unseen_symbols",
]

_LATER = {
    "PAPER": "numerics.networks.deep_transformer",
    "BlockShape": "numerics.networks.blocks",
    "DeepTransformer": "numerics.networks.deep_transformer",
    "Initialisation": "numerics.networks.deep_transformer",
    "LastLayer": "numerics.networks.trained_parts",
    "Linearised": "numerics.networks.trained_parts",
    "Schedule": "numerics.networks.unseen_training",
    "Training": "numerics.networks.training",
    "UnseenError": "numerics.networks.unseen_training",
    "UnseenSymbols": "numerics.networks.unseen_strings",
    "empirical_tangent_kernel": "numerics.networks.trained_parts",
    "train_unseen": "numerics.networks.unseen_training",
    "unseen_symbols": "numerics.networks.unseen_strings",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
