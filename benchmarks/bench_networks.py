"""Training steps of `DeepTransformer` against `torch.nn.TransformerEncoder`.

    python -m benchmarks.bench_networks

Both have the same sizes, pre-norm, residuals and GELU, read the last position, and take
steps of Adam on the squared error of the same strings. Steps are taken in turn, so that
both see the same machine; the ratio is the median over the pairs of torch's time over
ours, that is of sequences a second, ours over torch's. On a busy machine it moves by
some hundredths. Scalars a and b are ours alone: what they cost is shown beside it.

torch's heads are as wide together as the stream. The paper's, 16 of 64 at width 128,
are eight times as wide, so that torch's encoder has no such shape to be compared with.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from numerics.architecture import Architecture
from numerics.networks.blocks import BlockShape, Identity
from numerics.networks.deep_transformer import PAPER, DeepTransformer, Initialisation

__all__ = ["CASES", "Case", "Reference", "compared", "sequences_per_second"]

VOCABULARY = 512
PAIRS = 15


@dataclass(frozen=True)
class Case:
    """Sizes of both networks, and of a batch.

    Attributes:
        length: tokens of a string, `[CLS]` beside them.
        batch: strings in a step.
        shape: of the blocks; heads times their width make up the width, as torch has
            it.
    """

    length: int
    batch: int
    shape: BlockShape


CASES = (
    Case(3, 512, BlockShape(width=128, heads=2, head_width=64, hidden=256)),
    Case(15, 256, BlockShape(width=128, heads=8, head_width=16, hidden=512)),
    Case(63, 64, BlockShape(width=256, heads=4, head_width=64, hidden=1024)),
)
"""Short strings as template tasks have them, and longer ones."""


class Reference(torch.nn.Module):
    """torch's encoder between the same embeddings and readout."""

    def __init__(self, case: Case, architecture: Architecture) -> None:
        super().__init__()
        shape, d = case.shape, case.shape.width
        self.embedding = torch.nn.Embedding(VOCABULARY + 1, d)
        self.positions = torch.nn.Parameter(torch.randn(case.length + 1, d))
        layer = torch.nn.TransformerEncoderLayer(
            d,
            shape.heads,
            shape.hidden,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = torch.nn.TransformerEncoder(
            layer,
            architecture.depth,
            torch.nn.LayerNorm(d, elementwise_affine=False),
            enable_nested_tensor=False,
        )
        self.readout = torch.nn.Linear(d, 1, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """One number for each string."""
        cls = torch.full_like(tokens[:, :1], VOCABULARY)
        x = self.embedding(torch.cat([tokens, cls], dim=1)) + self.positions
        return self.readout(self.encoder(x)[:, -1]).squeeze(-1)


def sequences_per_second(
    case: Case, device: str, *, mixed: bool = False, steps: int = 20
) -> float:
    """How many strings our network trains on in a second, the best of the steps.

    Args:
        case: the sizes.
        device: "cpu" or "cuda".
        mixed: whether products are in bfloat16.
        steps: how many are timed.
    """
    network = DeepTransformer(VOCABULARY, case.length, PAPER, case.shape)
    stepping = _steps(network.to(device), case, device, mixed)
    next(stepping)
    return case.batch / min(_timed(lambda: next(stepping)) for _ in range(steps))


def compared(case: Case, trained: tuple[Identity, ...] = ()) -> float:
    """Sequences a second of ours over those of torch's encoder.

    Args:
        case: the sizes.
        trained: which scalars ours has.
    """
    start = Initialisation(trained_identity=trained)
    ours = DeepTransformer(VOCABULARY, case.length, PAPER, case.shape, start)
    steps = [_steps(ours, case), _steps(Reference(case, PAPER), case)]
    for step in steps:
        next(step)
    ratios = []
    for _ in range(PAIRS):
        mine, reference = (_timed(lambda s=step: next(s)) for step in steps)
        ratios.append(reference / mine)
    return statistics.median(ratios)


def _steps(
    network: torch.nn.Module, case: Case, device: str = "cpu", mixed: bool = False
) -> Iterator[None]:
    """Training, one step at a time, each finished when it is yielded."""
    generator = torch.Generator().manual_seed(0)
    size = (case.batch, case.length)
    tokens = torch.randint(VOCABULARY, size, generator=generator)
    targets = torch.randn(case.batch, generator=generator).to(device)
    tokens = tokens.to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    while True:
        optimiser.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=mixed):
            outputs = network(tokens)
        (outputs.float() - targets).square().mean().backward()
        optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()
        yield


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(
        f"{'length':>6} {'batch':>6} {'width':>6}   ratio to torch: plain, a, a and b"
    )
    for case in CASES:
        plain = compared(case)
        keys, both = compared(case, ("kq",)), compared(case, ("kq", "vo"))
        print(
            f"{case.length + 1:6} {case.batch:6} {case.shape.width:6}   "
            f"{plain:.2f}, {keys:.2f}, {both:.2f}"
        )
