"""What is said of a `gram=` or an architecture that is none.

Under pytest annotations are checked before a function sees its arguments, but for what
runs within `shape_checks.unchecked`.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from numerics import (
    Architecture,
    TemplateGram,
    alignment,
    diversity_bound,
    gap_bounds,
    learning_curve,
    perturbed_curve,
    sample_complexity,
    string_gram,
    template_gram,
)
from numerics.activations import Cosine
from numerics.kernels.closed_form import closed_matrix
from numerics.kernels.equality_kernels import equality_kernel
from numerics.page_data import illustrate
from numerics.strings.one_layer_kernel import OneLayerKernel
from numerics.strings.strings_apart import pattern_matrix
from numerics.template_matrix.read_back import matrix_read_back
from proofs_check import block_structure, generalisation
from symbind_theory import TemplateTask, check
from symbind_theory.validation import InputError, shorten

TASK = TemplateTask(["?1 ?1", "?1 ?2"], [1, -1])
NO_MATRIX: Any = 3
NO_ARCHITECTURE: Any = "x"
NO_TASK: Any = "same-different"
THE_CLASS: Any = TemplateGram

_RESULT = check(TASK, max_points=64)
_KERNEL = OneLayerKernel(points=2**10, cache=None)
# Nothing is known of the attention kernel behind any of these.
_BARE: dict[str, Any] = {
    "closed": closed_matrix(
        partial(equality_kernel, activation=Cosine()), TASK.templates
    ),
    "apart": pattern_matrix(_KERNEL.gram(TASK.templates), _KERNEL.architecture),
    "read": matrix_read_back(_RESULT, Architecture()),
}
_TAKE_GRAM = (sample_complexity, learning_curve, alignment, generalisation)
_TAKE_ARCHITECTURE = (sample_complexity, learning_curve, alignment, check)
_GRAM = template_gram(TASK.templates, max_points=64)


def _of_no_architecture() -> None:
    odd = replace(_BARE["apart"], architecture=NO_ARCHITECTURE)
    learning_curve(TASK, Architecture(), gram=odd)


CASES: dict[str, tuple[partial[Any], str]] = {
    **{
        f"{f.__name__}, gram of type {type(given).__name__}": (
            partial(f, TASK, gram=given),
            f"gram is {shorten(given)}; expected a template matrix, such as",
        )
        for f in _TAKE_GRAM
        for given in (NO_MATRIX, np.eye(2))
    },
    **{
        f"{f.__name__}, architecture": (
            partial(f, TASK, NO_ARCHITECTURE),
            "architecture is 'x'; expected an Architecture",
        )
        for f in (*_TAKE_ARCHITECTURE, generalisation, block_structure)
    },
    **{
        f"{f.__name__} of templates, architecture": (
            partial(f, ["a b"], NO_ARCHITECTURE),
            "architecture is 'x'; expected an Architecture",
        )
        for f in (template_gram, gap_bounds, string_gram)
    },
    "an architecture beside a matrix": (
        partial(sample_complexity, TASK, NO_ARCHITECTURE, gram=_GRAM),
        "architecture is 'x'; expected an Architecture",
    ),
    "illustrate, architecture": (
        partial(illustrate, _RESULT, NO_ARCHITECTURE),
        "architecture is 'x'; expected an Architecture",
    ),
    **{
        f"{f.__name__}, {name}": (call, said)
        for f, arguments in ((perturbed_curve, (50,)), (diversity_bound, (5, 3.0)))
        for name, call, said in (
            (
                "kernel",
                partial(f, TASK, *arguments, kernel=NO_MATRIX),
                "kernel is 3; expected 'nngp', 'ntk', an object with a method "
                "gram(patterns), or None",
            ),
            (
                "architecture",
                partial(f, TASK, *arguments, architecture=NO_ARCHITECTURE),
                "architecture is 'x'; expected an Architecture",
            ),
            (
                "architecture beside a kernel",
                partial(
                    f, TASK, *arguments, architecture=NO_ARCHITECTURE, kernel=_KERNEL
                ),
                "architecture is 'x'; expected an Architecture",
            ),
        )
    },
    "one-layer kernel, architecture": (
        partial(OneLayerKernel, NO_ARCHITECTURE),
        "architecture is 'x'; expected an Architecture",
    ),
    "a matrix read back, architecture": (
        partial(matrix_read_back, _RESULT, NO_ARCHITECTURE),
        "architecture is 'x'; expected an Architecture",
    ),
    "the name of a task": (
        partial(learning_curve, NO_TASK),
        "template 'same-different' has 0 '->'; expected one: 'template -> label'",
    ),
    "the class of a matrix": (
        partial(learning_curve, TASK, gram=THE_CLASS),
        "gram is the class TemplateGram; expected a template matrix",
    ),
    "a matrix of what is no architecture": (
        partial(_of_no_architecture),
        "the architecture of gram is not known; expected Architecture(",
    ),
    "no blocks": (
        partial(block_structure, TASK, blocks=NO_MATRIX),
        "blocks is 3; expected a template matrix, such as template_gram returns",
    ),
    **{
        f"blocks without attention, {name}": (
            partial(block_structure, TASK, blocks=bare),
            "blocks is a BoundedMatrix without attention; expected a matrix with the",
        )
        for name, bare in _BARE.items()
    },
}
"""A call, and how the message of its InputError begins; by what is wrong."""


def message(call: partial[Any]) -> str:
    """Of the InputError that the call raises; of another error with its type."""
    try:
        call()
    except InputError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"
