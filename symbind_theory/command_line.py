"""The options of the command, and what their values must look like."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from symbind_theory.incidence import READOUTS
from symbind_theory.validation import (
    InputError,
    finite_number,
    positive_integer,
    shorten,
)
from symbind_theory.version import __version__

__all__ = ["BAD_INPUT", "command_parser"]

BAD_INPUT = 2
"""Exit status of bad input."""

_EPILOG = """\
A template is a string of tokens separated by spaces; ?name and single lower-case Greek
letters are wildcards. A label that reads as a number is a number; anything else is a
token, or one of the template's wildcards, which is then copied.

exit status: 0 every hypothesis of the theorem holds; 1 one is refuted, with its
witness; 2 bad input; 3 undecided, says what to raise.
"""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line on the standard error."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        self.exit(BAD_INPUT, f"check_template: {line}\n")


def _number(low: float | None = None, strict: bool = True) -> Callable[[str], float]:
    """A converter for an option that takes a finite number."""

    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{shorten(text)} is not a number"
            ) from None
        try:
            if low is None:
                return finite_number("value", number)
            return finite_number("value", number, low=low, strict=strict)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _integer(low: int) -> Callable[[str], int]:
    """A converter for an option that takes an integer of at least `low`."""

    def convert(text: str) -> int:
        try:
            return positive_integer("value", int(text), low=low)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{shorten(text)} is not an integer of at least {low}"
            ) from None

    return convert


def _numbers(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def command_parser() -> argparse.ArgumentParser:
    """The parser; what it refuses is one line and exit status 2."""
    parser = _Parser(
        prog="python -m symbind_theory.check_template",
        description="When can a transformer learn this template task?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("lines", nargs="*", metavar="'TEMPLATE -> LABEL'", help="such as '?a ?a -> 1'")
    add("--task", metavar="NAME", help="a built-in task instead")
    add("--file", metavar="FILE", help="a task file (TOML) instead")
    add("--list", action="store_true", help="list the built-in tasks")
    add("--weights", type=_numbers, metavar="W,W", help="one for each; default equal")
    add("--json", action="store_true", help="write one JSON document, nothing else")
    add(
        "--certificate",
        metavar="FILE",
        help="write why N is non-singular, for certificate_verifier to check",
    )
    add("--beta", type=_number(0), default=1.0, help="inverse temperature (1)")
    add("--gamma", type=_number(0), default=1.0, help="position scale (1)")
    add("--readout", choices=READOUTS, default="cls", help="position read out (cls)")
    add(
        "--identity-kq",
        type=_number(),
        default=0.0,
        metavar="A",
        help="multiple of the identity added to W_K W_Q^T (0)",
    )
    add(
        "--identity-vo",
        type=_number(),
        default=0.0,
        metavar="B",
        help="multiple of the identity added to W_V W_O (0)",
    )
    add("--activation", choices=["cos", "relu", "erf", "gelu"], default="cos")
    add("--b1", type=_number(), help="frequency of the cosine (1)")
    add("--b2", type=_number(), help="phase of the cosine (0.3)")
    add("--target", type=_number(0), default=0.01, help="error aimed at (0.01)")
    add(
        "--rel-tol",
        type=_number(0),
        default=1e-3,
        help="stop at this relative half-width of the smallest eigenvalue (0.001)",
    )
    add("--max-points", type=_integer(64), default=2**16, help="points at most (65536)")
    add("--method", choices=["rqmc", "mc"], default="rqmc", help="points (rqmc)")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto")
    add("--seed", type=_integer(0), default=0, help="of the random points (0)")
    add("--version", action="version", version=f"symbind {__version__}")
    return parser
