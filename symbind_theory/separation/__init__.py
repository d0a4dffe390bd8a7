"""When the kernel tells templates apart, exactly.

Leading gaps in beta, Theorems S and D, and certificates that anyone can verify.

>>> from symbind_theory.separation import leading_gap
>>> gap = leading_gap("?a ?a", "?a ?b")
>>> gap.order
2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from symbind_theory.separation.certificates import certify, verify
    from symbind_theory.separation.decisions import decide
    from symbind_theory.separation.deep_bounds import (
        MlpMoments,
        depth_bound,
        first_temperature,
    )
    from symbind_theory.separation.incidence import READOUTS, Readout
    from symbind_theory.separation.leading_gaps import LeadingGap, leading_gap
    from symbind_theory.separation.series import softmax_series
    from symbind_theory.separation.theorem_d import BlockFacts, DeepHypotheses
    from symbind_theory.separation.theorem_s import Hypotheses

__all__ = [
    "READOUTS",
    "BlockFacts",
    "DeepHypotheses",
    "Hypotheses",
    "LeadingGap",
    "MlpMoments",
    "Readout",
    "certify",
    "decide",
    "depth_bound",
    "first_temperature",
    "leading_gap",
    "softmax_series",
    "verify",
]

# What is loaded when it is first asked for: the records of a check stand on Theorems S
# and D alone, and `python -m symbind_theory.certificate_verifier` starts with nothing
# loaded.
_LATER = {
    "READOUTS": "symbind_theory.separation.incidence",
    "BlockFacts": "symbind_theory.separation.theorem_d",
    "DeepHypotheses": "symbind_theory.separation.theorem_d",
    "Hypotheses": "symbind_theory.separation.theorem_s",
    "LeadingGap": "symbind_theory.separation.leading_gaps",
    "MlpMoments": "symbind_theory.separation.deep_bounds",
    "Readout": "symbind_theory.separation.incidence",
    "certify": "symbind_theory.separation.certificates",
    "decide": "symbind_theory.separation.decisions",
    "depth_bound": "symbind_theory.separation.deep_bounds",
    "first_temperature": "symbind_theory.separation.deep_bounds",
    "leading_gap": "symbind_theory.separation.leading_gaps",
    "softmax_series": "symbind_theory.separation.series",
    "verify": "symbind_theory.separation.certificates",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
