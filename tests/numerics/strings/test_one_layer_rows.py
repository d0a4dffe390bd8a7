"""Rows of strings that come later: against other routes, and what they depend on."""

import numpy as np
import pytest

from numerics import Architecture, ReLU, string_gram, template_gram
from numerics.overlap_types import OverlapTypes
from numerics.strings.one_layer_kernel import OneLayerKernel
from symbind_theory import InputError, Template
from symbind_theory.overlaps import overlap_types

OWN = tuple(Template(t).canonical() for t in ("?a X ?b", "?a ?a ?b"))
NEW = tuple(Template(t).canonical() for t in ("?a ?b ?a", "X ?a ?a", "X X X"))
ARCHITECTURES = {
    "cls": Architecture(),
    "last": Architecture(readout="last", identity_kq=0.7, identity_vo=0.5),
    "mean": Architecture(readout="mean", beta=2.0, activation=ReLU()),
}


def kernel(readout, patterns=OWN, points=2**10):
    made = OneLayerKernel(ARCHITECTURES[readout], points=points, cache=None)
    return made.gram(patterns)


def kinds_of(patterns, others):
    kinds = [k for t in patterns for u in others for k in overlap_types(t, u)]
    numbered = OverlapTypes.of(kinds, (*patterns, *others))
    second = np.array([others.index(kind.second) for kind in kinds])
    first = np.array([patterns.index(kind.first) for kind in kinds])
    return kinds, OverlapTypes(first, second, numbered.matching)


@pytest.mark.parametrize(
    "readout", ["cls", "last", pytest.param("mean", marks=pytest.mark.slow)]
)
def test_values_of_new_patterns_agree_with_the_sampled_gram(readout):
    gram = kernel(readout)
    kinds, types = kinds_of(NEW, gram.patterns)
    found = gram.rows().values(NEW, types)
    # 17 types and three tests: at twice the joint halfwidth a miss by chance is rarer
    # than one in 1e8.
    for n, kind in enumerate(kinds):
        known = string_gram(
            list(kind.strings()), ARCHITECTURES[readout], points=2**11, seed=n
        )
        width = np.hypot(found.halfwidth[n], known.halfwidth["matrix"][0, 1])
        assert abs(found.value[n] - known.matrix[0, 1]) <= 2 * width, kind


@pytest.mark.parametrize("readout", ["cls", "last"])
def test_strings_apart_have_the_template_matrix(readout):
    gram = kernel(readout, points=2**12)
    rows = gram.rows().matrix(NEW)
    together = template_gram((*NEW, *OWN), ARCHITECTURES[readout], rel_tol=0.1)
    known = together.matrix[: len(NEW), len(NEW) :]
    first, second = (n.ravel() for n in np.indices(rows.shape))
    nothing_shared = np.full((len(first), 2), -1)
    found = gram.rows().values(NEW, OverlapTypes(first, second, nothing_shared))
    assert (found.value.reshape(rows.shape) == rows).all()
    width = found.halfwidth.reshape(rows.shape)
    width = width + together.halfwidth["matrix"][: len(NEW), len(NEW) :]
    assert (np.abs(rows - known) <= 2 * width).all()
    assert width.max() < 1e-2


def test_sizes_that_the_kernel_never_saw():
    """What it estimated for one shared token stays as it was for two."""
    gram = kernel("cls")
    one, two = (
        OverlapTypes(np.array([1]), np.array([1]), np.array([matching]))
        for matching in ([1, -1], [1, 0])
    )
    before = gram.values(one)
    rows = gram.rows()
    found = rows.values(gram.patterns, two)
    assert found.value[0] == pytest.approx(gram.values(two).value[0], rel=1e-11)
    assert rows.values(gram.patterns, one).value[0] == before.value[0]


def test_what_the_kernel_is_asked_later_leaves_the_rows():
    gram = kernel("cls")
    _, types = kinds_of(OWN, OWN)
    sharing = OverlapTypes(np.array([0]), np.array([1]), np.array([[0, -1]]))
    rows, other = gram.rows(), gram.rows()
    found = rows.values(OWN, types)
    gram.values(sharing)
    gram.values(types)
    assert (other.values(OWN, types).value == found.value).all()


def test_values_kept_on_disk_are_those_of_the_estimate(tmp_path, monkeypatch):
    def values():
        made = OneLayerKernel(points=2**10, cache=tmp_path)
        rows = made.gram(OWN).rows()
        return rows.values(NEW, kinds_of(NEW, OWN)[1]).value

    first = values()
    monkeypatch.setattr(
        "numerics.strings.one_layer_rows.component_blocks", lambda *_, **__: None
    )
    assert (values() == first).all()


def test_regular_tokens_are_those_of_the_kernel():
    with pytest.raises(InputError, match=r"regular tokens \['Z'\]"):
        kernel("cls").rows().matrix([Template("Z ?1 ?2")])


def test_too_many_ways_to_share_are_refused():
    pattern = Template([f"?{a}" for a in range(1, 9)])
    rows = OneLayerKernel(points=2**10, cache=None).gram([pattern]).rows()
    types = OverlapTypes(np.array([0]), np.array([0]), np.arange(8)[None, ::-1].copy())
    with pytest.raises(InputError, match="larger vocabulary"):
        rows.values([pattern], types)
