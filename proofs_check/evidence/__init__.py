"""Data, networks and estimates that the claims are held against."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proofs_check.evidence.training_kernels import TrainingKernel, training_kernel
    from proofs_check.evidence.training_sets import vocabulary_tokens

__all__ = ["TrainingKernel", "training_kernel", "vocabulary_tokens"]

# Loaded when first asked for: each claim needs a part of it.
_LATER = {
    "TrainingKernel": "proofs_check.evidence.training_kernels",
    "training_kernel": "proofs_check.evidence.training_kernels",
    "vocabulary_tokens": "proofs_check.evidence.training_sets",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
