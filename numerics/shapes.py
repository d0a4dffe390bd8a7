"""Shape annotations, checked while testing and free at run time.

With jaxtyping installed, `Float64[np.ndarray, "r r"]` names dtype and shape, and the
test run checks every call. Without it the annotation is the bare array type, so the
numeric path needs nothing beyond numpy, scipy, sympy and torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64, Int64
else:
    try:
        from jaxtyping import Bool, Float, Float64, Int64
    except ModuleNotFoundError:

        class _Unchecked:
            def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
                return item[0]

        Bool = Float = Float64 = Int64 = _Unchecked

__all__ = ["Bool", "Float", "Float64", "Int64"]
