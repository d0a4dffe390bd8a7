"""Every claim's checker, in the order of the argument.

`proofs_check.checker` says what a claim's module has beside its checker.
"""

from __future__ import annotations

from proofs_check.checker import Checker
from proofs_check.claims import (
    block_structure,
    copying,
    data_diversity,
    generalisation,
    identity_perturbations,
    mlp_coupling,
    mlp_floor,
    nonsingularity,
    other_architectures,
    single_runs,
    tangent_regime,
    trained_identity,
    trained_transformer,
)
from symbind_theory.records.claims import claim

__all__ = ["CHECKERS", "checker_of"]

CHECKERS: tuple[Checker, ...] = (
    mlp_coupling.CHECKER,
    mlp_floor.CHECKER,
    nonsingularity.CHECKER,
    block_structure.CHECKER,
    generalisation.CHECKER,
    identity_perturbations.CHECKER,
    copying.CHECKER,
    data_diversity.CHECKER,
    other_architectures.CHECKER,
    single_runs.CHECKER,
    tangent_regime.CHECKER,
    trained_transformer.CHECKER,
    trained_identity.CHECKER,
)
"""One for each entry of `symbind_theory.records.claims.CLAIMS`."""

_BY_CLAIM = {checker.claim: checker for checker in CHECKERS}


def checker_of(id: str) -> Checker:
    """The checker of a claim.

    Raises:
        InputError: no such claim.
    """
    return _BY_CLAIM[claim(id).id]
