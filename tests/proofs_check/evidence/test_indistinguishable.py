"""What every finite network merges, and what training can tell apart."""

import math

import pytest
import torch
from symbind_testing.tasks import AA_AB, ABA_ABB

from numerics import Architecture, Block, Cosine
from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import DeepTransformer, Initialisation
from numerics.positions import ALiBi
from numerics.tokens import TokenGram
from proofs_check.evidence.indistinguishable import alike_pairs
from symbind_theory.templates import Template

UNIFORM = Architecture(beta=0.0, readout="cls")
THREE_THREE, FOUR_ONE_ONE = "?a ?a ?a ?b ?b ?b", "?a ?a ?a ?a ?b ?c"


def blocks(**changes):
    """Two blocks with residuals and pre-norm, changed."""
    given = {"depth": 2, "residual": 1.0, "normalisation": "pre", **changes}
    return Architecture(**given)


ALIKE = [
    ("?a ?b", "?b ?a", blocks()),
    # Each template's row is a permutation of the other's.
    ("?a ?b ?a", "?a ?b ?b", Architecture(gamma=0.0)),
    ("?a ?b ?a", "?a ?b ?b", blocks(gamma=0.0)),
    ("?a ?b ?a", "?a ?b ?b", blocks(gamma=0.0, beta=0.0)),
    ("?a ?b ?b", "?b ?a ?b", blocks(gamma=0.0, readout="last")),
    ("X ?a ?a", "?a X ?a", blocks(gamma=0.0, readout="mean")),
    ("X ?a", "?a X", Architecture(gamma=0.0, causal=True)),
    # One normal mean of embeddings is all that is seen.
    ("?a ?b ?a", "?a ?b ?b", UNIFORM),
    (THREE_THREE, FOUR_ONE_ONE, UNIFORM),
    ("X ?a", "?a X", UNIFORM),
    ("?a ?b ?a", "?a ?b ?b", Architecture(beta=0.0, residual=1.0)),
    (
        "?a ?b ?a",
        "?a ?b ?b",
        Architecture(beta=0.0, residual=1.0, normalisation="post"),
    ),
    ("?a ?b ?b", "?b ?a ?b", Architecture(beta=0.0, residual=1.0, readout="last")),
    (
        "?a ?b ?a",
        "?a ?b ?b",
        Architecture(depth=2, blocks=(Block(beta=0.0), Block(residual=1.0))),
    ),
    # φ is constant, and nothing passes it by.
    ("?a ?a", "X ?b", Architecture(activation=Cosine(0.0))),
]

APART = [
    # Counts or multiplicities differ.
    ("?a ?a", "?a ?b", Architecture(gamma=0.0)),
    ("?a ?a", "?a ?b", UNIFORM),
    (THREE_THREE, FOUR_ONE_ONE, blocks(beta=0.0, gamma=0.0)),
    (THREE_THREE, FOUR_ONE_ONE, Architecture(gamma=0.0)),
    # W_K W_Qᵀ can learn whether the symbol that is read occurs elsewhere.
    ("?a ?a ?b", "?a ?b ?b", Architecture(gamma=0.0, readout="last")),
    ("X ?a", "?a X", Architecture(gamma=0.0, readout="last")),
    # Normalisation sees how often a symbol occurs, and weighs positions.
    ("?a ?b ?a", "?a ?b ?b", blocks(beta=0.0)),
    ("?a ?a ?b ?b", "?a ?b ?a ?b", blocks(beta=0.0)),
    ("?a ?a ?b ?b", "?a ?b ?a ?b", blocks(beta=0.0, depth=1)),
    ("X ?a", "?a X", blocks(beta=0.0, residual=0.0)),
    # An MLP before the second average does the same.
    ("?a ?b ?a", "?a ?b ?b", blocks(beta=0.0, normalisation=None)),
    ("?a ?b ?a", "?a ?b ?b", Architecture(beta=0.0, residual=1.0, readout="mean")),
    ("?a ?a ?b", "?a ?b ?b", Architecture(beta=0.0, residual=1.0, readout="last")),
    # One block alone is uniform.
    ("?a ?b ?a", "?a ?b ?b", blocks(blocks=(Block(beta=0.0), Block()))),
    # A mask shows the order.
    ("?a ?b ?a", "?a ?b ?b", blocks(gamma=0.0, causal=True)),
    ("?a ?b ?a", "?a ?b ?b", Architecture(beta=0.0, depth=2, causal=True)),
    # Nothing is claimed of networks that are not built here.
    ("?a ?b ?a", "?a ?b ?b", Architecture(gamma=0.0, relative=ALiBi())),
    (
        "?a ?b ?a",
        "?a ?b ?b",
        Architecture(gamma=0.0, tokens=TokenGram.equicorrelated(["X"], 0.5)),
    ),
]


def decided(one, other, architecture):
    return bool(alike_pairs([Template(one), Template(other)], architecture))


@pytest.mark.parametrize(("one", "other", "architecture"), ALIKE)
def test_templates_that_no_network_tells_apart(one, other, architecture):
    assert decided(one, other, architecture)


@pytest.mark.parametrize(("one", "other", "architecture"), APART)
def test_templates_that_some_network_may_tell_apart(one, other, architecture):
    assert not decided(one, other, architecture)


@pytest.mark.parametrize("templates", [AA_AB, ABA_ABB])
def test_a_and_b_of_the_start_change_nothing(templates):
    """Training can undo them, and can learn them."""
    pair = [Template(t) for t in templates]
    for base in (Architecture(gamma=0.0), UNIFORM, blocks(beta=0.0)):
        with_both = Architecture(
            beta=base.beta,
            gamma=base.gamma,
            depth=base.depth,
            residual=base.residual,
            normalisation=base.normalisation,
            identity_kq=1.0,
            identity_vo=1.0,
        )
        assert alike_pairs(pair, with_both) == alike_pairs(pair, base)


def separation(architecture, patterns, multiples, moved, draws):
    """z of the mean of ⟨h, u⟩ on one pattern less that on the other.

    Every string has symbols of its own, as fresh ones are. W_V W_O of each block is a
    multiple of the identity, which training can find.

    Args:
        architecture: of the network.
        patterns: two lists of numbers, equal where symbols are.
        multiples: of the identity, one for each block.
        moved: takes the positions to those that training finds, and to u.
        draws: strings of each pattern.
    """
    d, symbols = 256, max(map(max, patterns)) + 1
    shape = BlockShape(width=d, heads=4, head_width=d // 4, hidden=64)
    network = DeepTransformer(
        2 * draws * symbols, len(patterns[0]), architecture, shape, Initialisation()
    )
    with torch.no_grad():
        for attention, multiple in zip(network.attentions, multiples, strict=True):
            attention.value.copy_(multiple * torch.eye(d))
            attention.output.copy_(torch.eye(d))
        positions, along = moved(network.positions.clone())
        network.positions.copy_(positions)
        first = symbols * torch.arange(2 * draws)[:, None]
        one, other = (
            network.encode(torch.tensor([pattern]) + start) @ along
            for pattern, start in zip(patterns, first.chunk(2), strict=True)
        )
    variance = (one.var() + other.var()) / draws
    return float(one.mean() - other.mean()) / math.sqrt(variance)


PATTERNS = [[0, 1, 0], [0, 1, 1]]
PAIRS = [[0, 0, 1, 1], [0, 1, 0, 1]]
READ = {"beta": 0.0, "final_normalisation": True}


def test_uniform_attention_sees_multiplicities_by_their_norms():
    """Of αβα and αββ, at the positions of the start; without any, no network can."""

    def kept(positions):
        return positions, positions[0] - positions[1]

    found = separation(blocks(**READ), PATTERNS, (3.4, 30.0), kept, 4000)
    assert abs(found) > 6
    control = separation(blocks(gamma=0.0, **READ), PATTERNS, (3.4, 30.0), kept, 4000)
    assert abs(control) < 3


def test_uniform_attention_sees_which_positions_agree():
    """Of ααββ and αβαβ, whose multiplicities agree at every position.

    A symbol at a position of small norm weighs more, so that the sum of two of one
    symbol is longer than that of two of different ones.
    """

    def far(positions):
        positions[:2] = 0
        positions[2:4] = 3 * positions[2]
        return positions, positions[2]

    one_block = blocks(depth=1, **READ)
    assert abs(separation(one_block, PAIRS, (10.0,), far, 500)) > 6
    control = blocks(depth=1, gamma=0.0, **READ)
    assert abs(separation(control, PAIRS, (10.0,), far, 500)) < 3
