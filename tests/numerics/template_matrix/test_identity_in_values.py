"""b added to an estimate: what sampling with b finds, to the last bit."""

import numpy as np
import pytest
from symbind_testing.builders.grams import one_layer_estimate
from symbind_testing.refusals import refusal

from numerics import Architecture
from numerics.template_matrix.identity_in_values import with_identity_vo

TEMPLATES = ["?b a ?b", "?a ?b c", "?x a ?x", "a c c"]


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
def test_b_is_added_to_the_same_points(readout):
    """Equivalent templates, one without wildcards, names out of order."""
    plain = one_layer_estimate(TEMPLATES, Architecture(readout=readout), max_points=256)
    with_b = Architecture(readout=readout, identity_vo=0.7)
    expected = one_layer_estimate(TEMPLATES, with_b, max_points=256)
    found = with_identity_vo(plain, 0.7)
    assert found.architecture == with_b
    for name in ("attention", "attention_self", "gaps", "matrix", "matrix_self"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        np.testing.assert_array_equal(found.halfwidth[name], expected.halfwidth[name])
    assert found.smallest_eigenvalue == expected.smallest_eigenvalue


def test_b_is_not_added_twice():
    gram = one_layer_estimate(TEMPLATES, Architecture(identity_vo=0.5), max_points=64)
    assert refusal(lambda: with_identity_vo(gram, 1.0)).startswith(
        "gram has identity_vo=0.5; expected 0"
    )
