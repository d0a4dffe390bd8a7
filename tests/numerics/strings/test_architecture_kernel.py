"""Which kernel an architecture has."""

import pytest
from symbind_testing.refusals import refusal

from numerics import Architecture, DeepKernel, OneLayerKernel
from numerics.protocols import PatternKernel
from numerics.strings.architecture_kernel import kernel_between_strings, kernel_of

DEEP = Architecture(depth=2)


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        (Architecture(beta=2.0), OneLayerKernel),
        (DEEP, DeepKernel),
        (Architecture(residual=1.0), DeepKernel),
        (Architecture(causal=True), DeepKernel),
    ],
)
def test_one_layer_has_a_kernel_of_its_own(architecture, kind):
    made = kernel_between_strings(architecture, 2**12, 3, "cpu", None)
    assert isinstance(made, PatternKernel)
    assert made == kind(architecture, 2**12, 3, "cpu", None)
    assert kernel_of(architecture, None) == kind(architecture)


def test_a_kernel_that_is_there_is_taken():
    kernel = DeepKernel(DEEP, points=2**12)
    assert kernel_of(None, kernel) is kernel_of(DEEP, kernel) is kernel
    assert kernel_of(None, None) == OneLayerKernel()
    said = refusal(lambda: kernel_of(Architecture(depth=3), kernel))
    assert "depth" in said
    for other in (3, DeepKernel):
        assert "gram(patterns)" in refusal(lambda other=other: kernel_of(None, other))


def test_the_tangent_kernel_of_one_layer_is_a_deep_kernel():
    kernel = kernel_of(Architecture(beta=2.0), "ntk")
    assert isinstance(kernel, DeepKernel)
    assert (kernel.kernel, kernel.architecture.beta) == ("ntk", 2.0)
    assert isinstance(kernel_of(None, "nngp"), OneLayerKernel)


def test_names_of_other_kernels_are_refused():
    said = refusal(lambda: kernel_of(None, "nntk"))
    assert said == "kernel is 'nntk'; expected 'nngp' or 'ntk'"
