"""The template matrix N of a transformer of any depth, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numerics.architecture import Architecture, read_architecture
from numerics.protocols import Progress
from numerics.template_matrix.accuracy import Accuracy
from numerics.template_matrix.deep_estimate import deep_gram
from numerics.template_matrix.deep_record import DeepGram
from numerics.template_matrix.one_layer import one_layer_gram
from numerics.template_matrix.record import TemplateGram
from symbind_theory.records.architecture import KernelName, read_kernel_name
from symbind_theory.task_arguments import check_list, parse_line
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template, read_templates

__all__ = ["gram_of", "tangent_gram", "template_gram"]


def template_gram(
    templates: TemplateTask | Sequence[Template | str],
    architecture: Architecture | None = None,
    rel_tol: float = 1e-3,
    max_points: int = 2**16,
    seed: int = 0,
    device: str = "auto",
    method: str = "rqmc",
    *,
    level: float = 0.999,
    precision: str = "float64",
    progress: Progress | None = None,
) -> TemplateGram | DeepGram:
    """Estimate the template matrix and everything that goes with it.

    Points are added, doubling each time, until the halfwidth of λ_min(N) is at most
    `rel_tol` of its value, or `max_points` are used and the interval stays wider. Deep
    transformers take four times as many each time, all anew.

    >>> gram = template_gram(["?a ?a", "?a ?b"])
    >>> gram.smallest_eigenvalue.relative_halfwidth < 1e-3
    True
    >>> deep = Architecture(depth=2, residual=1.0, normalisation="pre")
    >>> template_gram(["?a ?a", "?a ?b"], deep, 0.1).smallest_eigenvalue.low > 0
    True

    Args:
        templates: templates of one length, their text, lines such as "?a ?a -> 1", or
            a task. Equivalent ones are computed once, so that their gap is exactly 0.
        architecture: the transformer; `Architecture()` when None.
        rel_tol: relative halfwidth aimed at for λ_min(N), in (0, 1]. Raise it to 0.1
            where only the sign of λ_min matters; lower it where strings needed are
            compared.
        max_points: points of each average at most; at least 64. They come in 16 groups
            of one size, for "rqmc" a power of two: rounded down. Raise it where the
            interval comes back wider than `rel_tol`, or reaches down to 0. Below
            `points_needed` of the record all intervals are unbounded.
        seed: equal seeds give equal bits, different seeds independent points.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        method: "rqmc": independent scramblings of Sobol' points; "mc": pseudo-random
            points, whose error falls as n^{−1/2} only: choose it where nothing but
            independence is to be assumed.
        level: coverage of every interval, in (0, 1).
        precision: in which features are computed, "float64" or, for one layer,
            "float32"; the intervals include what it costs. All that follows from the
            features is computed in float64.
        progress: called with (points done, points at most).

    Raises:
        InputError: an argument out of range, or a deep transformer in float32.
    """
    accuracy = Accuracy(
        rel_tol=rel_tol,
        max_points=max_points,
        seed=seed,
        device=device,
        method=method,
        level=level,
        precision=precision,
        progress=progress,
    )
    parsed = _read_templates(templates)
    architecture = read_architecture(architecture)
    if architecture.one_layer:
        return one_layer_gram(parsed, architecture, accuracy)
    return deep_gram(parsed, architecture, accuracy)


def tangent_gram(
    templates: TemplateTask | Sequence[Template | str],
    architecture: Architecture | None = None,
    rel_tol: float = 1e-3,
    max_points: int = 2**16,
    seed: int = 0,
    device: str = "auto",
    method: str = "rqmc",
    *,
    level: float = 0.999,
    progress: Progress | None = None,
) -> DeepGram:
    """Estimate the matrix of the tangent kernel Θ: all layers are trained.

    Gradient flow on all parameters of a wide transformer, its output centred at the
    start, is kernel regression with Θ in the limit. `matrix` and `matrix_self` are Θ's,
    `attention` and the gaps those of `template_gram`. The multiples a and b of the
    identity and what normalisation multiplies by are held.

    >>> deep = Architecture(depth=2, residual=1.0, normalisation="pre")
    >>> gram = tangent_gram(["?a ?a", "?a ?b"], deep, 0.1)
    >>> gram.kernel, gram.smallest_eigenvalue.low > 0
    ('ntk', True)

    Args:
        templates: templates of one length, as `template_gram` takes them.
        architecture: the transformer, of one layer or deep; `Architecture()` when None.
        rel_tol: relative halfwidth aimed at for λ_min(Θ), in (0, 1]. Raise it to 0.1
            where only the sign matters.
        max_points: points of each average at most, as in `template_gram`. Raise it
            where the interval comes back wider than `rel_tol`.
        seed: equal seeds give equal bits, different seeds independent points.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        method: "rqmc" or "mc", as in `template_gram`: choose "mc" where nothing but
            independence is to be assumed.
        level: coverage of every interval, in (0, 1).
        progress: called with (points done, points at most).

    Raises:
        InputError: an argument out of range, rotary positions or a token Gram matrix,
            an activation with jumps, or logits too steep for so many points.

    Source: symbind; docs/theorem-d.md.
    """
    accuracy = Accuracy(
        rel_tol=rel_tol,
        max_points=max_points,
        seed=seed,
        device=device,
        method=method,
        level=level,
        progress=progress,
    )
    parsed = _read_templates(templates)
    return deep_gram(parsed, read_architecture(architecture), accuracy, "ntk")


def gram_of(
    kernel: KernelName,
    templates: TemplateTask | Sequence[Template | str],
    architecture: Architecture | None = None,
    **settings: Any,
) -> TemplateGram | DeepGram:
    """`template_gram`, or `tangent_gram` for the kernel "ntk".

    >>> gram_of("ntk", ["?a ?a", "?a ?b"], max_points=2**10).kernel
    'ntk'

    Args:
        kernel: "nngp", the readout alone trained, or "ntk", all layers.
        templates: templates of one length.
        architecture: the transformer; `Architecture()` when None.
        settings: further arguments of the two.

    Raises:
        InputError: another kernel, or what the two refuse.
    """
    trained = read_kernel_name(kernel) == "ntk"
    estimate = tangent_gram if trained else template_gram
    return estimate(templates, architecture, **settings)


def _read_templates(
    templates: TemplateTask | Sequence[Template | str],
) -> tuple[Template, ...]:
    if isinstance(templates, TemplateTask):
        templates = templates.templates
    check_list("templates", templates, "of templates, such as ['?a ?a', '?a ?b']")
    return read_templates(
        parse_line(t)[0] if isinstance(t, str) and "->" in t else t for t in templates
    )
