"""One module a claim: its mathematics, its checker, its mutants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from proofs_check.claims.block_structure import share_probability

__all__ = ["share_probability"]

# What studies use beside the checkers, which `proofs_check` itself exports.
_LATER = {
    "share_probability": "proofs_check.claims.block_structure",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
