"""Components of the attention kernel: their intervals, symmetry and sum."""

import numpy as np
import pytest
import torch

from numerics import Architecture, template_gram
from numerics.strings.overlap_components import Face, check_faces, component_gram
from symbind_theory import InputError, Template

CPU = torch.device("cpu")


def components(faces, points=2**10, seed=0, regular=(), **parameters):
    read = [Face(Template(t).canonical(), slots) for t, slots in faces]
    architecture = Architecture(**parameters)
    return component_gram(
        read, regular, architecture, points=points, seed=seed, device=CPU
    )


@pytest.mark.slow
@pytest.mark.parametrize("readout", ["cls", "last"])
def test_halfwidths_cover_as_often_as_they_say(readout):
    """300 seeds; the reference is their mean, 300 times as good as one of them."""
    faces = [("?a ?a", (0,)), ("?a ?b", (0,)), ("?a ?b", (1,))]
    found = [components(faces, seed=seed, readout=readout) for seed in range(300)]
    values = np.array([f.values for f in found])
    widths = np.array([f.halfwidth for f in found])
    missed = (np.abs(values - values.mean(0)) > widths).sum(0)
    # Binomial(300, 0.001) exceeds 5 with probability 8e-7, for each of 9 pairs.
    assert missed.max() <= 5
    # Student's t with 15 degrees of freedom at 0.9995 is 4.1 standard errors.
    ratio = widths.mean(0) / values.std(0)
    assert ratio.min() > 3
    assert ratio.max() < 5


def test_components_of_one_string_add_up_to_its_kernel_with_itself():
    template, singles = "?a ?b ?a", [(0,), (1,)]
    one = components([(template, s) for s in singles], points=2**13)
    two = components([(template, (0, 1))], points=2**13)
    gram = template_gram([Template(template)], Architecture())
    total = np.trace(one.values[:, :, 0]) + two.values[0, 0, 0]
    width = np.trace(one.halfwidth[:, :, 0]) + two.halfwidth[0, 0, 0]
    known = gram.attention_self[0] - gram.attention[0, 0]
    assert abs(total - known) < width + gram.halfwidth["attention"][0, 0]
    assert width < 0.01 * known


def test_orders_of_shared_tokens_are_those_of_the_pairs():
    """Swapping the two strings inverts the order, here of three tokens."""
    found = components([("?a ?b ?c", (0, 1, 2))])
    inverse = [0, 1, 2, 4, 3, 5]
    np.testing.assert_allclose(
        found.values[0, 0], found.values[0, 0][inverse], rtol=1e-12
    )
    assert len(np.unique(found.values.round(12))) > 1


def test_faces_change_nothing_in_each_other():
    both = components([("?a ?a", (0,)), ("?a ?b", (1,))], regular=("X",))
    one = components([("?a ?b", (1,))], regular=("X",))
    np.testing.assert_allclose(both.values[1, 1], one.values[0, 0], rtol=1e-12)


def test_too_many_columns_are_refused():
    check_faces(8192, 1)
    with pytest.raises(InputError, match="5 tokens in 12000 ways"):
        check_faces(100, 5)
