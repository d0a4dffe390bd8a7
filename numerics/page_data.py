"""What a page shows beside a check: the kernel of sampled strings, and other a and b.

The kernel matrix of strings drawn from a task tends to the blocks of N as data gets
more diverse (C4); the multiples a and b of the identity change how much data is needed
(C6).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice

from numerics.architecture import Architecture, read_architecture
from numerics.learning.curves import learning_curve
from numerics.learning.strings_needed import sample_complexity
from numerics.positions import Rotary
from numerics.protocols import AttentionMatrix, Progress
from numerics.strings.deep_components import fits
from numerics.strings.deep_kernel import DeepKernel
from numerics.strings.kernel_matrix import dense_kernel
from numerics.strings.sampled_gram import string_gram
from numerics.template_matrix.estimate import gram_of
from numerics.template_matrix.given import check_architecture, checked_matrix
from numerics.template_matrix.identity_in_values import with_identity_vo
from numerics.template_matrix.record import TemplateGram
from symbind_theory.laws.arguments import symbol_names
from symbind_theory.laws.substitution_laws import Probabilities
from symbind_theory.records.architecture import KernelName
from symbind_theory.records.check import CheckResult
from symbind_theory.records.learning import Curve
from symbind_theory.records.page import Illustration, SampledKernel, Variant
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError

__all__ = ["illustrate", "sampled_kernel", "variants"]

Stage = Callable[[str], AbstractContextManager[Progress]]
"""Opens a stage of the work by its description; inside, progress is reported."""

# A picture of more strings shows no more; of fewer than two of a template, no block.
_STRINGS = 72
_STRINGS_OF_A_TEMPLATE = (2, 12)

# Small enough that some strings share a symbol, so that the blocks show exceptions.
_VOCABULARY = 64

_POINTS = 2**13
# Shades of a picture show no more.
_DEEP_POINTS = 2**11

# The multiples that are tried where the architecture has none: those of claim C6.
_IDENTITY_KQ = 2.0
_IDENTITY_VO = 1.0

# Curves are drawn over decades: a tenth of λ_min is not seen. Intervals say what fewer
# points cost where λ_min asks for more.
_REL_TOL = 0.1
_VARIANT_POINTS = 2**12


def illustrate(
    result: CheckResult,
    architecture: Architecture | None = None,
    *,
    max_points: int = 2**16,
    device: str = "auto",
    stage: Stage | None = None,
    gram: AttentionMatrix | None = None,
) -> Illustration:
    """Sample the kernel, and estimate N with other multiples of the identity.

    Args:
        result: the check that is illustrated; its seed is used here too.
        architecture: the one that was checked; `Architecture()` when None.
        max_points: outer points at most for each variant, ≥ 64; no more than 2^12 are
            drawn.
        device: "auto", "cpu" or "cuda".
        stage: opens a stage of the work by its description, for its progress.
        gram: the check's template matrix, if it is there still: a variant in b needs no
            other points.

    Raises:
        InputError: an architecture other than the one that was checked, or a gram of
            another architecture or of other templates.
    """
    architecture = _checked(result, architecture)
    stage = stage or _silent
    with stage("sampling the kernel") as progress:
        kernel = sampled_kernel(
            result.task,
            architecture,
            result.seed,
            kernel=result.kernel,
            device=device,
            level=result.estimates.level,
            progress=progress,
        )
    return Illustration(
        kernel=kernel,
        variants=variants(result, architecture, max_points, device, stage, gram=gram),
        templates=result.task.templates,
        architecture=result.architecture,
    )


def _checked(result: CheckResult, architecture: Architecture | None) -> Architecture:
    """The architecture passed, or the default, if it is the one that was checked.

    Raises:
        InputError: it is another one.
    """
    meant = read_architecture(architecture)
    check_architecture("result", result.architecture, meant)
    return meant


def _silent(description: str) -> AbstractContextManager[Progress]:
    """A stage whose progress nobody looks at."""
    return nullcontext(lambda done, total: None)


def sampled_kernel(
    task: TemplateTask,
    architecture: Architecture,
    seed: int = 0,
    *,
    kernel: KernelName = "nngp",
    device: str = "auto",
    level: float = 0.999,
    progress: Progress | None = None,
) -> SampledKernel:
    """K_trans between strings of the task, equally many of each template.

    At most 36 templates are drawn from, the first; of a deep transformer no more than
    its kernel can be estimated for. Substitutions follow the task's laws, on 64 tokens
    or those that the laws name. Intervals of a deep kernel have the level 0.999.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> found = sampled_kernel(task, Architecture())
    >>> len(found.strings), found.template_indices[:13]
    (24, (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))
    """
    least, most = _STRINGS_OF_A_TEMPLATE
    each = min(most, max(least, _STRINGS // len(task)))
    tokens = _tokens(task)
    strings: list[str] = []
    indices: list[int] = []
    one_layer = architecture.one_layer and kernel == "nngp"
    for i in range(_drawn_from(task, architecture, one_layer)):
        alone = TemplateTask([task.templates[i]], [0], laws=task.laws[i])
        # Distinct for each template, and for each seed of the check.
        strings += alone.sample(each, tokens, seed=seed * len(task) + i).strings
        indices += [i] * each
    if one_layer:
        gram = string_gram(
            strings,
            architecture,
            points=_POINTS,
            seed=seed,
            device=device,
            level=level,
            progress=progress,
        )
        matrix, level, points = gram.matrix, gram.level, gram.points
        halfwidth = float(gram.halfwidth["matrix"].max())
    else:
        points = _DEEP_POINTS
        deep = DeepKernel(architecture, points, seed, device, kernel=kernel)
        dense = dense_kernel(strings, deep, task.regular_tokens, progress)
        matrix, level, halfwidth = dense.matrix, dense.level, dense.halfwidth
    return SampledKernel(
        strings=tuple(strings),
        template_indices=tuple(indices),
        matrix=tuple(map(tuple, matrix.tolist())),
        halfwidth=halfwidth,
        level=level,
        vocabulary=len(tokens),
        points=points,
    )


def _drawn_from(task: TemplateTask, architecture: Architecture, one_layer: bool) -> int:
    """How many templates strings are drawn from, the first ones."""
    count = min(len(task), _STRINGS // _STRINGS_OF_A_TEMPLATE[0])
    if not one_layer:
        while count > 1 and not fits(task.templates[:count], 1, architecture):
            count -= 1
    return count


def _tokens(task: TemplateTask) -> tuple[str, ...]:
    """Tokens that every law of the task can draw from."""
    named = {
        token: None
        for law in task.laws
        if isinstance(law, Probabilities)
        for token in law.tokens
    }
    fresh = symbol_names([*task.regular_tokens, *named])
    needed = max(len(t.wildcards) for t in task.templates)
    return (*named, *islice(fresh, max(0, max(_VOCABULARY, needed) - len(named))))


@dataclass(frozen=True, slots=True)
class _Change:
    """Multiples of the identity, and what they are called."""

    name: str
    identity_kq: float
    identity_vo: float


def variants(
    result: CheckResult,
    architecture: Architecture,
    max_points: int = 2**16,
    device: str = "auto",
    stage: Stage | None = None,
    *,
    gram: AttentionMatrix | None = None,
) -> tuple[Variant, ...]:
    """Without a and b, with a alone, and with b alone, but for what was checked.

    Where the architecture has no a it is 2 here, where it has no b it is 1. Seed,
    method and level are the check's. One sampling serves all b of one a, the check's
    own where it has no b and its matrix is passed.

    Raises:
        InputError: an architecture other than the one that was checked, or a gram of
            another architecture or of other templates.
    """
    architecture = _checked(result, architecture)
    curve, complexity = result.learning_curve, result.sample_complexity
    if curve is None or complexity is None:
        return ()
    stage = stage or _silent
    without_b = _estimated_already(result, architecture, gram)
    found = []
    for change in _changes(architecture):
        a, b = change.identity_kq, change.identity_vo
        with stage(f"with {change.name}") as progress:
            if a not in without_b:
                plain = replace(architecture, identity_kq=a, identity_vo=0.0)
                without_b[a] = _few_points(result, plain, max_points, device, progress)
            matrix = without_b[a]
            if b and isinstance(matrix, TemplateGram):
                matrix = with_identity_vo(matrix, b)
            elif b:
                # Blocks after the first see what b adds.
                changed = replace(architecture, identity_kq=a, identity_vo=b)
                matrix = _few_points(result, changed, max_points, device, progress)
        implied = learning_curve(
            result.task,
            None,
            curve.sizes,
            curve.alpha,
            counts="random",
            seed=result.seed,
            gram=matrix,
        )
        found.append(
            Variant(
                name=change.name,
                identity_kq=change.identity_kq,
                identity_vo=change.identity_vo,
                smallest_eigenvalue=matrix.smallest_eigenvalue,
                sample_complexity=sample_complexity(
                    result.task,
                    target=complexity.target,
                    alpha=complexity.alpha,
                    seed=result.seed,
                    gram=matrix,
                ),
                curve=Curve(implied.sizes, implied.intervals, implied.alpha),
            )
        )
    return tuple(found)


def _estimated_already(
    result: CheckResult, architecture: Architecture, gram: AttentionMatrix | None
) -> dict[float, AttentionMatrix]:
    """The check's matrix by its a, if it is passed and has no b.

    Raises:
        InputError: a gram of another check.
    """
    if gram is None:
        return {}
    checked_matrix("gram", gram, result.task.templates, architecture)
    if gram.kernel != result.kernel:
        raise InputError(
            f"gram is of the kernel {gram.kernel!r}; expected {result.kernel!r}, "
            "which was checked"
        )
    if architecture.identity_vo != 0:
        return {}
    return {architecture.identity_kq: gram}


def _few_points(
    result: CheckResult,
    architecture: Architecture,
    max_points: int,
    device: str,
    progress: Progress,
) -> AttentionMatrix:
    """The estimate for a variant, from no more points than a curve shows."""
    return gram_of(
        result.kernel,
        result.task.templates,
        architecture,
        rel_tol=_REL_TOL,
        max_points=min(max_points, _VARIANT_POINTS),
        seed=result.seed,
        device=device,
        method=result.estimates.method,
        level=result.estimates.level,
        progress=progress,
    )


def _changes(architecture: Architecture) -> list[_Change]:
    a, b = architecture.identity_kq, architecture.identity_vo
    tried = [
        _Change("a = b = 0", 0.0, 0.0),
        _Change(f"a = {a or _IDENTITY_KQ:g}", a or _IDENTITY_KQ, 0.0),
        _Change(f"b = {b or _IDENTITY_VO:g}", 0.0, b or _IDENTITY_VO),
    ]
    # Between queries and keys that positions turn there is no multiple.
    turned = isinstance(architecture.relative, Rotary)
    return [
        c
        for c in tried
        if (c.identity_kq, c.identity_vo) != (a, b) and not (turned and c.identity_kq)
    ]
