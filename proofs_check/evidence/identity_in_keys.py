"""What a does in C6: a multiple of the identity in W_K W_Qᵀ changes N and its gaps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy.special import softmax

from numerics.learning.strings_needed import relative_eigenvalue
from numerics.protocols import AttentionMatrix
from proofs_check.evidence.identity_setting import (
    IdentitySetting,
    data_needed,
    interval_ratio,
)
from proofs_check.judgements import (
    at_least,
    at_most,
    equals,
    mean_interval,
    proved,
    reported,
    widened,
)
from symbind_theory.interval import Interval
from symbind_theory.records.ledger import Finding
from symbind_theory.separation.leading_gaps import leading_gap

__all__ = ["in_keys"]

# A `[CLS]` logit so far above the others, in units of max(1, standard deviation), takes
# all attention but for rare draws.
_OUTWEIGHS = 8.0


def in_keys(setting: IdentitySetting, a: float, less_data: bool) -> Iterator[Finding]:
    """What N, its gaps and the data needed are with a, against N without.

    Args:
        setting: whose architecture is without a.
        a: the multiple of the identity in W_K W_Qᵀ, not 0.
        less_data: whether a is claimed to lower the data needed; where it is not, what
            becomes of it is reported only.
    """
    before = setting.gram(setting.base)
    after = setting.gram(replace(setting.base, identity_kq=a))
    yield _leading_orders(setting, a, less_data)
    if setting.base.readout == "cls":
        yield _changed_logit(setting, a, before, after)
        beta, kappa = setting.base.beta, 1 + setting.base.gamma**2
        if beta * a * kappa >= _OUTWEIGHS * max(1.0, beta * math.sqrt(kappa / 2)):
            yield at_most(
                f"largest gap with a = {a:g}, in units of that without",
                interval_ratio(_largest_gap(after), _largest_gap(before)),
                0.02,
                remedy=setting.more("max_points"),
            )
    compared = [
        ("λ_min(N) against e", relative_eigenvalue, at_least),
        ("condition number of N", lambda gram: gram.condition_number, at_most),
    ]
    if not setting.task.symbolic:
        compared.append(
            ("data needed", lambda gram: data_needed(setting, gram), at_most)
        )
    for quantity, value_of, judge in compared:
        statement = f"{quantity} with a = {a:g}, in units of that without"
        ratio = interval_ratio(value_of(after), value_of(before))
        if less_data:
            yield judge(statement, ratio, 1.0, remedy=setting.more("max_points"))
        else:
            yield reported(statement, ratio)


def _leading_orders(setting: IdentitySetting, a: float, less_data: bool) -> Finding:
    """Exactly: at which power of β pairs separate, with a and without."""
    readout = setting.base.readout
    # Inequivalent templates always have an order.
    orders = [
        tuple(leading_gap(t, u, readout, identity_kq=x).order or 0 for x in (0.0, a))
        for t, u in combinations(setting.task.templates, 2)
    ]
    listed = ", ".join(f"{without} → {with_a}" for without, with_a in orders)
    if readout == "cls":
        # The logits' change is one and the same in every string.
        changes = {x.like_query for x in setting.incidences}
        return proved(
            f"a changes one logit, alike in every string, and no order in β: {listed}",
            len(changes) == 1 and all(with_a == without for without, with_a in orders),
        )
    lowered = [with_a < without for without, with_a in orders]
    none_raised = all(with_a <= without for without, with_a in orders)
    # A last symbol that recurs shows where its copies are, the mean perhaps not.
    if readout == "last" and less_data:
        return proved(
            f"a lowers orders in β at which pairs separate, and raises none: {listed}",
            none_raised and any(lowered),
        )
    statement = f"a raises no order in β at which pairs separate: {listed}"
    return proved(statement, none_raised)


def _changed_logit(
    setting: IdentitySetting, a: float, before: AttentionMatrix, after: AttentionMatrix
) -> Finding:
    """C with a is C without, but for the logit of `[CLS]` at itself.

    The row of logits at `[CLS]` is √(1 + γ²)(g[x_i] + γ p_i) + a (1 + γ²) 1[i is
    `[CLS]`], with standard normals g for symbols and p for positions, both shared by
    all strings. Weights are its softmax at β, and

        C_ij = E Σ_t w_t w'_t + γ² Σ_p w_p w'_p

    over regular tokens t, `[CLS]` among them, whose weights add up over their
    positions, and over positions p, in strings of i and j that share no symbol.
    """
    beta, gamma = setting.base.beta, setting.base.gamma
    count, keys = setting.experiment.draws, setting.incidences[0].size
    random = setting.random(1)
    positions = random.standard_normal((count, keys))
    regular: dict[str | int, np.ndarray] = {
        token: random.standard_normal(count) for token in setting.tokens
    }
    # Two sides: each template is compared with others, and itself, renamed.
    sides = [dict(regular), dict(regular)]
    means = []
    for side in sides:
        total = 0.0
        for incidence in setting.incidences:
            for symbol in incidence.symbols:
                if symbol not in side:
                    side[symbol] = random.standard_normal(count)
            g = np.stack([side[symbol] for symbol in incidence.symbols], axis=1)
            logits = math.sqrt(1 + gamma**2) * (g + gamma * positions)
            logits[:, -1] += a * (1 + gamma**2)
            weights = softmax(beta * logits, axis=1)
            shared = [
                weights[:, [x == t for x in incidence.symbols]].sum(1) for t in regular
            ]
            total = total + np.column_stack([*shared, gamma * weights])
        means.append(total / len(setting.incidences))
    entries = (means[0] * means[1]).sum(1)
    estimate = mean_interval(entries)
    rounding = float(after.halfwidth["attention"].mean())
    expected = float(after.attention.mean())
    effect = abs(expected - float(before.attention.mean()))
    return equals(
        "mean entry of C with the logit of [CLS] changed alike in every string",
        widened(estimate, rounding),
        expected,
        # A quarter of what the change does.
        resolution=effect / 4,
        remedy=setting.more("draws"),
    )


def _largest_gap(gram: AttentionMatrix) -> Interval:
    """The largest entry of the gaps, 0 at least."""
    place = np.unravel_index(gram.gaps.argmax(), gram.gaps.shape)
    value, width = float(gram.gaps[place]), float(gram.halfwidth["gaps"][place])
    return Interval(value, max(0.0, value - width), value + width, gram.level)
