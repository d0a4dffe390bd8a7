"""Softmax weights of every row, averaged over what a string has of its own.

Given the shared part G of the logits the rest of row q is Gaussian,

    β (a D_i[q, p] + own_p),     own ~ N(0, D_i[q, q] D_i − C_ii[q, q] C_ii),

and this covariance is C_ii[q, q] E_i + E_i[q, q] D_i, a sum of positive semi-definite
terms. With nodes z_n of weights w_n for the own part, e^{logit} is a product of a
factor of G and one of z_n, so that sums over keys and nodes are matrix products:

    E s_p = e^{G_p} Σ_n w_n X_np / Σ_u e^{G_u} X_nu,
    X_np  = e^{β (a D_i[q, p] + (A z_n)_p)}.

Where all products of one sum are below float64, because both factors are steep, logits
are added up and mapped one by one.

The symmetric root A of the covariance lets one z mean the same in all templates, so
that errors of a rule for z are nearly the same where templates are nearly alike.

Source: symbind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch

from numerics.deep.own_rules import Nodes
from numerics.deep.position_rows import PositionRows
from numerics.deep.slope_forms import key_pairs
from numerics.deep.stream import Stream
from numerics.shapes import Bool, Float, Float64

__all__ = ["Rows", "averaged_pairs", "averaged_rows", "rows_of"]

# Sums of products below it have lost digits: e^{−650}, with e^{−745} the least number.
_LEAST = 1e-282
# Products of two factors that are held at a time: 32 MiB.
_AT_ONCE = 2**22


@dataclass(frozen=True, slots=True)
class Rows:
    """Logits of every row given the shared part.

    Attributes:
        mean: β a D_i[q, p], and the bias of the positions.
        root: β A of each row, from K − 1 standard normals to its logits.
        visible: which keys each query sees.
        deviation: bound on the standard deviation of a difference of two own logits.
    """

    mean: Float64[np.ndarray, "r queries keys"]
    root: Float64[np.ndarray, "r queries keys own"]
    visible: Bool[np.ndarray, "queries keys"]
    deviation: float

    def logits(self, nodes: Nodes) -> Float64[np.ndarray, "sites nodes keys"]:
        """log X at the nodes, less the largest of its keys."""
        own = np.einsum("iqpo,no->iqnp", self.root, nodes.z)
        logits = self.mean[:, :, None, :] + own
        logits = np.where(self.visible[None, :, None, :], logits, -np.inf)
        logits -= logits.max(-1, keepdims=True)
        return logits.reshape(-1, *logits.shape[2:])


def rows_of(
    seen: Stream, beta: float, identity: float, positions: PositionRows
) -> Rows:
    """Rows of one attention.

    Args:
        seen: the stream as attention sees it.
        beta: inverse temperature.
        identity: a, the multiple of the identity added to W_K W_Qᵀ.
        positions: the rows that are wanted.
    """
    queries, keys = positions.queries, positions.visible.shape[1]
    C, E, D = seen.between_strings, seen.excess, seen.within
    C_qq, E_qq = (np.einsum("iqq->iq", m)[:, queries, None, None] for m in (C, E))
    own = (C_qq * E[:, None] + E_qq * D[:, None]) * positions.turned
    centring = positions.centring
    centred = centring @ own @ centring.transpose(0, 2, 1)
    variance = np.einsum("iqpp->iqp", centred)
    return Rows(
        mean=beta * identity * D[:, queries] + positions.bias,
        root=beta * _symmetric_roots(centred) @ scipy.linalg.helmert(keys).T,
        visible=positions.visible,
        deviation=2 * beta * math.sqrt(max(0.0, float(variance.max()))),
    )


def _symmetric_roots(
    matrices: Float64[np.ndarray, "r queries keys keys"],
) -> Float64[np.ndarray, "r queries keys keys"]:
    """The positive semi-definite square root of each matrix."""
    values, vectors = np.linalg.eigh(matrices)
    size = np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return (vectors * size) @ vectors.swapaxes(-1, -2)


def averaged_rows(
    shared: Float[torch.Tensor, "sites n keys"],
    own: Float[torch.Tensor, "sites nodes keys"],
    weights: Float[torch.Tensor, " nodes"],
) -> Float[torch.Tensor, "sites n keys"]:
    """E s of each row at each point.

    Args:
        shared: G_p, less the largest of its keys; −∞ at keys that are not seen.
        own: log X, likewise.
        weights: of the nodes.
    """
    factors, outer = own.exp(), shared.exp()
    totals = outer @ factors.transpose(1, 2)
    found = outer * ((weights / totals) @ factors)
    lost = (totals < _LEAST).any(-1)
    for site, points, rows in _one_by_one(lost, shared, own):
        found[site, points] = torch.einsum("m,nmp->np", weights, rows)
    return found


def averaged_pairs(
    shared: Float[torch.Tensor, "sites n keys"],
    own: Float[torch.Tensor, "sites nodes keys"],
    weights: Float[torch.Tensor, " nodes"],
) -> Float[torch.Tensor, "sites n pairs"]:
    """E s_p s_q of each row at each point, for all keys p < q.

    Args:
        shared: G_p, less the largest of its keys; −∞ at keys that are not seen.
        own: log X, likewise.
        weights: of the nodes.
    """
    first, second = map(torch.from_numpy, key_pairs(shared.shape[-1]))
    at_once = max(1, _AT_ONCE // max(1, own.shape[1] * len(first)))
    found, lost = [], []
    for G, X in zip(shared.split(at_once), own.split(at_once), strict=True):
        factors, outer = X.exp(), G.exp()
        totals = outer @ factors.transpose(1, 2)
        products = factors[..., first] * factors[..., second]
        pairs = outer[..., first] * outer[..., second]
        found.append(pairs * ((weights / totals**2) @ products))
        lost.append((totals < math.sqrt(_LEAST)).any(-1))
    averages = torch.cat(found)
    for site, points, rows in _one_by_one(torch.cat(lost), shared, own):
        each = rows[..., first] * rows[..., second]
        averages[site, points] = torch.einsum("m,nmp->np", weights, each)
    return averages


def _one_by_one(
    lost: Bool[torch.Tensor, "sites n"],
    shared: Float[torch.Tensor, "sites n keys"],
    own: Float[torch.Tensor, "sites nodes keys"],
) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """Softmax by the logits themselves, site by site, where products are lost."""
    for site in lost.any(-1).nonzero().flatten().tolist():
        points = lost[site]
        yield site, points, torch.softmax(shared[site, points, None] + own[site], -1)
