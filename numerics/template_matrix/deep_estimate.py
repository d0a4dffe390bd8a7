"""The template matrix of a deep transformer, from independent runs through its blocks.

Runs are made with four times the points at each look, until λ_min(N) is known well
enough; the look before tells what bias the runs have.

Source: symbind; docs/theorem-d.md for the recursion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from numerics.architecture import Architecture
from numerics.averages.jackknife import GROUPS
from numerics.averages.replications import map_replications
from numerics.averages.threads import one_thread
from numerics.deep.averaging import Averaging, Sizes
from numerics.deep.recursion import run_blocks
from numerics.deep.shared_directions import from_covariance
from numerics.devices import resolve_device
from numerics.positions import Rotary
from numerics.template_matrix.accuracy import Accuracy
from numerics.template_matrix.deep_record import DeepGram, DeepRun, DeepRuns
from numerics.template_matrix.spectrum import Confidence
from symbind_theory.records.architecture import KernelName
from symbind_theory.separation.incidence import Incidence, incidence_of
from symbind_theory.templates import Template
from symbind_theory.validation import InputError

__all__ = ["deep_gram"]

# Points of the first look's runs, and by how much they grow from look to look.
_FIRST = 64
_GROWTH = 4
# The error of grids for what a string has of its own, and what Mehler's series drops of
# each MLP (1e-7 of the smallest eigenvalue), are below this; where directions come from
# a covariance less is sure.
_RELATIVE_ERROR = 1e-8
_RELATIVE_ERROR_OF_MANY = 1e-7
# Logits of all rows at most: their covariance then takes half a GiB.
_MOST_LOGITS = 2**13


@one_thread()
def deep_gram(
    templates: Sequence[Template],
    architecture: Architecture,
    accuracy: Accuracy,
    kernel: KernelName = "nngp",
) -> DeepGram:
    """Estimate N of a transformer of any depth.

    Args:
        templates: templates of one length.
        architecture: the transformer.
        accuracy: how many points, and where to compute.
        kernel: "ntk" for the tangent kernel.

    Raises:
        InputError: float32, which the differences of deep streams do not survive, or
            a tangent kernel that is not known.
    """
    if accuracy.precision != "float64":
        raise InputError(
            f"precision is {accuracy.precision!r} with depth {architecture.depth}; "
            "expected 'float64': single precision is for one layer"
        )
    if kernel == "ntk":
        _check_trained(architecture)
    canonical = [t.canonical() for t in templates]
    # Sorted, so that the points, and every bit, are the same in whatever order.
    distinct = tuple(sorted(set(canonical), key=lambda t: t.tokens))
    incidences = [incidence_of(t, architecture.readout) for t in distinct]
    keys = incidences[0].size
    _check_size(len(distinct), keys)
    many = from_covariance(len(distinct) * keys, keys)
    sizes = _sizes(accuracy.max_points // GROUPS)
    averaged = partial(_run, incidences, architecture, kernel)
    layers = architecture.depth * len(distinct) * keys**2
    looks = _looks(averaged, layers, accuracy, sizes)
    fewer = next(looks)
    _check_steepness(fewer, GROUPS * sizes[-1])
    for size, runs in zip(sizes[1:], looks, strict=True):
        _check_steepness(runs, GROUPS * sizes[-1])
        gram = DeepGram(
            templates=tuple(templates),
            architecture=architecture,
            points=GROUPS * size,
            seed=accuracy.seed,
            confidence=Confidence(accuracy.level, len(sizes) - 1),
            method=accuracy.method,
            device=str(resolve_device(accuracy.device)),
            column=tuple(distinct.index(t) for t in canonical),
            runs=runs,
            fewer=fewer,
            kernel=kernel,
            relative_error=_RELATIVE_ERROR_OF_MANY if many else _RELATIVE_ERROR,
        )
        enough = gram.points >= runs.points_needed
        precise = gram.smallest_eigenvalue.relative_halfwidth <= accuracy.rel_tol
        if (precise and enough) or size == sizes[-1]:
            return gram
        fewer = runs
    raise AssertionError("there are two looks at least")


def _check_trained(architecture: Architecture) -> None:
    """See that the tangent kernel of a transformer is known.

    Raises:
        InputError: it is not.
    """
    if isinstance(architecture.relative, Rotary):
        raise InputError(
            "relative is rotary with the tangent kernel; expected embedded positions "
            "or a bias by distance: what trained rotary logits add is not estimated"
        )
    if architecture.tokens is not None:
        raise InputError(
            "tokens is a Gram matrix with the tangent kernel; expected None: "
            "embeddings that are not independent may be trained in more than one way"
        )


def _check_steepness(runs: DeepRuns, points: int) -> None:
    """Refuse logits so steep that no point may lie where softmax has a slope.

    Raises:
        InputError: they are.
    """
    if points < runs.points_needed:
        # Points are rounded down to a power of two.
        least = 2.0 ** math.ceil(math.log2(runs.points_needed))
        raise InputError(
            f"max_points is {points} with the tangent kernel, and logits differ by up "
            f"to {runs.steepness:.3g}, too steep for so few; expected at least "
            f"{least:.10g}, or a lower beta, or normalisation"
        )


def _check_size(templates: int, keys: int) -> None:
    """Refuse what would take too much memory, before anything is allocated.

    Raises:
        InputError: too many logits.
    """
    logits = templates * keys**2
    if logits > _MOST_LOGITS:
        size = 8 * 3 * logits**2 / 2**30
        raise InputError(
            f"{templates} templates of {keys} positions have {logits} logits in a "
            f"block, whose covariance takes {size:.1f} GiB; expected at most "
            f"{_MOST_LOGITS} logits: take fewer templates or shorter ones"
        )


def _sizes(largest: int) -> list[int]:
    """Points of each run at every look, two looks at least."""
    sizes = [1 << (largest.bit_length() - 1)]
    while sizes[0] >= _GROWTH * _FIRST or len(sizes) < 2:
        sizes.insert(0, max(1, sizes[0] // _GROWTH))
    return sizes


def _looks(
    averaged: Callable[[Averaging, int], DeepRun],
    layers: int,
    accuracy: Accuracy,
    sizes: Sequence[int],
) -> Iterator[DeepRuns]:
    """Independent runs, of one size after the other.

    Args:
        averaged: one run.
        layers: logits of all its blocks.
        accuracy: where to compute, and whom to tell.
        sizes: points of each run.
    """
    device = resolve_device(accuracy.device)
    done = 0
    for look, size in enumerate(sizes):
        averaging = Averaging(Sizes.of(size), accuracy.seed, accuracy.method, device)
        task = partial(averaged, averaging)
        # Runs of different sizes are independent of each other too.
        numbers = range(GROUPS * look, GROUPS * (look + 1))
        runs = []
        for run in map_replications(task, numbers, device, size * layers):
            runs.append(run)
            done += size
            accuracy.report(done, GROUPS * sum(sizes))
        yield DeepRuns.of(runs)


def _run(
    templates: Sequence[Incidence],
    architecture: Architecture,
    kernel: KernelName,
    averaging: Averaging,
    run: int,
) -> DeepRun:
    """What is read after one run."""
    trained = kernel == "ntk"
    return DeepRun.of(
        run_blocks(templates, architecture, averaging, run, trained=trained)
    )
