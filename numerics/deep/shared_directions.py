"""The part of the logits that strings of all templates share, in principal directions.

Between strings the logits M_i[q, p] and M_j[q', p'] have the covariance
C_ij[q, q'] C_ij[p, p'], which is that of

    r_iqᵀ Z r_ip,     Z of independent standard normals,

r_iq the column of R. Turned by positions, which multiplies the covariance by one of
(q − p) and (q' − p'), there is a Z for each of its features. Softmax sees differences
from the mean of a row's keys. One coordinate of a point for each principal direction of
all rows together, the loudest first.

Source: symbind; Acworth, Broadie & Glasserman 1998 on principal components.
"""

from __future__ import annotations

import math

import numpy as np

from numerics.averages.linalg import eigen_system, principal_axes, product
from numerics.deep.position_rows import PositionRows
from numerics.shapes import Float64

__all__ = ["from_covariance", "logit_directions"]

# Quieter directions than this, relative to the loudest, are rounding.
_QUIETEST = 1e-15
# Entries of Z times logits, up to which directions come from the logits themselves;
# beyond, from their covariance, whose rounding is 1e-15 of its own largest.
_MANY = 2**22


def from_covariance(sites: int, keys: int) -> bool:
    """Whether directions come from the covariance of the logits, to half the digits.

    Args:
        sites: templates times positions.
        keys: positions.
    """
    return sites**3 * keys > _MANY


def logit_directions(
    root: Float64[np.ndarray, "rows r keys"], beta: float, positions: PositionRows
) -> Float64[np.ndarray, "directions r queries keys"]:
    """From standard normals to the logits of each row, up to a shift of the row.

    Args:
        root: R of what attention sees.
        beta: inverse temperature.
        positions: the rows that are wanted.
    """
    _, r, keys = root.shape
    size, axes = principal_axes(root.reshape(len(root), r * keys))
    count = max(1, int((size > _QUIETEST * size[0]).sum()))
    rotated = (size[:count, None] * axes[:count]).reshape(count, r, keys)
    centring = positions.centring
    turned = np.einsum("fqu,biu->bfiqu", positions.turns, rotated)
    seen = np.einsum("qpu,bfiqu->bfiqp", centring, turned)
    of_query = beta * rotated[:, :, positions.queries]
    noise = np.einsum("qpu,gqu->gqp", centring, positions.noise)
    noise = np.broadcast_to(noise[:, None], (len(noise), r, *noise.shape[1:]))
    shape = (r, *noise.shape[2:])
    noise = noise.reshape(len(noise), math.prod(shape))
    if from_covariance(r * keys, keys):
        loudness, directions = _axes_of_covariance(of_query, seen, noise)
    else:
        products = np.einsum("aiq,bfiqp->abfiqp", of_query, seen)
        flat = products.reshape(-1, noise.shape[1])
        loudness, directions = principal_axes(np.concatenate([flat, noise]))
    heard = max(1, int((loudness > _QUIETEST * loudness[0]).sum()))
    return (loudness[:heard, None] * directions[:heard]).reshape(heard, *shape)


def _axes_of_covariance(
    of_query: Float64[np.ndarray, "a r queries"],
    seen: Float64[np.ndarray, "b phases r queries keys"],
    noise: Float64[np.ndarray, "offsets logits"],
) -> tuple[Float64[np.ndarray, " values"], Float64[np.ndarray, "values logits"]]:
    """`principal_axes` of the logits without holding what each entry of Z does."""
    *_, keys = seen.shape
    between = seen.reshape(-1, noise.shape[1])
    rows = of_query.reshape(len(of_query), -1)
    covariance = product(between.T.copy(), between)
    # One product of queries stands for all keys of both rows.
    of_rows = product(rows.T.copy(), rows)
    covariance *= np.repeat(np.repeat(of_rows, keys, 0), keys, 1)
    covariance += noise.T @ noise
    values, vectors = eigen_system(covariance)
    kept = values > _QUIETEST * values[-1]
    return np.sqrt(values[kept])[::-1], vectors[:, kept].T[::-1].copy()
