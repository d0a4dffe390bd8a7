"""Language models: two scalars a head, heads near the identity, templates in context.

A GPT-2 model gains the paper's a and b (`identity_model`), and is trained with and
without them (`pretraining`). Of any causal model's heads it is asked how near their
products are to a multiple of the identity (`score_heads`), and of the model whether it
binds symbols (`probe`). `docs/gpt2.md` shows how, from the command line too
(`python -m numerics.gpt2`).

Everything here needs the extra symbind[gpt2].
"""

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from numerics.gpt2.fine_tuning import Recipe, fine_tune
    from numerics.gpt2.head_ablation import ablate_ranked, ablated_heads
    from numerics.gpt2.head_scores import heads_by_identity, score_heads
    from numerics.gpt2.head_weights import head_shape, layer_heads
    from numerics.gpt2.identity_model import (
        GPT2IdentityLMHeadModel,
        IdentityScalars,
        add_identity_scalars,
        freeze_all_but_scalars,
        identity_scalars,
        scalar_parameters,
    )
    from numerics.gpt2.in_context import accuracy_of, answer_prompts, next_token_logits
    from numerics.gpt2.local_models import LocalModel, load_model
    from numerics.gpt2.prompts import PromptFormat, PromptWriter
    from numerics.gpt2.symbol_classes import frequency_classes
    from numerics.gpt2.variants import training_table

__all__ = [
    "GPT2IdentityLMHeadModel",
    "IdentityScalars",
    "LocalModel",
    "PromptFormat",
    "PromptWriter",
    "Recipe",
    "ablate_ranked",
    "ablated_heads",
    "accuracy_of",
    "add_identity_scalars",
    "answer_prompts",
    "fine_tune",
    "freeze_all_but_scalars",
    "frequency_classes",
    "head_shape",
    "heads_by_identity",
    "identity_scalars",
    "layer_heads",
    "load_model",
    "next_token_logits",
    "scalar_parameters",
    "score_heads",
    "training_table",
]

# Transformers takes seconds to load: not for --help and bad options.
_LATER = {
    "GPT2IdentityLMHeadModel": "numerics.gpt2.identity_model",
    "IdentityScalars": "numerics.gpt2.identity_model",
    "LocalModel": "numerics.gpt2.local_models",
    "PromptFormat": "numerics.gpt2.prompts",
    "PromptWriter": "numerics.gpt2.prompts",
    "Recipe": "numerics.gpt2.fine_tuning",
    "ablate_ranked": "numerics.gpt2.head_ablation",
    "ablated_heads": "numerics.gpt2.head_ablation",
    "accuracy_of": "numerics.gpt2.in_context",
    "add_identity_scalars": "numerics.gpt2.identity_model",
    "answer_prompts": "numerics.gpt2.in_context",
    "fine_tune": "numerics.gpt2.fine_tuning",
    "freeze_all_but_scalars": "numerics.gpt2.identity_model",
    "frequency_classes": "numerics.gpt2.symbol_classes",
    "head_shape": "numerics.gpt2.head_weights",
    "heads_by_identity": "numerics.gpt2.head_scores",
    "identity_scalars": "numerics.gpt2.identity_model",
    "layer_heads": "numerics.gpt2.head_weights",
    "load_model": "numerics.gpt2.local_models",
    "next_token_logits": "numerics.gpt2.in_context",
    "scalar_parameters": "numerics.gpt2.identity_model",
    "score_heads": "numerics.gpt2.head_scores",
    "training_table": "numerics.gpt2.variants",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
