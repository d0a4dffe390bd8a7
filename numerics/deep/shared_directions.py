"""The part of the logits that strings of all templates share, in principal directions.

Between strings the logits M_i[q, p] and M_j[q', p'] have the covariance
C_ij[q, q'] C_ij[p, p'], which is that of

    r_iqᵀ Z r_ip,     Z of independent standard normals,

r_iq the column of R. Softmax sees r_iqᵀ Z (r_ip − mean over the row's keys). With
R = U diag(s) Vᵀ the entry Z[a, b] counts by s_a s_b. One coordinate of a point for each
principal direction of all rows together, the loudest first.

Source: symbind; Acworth, Broadie & Glasserman 1998 on principal components.
"""

from __future__ import annotations

import numpy as np

from numerics.averages.linalg import principal_axes
from numerics.shapes import Bool, Float64, Int64

__all__ = ["shared_directions"]

# Quieter directions than this, relative to the loudest, are rounding.
_QUIETEST = 1e-15


def shared_directions(
    root: Float64[np.ndarray, "rows r keys"],
    queries: Int64[np.ndarray, " queries"],
    visible: Bool[np.ndarray, "queries keys"],
) -> Float64[np.ndarray, "directions r queries keys"]:
    """From standard normals to the logits of each row, up to a shift of the row.

    Args:
        root: R of what attention sees.
        queries: the positions whose rows are wanted.
        visible: which keys each of them sees.
    """
    _, r, keys = root.shape
    size, axes = principal_axes(root.reshape(len(root), r * keys))
    count = int((size > _QUIETEST * size[0]).sum())
    rotated = (size[:count, None] * axes[:count]).reshape(count, r, keys)
    share = visible / visible.sum(1, keepdims=True)
    centre = np.einsum("qp,bip->biq", share, rotated)
    from_centre = rotated[:, :, None, :] - centre[:, :, :, None]
    seen = np.where(visible, from_centre, 0.0)
    products = np.einsum("aiq,biqp->abiqp", rotated[:, :, queries], seen)
    flat = products.reshape(count**2, -1)
    loudness, directions = principal_axes(flat)
    heard = int((loudness > _QUIETEST * max(loudness[0], 1e-300)).sum())
    heard = max(heard, 1)
    scaled = loudness[:heard, None] * directions[:heard]
    return scaled.reshape(heard, r, len(queries), keys)
