"""Hypothesis strategies for multi-layer perceptrons and their training.

For the ledger, and for tests of one's own:

    @given(tasks(), mlps(), trainings())
    def test_coupling(task, mlp, training):
        assert mlp_coupling(task, mlp, training).outcome is Outcome.HOLDS
"""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import strategies as st

from numerics.networks.mlp import MLP, TORCH_ACTIVATIONS
from numerics.networks.training import LOSSES, Training
from symbind_theory.validation import positive_integer

__all__ = ["mlps", "trainings"]


def mlps(
    *,
    max_depth: int = 3,
    max_width: int = 16,
    first_layers: Collection[str] = ("gather", "dense"),
) -> st.SearchStrategy[MLP]:
    """Networks of any activation; they shrink to one small layer of ReLU.

    Args:
        max_depth: most hidden layers, ≥ 1.
        max_width: most units in each, ≥ 1.
        first_layers: names of `numerics.networks.mlp.FIRST_LAYERS`, at least one. The
            claims on MLPs are about the two that read the one-hot string and start as
            i.i.d.: "tied" and "relations" see which positions carry equal tokens, and
            "opposed" starts with weights that do.

    Raises:
        InputError: a number out of range.
    """
    return st.builds(
        MLP,
        depth=st.integers(1, positive_integer("max_depth", max_depth)),
        width=st.integers(1, positive_integer("max_width", max_width)),
        activation=st.sampled_from(list(TORCH_ACTIVATIONS)),
        first_layer=st.sampled_from(list(first_layers)),
    )


def trainings(
    *,
    max_steps: int = 10,
    optimisers: Collection[str] = ("sgd", "momentum", "nesterov", "adam", "adamw"),
) -> st.SearchStrategy[Training]:
    """Short trainings by any loss, at rates that keep them finite.

    Args:
        max_steps: most updates, ≥ 1.
        optimisers: names of `numerics.networks.training.OPTIMISERS` that take a decay,
            at least one.

    Raises:
        InputError: a number out of range.
    """
    return st.builds(
        Training,
        steps=st.integers(1, positive_integer("max_steps", max_steps)),
        batch_size=st.integers(1, 40),
        learning_rate=st.sampled_from([1e-2, 1e-3, 3e-2]),
        optimiser=st.sampled_from(list(optimisers)),
        loss=st.sampled_from(list(LOSSES)),
        decay=st.sampled_from([0.0, 1e-2, 0.1]),
        clip=st.none() | st.sampled_from([0.1, 1.0]),
    )
