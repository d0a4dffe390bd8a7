"""The bound of Theorem D on λ_min(N), against an estimate of it.

λ_min(N) is at least what residual connections and MLPs keep of λ_min(C¹), C¹ the kernel
of one layer, which `template_gram` knows by another algorithm than that for blocks. It
is attained, or nearly so, where MLPs add next to nothing.

Source: symbind; docs/theorem-d.md, section 4.
"""

from __future__ import annotations

import numpy as np

from numerics import Architecture, AttentionMatrix, template_gram
from proofs_check.judgements import at_most, reported
from proofs_check.remedies import Remedy
from symbind_theory.interval import Interval
from symbind_theory.records.ledger import Finding
from symbind_theory.separation.deep_bounds import (
    MlpMoments,
    depth_bound,
    first_temperature,
)

__all__ = ["bound_kept"]

# The share of λ_min(N) to which a bound that is attained is resolved.
_ATTAINED = 0.05
# What closed forms of moments round.
_ROUNDING = 1e-12


def bound_kept(
    gram: AttentionMatrix, points: int, seed: int, remedy: Remedy
) -> list[Finding]:
    """Whether λ_min(N) is at least its bound by the first attention.

    Nothing where the bound is 0 or asks for more than one layer's C: relative
    positions, a mask under the mean readout, or positions that a mean takes with
    different weights.

    Args:
        gram: N with the interval of λ_min.
        points: outer points for C¹ at most.
        seed: of these points, another than that of `gram`.
        remedy: what to pass where the intervals do not tell.
    """
    network = gram.architecture
    moments = _moments(network)
    if moments is None:
        return []
    record = network.record()
    if not depth_bound(record, Interval(1.0, 1.0, 1.0, 1.0), moments).value:
        return []
    one_layer = Architecture(
        beta=first_temperature(record),
        gamma=network.gamma,
        readout=network.readout,
        identity_kq=network.every_block[0].identity_kq,
    )
    first = template_gram(
        gram.templates,
        one_layer,
        max_points=points,
        seed=seed,
        device="cpu",
        level=gram.level,
    ).attention_smallest_eigenvalue
    bound, smallest = depth_bound(record, first, moments), gram.smallest_eigenvalue
    if not (bound.low > 0 and smallest.low > 0):
        return [reported("λ_min(N) at least, by its first attention", bound)]
    share = Interval(
        bound.value / smallest.value,
        bound.low / smallest.high,
        bound.high / smallest.low,
        1 - 2 * (1 - gram.level),
    )
    return [
        at_most(
            "share of λ_min(N) that residual connections and MLPs keep of the first "
            "attention's C",
            share,
            1.0,
            _ATTAINED,
            remedy,
        )
    ]


def _moments(network: Architecture) -> MlpMoments | None:
    """What is known of the activation; None where the bound asks for more.

    Normalised MLPs see self values of 1 alone.
    """
    averaged = network.readout == "mean"
    if network.relative is not None or (averaged and network.causal):
        return None
    one = np.ones(1)
    divided = network.normalisation == "post" or network.final_normalisation
    exact = network.activation.quadrature_error(one) == 0
    if network.normalisation is None or not exact:
        return None if divided else MlpMoments()
    if averaged:
        return None if divided else MlpMoments()
    slope = abs(float(network.activation.hermite(one, 2)[1, 0]))
    power = float(network.activation.dual(one, one, one)[0])
    return MlpMoments((1 - _ROUNDING) * slope, (1 + _ROUNDING) * power)
