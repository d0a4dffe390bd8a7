"""Data, networks and estimates that the claims are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

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

__getattr__ = loaded_when_asked(__name__, _LATER)
