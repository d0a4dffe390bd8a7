"""One module a claim: its mathematics, its checker, its mutants."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proofs_check.claims.block_structure import share_probability

__all__ = ["share_probability"]

# What studies use beside the checkers, which `proofs_check` itself exports.
_LATER = {
    "share_probability": "proofs_check.claims.block_structure",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
