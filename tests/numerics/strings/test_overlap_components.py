"""Components of the attention kernel: their intervals, symmetry and sum."""

import numpy as np
import pytest
import torch

from numerics import Architecture, template_gram
from numerics.attention.laplace_table import FINE
from numerics.strings import overlap_components
from numerics.strings.overlap_components import (
    Face,
    check_faces,
    component_gram,
    component_templates,
    points_of_size,
)
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


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_inner_stage_errs_by_less_than_it_says(size, monkeypatch):
    """Against the fine rule at the same points, which is a million times as exact."""
    faces = [("?a ?b ?c", tuple(range(size)))]
    rough = components(faces)
    monkeypatch.setattr(overlap_components, "ROUGH", FINE)
    fine = components(faces)
    off = np.abs(rough.values - fine.values).max()
    assert 0 < off < rough.error < 1e-5
    assert fine.error < 1e-9


def test_more_tokens_get_fewer_points():
    """Four times as many for one token, a quarter for each more; 16 · 32 at least."""
    found = [points_of_size(2**15, size) for size in range(1, 8)]
    assert found == [2**17, 2**15, 2**13, 2**11, 2**9, 2**9, 2**9]
    assert points_of_size(2**10, 1) == 2**12


@pytest.mark.parametrize(("text", "size"), [("?a ?b ?c", 2), ("?a X ?b ?a ?c ?d", 3)])
def test_a_component_is_made_of_so_many_templates(text, size, monkeypatch):
    """Counted where the inner stage is asked for them."""
    asked = []
    plain = overlap_components.ConditionalSoftmax

    def counted(templates, *given, **named):
        asked.append(len(templates))
        return plain(templates, *given, **named)

    monkeypatch.setattr(overlap_components, "ConditionalSoftmax", counted)
    template = Template(text)
    slots = overlap_components.combinations(range(len(template.wildcards)), size)
    components([(text, s) for s in slots], regular=template.regular_tokens)
    assert asked == [component_templates(len(template.wildcards), size)]
