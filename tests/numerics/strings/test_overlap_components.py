"""Components of the attention kernel: their intervals, symmetry and sum."""

from itertools import combinations

import numpy as np
import pytest
import torch
from symbind_testing.oracles.two_symbols import sharing, two_symbols

from numerics import Architecture, template_gram
from numerics.attention.laplace_table import FINE
from numerics.strings import component_features
from numerics.strings.component_points import points_of_size
from numerics.strings.faces import Face, check_faces, component_templates
from numerics.strings.overlap_components import component_gram, stage_error
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
    """200 seeds; the reference is their mean, 200 times as good as one of them."""
    faces = [("?a ?a", (0,)), ("?a ?b", (0,)), ("?a ?b", (1,))]
    found = [components(faces, seed=seed, readout=readout) for seed in range(200)]
    values = np.array([f.values for f in found])
    widths = np.array([f.halfwidth for f in found])
    missed = (np.abs(values - values.mean(0)) > widths).sum(0)
    # Binomial(200, 0.001) exceeds 4 with probability 2.3e-6, for each of 9 pairs.
    assert missed.max() <= 4
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
    monkeypatch.setattr(component_features, "ROUGH", FINE)
    fine = components(faces)
    off = np.abs(rough.values - fine.values).max()
    assert 0 < off < rough.error < 1e-5
    assert fine.error < 1e-9


def test_what_the_inner_stage_does_to_a_product():
    """δ = 2² · 10 · 1e-9 · √(1 + γ²), and 2 δ |f| + δ²."""
    delta = 4e-8 * 1.25
    bound = stage_error(1e-9, size=2, gamma=0.75, longest=0.5)
    assert bound == pytest.approx(delta + delta**2, rel=1e-9)


def test_more_tokens_get_fewer_points():
    """Four times as many for one token, a quarter for each more; 16 · 32 at least."""
    found = [points_of_size(2**15, size) for size in range(1, 8)]
    assert found == [2**17, 2**15, 2**13, 2**11, 2**9, 2**9, 2**9]
    assert points_of_size(2**10, 1) == 2**12


def test_few_points_that_decide_ask_for_more():
    """Up to as many as one token gets."""
    assert points_of_size(2**15, 3, needed=512) == 2**13
    assert points_of_size(2**15, 3, needed=513) == 2**14
    assert points_of_size(2**15, 3, needed=10**9) == points_of_size(2**15, 1)


@pytest.mark.parametrize(("text", "size"), [("?a ?b ?c", 2), ("?a X ?b ?a ?c ?d", 3)])
def test_a_component_is_made_of_so_many_templates(text, size, monkeypatch):
    """Counted where the inner stage is asked for them."""
    asked = []
    plain = component_features.ConditionalSoftmax

    def counted(templates, *given, **named):
        asked.append(len(templates))
        return plain(templates, *given, **named)

    monkeypatch.setattr(component_features, "ConditionalSoftmax", counted)
    template = Template(text)
    slots = combinations(range(len(template.wildcards)), size)
    components([(text, s) for s in slots], regular=template.regular_tokens)
    assert asked == [component_templates(len(template.wildcards), size)]


# Strings that show the faces, and strings without what these share.
SHOWN = {
    ("?a ?a", (0,)): ("tt", "tt", "aa", "bb"),
    ("?a ?b", (0,)): ("ta", "tb", "ca", "db"),
    ("?a ?b", (1,)): ("at", "bt", "ac", "bd"),
}


def exact_components(identity_kq):
    """Of one shared token, from the kernel of strings that share it and of others."""
    return np.array(
        [
            [
                sharing(x, y, identity_kq) - sharing(apart, other, identity_kq)
                for _, y, _, other in SHOWN.values()
            ]
            for x, _, apart, _ in SHOWN.values()
        ]
    )


def test_the_oracle_of_shared_tokens_is_that_of_the_template_matrix():
    exact = two_symbols("last", 1.5)
    found = [sharing(x, y, 1.5) for x, y in (("aa", "bb"), ("aa", "bc"), ("ab", "cd"))]
    np.testing.assert_allclose(found, exact.attention[[0, 0, 1], [0, 1, 1]], rtol=1e-12)
    own = [sharing(x, x, 1.5) for x in ("aa", "ab")]
    np.testing.assert_allclose(own, exact.self_values, rtol=1e-12)


@pytest.mark.parametrize("identity_kq", [0.0, 6.0])
def test_intervals_cover_where_rare_points_decide(identity_kq):
    """Against exact integrals; plain points at a = 6 have half the value as halfwidth.

    12 seeds at level 0.999: more than 2 misses of an entry come once in 10⁶ runs.
    """
    exact = exact_components(identity_kq)
    architecture = {"readout": "last", "identity_kq": identity_kq}
    found = [components(SHOWN, seed=seed, **architecture) for seed in range(12)]
    missed = np.zeros(exact.shape)
    for f in found:
        off = np.abs(f.values[:, :, 0] - exact)
        missed += off > f.halfwidth[:, :, 0] + f.error + 1e-14
    assert missed.max() <= 2
    widths = np.mean([f.halfwidth[:, :, 0] for f in found], axis=0)
    assert (widths / exact).max() < 0.1


def test_where_too_few_points_decide_halfwidths_are_sure():
    """At most what two components can be: 1 + γ² each way, at γ = 1."""
    found = components(SHOWN, readout="last", beta=4.0, identity_kq=10.0)
    assert (found.halfwidth >= 2).all()
    assert (found.halfwidth < 4.01).all()
