"""What sharing tokens adds to the kernel of a deep transformer, component by component.

The recursion (`run_blocks`) makes the kernel of two strings, the tangent kernel too, a
Gram matrix entry of two templates: tokens that both have are regular, all other tokens
wildcards, and no covariance but that of the pair enters. So with X_T the template of X
in which the tokens of T are regular, and r the columns of one run's root,

    K(X, Y) = ⟨r(X_T), r(Y_T)⟩,     T = X ∩ Y,

up to the run's error; and ⟨r(X_T), r(Y_U)⟩ has the same mean as for T ∩ U alone. The
sums over subsets f_S(X) = Σ_{T⊆S} (−1)^{|S|−|T|} r(X_T) have therefore

    E⟨f_S(X), f_S(Y)⟩ = Σ_{T⊆S} (−1)^{|S|−|T|} K(pair that shares T) = M_S(X, Y),
    K(X, Y) = N_ij + Σ_{∅≠S⊆X∩Y} M_S(X, Y),

though a deep network's features, unlike those after one attention, are no conditional
expectations. One family of templates, all patterns with all ways to show a set S, goes
through the blocks at the same points: what it gives for M_S is a Gram matrix, to the
last bit and not on average only. A run has a bias, which falls with its points; what it
loses from a quarter of them to all is in every halfwidth.

Source: symbind; docs/theorem-d.md for the recursion; Hoeffding 1948 for the components.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import factorial

import numpy as np

from numerics.architecture import Architecture
from numerics.averages.group_means import averaged
from numerics.averages.jackknife import GROUPS
from numerics.averages.replications import map_replications
from numerics.averages.threads import one_thread
from numerics.deep.averaging import Averaging, Sizes
from numerics.deep.recursion import run_blocks
from numerics.deep.shared_directions import from_covariance
from numerics.devices import resolve_device
from numerics.shapes import Float64
from numerics.store.value_cache import ValueCache
from numerics.strings.component_table import architecture_key
from numerics.strings.faces import Face, Plan, component_templates, faces_of
from numerics.strings.overlap_components import ComponentGram, over_orders
from symbind_theory.records.architecture import KernelName
from symbind_theory.separation.incidence import Incidence, incidence_of
from symbind_theory.templates import Template, fresh_tokens
from symbind_theory.validation import InputError

__all__ = [
    "LEAST_POINTS",
    "DeepSettings",
    "deep_component_gram",
    "fits",
    "refuse_unless_it_fits",
]

_log = logging.getLogger(__name__)

LEAST_POINTS = 64 * GROUPS
"""Points of every average at least."""

# Logits of all templates of a family at most: the principal directions of as many take
# a minute in each block of each run.
_MOST_LOGITS = 2**11
# Multiplications from where an estimate takes minutes rather than seconds.
_LONG_WORK = 2**38
# Multiplications for all eigenvectors of a matrix, as multiples of its rows cubed.
_BY_EIGENVALUES = 10
# Runs up to here are those of the template matrix, which has the same seed.
_FIRST_RUN = 16 * GROUPS
# Points of the runs that show the bias, as a part of the others'.
_SHARE = 4
# Relative error of a run's root by rounding, and by rules whose points are not drawn;
# where directions of logits come from their covariance there is more of it.
_RELATIVE_ERROR, _RELATIVE_ERROR_OF_MANY = 1e-9, 1e-7


@dataclass(frozen=True)
class DeepSettings:
    """What all components of a kernel depend on.

    Attributes:
        architecture: the transformer.
        kernel: "nngp" or "ntk".
        points: of every average, in 16 runs of a power of two each; components of more
            tokens than one are smaller, and get a quarter for each token more.
        seed: equal seeds give equal points.
        device: "auto", "cpu" or "cuda".
        cache: where values are kept.
    """

    architecture: Architecture
    kernel: KernelName
    points: int
    seed: int
    device: str
    cache: ValueCache


def fits(patterns: Sequence[Template], size: int, architecture: Architecture) -> bool:
    """Whether all ways in which patterns show so many tokens fit into one run.

    Args:
        patterns: of one length.
        size: number of tokens; 0 for strings that share none.
        architecture: the transformer.
    """
    return _logits(patterns, size, architecture) <= _MOST_LOGITS


def refuse_unless_it_fits(
    patterns: Sequence[Template], size: int, architecture: Architecture
) -> None:
    """See that they do, before anything is computed.

    Args:
        patterns: of one length.
        size: number of tokens; 0 for strings that share none.
        architecture: the transformer.

    Raises:
        InputError: they do not.
    """
    logits = _logits(patterns, size, architecture)
    if logits > _MOST_LOGITS:
        raise InputError(
            f"strings of {patterns[0].length} tokens show {len(patterns)} patterns: "
            f"with depth {architecture.depth} the kernel of those that share {size} "
            f"tokens has {logits} logits in a block; expected at most {_MOST_LOGITS}, "
            "which take a minute in each run: use shorter strings or fewer patterns, "
            "or one layer"
        )


def _showing(patterns: Sequence[Template], size: int) -> list[Template]:
    """Those with enough wildcards."""
    return [t for t in patterns if len(t.wildcards) >= size]


def _logits(patterns: Sequence[Template], size: int, architecture: Architecture) -> int:
    """Rows of attention times keys, of all templates of a family."""
    keys = incidence_of(patterns[0], architecture.readout).size
    showing = _showing(patterns, size)
    templates = sum(component_templates(len(t.wildcards), size) for t in showing)
    return templates * keys**2


def deep_component_gram(
    patterns: Sequence[Template],
    size: int,
    settings: DeepSettings,
    report: Callable[[int], None] = lambda done: None,
) -> ComponentGram:
    """Estimate M_S for all sets S of one size, from the cache where it is there.

    Args:
        patterns: canonical and distinct, of one length; those with fewer wildcards
            than tokens have no part. Their order changes nothing.
        size: number of tokens, ≥ 0; the one component of size 0 is N itself.
        settings: of the kernel.
        report: called with the runs done so far, out of 32.

    Returns:
        The components, a Gram matrix over faces and orders; bias is in the halfwidths.

    Raises:
        InputError: more than fits into one run.
    """
    refuse_unless_it_fits(patterns, size, settings.architecture)
    showing = sorted(_showing(patterns, size), key=lambda t: t.tokens)
    faces = tuple(faces_of(showing, size))
    key = {
        "what": "deep components",
        "architecture": architecture_key(settings.architecture),
        "kernel": settings.kernel,
        "points": settings.points,
        "seed": settings.seed,
        "device": str(resolve_device(settings.device)),
        "size": size,
        "patterns": [t.tokens for t in showing],
    }
    compute = partial(_estimate, showing, size, settings, report)
    kept = settings.cache.get(key, compute) if faces else _nothing()
    return ComponentGram(
        faces=faces,
        values=kept["values"],
        halfwidth=kept["halfwidth"],
        error=float(kept["error"]),
    )


def _nothing() -> dict[str, np.ndarray]:
    none = np.zeros((0, 0, 1))
    return {"values": none, "halfwidth": none, "error": np.array(0.0)}


@one_thread()
def _estimate(
    patterns: Sequence[Template],
    size: int,
    settings: DeepSettings,
    report: Callable[[int], None],
) -> dict[str, np.ndarray]:
    """The means over runs, and what they may be off by."""
    tokens = settings.architecture.tokens
    named = tokens.tokens if tokens is not None else ()
    names = fresh_tokens([*named, *(x for t in patterns for x in t.regular_tokens)])
    faces = faces_of(patterns, size)
    runs = _Runs.of(faces, [next(names) for _ in range(size)], settings)
    each = max(settings.points >> 2 * max(size - 1, 0), LEAST_POINTS) // GROUPS
    runs.announce(each)
    few, _ = averaged(runs.made(0, each // _SHARE), report)
    mean, spread = averaged(runs.made(1, each), lambda done: report(GROUPS + done))
    spread += np.abs(mean - few)
    shape = len(faces), len(faces), factorial(size)
    values, halfwidth = (x[:-2].reshape(shape) for x in (mean, spread))
    # A component is a sum of 2^s columns of the root.
    square, rule_error = mean[-2:]
    delta = 2**size * (runs.relative_error + rule_error) * math.sqrt(square)
    longest = math.sqrt(max(float(values.max()), 0.0))
    error = np.array(2 * delta * longest + delta**2)
    return {"values": values, "halfwidth": halfwidth, "error": error}


@dataclass(frozen=True)
class _Runs:
    """Runs of one family of templates.

    Attributes:
        templates: as the network sees them.
        plan: how components are made of them.
        size: number of tokens.
        settings: of the kernel.
    """

    templates: Sequence[Incidence]
    plan: Plan
    size: int
    settings: DeepSettings

    @classmethod
    def of(
        cls, faces: Sequence[Face], pool: Sequence[str], settings: DeepSettings
    ) -> _Runs:
        """The runs for faces that show the tokens of a pool."""
        plan = Plan.of(faces, pool)
        architecture = settings.architecture
        templates = [incidence_of(t, architecture.readout) for t in plan.templates]
        if architecture.tokens is not None:
            # Shared tokens are regular in these templates, and still symbols.
            tokens = architecture.tokens.with_symbols(pool)
            settings = replace(
                settings, architecture=replace(architecture, tokens=tokens)
            )
        return cls(templates, plan, len(pool), settings)

    @property
    def _sites(self) -> int:
        return len(self.templates) * self.templates[0].size

    @property
    def relative_error(self) -> float:
        """Of the root of each run."""
        many = from_covariance(self._sites, self.templates[0].size)
        return _RELATIVE_ERROR_OF_MANY if many else _RELATIVE_ERROR

    def announce(self, points: int) -> None:
        """Say beforehand that the runs will take long.

        Args:
            points: of each run.
        """
        directions = (self._sites * self.templates[0].size) ** 3
        each = points * self._sites**3 + _BY_EIGENVALUES * directions
        work = GROUPS * self.settings.architecture.depth * each
        if work > _LONG_WORK:
            _log.warning(
                "strings share %d tokens: %.1g operations for %d templates, a long "
                "estimate unless it is in the cache; fewer points, shorter strings or "
                "a larger vocabulary make it shorter",
                self.size,
                work,
                len(self.templates),
            )

    def made(self, look: int, points: int) -> Iterator[Float64[np.ndarray, " entries"]]:
        """The components of each run, and two numbers of its root.

        They are the largest squared length of a column, and its relative error by
        coefficients of the activation that are not exact.

        Args:
            look: 0 for the runs that show the bias, 1 for the others.
            points: of each run.
        """
        device = resolve_device(self.settings.device)
        averaging = Averaging(Sizes.of(points), self.settings.seed, "rqmc", device)
        first = _FIRST_RUN + GROUPS * (2 * self.size + look)
        task = partial(_one_run, self, averaging)
        numbers = self._sites**2 * points
        yield from map_replications(task, range(first, first + GROUPS), device, numbers)


def _one_run(
    runs: _Runs, averaging: Averaging, run: int
) -> Float64[np.ndarray, " entries"]:
    settings = runs.settings
    streams = run_blocks(
        runs.templates,
        settings.architecture,
        averaging,
        run,
        trained=settings.kernel == "ntk",
    )
    root = streams.output.root.mean(2)
    components = root[:, runs.plan.parts] @ runs.plan.signs
    products = over_orders(components.T @ components, runs.size)
    longest = (root**2).sum(0).max()
    return np.append(products.ravel(), [longest, sum(streams.rule_errors)])
