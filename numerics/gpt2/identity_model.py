"""Two trainable scalars a head for any GPT-2 model, saved and read with it.

    model = add_identity_scalars(GPT2LMHeadModel(GPT2Config()))

A model that has them is of its own kind, "gpt2-identity", so that no reader takes it
for GPT-2 and drops the scalars without a word. `AutoModelForCausalLM` reads it once
this module is imported.

Source: arXiv 2310.09753, on trainable identity perturbations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    initialization,
)
from transformers.models.gpt2.modeling_gpt2 import GPT2Attention

from numerics.gpt2.identity_attention import IMPLEMENTATIONS, IdentityAttention
from numerics.shapes import Float64
from symbind_theory.validation import InputError, one_of

__all__ = [
    "WHICH",
    "GPT2IdentityConfig",
    "GPT2IdentityLMHeadModel",
    "IdentityScalars",
    "add_identity_scalars",
    "freeze_all_but_scalars",
    "identity_scalars",
    "scalar_parameters",
]

WHICH = ("kq", "vo", "both")
"""Which products have a multiple of the identity: keys and queries, values, both."""


class GPT2IdentityConfig(GPT2Config):
    """GPT-2's configuration, and which scalars its heads have.

    Attributes:
        identity_which: "kq" for a, "vo" for b, or "both".
        identity_mask_diagonal: whether a leaves out the position that attends itself.
    """

    model_type = "gpt2-identity"

    identity_which: str = "both"
    identity_mask_diagonal: bool = False


class GPT2IdentityLMHeadModel(GPT2LMHeadModel):
    """GPT-2 with a and b: a causal language model of transformers in all else."""

    config_class = GPT2IdentityConfig
    # Fused kernels that take no bias by pairs of positions.
    _supports_flash_attn = False

    def __init__(self, config: GPT2IdentityConfig) -> None:
        super().__init__(config)
        _convert_blocks(self, config.identity_which, config.identity_mask_diagonal)

    def initialize_weights(self) -> None:
        """Draw what no file had; scalars that none had are 0."""
        super().initialize_weights()
        for _, scalars in scalar_parameters(self):
            # It leaves what was read as it is.
            initialization.zeros_(scalars)


AutoConfig.register(GPT2IdentityConfig.model_type, GPT2IdentityConfig, exist_ok=True)
AutoModelForCausalLM.register(
    GPT2IdentityConfig, GPT2IdentityLMHeadModel, exist_ok=True
)


@dataclass(frozen=True)
class IdentityScalars:
    """The scalars of a model.

    Attributes:
        kq: a by layer and head; None where the model has none.
        vo: b by layer and head; None where the model has none.
    """

    kq: Float64[np.ndarray, "layers heads"] | None
    vo: Float64[np.ndarray, "layers heads"] | None


def add_identity_scalars(
    model: GPT2LMHeadModel, *, which: str = "both", mask_diagonal: bool = False
) -> GPT2LMHeadModel:
    """Give each head of a model a trainable a, b or both, which start at 0.

    The model itself is changed and returned: its parameters stay the same objects, and
    its outputs are the same until the scalars move, up to rounding where attention is
    fused. On GPT-2's small configuration, 12 layers of 12 heads, both are 288
    parameters.

    Args:
        model: a GPT-2 language model without scalars, attention eager, sdpa or flex.
        which: "kq" for a, the multiple of the identity in W_K W_Qᵀ; "vo" for b, the one
            in W_V W_O; or "both". Choose "kq" for tasks on which symbols are equal, and
            "vo" where symbols are copied.
        mask_diagonal: whether a leaves out the position that attends itself, as in the
            authors' runs. Choose it where a head that attends to its own position has
            nothing to learn from it.

    Raises:
        InputError: another kind of model, one that has scalars already, or attention
            that takes no bias or that is wrapped, as accelerate does.
    """
    one_of("which", which, WHICH)
    if isinstance(model, GPT2IdentityLMHeadModel):
        raise InputError("the model has identity scalars; expected one without")
    if type(model) is not GPT2LMHeadModel:
        kind = type(model).__name__
        raise InputError(f"the model is a {kind}; expected a GPT2LMHeadModel")
    if model.config._attn_implementation not in IMPLEMENTATIONS:
        raise InputError(
            f"the model's attention is {model.config._attn_implementation!r}; expected "
            f"one of {', '.join(IMPLEMENTATIONS)}"
        )
    if any("forward" in vars(block.attn) for block in model.transformer.h):
        # As accelerate does: the old attention would be called, without scalars.
        raise InputError(
            "the model's attention is wrapped; expected a plain one: add scalars "
            "before the model is spread over devices"
        )
    _replace_config(model, which, mask_diagonal)
    _convert_blocks(model, which, mask_diagonal)
    model.__class__ = GPT2IdentityLMHeadModel
    return model


def scalar_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The scalars of a model with their names, layer by layer."""
    for name, parameter in model.named_parameters():
        if name.rpartition(".")[2] in ("identity_kq", "identity_vo"):
            yield name, parameter


def freeze_all_but_scalars(model: nn.Module) -> int:
    """Let gradients reach the scalars alone; returns how many parameters that leaves.

    Raises:
        InputError: a model without scalars, of which nothing would be left to train.
    """
    scalars = dict(scalar_parameters(model))
    if not scalars:
        raise InputError(
            "the model has no identity scalars; expected one from add_identity_scalars"
        )
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in scalars)
    return sum(parameter.numel() for parameter in scalars.values())


def identity_scalars(model: nn.Module) -> IdentityScalars:
    """The values of a model's scalars."""
    layers: dict[str, list[torch.Tensor]] = {"identity_kq": [], "identity_vo": []}
    for name, parameter in scalar_parameters(model):
        layers[name.rpartition(".")[2]].append(parameter.detach().double().cpu())
    kq, vo = (torch.stack(rows).numpy() if rows else None for rows in layers.values())
    return IdentityScalars(kq, vo)


def _convert_blocks(model: GPT2LMHeadModel, which: str, mask_diagonal: bool) -> None:
    for block in model.transformer.h:
        attention = cast(GPT2Attention, block.attn)
        IdentityAttention.converted(attention, which, mask_diagonal)


def _replace_config(model: GPT2LMHeadModel, which: str, mask_diagonal: bool) -> None:
    """Give all modules one configuration that says which scalars there are."""
    before = model.config
    values: dict[str, Any] = before.to_dict()
    values.pop("model_type", None)
    values |= {"identity_which": which, "identity_mask_diagonal": mask_diagonal}
    config = cast(GPT2IdentityConfig, GPT2IdentityConfig.from_dict(values))
    config._attn_implementation = before._attn_implementation
    for module in model.modules():
        if getattr(module, "config", None) is before:
            cast(Any, module).config = config
