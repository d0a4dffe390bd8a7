"""Finite networks: what the kernels are limits of, sampled and trained.

`DeepTransformer` is the transformer of the paper's experiments, or of the theory, at
any depth; `unseen_symbols` draws training, validation and test strings that share no
symbol, and `train_unseen` trains on the first and keeps the error on the last. MLPs,
recurrent and relational networks are trained beside them. `docs/networks.md` has an
example of each.
"""

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from numerics.networks.ablation import without_heads
    from numerics.networks.blocks import BlockShape, SelfAttention
    from numerics.networks.copying_data import CopyingStrings, copying_strings
    from numerics.networks.copying_network import (
        CopyingNetwork,
        CopyingShape,
        TrainedCopying,
        trained_copying,
    )
    from numerics.networks.deep_transformer import (
        PAPER,
        DeepTransformer,
        Initialisation,
    )
    from numerics.networks.embedding_network import EmbeddingNetwork
    from numerics.networks.identity_share import HeadShares, head_shares
    from numerics.networks.mixed_precision import MixedPrecision
    from numerics.networks.mlp import MLP, MLPStack
    from numerics.networks.recurrent import Recurrent, RecurrentNetwork
    from numerics.networks.relational import Relational, RelationalNetwork
    from numerics.networks.trained_parts import (
        LastLayer,
        Linearised,
        empirical_tangent_kernel,
    )
    from numerics.networks.training import Training, train
    from numerics.networks.transformer import (
        EmpiricalKernel,
        NetworkShape,
        TransformerNetwork,
        empirical_kernel,
        finite_heads,
    )
    from numerics.networks.unseen_embeddings import UnseenRows, similarity, unseen_rows
    from numerics.networks.unseen_strings import Split, UnseenSymbols, unseen_symbols
    from numerics.networks.unseen_training import (
        Diverged,
        Epoch,
        Schedule,
        UnseenCurve,
        split_error,
        train_unseen,
    )

__all__ = [
    "MLP",
    "PAPER",
    "BlockShape",
    "CopyingNetwork",
    "CopyingShape",
    "CopyingStrings",
    "DeepTransformer",
    "Diverged",
    "EmbeddingNetwork",
    "EmpiricalKernel",
    "Epoch",
    "HeadShares",
    "Initialisation",
    "LastLayer",
    "Linearised",
    "MLPStack",
    "MixedPrecision",
    "NetworkShape",
    "Recurrent",
    "RecurrentNetwork",
    "Relational",
    "RelationalNetwork",
    "Schedule",
    "SelfAttention",
    "Split",
    "TrainedCopying",
    "Training",
    "TransformerNetwork",
    "UnseenCurve",
    "UnseenRows",
    "UnseenSymbols",
    "copying_strings",
    "empirical_kernel",
    "empirical_tangent_kernel",
    "finite_heads",
    "head_shares",
    "similarity",
    "split_error",
    "train",
    "train_unseen",
    "trained_copying",
    "unseen_rows",
    "unseen_symbols",
    "without_heads",
]

_LATER = {
    "MLP": "numerics.networks.mlp",
    "PAPER": "numerics.networks.deep_transformer",
    "BlockShape": "numerics.networks.blocks",
    "CopyingNetwork": "numerics.networks.copying_network",
    "CopyingShape": "numerics.networks.copying_network",
    "CopyingStrings": "numerics.networks.copying_data",
    "DeepTransformer": "numerics.networks.deep_transformer",
    "Diverged": "numerics.networks.unseen_training",
    "EmbeddingNetwork": "numerics.networks.embedding_network",
    "EmpiricalKernel": "numerics.networks.transformer",
    "Epoch": "numerics.networks.unseen_training",
    "HeadShares": "numerics.networks.identity_share",
    "Initialisation": "numerics.networks.deep_transformer",
    "LastLayer": "numerics.networks.trained_parts",
    "Linearised": "numerics.networks.trained_parts",
    "MLPStack": "numerics.networks.mlp",
    "MixedPrecision": "numerics.networks.mixed_precision",
    "NetworkShape": "numerics.networks.transformer",
    "Recurrent": "numerics.networks.recurrent",
    "RecurrentNetwork": "numerics.networks.recurrent",
    "Relational": "numerics.networks.relational",
    "RelationalNetwork": "numerics.networks.relational",
    "Schedule": "numerics.networks.unseen_training",
    "SelfAttention": "numerics.networks.blocks",
    "Split": "numerics.networks.unseen_strings",
    "TrainedCopying": "numerics.networks.copying_network",
    "Training": "numerics.networks.training",
    "TransformerNetwork": "numerics.networks.transformer",
    "UnseenCurve": "numerics.networks.unseen_training",
    "UnseenRows": "numerics.networks.unseen_embeddings",
    "UnseenSymbols": "numerics.networks.unseen_strings",
    "copying_strings": "numerics.networks.copying_data",
    "empirical_kernel": "numerics.networks.transformer",
    "empirical_tangent_kernel": "numerics.networks.trained_parts",
    "finite_heads": "numerics.networks.transformer",
    "head_shares": "numerics.networks.identity_share",
    "similarity": "numerics.networks.unseen_embeddings",
    "split_error": "numerics.networks.unseen_training",
    "train": "numerics.networks.training",
    "train_unseen": "numerics.networks.unseen_training",
    "trained_copying": "numerics.networks.copying_network",
    "unseen_rows": "numerics.networks.unseen_embeddings",
    "unseen_symbols": "numerics.networks.unseen_strings",
    "without_heads": "numerics.networks.ablation",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
