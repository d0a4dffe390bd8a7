"""The claims of the theory, one checker each.

A checker is a function that looks at one claim on a task of yours, weighs exact and
numeric evidence, and returns a `Report`: whether the claim holds, is refuted or stays
undecided, and why. `effort="quick"`, `"standard"` or `"full"` says how much work that
is; records of sizes, such as `Sampling`, say it in numbers. What is undecided says what
to pass so that more work decides it.

`python -m proofs_check` runs all of them, on instances where their claim holds and on
mutants, which they must refute; `python -m proofs_check --file task.toml` runs them on
a task of yours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from numerics.networks.mlp import MLP
    from numerics.networks.training import Training
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
    from proofs_check.claims.tangent_regime import tangent_regime
    from proofs_check.claims.trained_identity import trained_identity
    from proofs_check.claims.trained_transformer import trained_transformer
    from proofs_check.evidence.architectures import Candidate, candidates, transformer
    from proofs_check.evidence.copying_rates import CopyingExperiment
    from proofs_check.evidence.finite_networks import FiniteTransformer, NetworkSizes
    from proofs_check.evidence.identity_setting import IdentityExperiment
    from proofs_check.evidence.kernel_sets import KernelSets
    from proofs_check.evidence.learning_setting import TrainingSizes
    from proofs_check.evidence.mlp_data import MLPSizes
    from proofs_check.evidence.string_estimates import Sampling

__all__ = [
    "MLP",
    "Candidate",
    "CopyingExperiment",
    "FiniteTransformer",
    "IdentityExperiment",
    "KernelSets",
    "MLPSizes",
    "NetworkSizes",
    "Sampling",
    "Training",
    "TrainingSizes",
    "block_structure",
    "candidates",
    "copying",
    "data_diversity",
    "generalisation",
    "identity_perturbations",
    "mlp_coupling",
    "mlp_floor",
    "nonsingularity",
    "other_architectures",
    "single_runs",
    "tangent_regime",
    "trained_identity",
    "trained_transformer",
    "transformer",
]

# The checkers, and the records that they take; torch takes seconds to load.
_LATER = {
    "MLP": "numerics.networks.mlp",
    "Candidate": "proofs_check.evidence.architectures",
    "CopyingExperiment": "proofs_check.evidence.copying_rates",
    "FiniteTransformer": "proofs_check.evidence.finite_networks",
    "IdentityExperiment": "proofs_check.evidence.identity_setting",
    "KernelSets": "proofs_check.evidence.kernel_sets",
    "MLPSizes": "proofs_check.evidence.mlp_data",
    "NetworkSizes": "proofs_check.evidence.finite_networks",
    "Sampling": "proofs_check.evidence.string_estimates",
    "Training": "numerics.networks.training",
    "TrainingSizes": "proofs_check.evidence.learning_setting",
    "block_structure": "proofs_check.claims.block_structure",
    "candidates": "proofs_check.evidence.architectures",
    "copying": "proofs_check.claims.copying",
    "data_diversity": "proofs_check.claims.data_diversity",
    "generalisation": "proofs_check.claims.generalisation",
    "identity_perturbations": "proofs_check.claims.identity_perturbations",
    "mlp_coupling": "proofs_check.claims.mlp_coupling",
    "mlp_floor": "proofs_check.claims.mlp_floor",
    "nonsingularity": "proofs_check.claims.nonsingularity",
    "other_architectures": "proofs_check.claims.other_architectures",
    "single_runs": "proofs_check.claims.single_runs",
    "tangent_regime": "proofs_check.claims.tangent_regime",
    "trained_identity": "proofs_check.claims.trained_identity",
    "trained_transformer": "proofs_check.claims.trained_transformer",
    "transformer": "proofs_check.evidence.architectures",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
