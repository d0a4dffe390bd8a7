"""The options of `check_template`, and the task that they name."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from fractions import Fraction

from symbind_theory.command.shell import CommandParser, integer_option, number_option
from symbind_theory.separation.incidence import READOUTS
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, shorten
from symbind_theory.version import __version__

__all__ = ["check_alone", "command_parser", "task_of"]

_EPILOG = """\
A template is a string of tokens separated by spaces; ?name and single lower-case Greek
letters are wildcards. A label that reads as a number is a number; anything else is a
token, or one of the template's wildcards, which is then copied.

exit status: 0 every hypothesis of the theorem holds (the headline says whether strings
and symbols are enough); 1 one is refuted, with its witness; 2 bad input; 3 undecided,
says what to raise.
"""


def _numbers(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def command_parser() -> CommandParser:
    """The parser; what it refuses is one line and exit status 2."""
    parser = CommandParser(
        "symbind_theory.check_template",
        "symbind-check",
        description="When can a transformer learn this template task?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_task(parser)
    _add_outputs(parser)
    _add_architecture(parser)
    _add_estimation(parser)
    parser.add_argument("--version", action="version", version=f"symbind {__version__}")
    return parser


def check_alone(
    options: argparse.Namespace, name: str, beside: Collection[str], expected: str
) -> None:
    """Refuse whatever was given beside an option that goes with little else.

    Args:
        options: of the command.
        name: of the option, such as "list".
        beside: the options that may be given with it.
        expected: the end of the message.

    Raises:
        InputError: another one was given.
    """
    usual = vars(command_parser().parse_args([]))
    for other, value in vars(options).items():
        if other not in (name, *beside) and value != usual[other]:
            what = "templates" if other == "lines" else f"--{other.replace('_', '-')}"
            raise InputError(
                f"both --{name} and {what} were given; expected {expected}"
            )


def _add_task(parser: CommandParser) -> None:
    """What is checked, or compared."""
    add = parser.add_argument
    add("lines", nargs="*", metavar="'TEMPLATE -> LABEL'", help="such as '?a ?a -> 1'")
    add("--task", metavar="NAME", help="a built-in task instead")
    add("--file", metavar="FILE", help="a task file (TOML) instead")
    add("--list", action="store_true", help="list the built-in tasks")
    add(
        "--compare",
        nargs="+",
        metavar="FILE",
        help="set checks beside each other that were written with --json",
    )
    add("--weights", type=_numbers, metavar="W,W", help="one for each; default equal")
    add(
        "--vocabulary",
        type=integer_option(1),
        metavar="V",
        help="symbols that training strings draw on; strings share none unless given",
    )
    add(
        "--noise",
        type=number_option(0, strict=False),
        metavar="SD",
        help="standard deviation of the training labels' noise (the task's)",
    )


def _add_outputs(parser: CommandParser) -> None:
    """What is written."""
    add = parser.add_argument
    add("--json", action="store_true", help="write one JSON document, nothing else")
    add(
        "--certificate",
        metavar="FILE",
        help="write why N is non-singular, for certificate_verifier to check",
    )
    add("--html", metavar="FILE", help="write a page to look at and to send on")
    add(
        "--advise",
        action="store_true",
        help="rank architectures by the strings that they need (takes minutes)",
    )


def _add_architecture(parser: CommandParser) -> None:
    """The transformer."""
    add = parser.add_argument
    add("--beta", type=number_option(0), default=1.0, help="inverse temperature (1)")
    add("--gamma", type=number_option(0), default=1.0, help="position scale (1)")
    add("--readout", choices=READOUTS, default="cls", help="position read out (cls)")
    add(
        "--identity-kq",
        type=number_option(),
        default=0.0,
        metavar="A",
        help="multiple of the identity added to W_K W_Q^T (0)",
    )
    add(
        "--identity-vo",
        type=number_option(),
        default=0.0,
        metavar="B",
        help="multiple of the identity added to W_V W_O (0)",
    )
    add("--depth", type=integer_option(1), default=1, metavar="L", help="blocks (1)")
    add(
        "--residual",
        type=number_option(),
        default=0.0,
        metavar="S",
        help="what a sublayer's input is multiplied by before its output is added (0)",
    )
    add(
        "--normalisation",
        choices=["pre", "post"],
        help="normalise what each sublayer sees, or the sum after it (neither)",
    )
    add(
        "--final-normalisation",
        action="store_true",
        help="normalise before the readout",
    )
    add(
        "--causal",
        action="store_true",
        help="each position attends to those up to itself alone",
    )
    add(
        "--kernel",
        choices=["nngp", "ntk"],
        default="nngp",
        help="train the readout alone, or all layers: the tangent kernel (nngp)",
    )
    add("--activation", choices=["cos", "relu", "erf", "gelu"], default="cos")
    add("--b1", type=number_option(), help="frequency of the cosine (1)")
    add("--b2", type=number_option(), help="phase of the cosine (0.3)")


def _add_estimation(parser: CommandParser) -> None:
    """How N is estimated, and the error that is aimed at."""
    add = parser.add_argument
    add("--target", type=number_option(0), default=0.01, help="error aimed at (0.01)")
    add("--alpha", type=number_option(0), help="ridge; raise it for noise (0.001)")
    add(
        "--rel-tol",
        type=number_option(0),
        default=1e-3,
        help="stop at this relative halfwidth of the smallest eigenvalue; raise it "
        "to 0.1 where verdicts alone matter (0.001)",
    )
    add(
        "--max-points",
        type=integer_option(64),
        default=2**16,
        help="points at most; raise it where an interval stays wide (65536)",
    )
    add(
        "--method",
        choices=["rqmc", "mc"],
        default="rqmc",
        help="points: Sobol', or pseudo-random ones where nothing but their "
        "independence is to be assumed (rqmc)",
    )
    add("--device", choices=["auto", "cpu", "cuda"], default="auto")
    add("--seed", type=integer_option(0), default=0, help="of the random points (0)")


def task_of(options: argparse.Namespace) -> TemplateTask:
    """The task that the options name: by templates, --task or --file.

    Raises:
        InputError: none of them or several, a task that cannot be read, or with
            --advise one whose labels are symbols, or the tangent kernel.
    """
    task = _named_task(options)
    if options.advise and task.symbolic:
        raise InputError(
            "--advise was given with labels that are symbols, such as "
            f"{shorten(task.labels[0])}; expected numbers: strings are counted for "
            "regression"
        )
    if options.advise and options.kernel == "ntk":
        raise InputError(
            "--advise was given with --kernel ntk; expected nngp: architectures are "
            "ranked by the kernel whose readout alone is trained"
        )
    return task


def _named_task(options: argparse.Namespace) -> TemplateTask:
    given = {
        "templates": bool(options.lines),
        "--task": options.task is not None,
        "--file": options.file is not None,
    }
    named = [name for name, present in given.items() if present]
    if not named:
        raise InputError(
            "no template was given; expected at least one such as '?a ?a -> 1', or "
            "--task or --file"
        )
    if len(named) > 1:
        raise InputError(f"both {named[0]} and {named[1]} were given; expected one")
    if options.lines:
        return _task_of_lines(options)
    if options.weights is not None:
        raise InputError(
            f"--weights was given with {named[0]}; expected it with templates: a task "
            "file has its own"
        )
    if options.task is not None:
        from symbind_theory.library import builtin_task

        return builtin_task(options.task)
    from symbind_theory.task_files import load_task

    return load_task(options.file)


def _task_of_lines(options: argparse.Namespace) -> TemplateTask:
    weights = None
    if options.weights is not None:
        try:
            weights = [
                Fraction(text) if "/" in text else float(text)
                for text in options.weights
            ]
        except (ValueError, ZeroDivisionError):
            raise InputError(
                f"--weights is {','.join(options.weights)}; expected numbers or "
                "fractions separated by commas"
            ) from None
    return TemplateTask.parse(options.lines, weights)
