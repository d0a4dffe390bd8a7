"""Options that repeat what modules say that take seconds to load."""

import argparse

from numerics.gpt2.command.probe_options import VARIANTS, add_options
from numerics.gpt2.fine_tuning import VARIANTS as TRAINED
from numerics.gpt2.fine_tuning import Recipe


def test_defaults_are_those_of_the_recipe():
    parser = argparse.ArgumentParser()
    add_options(parser)
    options = parser.parse_args(["--model", "m", "--task", "t"])
    recipe = Recipe()
    assert (options.epochs, options.rate, options.scalar_rate) == (
        recipe.epochs,
        recipe.rate,
        recipe.scalar_rate,
    )
    assert options.batch_size == recipe.batch_size
    assert options.shots == [0, 1, 2, 4, 10]


def test_variants_are_those_that_are_trained():
    assert VARIANTS == TRAINED
