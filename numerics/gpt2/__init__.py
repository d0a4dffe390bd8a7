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
    from numerics.gpt2.head_scores import heads_by_identity, score_heads
    from numerics.gpt2.local_models import LocalModel, load_model

__all__ = [
    "LocalModel",
    "heads_by_identity",
    "load_model",
    "score_heads",
]

# Transformers takes seconds to load: not for --help and bad options.
_LATER = {
    "LocalModel": "numerics.gpt2.local_models",
    "heads_by_identity": "numerics.gpt2.head_scores",
    "load_model": "numerics.gpt2.local_models",
    "score_heads": "numerics.gpt2.head_scores",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
