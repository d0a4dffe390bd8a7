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

import numpy as np

from numerics.averages.linalg import principal_axes
from numerics.deep.position_rows import PositionRows
from numerics.shapes import Float64

__all__ = ["shared_directions"]

# Quieter directions than this, relative to the loudest, are rounding.
_QUIETEST = 1e-15


def shared_directions(
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
    of_query = rotated[:, :, positions.queries]
    products = beta * np.einsum("aiq,bfiqp->abfiqp", of_query, seen)
    noise = np.einsum("qpu,gqu->gqp", centring, positions.noise)
    noise = np.broadcast_to(noise[:, None], (len(noise), r, *noise.shape[1:]))
    shape = (r, *noise.shape[2:])
    flat = np.concatenate([products.reshape(-1, *shape), noise])
    loudness, directions = principal_axes(flat.reshape(len(flat), -1))
    heard = max(1, int((loudness > _QUIETEST * loudness[0]).sum()))
    return (loudness[:heard, None] * directions[:heard]).reshape(heard, *shape)
