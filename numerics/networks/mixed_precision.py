"""Products in bfloat16 on an accelerator; parameters and their updates in float32.

bfloat16 has the range of float32, so that gradients need no scaling.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from numerics.protocols import Trainable
from numerics.shapes import Float, Int64

__all__ = ["MixedPrecision"]


class MixedPrecision:
    """A network whose matrix products are in bfloat16: `Trainable`.

    Choose it on an accelerator, for networks wide enough that their products take most
    of the time.

    Args:
        model: the network, in float32.
    """

    def __init__(self, model: Trainable) -> None:
        self._model = model

    @property
    def networks(self) -> int:
        """How many networks are stacked."""
        return self._model.networks

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """The model's own."""
        return self._model.parameters()

    def batch_outputs(
        self, inputs: Int64[torch.Tensor, "n k"]
    ) -> Float[torch.Tensor, "networks n *classes"]:
        """The model's outputs in float32, from products in bfloat16."""
        with torch.autocast(inputs.device.type, dtype=torch.bfloat16):
            outputs = self._model.batch_outputs(inputs)
        return outputs.float()
