"""The options of the command "train"."""

from __future__ import annotations

import argparse

from symbind_theory.command.shell import integer_option, number_option

__all__ = ["add_options"]

_VARIANTS = ("none", "kq", "vo", "both")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of the command.

    Args:
        parser: the command's own.
    """
    _add_models(parser)
    _add_training(parser)
    add = parser.add_argument
    add(
        "--seeds",
        type=integer_option(0),
        nargs="+",
        default=[0],
        metavar="SEED",
        help="a run of each variant for each (0); give three or more for intervals "
        "over seeds",
    )
    add(
        "--jobs",
        type=integer_option(1),
        metavar="N",
        help="runs at once; one per core when left out, one on an accelerator",
    )
    add(
        "--retry-failed",
        action="store_true",
        help="try again what has failed, when the reason is gone",
    )
    add("--json", action="store_true", help="write one JSON document")


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--epochs",
        type=integer_option(1),
        default=1,
        metavar="N",
        help="how often the text is seen (1); raise it while the held-out perplexity "
        "falls",
    )
    add(
        "--batch",
        type=integer_option(1),
        default=8,
        metavar="N",
        help="blocks a step (8); lower it where memory is short",
    )
    add(
        "--learning-rate",
        type=number_option(0),
        default=1e-3,
        metavar="RATE",
        help="the highest of AdamW (0.001); lower it for larger models",
    )
    add(
        "--scalar-rate",
        type=number_option(0),
        default=1.0,
        metavar="FACTOR",
        help="what the rate of a and b is multiplied by (1)",
    )
    add(
        "--held-out",
        type=number_option(0),
        default=0.1,
        metavar="SHARE",
        help="the share at the end of the text that only measures (0.1)",
    )
    add(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="of products (float32); choose bfloat16 on an accelerator",
    )
    add(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute; an accelerator where there is one, when left out",
    )


def _add_models(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--text", metavar="FILE", required=True, help="the text, UTF-8")
    add(
        "--identity",
        nargs="+",
        choices=_VARIANTS,
        default=["none"],
        help="which scalars the heads have: a in W_K W_Qᵀ (kq), b in W_V W_O (vo), "
        "both, none; runs without any are added for comparison",
    )
    add("--no-baseline", action="store_true", help="no runs without scalars")
    add(
        "--mask-diagonal",
        action="store_true",
        help="a leaves out a token's own position, as in the authors' runs",
    )
    add(
        "--scalars-only",
        action="store_true",
        help="train the scalars alone, of a model given by --model",
    )
    add(
        "--config",
        metavar="FILE",
        help="fields of GPT-2's configuration (JSON); 4 layers of 4 heads, 128 wide, "
        "when left out",
    )
    add("--model", metavar="PATH", help="a local model to begin with")
    add(
        "--tokenizer",
        metavar="PATH",
        help="a local tokenizer; when left out the model's, or one trained on the text",
    )
    add(
        "--out",
        metavar="FOLDER",
        help="where runs are kept; the text's name with -runs, in this folder, when "
        "left out",
    )
