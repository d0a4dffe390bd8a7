"""The options of the command "probe"."""

from __future__ import annotations

import argparse

from symbind_theory.command.shell import integer_option, number_option

__all__ = ["VARIANTS", "add_options"]

_CLASSES = ("rare", "common")
VARIANTS = ("plain", "kq", "vo", "both", "scalars-only")
"""Those of `fine_tuning`, whose module takes seconds to load: a test compares them."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of the command.

    Args:
        parser: the command's own.
    """
    add = parser.add_argument
    add(
        "--model",
        metavar="FILE",
        required=True,
        help="a local folder that save_pretrained wrote, or a .gguf file",
    )
    add("--task", metavar="NAME", required=True, help="a built-in task")
    add(
        "--shots",
        type=integer_option(0),
        nargs="+",
        default=[0, 1, 2, 4, 10],
        metavar="N",
        help="labelled strings before the query (0 1 2 4 10)",
    )
    add(
        "--prompts",
        type=integer_option(2),
        default=200,
        metavar="N",
        help="for each number of shots and class of symbols (200); raise it for "
        "narrower intervals",
    )
    _add_writing(parser)
    _add_training(parser)
    add(
        "--ablate",
        type=integer_option(1),
        metavar="K",
        help="take out the K heads whose W_K W_Q^T is nearest to the identity, with "
        "the most shots, beside random heads of the same layers",
    )
    add(
        "--random-sets",
        type=integer_option(2),
        default=19,
        metavar="N",
        help="sets of random heads (19); p is at least 1/(N + 1)",
    )
    add("--level", type=number_option(0), default=0.95, help="of intervals (0.95)")
    add(
        "--batch-size",
        type=integer_option(1),
        default=16,
        metavar="N",
        help="prompts at a time (16); lower it where memory is short",
    )
    add("--seed", type=integer_option(0), default=0, help="of all that is random (0)")
    add("--json", action="store_true", help="write one JSON document")


def _add_writing(parser: argparse.ArgumentParser) -> None:
    """How prompts are written, and with which symbols."""
    add = parser.add_argument
    add(
        "--symbols",
        nargs="+",
        choices=_CLASSES,
        default=list(_CLASSES),
        help="classes of words that stand for wildcards (rare common)",
    )
    add(
        "--fraction",
        type=number_option(0),
        default=0.1,
        help="of the tokenizer's words in each class, at most 0.5 (0.1); raise it for "
        "few words",
    )
    add(
        "--text",
        metavar="FILE",
        help="a text whose counts say which words are rare; the order of the "
        "tokenizer's tokens does when left out",
    )
    add(
        "--words",
        nargs="+",
        metavar="WORD",
        help="what labels that are numbers are written as, one token each (A B C ...)",
    )
    add("--arrow", default="->", help="between a string and its label (->)")


def _add_training(parser: argparse.ArgumentParser) -> None:
    """What is trained, and how."""
    add = parser.add_argument
    add(
        "--fine-tune",
        type=integer_option(1),
        nargs="+",
        default=[],
        metavar="N",
        help="train copies of the model on N strings without shots",
    )
    add(
        "--variants",
        nargs="+",
        choices=VARIANTS,
        help="what is trained: all weights, with scalars a head, or scalars alone "
        "(all that the model's family has)",
    )
    add("--epochs", type=integer_option(1), default=10, help="of training (10)")
    add("--rate", type=number_option(0), default=5e-5, help="of the weights (5e-5)")
    add(
        "--scalar-rate",
        type=number_option(0),
        default=1e-2,
        metavar="RATE",
        help="of the scalars (0.01)",
    )
    add(
        "--seeds",
        type=integer_option(2),
        default=3,
        metavar="N",
        help="training runs of each kind (3); raise it for narrower intervals",
    )
