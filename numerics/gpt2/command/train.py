"""The command "train" of `python -m numerics.gpt2`."""

from __future__ import annotations

import argparse

from symbind_theory.validation import InputError

__all__ = ["HELP", "INTERRUPTED", "add_options", "run"]

HELP = "train"
INTERRUPTED = "interrupted"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of the command.

    Args:
        parser: the command's own.
    """


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what `add_options` has had parsed.
    """
    raise InputError("not there yet")
