"""Blocks of components: entries of the joint estimate, whoever else is asked for."""

from itertools import permutations

import numpy as np
import pytest
import torch

from numerics import Architecture, template_gram
from numerics.strings.faces import faces_of
from numerics.strings.overlap_components import component_gram
from numerics.strings.pairwise_components import component_blocks
from symbind_theory import Template

FIRST, SECOND, THIRD = (
    Template(t).canonical() for t in ("?a X ?b", "?a ?b ?b", "X ?a ?a")
)
ARCHITECTURES = (
    Architecture(),
    Architecture(readout="last", identity_kq=0.5, identity_vo=0.7),
)


def blocks(pairs, size, architecture=ARCHITECTURES[0]):
    return component_blocks(
        pairs,
        size,
        ["X"],
        architecture,
        points=2**10,
        seed=1,
        device=torch.device("cpu"),
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [1, 2])
def test_they_are_the_entries_of_the_joint_estimate(architecture, size):
    patterns = (FIRST, SECOND, THIRD) if size == 1 else (FIRST, SECOND)
    joint = component_gram(
        faces_of(patterns, size),
        ["X"],
        architecture,
        points=2**10,
        seed=1,
        device=torch.device("cpu"),
    )
    place = [face.template for face in joint.faces]
    pairs = list(permutations(patterns, 2))
    found = blocks([((x,), (y,)) for x, y in pairs], size, architecture)
    for (x, y), block in zip(pairs, found, strict=True):
        there = np.ix_(*([n for n, t in enumerate(place) if t == z] for z in (x, y)))
        np.testing.assert_allclose(block.values, joint.values[there], rtol=1e-11)
        np.testing.assert_allclose(block.halfwidth, joint.halfwidth[there], rtol=1e-8)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_every_bit_is_the_pairs_own(size):
    """In whatever order and company, and with sides of several patterns beside."""
    pair = (FIRST,), (SECOND,)
    (alone,) = blocks([pair], size)
    company = [((SECOND,), (FIRST,)), ((FIRST, SECOND), (SECOND,)), pair]
    *_, crowded = blocks(company, size)
    assert (alone.values == crowded.values).all()
    assert (alone.halfwidth == crowded.halfwidth).all()


def test_of_size_0_is_the_kernel_of_strings_apart():
    patterns = FIRST, SECOND, THIRD
    (block,) = blocks([(patterns, patterns)], 0)
    known = template_gram(patterns, rel_tol=1e-2)
    width = np.hypot(block.halfwidth[:, :, 0], known.halfwidth["attention"])
    # Six entries at twice the joint halfwidth of level 0.999: never by chance.
    assert (np.abs(block.values[:, :, 0] - known.attention) <= 2 * width).all()
