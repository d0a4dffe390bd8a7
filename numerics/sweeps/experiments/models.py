"""The networks that experiments train, as settings: what they are, and how to make one.

Source: arXiv 2310.09753, on experiments.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator

from numerics.activations import GELU, Activation, Cosine, Erf, ReLU
from numerics.architecture import Architecture
from numerics.networks.blocks import BlockShape, Identity
from numerics.networks.deep_transformer import DeepTransformer, Initialisation
from numerics.networks.embedding_network import Output
from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.recurrent import Recurrent, RecurrentNetwork
from numerics.networks.relational import Relational, RelationalNetwork
from numerics.networks.unseen_strings import UnseenSymbols
from numerics.sweeps.experiment import PointFailed
from numerics.sweeps.experiments.settings import Count, Flag, Number, Settings
from symbind_theory.validation import InputError

__all__ = [
    "ACTIVATIONS",
    "MODEL_PRESETS",
    "MLPModel",
    "Model",
    "NetworkSettings",
    "RecurrentModel",
    "RelationalModel",
    "TransformerModel",
    "build",
    "operations_of",
]

ACTIVATIONS: dict[str, Activation] = {
    "gelu": GELU(),
    "relu": ReLU(),
    "erf": Erf(),
    "cos": Cosine(),
}
"""φ by name, the kernels' own defaults."""


class NetworkSettings(Settings, ABC):
    """What a kind of network is, by its settings."""

    embeds_tokens: ClassVar[bool] = True
    """Whether it reads embeddings, so that an output may be a logit for each token."""

    @abstractmethod
    def built(self, data: UnseenSymbols, seed: int) -> torch.nn.Module:
        """A network at random initialisation, for these strings.

        Args:
            data: the strings, whose vocabulary it reads and whose labels it gives.
            seed: equal seeds give equal bits.
        """

    @abstractmethod
    def operations(self, length: int) -> float:
        """About how many operations one string takes forward: two for each product.

        Args:
            length: tokens of a string.
        """


class TransformerModel(NetworkSettings):
    """A transformer (`DeepTransformer`): the paper's, where nothing else is said."""

    kind: Literal["transformer"] = "transformer"
    name: str | None = None
    depth: Count = Field(default=2, ge=1)
    width: Count = Field(default=128, ge=1)
    heads: Count = Field(default=16, ge=1)
    head_width: Count = Field(default=64, ge=1)
    hidden: Count = Field(default=256, ge=1)
    beta: Number = Field(default=1.0, ge=0)
    gamma: Number = Field(default=1.0, ge=0)
    residual: Number = 1.0
    normalisation: Literal["pre", "post", "none"] = "pre"
    final_normalisation: Flag = True
    readout: Literal["cls", "last", "mean"] = "cls"
    activation: Literal["gelu", "relu", "erf", "cos"] = "gelu"
    form: Literal["paper", "theory"] = "paper"
    gain: Number = Field(default=0.2, gt=0)
    trained_identity: tuple[Identity, ...] = ()
    identity_kq: Number = 0.0
    identity_vo: Number = 0.0
    mimetic: Flag = False

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.mimetic and self.form == "theory":
            raise InputError("mimetic is true in the theory's form; expected false")
        return self

    def architecture(self) -> Architecture:
        """The architecture whose kernel is the limit of such networks with g = 1.

        Of the paper's form with a = b = 0 alone: there a is d times the theory's.
        """
        return Architecture(
            beta=self.beta,
            gamma=self.gamma,
            readout=self.readout,
            activation=ACTIVATIONS[self.activation],
            identity_kq=self.identity_kq,
            identity_vo=self.identity_vo,
            depth=self.depth,
            residual=self.residual,
            normalisation=None if self.normalisation == "none" else self.normalisation,
            final_normalisation=self.final_normalisation,
        )

    def shape(self) -> BlockShape:
        """The sizes of its blocks."""
        return BlockShape(
            width=self.width,
            heads=self.heads,
            head_width=self.head_width,
            hidden=self.hidden,
        )

    def built(self, data: UnseenSymbols, seed: int) -> DeepTransformer:
        start = Initialisation(
            form=self.form,
            trained_identity=self.trained_identity,
            gain=self.gain,
            mimetic=self.mimetic,
            seed=seed,
        )
        return DeepTransformer(
            data.vocabulary,
            data.length,
            self.architecture(),
            self.shape(),
            start,
            _output(data),
        )

    def operations(self, length: int) -> float:
        inner, d = self.heads * self.head_width, self.width
        # Four matrices of the heads, logits and sums over keys, two of the MLP.
        token = 8 * d * inner + 4 * length * inner + 4 * d * self.hidden
        return self.depth * (length + 1) * float(token)


class MLPModel(NetworkSettings):
    """A multi-layer perceptron (`MLPStack`)."""

    kind: Literal["mlp"] = "mlp"
    name: str | None = None
    first_layer: Literal["gather", "dense", "tied", "relations"] = "gather"
    depth: Count = Field(default=2, ge=1)
    width: Count = Field(default=256, ge=1)
    activation: Literal["relu", "tanh", "gelu", "sigmoid", "silu"] = "relu"
    gain: Number = Field(default=0.2, gt=0)

    embeds_tokens: ClassVar[bool] = False

    def built(self, data: UnseenSymbols, seed: int) -> MLPStack:
        """A network at random initialisation, for these strings.

        Args:
            data: the strings, whose vocabulary it reads and whose labels it gives.
            seed: equal seeds give equal bits.

        Raises:
            PointFailed: labels that are tokens.
        """
        if data.symbolic:
            raise PointFailed(
                "labels are tokens, for which an MLP has no outputs; expected numbers"
            )
        mlp = MLP(self.depth, self.width, self.activation, self.first_layer)
        generator = torch.Generator().manual_seed(seed)
        stack = MLPStack(
            mlp, 1, data.length, data.vocabulary, generator, dtype=torch.float32
        )
        # As a transformer's: outputs start small beside the labels.
        with torch.no_grad():
            stack.readout.mul_(self.gain)
        return stack

    def operations(self, length: int) -> float:
        # The first layer adds up a row for each token, the others are matrices, and
        # the readout is a vector.
        return 2.0 * self.width * (length + (self.depth - 1) * self.width + 1)


class RecurrentModel(NetworkSettings):
    """A recurrent network (`RecurrentNetwork`)."""

    kind: Literal["rnn", "lstm"]
    name: str | None = None
    width: Count = Field(default=128, ge=1)
    hidden: Count = Field(default=256, ge=1)
    layers: Count = Field(default=1, ge=1)

    def built(self, data: UnseenSymbols, seed: int) -> RecurrentNetwork:
        return RecurrentNetwork(
            Recurrent(self.kind, self.width, self.hidden, self.layers),
            data.vocabulary,
            data.length,
            _output(data),
            torch.Generator().manual_seed(seed),
        )

    def operations(self, length: int) -> float:
        # Two matrices a gate: of the state, and of an input about as long.
        gates = 4 if self.kind == "lstm" else 1
        return length * self.layers * gates * 4.0 * self.hidden**2


class RelationalModel(NetworkSettings):
    """A relational bottleneck (`RelationalNetwork`)."""

    kind: Literal["relational"] = "relational"
    name: str | None = None
    width: Count = Field(default=128, ge=1)
    hidden: Count = Field(default=256, ge=1)
    projected: Flag = False
    scaled: Flag = True

    def built(self, data: UnseenSymbols, seed: int) -> RelationalNetwork:
        relational = Relational(
            width=self.width,
            hidden=self.hidden,
            projected=self.projected,
            scaled=self.scaled,
        )
        return RelationalNetwork(
            relational,
            data.vocabulary,
            data.length,
            _output(data),
            torch.Generator().manual_seed(seed),
        )

    def operations(self, length: int) -> float:
        # Three matrices, of which the first reads the k² relations.
        return 2.0 * self.hidden * (length**2 + self.hidden + self.width)


Model = Annotated[
    TransformerModel | MLPModel | RecurrentModel | RelationalModel,
    Field(
        discriminator="kind",
        description="a model, such as {kind = 'transformer'} or the name of a preset",
    ),
]
"""The settings of a network, of whichever kind."""

MODEL_PRESETS: dict[str, dict[str, Any]] = {
    "plain": {"kind": "transformer"},
    "KQ": {"kind": "transformer", "trained_identity": ["kq"]},
    "VO": {"kind": "transformer", "trained_identity": ["vo"]},
    "both": {"kind": "transformer", "trained_identity": ["kq", "vo"]},
    "mimetic": {"kind": "transformer", "mimetic": True},
    "MLP": {"kind": "mlp"},
    "MLP, shared embedding": {"kind": "mlp", "first_layer": "tied"},
    "MLP, relations": {"kind": "mlp", "first_layer": "relations"},
    "RNN": {"kind": "rnn"},
    "LSTM": {"kind": "lstm"},
    "relational": {"kind": "relational"},
}
"""Models by the names that sweep files may call them."""


def build(model: Model, data: UnseenSymbols, seed: int) -> torch.nn.Module:
    """A network at random initialisation, for these strings.

    Args:
        model: the settings of the network.
        data: the strings, whose vocabulary it reads and whose labels it gives.
        seed: equal seeds give equal bits.

    Raises:
        PointFailed: an MLP for labels that are tokens.
    """
    return model.built(data, seed)


def operations_of(model: Model, length: int) -> float:
    """About how many operations one string takes forward.

    Args:
        model: the settings of the network.
        length: tokens of a string.
    """
    return model.operations(length)


def _output(data: UnseenSymbols) -> Output:
    """What a network says of a string, by the labels of its strings."""
    return "token" if data.symbolic else "number"
