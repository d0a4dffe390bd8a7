"""GPT-2's attention with multiples of the identity in its products of weights.

With x what the sublayer sees (the stream after its layer norm), d_h the width of a head
and s the model's own scale of logits, 1/√d_h by default, head h has

    logits_h[q, i] = s x_q (W_Q,h W_K,hᵀ + a_h I) x_iᵀ
    output[q]      = Σ_h Σ_i A_h[q, i] x_i (W_V,h W_O,h + b_h I),     A_h = softmax,

biases as in GPT-2. a_h = b_h = 0 is GPT-2 itself. What a adds to the logits is a_h s
times the Gram matrix of x, made once for all heads, and handed to the attention as a
bias by pairs of positions. For b the weights are summed over heads first,
(Σ_h b_h A_h) x, where they are at hand (eager attention). Fused attention has none: it
is given the values [v_h, x], at the price of products d_h + d wide instead of d_h.

A cache keeps x beside the keys, as d_h further coordinates of each head: together they
are the d coordinates of x.

The authors' runs multiply a by x_q x_iᵀ without s, so that their a is s times the one
here, and leave out q = i (`mask_diagonal`).

Source: arXiv 2310.09753, on trainable identity perturbations.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.gpt2.modeling_gpt2 import (
    GPT2Attention,
    eager_attention_forward,
)

from symbind_theory.validation import InputError

__all__ = ["IMPLEMENTATIONS", "IdentityAttention"]

IMPLEMENTATIONS = ("eager", "sdpa", "flex_attention")
"""Ways to compute attention that take a bias by pairs of positions."""


class IdentityAttention(GPT2Attention):
    """Causal self-attention with the scalars a and b of each head.

    Attributes:
        identity_kq: a, one number a head; None where keys and queries have none.
        identity_vo: b, one number a head; None where values and outputs have none.
        mask_diagonal: whether a leaves out the position that attends itself.
    """

    identity_kq: nn.Parameter | None
    identity_vo: nn.Parameter | None
    mask_diagonal: bool

    @classmethod
    def converted(
        cls, attention: GPT2Attention, which: str, mask_diagonal: bool
    ) -> IdentityAttention:
        """The same module, parameters, hooks and all, with scalars of 0.

        Args:
            attention: the attention of one block; it is changed.
            which: "kq", "vo" or "both".
            mask_diagonal: whether a leaves out the position that attends itself.
        """
        attention.__class__ = cls
        made = cast(IdentityAttention, attention)
        like = made.c_attn.weight
        for name, wanted in (("identity_kq", "kq"), ("identity_vo", "vo")):
            zeros = torch.zeros(made.num_heads, dtype=like.dtype, device=like.device)
            scalars = nn.Parameter(zeros) if which in (wanted, "both") else None
            made.register_parameter(name, scalars)
        made.mask_diagonal = mask_diagonal
        return made

    def forward(
        self,
        hidden_states: Any,
        cache: Any = None,
        attention_mask: Any = None,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        output_attentions: bool | None = False,
        **kwargs: Any,
    ) -> tuple[Any, Any]:
        """The output of the sublayer, and the attention weights where they are made.

        Args:
            hidden_states: x, batch × positions × d.
            cache: keys, values and x of earlier positions, which are added to; older
                releases of transformers call it past_key_values.
            attention_mask: as transformers makes it for the model's attention.
            encoder_hidden_states: None, as a model attends to itself here.
            encoder_attention_mask: None, likewise without an encoder.
            output_attentions: has no effect: eager attention returns its weights.
            kwargs: what else the model's attention is called with.
        """
        if encoder_hidden_states is not None:
            raise InputError(
                "identity scalars are for self-attention; expected x alone"
            )
        cache = kwargs.pop("past_key_values", cache)
        # Beside an encoder there are two caches in one.
        cache = getattr(cache, "self_attention_cache", cache)
        x: torch.Tensor = hidden_states
        query, key, value = (
            self._by_head(part) for part in self.c_attn(x).split(self.split_size, dim=2)
        )
        seen, places = x, torch.arange(x.shape[1], device=x.device)
        if cache is not None:
            # Before the update: some caches count their positions in place.
            places = places + cache.get_seq_length(self.layer_idx)
            with_x = torch.cat([key, self._by_head(x)], dim=-1)
            with_x, value = cache.update(with_x, value, self.layer_idx, kwargs=kwargs)
            key, seen = with_x.split(self.head_dim, dim=-1)
            seen = seen.transpose(1, 2).flatten(2)
        bias = self._bias(x, seen, places)
        output, weights = self._attend(
            (query, key, value), seen, bias, attention_mask, kwargs
        )
        return self.resid_dropout(output), weights

    def _by_head(self, states: torch.Tensor) -> torch.Tensor:
        """Batch × positions × d → batch × heads × positions × d_h."""
        return states.unflatten(2, (self.num_heads, self.head_dim)).transpose(1, 2)

    def _bias(
        self, x: torch.Tensor, seen: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor | None:
        """What a adds to the logits: batch × heads × positions × positions seen.

        Args:
            x: what attends.
            seen: what is attended to, from the first position.
            places: the places of x among them.
        """
        if self.identity_kq is None:
            return None
        gram = x @ seen.transpose(1, 2)
        if self.mask_diagonal:
            columns = torch.arange(seen.shape[1], device=x.device)
            gram = gram.masked_fill(places[:, None] == columns, 0)
        scale = self.identity_kq * self.scaling
        return scale.to(gram.dtype)[:, None, None] * gram[:, None]

    def _attend(
        self,
        heads: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        seen: torch.Tensor,
        bias: torch.Tensor | None,
        mask: Any,
        options: dict[str, Any],
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The sublayer's output before dropout, and the attention weights.

        Args:
            heads: queries, keys and values.
            seen: x of all that is attended to.
            bias: what a adds to the logits.
            mask: as transformers makes it.
            options: what else the attention is called with.
        """
        query, key, value = heads
        implementation = self.config._attn_implementation
        if implementation not in IMPLEMENTATIONS:
            # It would be given the bias, and leave it out without a word.
            raise InputError(
                f"the model's attention is {implementation!r}; expected one of "
                f"{', '.join(IMPLEMENTATIONS)}"
            )
        eager = implementation == "eager"
        scalars = self.identity_vo
        if bias is not None and eager:
            lowest = torch.finfo(bias.dtype).min
            mask = bias if mask is None else (mask + bias).clamp(min=lowest)
        elif bias is not None:
            options = {**options, "position_bias": bias}
        if scalars is not None and not eager:
            wide = seen[:, None].expand(-1, self.num_heads, -1, -1)
            value = torch.cat([value, wide], dim=-1)
        if eager and self.reorder_and_upcast_attn:
            mixed, weights = self._upcast_and_reordered_attn(query, key, value, mask)
        else:
            attend = ALL_ATTENTION_FUNCTIONS.get_interface(
                implementation, eager_attention_forward
            )
            dropout = self.attn_dropout.p if self.training else 0.0
            mixed, weights = attend(
                self,
                query,
                key,
                value,
                mask,
                dropout=dropout,
                scaling=self.scaling,
                **options,
            )
        mixed, copied = mixed.tensor_split([self.head_dim], dim=-1)
        output = self.c_proj(mixed.flatten(2))
        if scalars is None:
            return output, weights
        if eager:
            summed = torch.einsum("bhqi,h->bqi", weights, scalars.to(weights.dtype))
            return output + summed @ seen, weights
        scalars = scalars.to(copied.dtype)
        return output + torch.einsum("bqhd,h->bqd", copied, scalars), weights
