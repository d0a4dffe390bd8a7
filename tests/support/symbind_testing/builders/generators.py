"""Random numbers for what draws with torch."""

import torch


def generator(seed: int) -> torch.Generator:
    """A stream of its own for each seed."""
    return torch.Generator().manual_seed(seed)
