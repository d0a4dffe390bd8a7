"""Scores that say how near a head's product of weights is to a multiple of I.

The product P = W_K W_Qᵀ, or W_V W_O, is d × d of rank r ≤ e. Between rows l_v and r_v
of two matrices L and R, of n rows, it is T = L P Rᵀ, n × n. The raw basis is L = R = I.
Between embeddings L and R are what the norm before the sublayer makes of W_E but for
its scale, that is W_E times the gain, without the mean of the coordinates in a layer
norm; what W_O adds goes to the stream itself, so that R = W_E for the values.

The scores are

    tr T / ‖T‖,      (mean T_vv) − (mean T_vw, v ≠ w),      Σλ / Σ|λ|,

with Frobenius norms and the eigenvalues λ of T. T is never formed. With P = U Σ Vᵀ, of
r singular values, and the r × r matrices

    A = Uᵀ LᵀL U,      B = Vᵀ RᵀR V,      C = Vᵀ RᵀL U,

they follow from

    tr T = Σ_i σ_i C_ii,    ‖T‖² = σᵀ (A ∘ B) σ,    1ᵀT1 = Σ_i σ_i (1ᵀLU)_i (1ᵀRV)_i,

and the eigenvalues of T other than 0 are those of C Σ, since XY and YX share them. The
difference of means is (tr T − 1ᵀT1/n)/(n − 1).

The second score sees what the first one does not: where all embeddings share one
direction, T has large entries on the diagonal and off it alike.

Source: the copying score is that of Elhage et al. (2021), "A mathematical framework
for transformer circuits", there with the unembedding in place of R.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from numerics.shapes import Float64

__all__ = [
    "Basis",
    "Compressed",
    "Scores",
    "Singular",
    "compress",
    "embedding_bases",
    "raw_basis",
    "scores_of",
    "singular",
]


@dataclass(frozen=True)
class Singular:
    """P = U Σ Vᵀ for a batch of products.

    Attributes:
        left: U.
        values: the diagonal of Σ, largest first.
        right: V.
    """

    left: Float64[torch.Tensor, "batch d r"]
    values: Float64[torch.Tensor, "batch r"]
    right: Float64[torch.Tensor, "batch d r"]

    @property
    def norms(self) -> Float64[torch.Tensor, " batch"]:
        """‖P‖."""
        return self.values.norm(dim=-1)

    @property
    def contributions(self) -> Float64[torch.Tensor, "batch r"]:
        """σ_i ⟨u_i, v_i⟩, whose sum is tr P."""
        return self.values * (self.left * self.right).sum(-2)


@dataclass(frozen=True)
class Basis:
    """What the scores need of L and R.

    Attributes:
        left: LᵀL.
        right: RᵀR.
        cross: RᵀL.
        left_sum: Lᵀ1.
        right_sum: Rᵀ1.
        count: n, the rows of L and of R.
    """

    left: Float64[torch.Tensor, "d d"]
    right: Float64[torch.Tensor, "d d"]
    cross: Float64[torch.Tensor, "d d"]
    left_sum: Float64[torch.Tensor, " d"]
    right_sum: Float64[torch.Tensor, " d"]
    count: int

    @property
    def centred_cross(self) -> Float64[torch.Tensor, "d d"]:
        """Rᵀ(I − 11ᵀ/n)L: without what all rows share."""
        return self.cross - torch.outer(self.right_sum, self.left_sum) / self.count


@dataclass(frozen=True)
class Compressed:
    """A basis between singular vectors, for a batch of them.

    Attributes:
        left: A.
        right: B.
        cross: C.
        left_sum: UᵀLᵀ1.
        right_sum: VᵀRᵀ1.
        count: n.
    """

    left: Float64[torch.Tensor, "batch r r"]
    right: Float64[torch.Tensor, "batch r r"]
    cross: Float64[torch.Tensor, "batch r r"]
    left_sum: Float64[torch.Tensor, "batch r"]
    right_sum: Float64[torch.Tensor, "batch r"]
    count: int


@dataclass(frozen=True)
class Scores:
    """Scores of a batch of products in one basis; 0 where the product is 0.

    Attributes:
        share: tr T / ‖T‖.
        excess: mean diagonal less mean off-diagonal.
        copying: Σλ / Σ|λ|.
        trace: tr T.
        mean_diagonal: tr T / n.
        mean_off_diagonal: the mean of the entries off the diagonal.
    """

    share: Float64[torch.Tensor, "*batch"]
    excess: Float64[torch.Tensor, "*batch"]
    copying: Float64[torch.Tensor, "*batch"]
    trace: Float64[torch.Tensor, "*batch"]
    mean_diagonal: Float64[torch.Tensor, "*batch"]
    mean_off_diagonal: Float64[torch.Tensor, "*batch"]


def singular(
    left: Float64[torch.Tensor, "batch d e"], right: Float64[torch.Tensor, "batch d e"]
) -> Singular:
    """The singular value decomposition of F Gᵀ from its factors, without forming it.

    Args:
        left: F.
        right: G.
    """
    left_q, left_r = torch.linalg.qr(left)
    right_q, right_r = torch.linalg.qr(right)
    u, values, v = torch.linalg.svd(left_r @ right_r.mT)
    return Singular(left_q @ u, values, right_q @ v.mT)


def raw_basis(width: int) -> Basis:
    """The coordinates of what the sublayer sees: L = R = I.

    Args:
        width: d.
    """
    eye = torch.eye(width, dtype=torch.float64)
    ones = torch.ones(width, dtype=torch.float64)
    return Basis(eye, eye, eye, ones, ones, width)


def embedding_bases(
    gram: Float64[torch.Tensor, "d d"],
    sums: Float64[torch.Tensor, " d"],
    count: int,
    gain: Float64[torch.Tensor, " d"],
    centred: bool,
) -> tuple[Basis, Basis]:
    """Embeddings as the sublayer of one layer sees them: for W_K W_Qᵀ, and W_V W_O.

    Args:
        gram: W_EᵀW_E.
        sums: W_Eᵀ1.
        count: how many tokens.
        gain: of the norm before the sublayer.
        centred: whether that norm takes the mean of the coordinates away.
    """
    seen = torch.diag(gain)
    if centred:
        seen = seen - gain.unsqueeze(0) / len(gain)
    cross = gram @ seen
    left, left_sum = seen.T @ cross, sums @ seen
    return (
        Basis(left, left, left, left_sum, left_sum, count),
        Basis(left, gram, cross, left_sum, sums, count),
    )


def compress(
    basis: Basis,
    left: Float64[torch.Tensor, "batch d r"],
    right: Float64[torch.Tensor, "batch d r"],
) -> Compressed:
    """A basis between singular vectors.

    Args:
        basis: L and R.
        left: U of each product.
        right: V of each product.
    """
    return Compressed(
        left=left.mT @ _times(basis.left, left),
        right=right.mT @ _times(basis.right, right),
        cross=right.mT @ _times(basis.cross, left),
        left_sum=basis.left_sum @ left,
        right_sum=basis.right_sum @ right,
        count=basis.count,
    )


def scores_of(
    compressed: Compressed, values: Float64[torch.Tensor, "*batch r"]
) -> Scores:
    """The scores of products with given singular values.

    Args:
        compressed: of their singular vectors.
        values: σ; its leading dimensions are broadcast against the batch.
    """
    n = compressed.count
    diagonal = compressed.cross.diagonal(dim1=-2, dim2=-1)
    trace = (values * diagonal).sum(-1)
    weighted = (compressed.left * compressed.right) @ values.unsqueeze(-1)
    square = (values * weighted.squeeze(-1)).sum(-1).clamp(min=0)
    total = (values * compressed.left_sum * compressed.right_sum).sum(-1)
    eigenvalues = torch.linalg.eigvals(compressed.cross * values.unsqueeze(-2))
    return Scores(
        share=_ratio(trace, square.sqrt()),
        excess=(trace - total / n) / (n - 1),
        copying=_ratio(trace, eigenvalues.abs().sum(-1)),
        trace=trace,
        mean_diagonal=trace / n,
        mean_off_diagonal=(total - trace) / (n * (n - 1)),
    )


def _times(matrix: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """One matrix times each of a batch: one large product is twice as fast as many."""
    batch, rows, rank = columns.shape
    product = matrix @ columns.movedim(0, 1).reshape(rows, batch * rank)
    return product.unflatten(1, (batch, rank)).movedim(1, 0)


def _ratio(top: torch.Tensor, bottom: torch.Tensor) -> torch.Tensor:
    """0 where the denominator, a norm, is 0."""
    return torch.where(bottom > 0, top / bottom, torch.zeros_like(top))
