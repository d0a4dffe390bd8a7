"""The command "heads" of `python -m numerics.gpt2`: heads near the identity."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from symbind_theory.command.shell import (
    integer_option,
    number_option,
    rendered,
    write_output,
)
from symbind_theory.validation import InputError

if TYPE_CHECKING:
    from symbind_theory.records.heads import HeadReport

__all__ = ["HELP", "INTERRUPTED", "add_options", "run"]

HELP = "score every head of a model: identity in its products, attention patterns"
INTERRUPTED = "interrupted; nothing was written"

_PAGE = "the page"


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
    add("--html", metavar="FILE", help="write a page that stands alone")
    add("--json", action="store_true", help="write one JSON document")
    add(
        "--top",
        type=integer_option(1),
        default=10,
        metavar="N",
        help="heads of each ranking that are shown (10)",
    )
    add(
        "--draws",
        type=integer_option(1),
        default=39,
        metavar="N",
        help="random products behind each interval of chance (39); raise it for a "
        "level above 0.95 and a less uncertain z of the copying score: time grows "
        "with it",
    )
    add(
        "--level",
        type=number_option(0),
        default=0.95,
        help="coverage of the intervals (0.95); 1 less it is the probability that the "
        "headline names any head by chance",
    )
    add(
        "--sequences",
        type=integer_option(2),
        default=16,
        metavar="N",
        help="strings of random tokens (16); raise it for narrower intervals of the "
        "attention scores",
    )
    add(
        "--length",
        type=integer_option(2),
        metavar="N",
        help="tokens of such a string before they are repeated; 50, or as many as the "
        "model has room for, when left out",
    )
    add("--seed", type=integer_option(0), default=0, help="of all that is random (0)")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what `add_options` has had parsed.

    Raises:
        InputError: no such model, a setting that does not fit it, or a page that
            cannot be written.
    """
    _check_page(options)
    from numerics.gpt2.head_scores import check_settings, score_heads
    from numerics.gpt2.local_models import load_model
    from symbind_theory.report.progress import progress_bar

    check_settings(options.draws, options.level)
    model = load_model(options.model)
    with progress_bar("heads", unit="strings and layers") as progress:
        report = score_heads(
            model,
            seed=options.seed,
            draws=options.draws,
            level=options.level,
            sequences=options.sequences,
            length=options.length,
            progress=progress,
        )
    if options.html is not None:
        _write_page(report, options)
    _write_report(report, options)
    return 0


def _check_page(options: argparse.Namespace) -> None:
    """Refuse a page that cannot be written before anything is computed."""
    from symbind_theory.files import check_distinct, check_writable

    if options.html is None:
        return
    if options.html == "-":
        raise InputError(
            "--html is -; expected the name of a file: --json alone writes to the "
            "standard output (./- is a file of that name)"
        )
    check_writable(options.html, _PAGE)
    check_distinct({"the model": options.model, _PAGE: options.html})


def _write_report(report: HeadReport, options: argparse.Namespace) -> None:
    from symbind_theory.report.heads import heads_to_json, print_heads

    if options.json:
        write_output(heads_to_json(report) + "\n")
    else:
        text = rendered(lambda console: print_heads(report, console, options.top))
        write_output(text)


def _write_page(report: HeadReport, options: argparse.Namespace) -> None:
    from symbind_theory.command.page_sources import versions
    from symbind_theory.files import write_text
    from symbind_theory.records.page import Provenance
    from symbind_theory.report.page.heads_page import render_heads

    provenance = Provenance(_command(report, options), versions())
    page = render_heads(report, top=options.top, provenance=provenance)
    write_text(options.html, page, _PAGE)


def _command(report: HeadReport, options: argparse.Namespace) -> str:
    """What to type to obtain the page again."""
    settings = {
        "--model": options.model,
        "--html": options.html,
        "--top": options.top,
        "--draws": report.draws,
        "--level": report.level,
        "--sequences": report.sequences,
        "--length": report.length,
        "--seed": report.seed,
    }
    words = [word for pair in settings.items() for word in map(str, pair)]
    return shlex.join(["python", "-m", "numerics.gpt2", "heads", *words])
