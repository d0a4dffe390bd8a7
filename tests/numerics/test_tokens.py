"""Inner products of tokens: their root, and kernels by plain Monte Carlo."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.builders.streams import averaging, incidences
from symbind_testing.oracles.plain_recursion import LEVEL, RUNS, assert_agree, sampled
from symbind_testing.refusals import refusal
from symbind_testing.tasks import ABA_ABB

from numerics import (
    Architecture,
    ReLU,
    TransformerKernelRegressor,
    template_gram,
)
from numerics.architecture import require_one_layer
from numerics.deep.recursion import run_blocks
from numerics.positions import ALiBi
from numerics.tokens import TokenGram, token_root
from symbind_theory import Interval, TemplateTask, check
from symbind_theory.separation.deep_bounds import depth_bound, first_temperature

NAMES = ["X", "Y", "Z"]
# Of two lengths, correlated with each other and with symbols.
UNEQUAL = TokenGram.from_embeddings(
    ["X", "Y", "[CLS]"],
    [[1.0, 0.2, 0.0], [0.5, 0.9, 0.3], [0.1, -0.4, 1.2]],
    mean=[0.4, -0.3, 0.2],
    self_value=1.3,
)
GRAMS = {
    "equicorrelated": TokenGram.equicorrelated(["X"], 0.4),
    "unequal": UNEQUAL,
    "one symbol": TokenGram(common=0.7, self_value=0.7),
}
EACH = pytest.mark.parametrize("name", GRAMS)
TEMPLATES = ["?a X ?a", "?a Y ?b", "X ?a ?b"]


def identity(names):
    return TokenGram(tuple(names), tuple(map(tuple, np.eye(len(names)).tolist())))


@given(
    st.lists(
        st.lists(st.floats(-2, 2), min_size=3, max_size=3).filter(any),
        min_size=1,
        max_size=4,
        unique_by=tuple,
    )
)
def test_a_root_has_the_inner_products(rows):
    """Of any vectors, more than their dimension too, and of the mean of symbols."""
    names = [f"t{i}" for i in range(len(rows))]
    squares = [sum(x * x for x in row) for row in rows]
    rows = [row for row, square in zip(rows, squares, strict=True) if square > 1e-6]
    gram = TokenGram.from_embeddings(names[: len(rows)], rows, mean=[0.1, 0.2, 0.3])
    tokens = [*gram.tokens, None, "other"]
    root = token_root(gram, tokens)
    wanted = [[gram.product(x, y) for y in tokens] for x in tokens]
    np.testing.assert_allclose(root.T @ root, wanted, atol=1e-13)
    assert len(root) <= 4


def test_the_root_of_orthogonal_tokens_is_the_identity():
    tokens = [*NAMES, None]
    np.testing.assert_array_equal(token_root(TokenGram(), tokens), np.eye(3, 4))


def test_tokens_of_one_embedding_have_equal_columns():
    third = 1 / 3
    twins = TokenGram(
        ("X", "Y", "Z"),
        ((third, third, 0.1), (third, third, 0.1), (0.1, 0.1, 1)),
        (0.2, 0.2, 0.1),
        0.3,
    )
    root = token_root(twins, ["X", "Z", None, "Y"])
    np.testing.assert_array_equal(root[:, 0], root[:, 3])


DEEP = {
    "pre": {"depth": 2, "residual": 0.6, "normalisation": "pre"},
    "post": {"depth": 2, "normalisation": "post", "identity_kq": 0.4},
    "causal": {"causal": True, "readout": "mean"},
    "one block": {"readout": "last"},
    "alibi": {"residual": 1.0, "relative": ALiBi(0.3)},
}


@settings(max_examples=25)
@given(st.sampled_from(sorted(DEEP)), st.sets(st.sampled_from([*NAMES, "[CLS]", "W"])))
def test_the_identity_gives_the_very_same_run(kind, names):
    """Law: through all blocks, to the last bit, whichever tokens are named."""
    deep = Architecture(activation=ReLU(), **{"residual": 0.5} | DEEP[kind])
    seen, how = incidences(TEMPLATES, deep.readout), averaging(16)
    plain, found = (
        run_blocks(seen, x, how, 0).last
        for x in (deep, replace(deep, tokens=identity(names)))
    )
    np.testing.assert_array_equal(found.root, plain.root)
    np.testing.assert_array_equal(found.excess, plain.excess)


@pytest.mark.slow
def test_the_identity_gives_the_very_same_estimate():
    deep = Architecture(depth=2, residual=0.6, normalisation="pre")
    plain, found = (
        template_gram(TEMPLATES, x, 1.0, 64)
        for x in (deep, replace(deep, tokens=identity(NAMES)))
    )
    for what in ("matrix", "matrix_self", "attention"):
        np.testing.assert_array_equal(getattr(found, what), getattr(plain, what))
    assert found.smallest_eigenvalue == plain.smallest_eigenvalue


@EACH
def test_one_block_is_that_of_plain_draws(name):
    """At the last position, with a residual as a second route."""
    assert_agree(
        TEMPLATES,
        Architecture(1.5, 0.8, "last", ReLU(), residual=0.2, tokens=GRAMS[name]),
    )


@pytest.mark.slow
@EACH
@pytest.mark.parametrize("options", [{"normalisation": "pre"}, {"causal": True}])
def test_two_blocks_are_those_of_plain_draws(name, options):
    """Rows of all positions in the first; with `[CLS]` and a regular token."""
    assert_agree(
        ["?a ?a", "?a ?b", "X ?a"],
        Architecture(
            1.5,
            0.8,
            activation=ReLU(),
            depth=2,
            residual=0.6,
            tokens=GRAMS[name],
            **options,
        ),
        points=8192,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("equicorrelated", TokenGram.equicorrelated(["X"], 0.3)),
        ("equicorrelated", TokenGram(("X",), ((1.0,),), (0.4,), 0.4, 1.2)),
        ("unequal", TokenGram.equicorrelated(["X", "Y"], 0.2)),
    ],
)
def test_another_number_is_seen(name, other):
    """Mutant: a start with other inner products disagrees."""
    options = {"readout": "last", "activation": ReLU(), "residual": 0.2}
    gram = template_gram(
        TEMPLATES, Architecture(1.5, 0.8, **options, tokens=other), 1e-9, 1024
    )
    right = Architecture(1.5, 0.8, **options, tokens=GRAMS[name])
    found = sampled(TEMPLATES, right, RUNS, 4096)
    ratio = [
        np.abs(mean - getattr(gram, what)) / (8 * error + gram.halfwidth[what])
        for what, (mean, error) in zip(("matrix", "matrix_self"), found, strict=True)
    ]
    assert max(x.max() for x in ratio) > 1
    assert gram.level < LEVEL


def test_uniform_attention_averages_the_inner_products():
    """β = 0: ρ + (1 − ρ) Σ_t of the shares of t + γ²/K, without an error."""
    rho, names = 0.4, ("X", "Y")
    architecture = Architecture(
        0.0, readout="last", tokens=TokenGram.equicorrelated(names, rho)
    )
    shares = np.array([[1, 0], [0, 1], [1, 0]]) / 3
    wanted = rho + (1 - rho) * shares @ shares.T + 1 / 3
    found = template_gram(TEMPLATES, architecture, 1.0, 64)
    np.testing.assert_allclose(found.attention, wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "start"),
    [
        (
            lambda deep: TransformerKernelRegressor(deep).fit(
                ["u v u", "u v v"], [1, 2]
            ),
            "tokens is a Gram matrix",
        ),
        (require_one_layer, "tokens is TokenGram("),
        (lambda deep: first_temperature(deep.record()), "tokens is a Gram matrix"),
        (
            lambda deep: depth_bound(deep.record(), Interval(1, 1, 1)),
            "tokens is a Gram matrix",
        ),
        (
            lambda deep: check(TemplateTask(ABA_ABB, [1, -1]), deep, vocabulary=40),
            "tokens is a Gram matrix",
        ),
    ],
)
def test_what_knows_independent_tokens_alone_refuses(call, start):
    deep = Architecture(tokens=GRAMS["equicorrelated"])
    assert refusal(lambda: call(deep)).startswith(start)
