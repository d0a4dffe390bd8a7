"""The kernel of an architecture: that of one layer, or of many."""

from __future__ import annotations

from numerics.architecture import Architecture, read_architecture
from numerics.protocols import PatternKernel
from numerics.strings.deep_kernel import DeepKernel
from numerics.strings.one_layer_kernel import OneLayerKernel
from numerics.template_matrix.given import check_architecture
from symbind_theory.records.architecture import KernelName, read_kernel_name
from symbind_theory.validation import InputError, shorten

__all__ = ["kernel_between_strings", "kernel_of"]


def kernel_between_strings(
    architecture: Architecture,
    points: int = 2**15,
    seed: int = 0,
    device: str = "auto",
    cache: object = "auto",
    kernel: KernelName = "nngp",
) -> OneLayerKernel | DeepKernel:
    """The kernel of a transformer, of one layer or deep.

    >>> type(kernel_between_strings(Architecture(depth=2))).__name__
    'DeepKernel'

    Args:
        architecture: the transformer.
        points: of the averages that it is estimated from, as either kernel says.
        seed: equal seeds give equal points.
        device: "auto", "cpu" or "cuda".
        cache: folder for estimates; "auto" for the user's cache folder, None for none.
        kernel: "ntk" for the tangent kernel.

    Raises:
        InputError: an argument out of range.
    """
    if architecture.one_layer and kernel == "nngp":
        return OneLayerKernel(architecture, points, seed, device, cache)
    return DeepKernel(architecture, points, seed, device, cache, kernel)


def kernel_of(architecture: Architecture | None, kernel: object) -> PatternKernel:
    """The kernel that a function works with: the one given, or an architecture's.

    >>> finer = OneLayerKernel(Architecture(beta=2.0), points=2**16)
    >>> kernel_of(Architecture(beta=2.0), finer) is kernel_of(None, finer) is finer
    True

    Args:
        architecture: the transformer; when None that of `kernel`, or `Architecture()`.
        kernel: the kernel if it is there already, or which of the architecture's is
            meant, "nngp" or "ntk"; "nngp" when None.

    Raises:
        InputError: an architecture beside a kernel that is of another one, or that does
            not tell its own; something else than a kernel or an architecture.
    """
    if kernel is None or isinstance(kernel, str):
        name = read_kernel_name(kernel)
        return kernel_between_strings(read_architecture(architecture), kernel=name)
    # A class has the method too, but no parameters.
    if isinstance(kernel, type) or not isinstance(kernel, PatternKernel):
        raise InputError(
            f"kernel is {shorten(kernel)}; expected 'nngp', 'ntk', an object with a "
            "method gram(patterns), or None"
        )
    if architecture is not None:
        its_own = getattr(kernel, "architecture", None)
        check_architecture("kernel", its_own, read_architecture(architecture))
    return kernel
