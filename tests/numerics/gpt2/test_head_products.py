"""Scores of products, against matrices that are written out whole."""

import numpy as np
import pytest
import torch
from symbind_testing.builders.generators import generator

from numerics.gpt2.head_products import (
    compress,
    embedding_bases,
    raw_basis,
    scores_of,
    singular,
)

HEADS, D, E, TOKENS = 3, 12, 5, 40


def factors(seed, e=E):
    stream = generator(seed)
    drawn = torch.randn(2, HEADS, D, e, dtype=torch.float64, generator=stream)
    return drawn[0], drawn[1]


def written_out(left_rows, product, right_rows):
    """The scores of L P Rᵀ, from all its entries and numpy's eigenvalues."""
    t = left_rows @ product @ right_rows.T
    off = ~np.eye(len(t), dtype=bool)
    eigenvalues = np.linalg.eigvals(t)
    return {
        "share": np.trace(t) / np.linalg.norm(t),
        "excess": np.diag(t).mean() - t[off].mean(),
        "copying": eigenvalues.sum().real / np.abs(eigenvalues).sum(),
        "mean_diagonal": np.diag(t).mean(),
        "mean_off_diagonal": t[off].mean(),
    }


def check(scores, head, expected):
    """Rounding of eigenvalues that are 0 is near 1e-15 of the largest each."""
    for name, value in expected.items():
        assert float(getattr(scores, name)[head]) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("e", [E, D, D + 3])
def test_raw_scores_are_those_of_the_matrix_written_out(e):
    """Also of heads that are as wide as the stream, or wider."""
    left, right = factors(0, e)
    products = singular(left, right)
    basis = raw_basis(D)
    scores = scores_of(compress(basis, products.left, products.right), products.values)
    eye = np.eye(D)
    for head in range(HEADS):
        product = (left[head] @ right[head].T).numpy()
        check(scores, head, written_out(eye, product, eye))


@pytest.mark.parametrize("centred", [True, False])
def test_scores_between_embeddings_are_those_of_all_pairs_of_tokens(centred):
    """The norm's gain, and the mean it takes away, are written out token by token."""
    left, right = factors(1)
    stream = generator(2)
    embeddings = torch.randn(TOKENS, D, dtype=torch.float64, generator=stream) + 0.3
    gain = torch.rand(D, dtype=torch.float64, generator=stream) + 0.5
    bases = embedding_bases(
        embeddings.T @ embeddings, embeddings.sum(0), TOKENS, gain, centred
    )
    rows = embeddings.numpy()
    mean = rows.mean(1, keepdims=True) if centred else 0.0
    seen = (rows - mean) * gain.numpy()
    products = singular(left, right)
    for basis, writes_to in zip(bases, (seen, rows), strict=True):
        scores = scores_of(
            compress(basis, products.left, products.right), products.values
        )
        for head in range(HEADS):
            product = (left[head] @ right[head].T).numpy()
            check(scores, head, written_out(seen, product, writes_to))


def test_the_decomposition_multiplies_back_to_the_product():
    left, right = factors(3)
    products = singular(left, right)
    back = products.left * products.values.unsqueeze(-2) @ products.right.mT
    torch.testing.assert_close(back, left @ right.mT, rtol=1e-12, atol=1e-12)
    trace = (left @ right.mT).diagonal(dim1=1, dim2=2).sum(1)
    torch.testing.assert_close(products.contributions.sum(1), trace)
    assert (products.values.diff(dim=1) <= 0).all()


def test_a_projection_has_the_largest_share_of_its_rank():
    """All its eigenvalues are 1: tr P/‖P‖ = √r, and Σλ/Σ|λ| = 1."""
    frame = torch.linalg.qr(factors(4)[0]).Q
    products = singular(frame, frame)
    scores = scores_of(
        compress(raw_basis(D), products.left, products.right), products.values
    )
    assert scores.share.numpy() == pytest.approx(np.sqrt(E))
    assert scores.copying.numpy() == pytest.approx(1)


def test_a_product_of_zero_has_scores_of_zero():
    left, right = factors(5)
    products = singular(0 * left, right)
    scores = scores_of(
        compress(raw_basis(D), products.left, products.right), products.values
    )
    for name in ("share", "excess", "copying"):
        assert not getattr(scores, name).any()
