"""Random numbers follow from a seed by keys, in one module and nowhere else."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from proofs_check import seeds
from proofs_check.seeds import (
    derived_seed,
    numpy_stream,
    python_generator,
    seed_array,
    seed_words,
    torch_stream,
)
from symbind_theory.validation import InputError

KEYS = [(0, 0), (0, 1), (1, 0), (2**40, 0), (0, 0, 1)]
SEEDING = re.compile(
    r"SeedSequence|default_rng|np\.random\.seed|manual_seed|random\.Random\("
)


@pytest.mark.parametrize(
    "draw",
    [
        lambda *key: numpy_stream(*key).random(4).tolist(),
        lambda *key: torch.randn(4, generator=torch_stream(*key)).tolist(),
        lambda *key: torch.randn(4, generator=torch_stream(*key, bits=63)).tolist(),
        lambda *key: seed_words(4, *key),
        lambda *key: seed_array((4,), *key).tolist(),
        lambda *key: [derived_seed(*key)],
    ],
)
def test_a_key_is_a_stream_of_its_own(draw):
    drawn = [tuple(draw(*key)) for key in KEYS]
    assert drawn == [tuple(draw(*key)) for key in KEYS]
    assert len(set(drawn)) == len(KEYS)


def test_many_seeds_differ_and_do_not_depend_on_their_number():
    array = seed_array((4, 5), 3)
    assert array.shape == (4, 5)
    assert len(set(array.ravel().tolist())) == 20
    assert np.array_equal(seed_array((7,), 3), array.ravel()[:7])
    assert seed_words(9, 3)[:4] == seed_words(4, 3)
    assert 0 <= derived_seed(5, 1) < 2**31


def test_zeros_at_the_end_of_a_key_do_not_count():
    """Why no checker uses its seed alone and the seed with a purpose 0."""
    assert seed_words(4, 7) == seed_words(4, 7, 0) != seed_words(4, 7, 1)


def test_values_in_use_stay():
    """The ledger's numbers rest on them: another derivation changes each of them."""
    assert derived_seed(0, 3, 1) == 1839634470
    assert seed_words(2, 0) == [2968811710, 3677149159]
    assert seed_array((2,), 0).tolist() == [5874934615388537135, 2488343231644625808]
    assert torch_stream(0).initial_seed() == 2968811710
    assert torch_stream(0, bits=63).initial_seed() == 5874934615388537135
    assert python_generator(5).random() == 0.6229016948897019


@pytest.mark.parametrize("make", [numpy_stream, torch_stream, python_generator])
def test_bad_seeds(make):
    with pytest.raises(InputError, match="seed is -1"):
        make(-1)


def seeding(text):
    """The words of a text by which generators are seeded."""
    return SEEDING.findall(text)


def test_no_other_module_seeds_a_generator():
    package = Path(str(seeds.__file__)).parent
    found = {p.name for p in package.rglob("*.py") if seeding(p.read_text())}
    assert found == {"seeds.py"}


@pytest.mark.parametrize(
    "line",
    [
        "random = np.random.default_rng(seed)",
        "SeedSequence([seed, 1])",
        "torch.manual_seed(seed)",
        "torch.Generator().manual_seed(int(seed))",
        "random=random.Random(seed)",
    ],
)
def test_a_generator_seeded_elsewhere_is_found(line):
    assert seeding(line)
