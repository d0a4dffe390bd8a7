"""The claims of the theory, one checker each.

A checker is a function that looks at one claim on a task of yours, weighs exact and
numeric evidence, and returns a `Report`: whether the claim holds, is refuted or stays
undecided, and why. `python -m proofs_check` runs all of them, on instances where their
claim holds and on mutants, which they must refute.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proofs_check.claims.block_structure import block_structure
    from proofs_check.claims.copying import copying
    from proofs_check.claims.data_diversity import data_diversity
    from proofs_check.claims.generalisation import generalisation
    from proofs_check.claims.identity_perturbations import identity_perturbations
    from proofs_check.claims.mlp_coupling import mlp_coupling
    from proofs_check.claims.mlp_floor import mlp_floor
    from proofs_check.claims.nonsingularity import nonsingularity
    from proofs_check.claims.other_architectures import other_architectures
    from proofs_check.claims.single_runs import single_runs

__all__ = [
    "block_structure",
    "copying",
    "data_diversity",
    "generalisation",
    "identity_perturbations",
    "mlp_coupling",
    "mlp_floor",
    "nonsingularity",
    "other_architectures",
    "single_runs",
]


def __getattr__(name: str) -> Any:
    """A checker, whose torch takes seconds to load, when asked for."""
    if name in __all__:
        return getattr(importlib.import_module(f"proofs_check.claims.{name}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
