"""Gram matrices of tokens in numbers: what Theorem D decides, the estimate has.

An interval at level 0.999 or more is wrong once in a thousand: ten are asked here, of
fixed seeds.
"""

import numpy as np
import pytest

from numerics import Architecture, ReLU, template_gram
from numerics.architecture import Block
from numerics.tokens import TokenGram
from symbind_theory import Outcome
from symbind_theory.separation import decide
from symbind_theory.token_pieces import split_into_pieces

# Z is a combination of X and Y, and lengths differ.
DEPENDENT = TokenGram.from_embeddings(
    ["X", "Y", "Z"], [[2, 0], [0, 1], [1, 0.5]], [0.3, 0.1], 0.5
)
TWINS = TokenGram(("X", "Y"), ((1 / 3, 1 / 3), (1 / 3, 1 / 3)), (0.1, 0.1), 0.2)
ONE_SYMBOL = TokenGram(("X",), ((1,),), (0.3,), 0.7, 0.7)
AVERAGING = (Block(beta=0.0, residual=0.0), Block(beta=1.0, residual=1.0))


def found(texts, **options):
    architecture = Architecture(readout="last", activation=ReLU(), **options)
    gram = template_gram(texts, architecture, rel_tol=0.1, max_points=2048)
    return decide(texts, architecture.record()).outcome, gram


@pytest.mark.parametrize("normalisation", [None, "pre", "post"])
def test_embeddings_that_differ_are_enough(normalisation):
    """Dependent ones, of different lengths, divided by them or not."""
    texts = ["X ?a", "Y ?a", "Z ?a", "?b ?a"]
    options = {"tokens": DEPENDENT, "normalisation": normalisation, "beta": 1.5}
    outcome, gram = found(texts, **options)
    assert outcome is Outcome.HOLDS
    assert gram.smallest_eigenvalue.low > 0


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        (["?a X ?a", "?a Y ?a", "?a ?b X"], TWINS),
        (["?a X ?b", "?a X ?a", "X ?a ?b"], ONE_SYMBOL),
    ],
    ids=["twins", "one symbol"],
)
def test_what_one_embedding_hides_is_not_there(texts, tokens):
    outcome, gram = found(texts, tokens=tokens, depth=2, residual=0.5)
    assert outcome is Outcome.REFUTED
    off = np.abs(gram.matrix[0] - gram.matrix[1])
    assert (off <= gram.halfwidth["matrix"][0] + gram.halfwidth["matrix"][1]).all()
    assert gram.smallest_eigenvalue.low == 0
    outcome, gram = found(texts[1:], tokens=tokens, depth=2, residual=0.5)
    assert outcome is Outcome.HOLDS
    assert gram.smallest_eigenvalue.low > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("texts", "options"),
    [
        (
            ["?a ?a ?a ?b ?b ?b X", "?a ?a ?a ?a ?b ?c X"],
            {"beta": 0.0, "residual": 0.7, "normalisation": "pre"},
        ),
        (
            ["?a ?b ?a ?b X", "?a ?a ?b ?b X"],
            {"beta": 0.0, "residual": 0.7, "identity_vo": 0.5},
        ),
        (
            ["X ?a ?b ?a ?b", "X ?a ?b ?b ?a"],
            {"blocks": AVERAGING, "normalisation": "pre"},
        ),
    ],
    ids=["uniform", "with b", "averaged"],
)
def test_uniform_attention_hides_what_it_hides_of_independent_tokens(texts, options):
    outcome, gram = found(texts, tokens=DEPENDENT, depth=2, **options)
    assert outcome is Outcome.REFUTED
    np.testing.assert_allclose(gram.matrix[0], gram.matrix[1], rtol=1e-12)


@pytest.mark.slow
def test_lengths_show_positions_to_an_average():
    """Why it is UNDECIDED there: X Y and Y X are told apart by a normalised average."""
    options = {"blocks": AVERAGING, "depth": 2, "normalisation": "pre"}
    texts = ["X ?a Y ?b", "Y X ?a ?b"]
    outcome, gram = found(texts, tokens=DEPENDENT, **options)
    assert outcome is Outcome.UNDECIDED
    assert gram.smallest_eigenvalue.low > 0
    alike = TokenGram.equicorrelated(["X", "Y"], 0.3)
    outcome, gram = found(texts, tokens=alike, **options)
    assert outcome is Outcome.REFUTED
    np.testing.assert_allclose(gram.matrix[0], gram.matrix[1], rtol=1e-12)


def test_symbols_of_two_correlated_tokens_are_told_apart():
    texts = [split_into_pieces(t, 2) for t in ("?a ?a", "?a ?b")]
    outcome, gram = found(texts, tokens=TokenGram(common=0.4), depth=2)
    assert outcome is Outcome.HOLDS
    assert gram.smallest_eigenvalue.low > 0
