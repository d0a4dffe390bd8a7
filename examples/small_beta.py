"""How λ_min(C) falls as β falls and as templates are added, for `examples.depth`.

Estimates beside the exact order of `examples.rank_orders`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from examples.depth_rows import attention_eigenvalue
from examples.rank_orders import eigenvalue_orders, nested_orders, set_partitions
from numerics import Architecture, ReLU
from numerics.store import ValueCache
from symbind_theory import Interval, builtin_task

__all__ = [
    "BETAS",
    "GROWING",
    "NETWORKS",
    "PLACES",
    "SETS",
    "SIZES",
    "Falls",
    "Sizes",
    "measure_falls",
    "measure_sizes",
    "slope",
]

BETAS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0)
NETWORKS: Mapping[str, Architecture] = {
    "depth 1": Architecture(),
    "depth 2, s = 0": Architecture(depth=2),
    "depth 2, s = 0, ReLU": Architecture(depth=2, activation=ReLU()),
    "depth 2, s = 1, pre": Architecture(depth=2, residual=1.0, normalisation="pre"),
}
SETS: Mapping[str, tuple[str, ...]] = {
    **{
        name: tuple(map(str, builtin_task(name).templates))
        for name in ("same-different", "aba-abb", "aabb-abab")
    },
    "all 5 of length 3": set_partitions(3),
    "all 15 of length 4": set_partitions(4),
    "relational-match-to-sample": tuple(
        map(str, builtin_task("relational-match-to-sample").templates)
    ),
}
# Sets that take long at depth 2, or need many more points there.
DEPTH_ONE = ("all 15 of length 4", "relational-match-to-sample")
PLACES = tuple(
    (templates, network)
    for templates in SETS
    for network in NETWORKS
    if network == "depth 1" or templates not in DEPTH_ONE
)
SIZES = {3: (2, 3, 4, 5), 4: (2, 4, 5, 8, 12, 13, 15)}
MOST_DEEP = 5
GROWING: Mapping[str, Architecture] = {
    "depth 1, β = 0.5": Architecture(beta=0.5),
    "depth 1, β = 1": NETWORKS["depth 1"],
    "depth 2, s = 0, β = 1": NETWORKS["depth 2, s = 0"],
    "depth 2, s = 1, pre, β = 1": NETWORKS["depth 2, s = 1, pre"],
}
POINTS = 2**15

# No set here needs more: L is 8 for all templates of length 4.
_ORDER = 8


@dataclass(frozen=True)
class Falls:
    """λ_min(C) of one set of templates in one network, at each β.

    Attributes:
        templates: name of the set.
        network: name of the network.
        order: L, for depth 1.
        smallest: λ_min(C) at each of `BETAS`.
    """

    templates: str
    network: str
    order: int | None
    smallest: tuple[Interval, ...]


@dataclass(frozen=True)
class Sizes:
    """λ_min(C) of the first r templates of one length.

    Attributes:
        length: of the templates.
        size: r.
        order: L of depth 1.
        smallest: λ_min(C) in each network of `GROWING`, in deep ones of few templates.
    """

    length: int
    size: int
    order: int | None
    smallest: tuple[Interval, ...]


def slope(falls: Falls) -> tuple[float, Interval] | None:
    """β and log₂ λ_min(C)(2β)/λ_min(C)(β), at the least β where both are resolved."""
    for beta, (one, two) in zip(BETAS, pairwise(falls.smallest), strict=False):
        if max(one.relative_halfwidth, two.relative_halfwidth) <= 0.3:
            steepness = Interval(
                math.log2(two.value / one.value),
                math.log2(two.low / one.high),
                math.log2(two.high / one.low),
                2 * one.level - 1,
            )
            return beta, steepness
    return None


def measure_falls(
    templates: str, network: str, cache: ValueCache | None = None
) -> Falls:
    """Estimate λ_min(C) at every β.

    Args:
        templates: one of `SETS`.
        network: one of `NETWORKS`.
        cache: where estimates are kept; the user's cache folder when None.
    """
    architecture, some = NETWORKS[network], SETS[templates]
    order = None
    if architecture.depth == 1:
        order = eigenvalue_orders(some, _ORDER)[-1]
    smallest = [
        attention_eigenvalue(some, replace(architecture, beta=beta), POINTS, cache)
        for beta in BETAS
    ]
    return Falls(templates, network, order, tuple(smallest))


def measure_sizes(length: int, cache: ValueCache | None = None) -> Iterator[Sizes]:
    """Estimate λ_min(C) of nested sets of one length.

    Args:
        length: 3 or 4.
        cache: as for `measure_falls`.
    """
    templates = set_partitions(length)
    orders = dict(nested_orders(templates, _ORDER))
    for size in SIZES[length]:
        smallest = [
            attention_eigenvalue(templates[:size], architecture, POINTS, cache)
            for architecture in GROWING.values()
            if architecture.depth == 1 or size <= MOST_DEEP
        ]
        yield Sizes(length, size, orders[size], tuple(smallest))
