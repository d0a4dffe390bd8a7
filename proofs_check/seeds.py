"""The one way from a checker's seed to its random numbers.

A *key* is a row of whole numbers ≥ 0, the seed and a number for each purpose that it
serves. numpy's `SeedSequence` mixes a key into random bits; the streams of different
keys are independent for all that is known. Zeros at the end of a key do not count, up
to four numbers in all, and a number of 2³² or more counts as several: (s,) and (s, 0)
are one key, so that one checker never gives both to one kind of generator. No other
module of this package seeds a generator: what is drawn for a purpose depends on its key
alone, and not on what else is drawn or when.
"""

from __future__ import annotations

import random
from typing import Literal

import numpy as np
import torch

from numerics.shapes import Int64
from symbind_theory.validation import positive_integer

__all__ = [
    "derived_seed",
    "numpy_stream",
    "python_generator",
    "seed_array",
    "seed_words",
    "torch_stream",
]


def derived_seed(*key: int) -> int:
    """A seed below 2³¹, which numpy, torch and Hypothesis take alike.

    >>> derived_seed(0, 3, 1) != derived_seed(0, 3, 2)
    True

    Args:
        *key: the seed and the numbers of what it is for.
    """
    return int(_sequence(*key).generate_state(1)[0] >> 1)


def numpy_stream(*key: int) -> np.random.Generator:
    """numpy's generator for a key.

    Args:
        *key: the seed and the numbers of what it is for.
    """
    return np.random.default_rng(_sequence(*key))


def torch_stream(*key: int, bits: Literal[32, 63] = 32) -> torch.Generator:
    """torch's generator for a key.

    Args:
        *key: the seed and the numbers of what it is for.
        bits: how long the number is that torch is seeded with. Numbers that rest on
            either length are on record; the other one would change them.
    """
    seed = seed_words(1, *key)[0] if bits == 32 else int(seed_array((), *key))
    return torch.Generator().manual_seed(seed)


def python_generator(seed: int) -> random.Random:
    """Python's generator, which Hypothesis draws from.

    Args:
        seed: a checker's; Hypothesis is the one purpose that it serves here.
    """
    return random.Random(positive_integer("seed", seed, low=0))


def seed_words(count: int, *key: int) -> list[int]:
    """Seeds below 2³² of that many generators, the words of a key's state.

    The first ones do not depend on how many there are.

    Args:
        count: ≥ 0.
        *key: the seed and the numbers of what it is for.
    """
    return _sequence(*key).generate_state(count).tolist()


def seed_array(shape: tuple[int, ...], *key: int) -> Int64[np.ndarray, " ..."]:
    """Seeds below 2⁶³ of many generators, drawn from the stream of a key.

    For repetitions by the thousand, among which words of 32 bits would coincide.

    Args:
        shape: of the array of seeds.
        *key: the seed and the numbers of what it is for.
    """
    return numpy_stream(*key).integers(2**63, size=shape)


def _sequence(*key: int) -> np.random.SeedSequence:
    return np.random.SeedSequence([positive_integer("seed", k, low=0) for k in key])
