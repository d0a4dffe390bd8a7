"""Colour belongs to terminals: none in pipes, under NO_COLOR, or where TERM is dumb.

https://no-color.org asks for no *colour*: under NO_COLOR bold and dim text may stay,
and so may the control codes that move the cursor of the progress bar.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(os, "openpty"), reason="needs pseudo-terminals"
)

ROOT = Path(__file__).parents[2]
CHECK = ["-m", "symbind_theory.check_template"]

# The real command with a ledger that costs nothing.
CLAIMS = """
import sys
from symbind_testing.builders.toy_checkers import checker
from proofs_check import registry
from proofs_check.__main__ import main
registry.CHECKERS = (checker("C1"),)
sys.exit(main(["--quick", "--jobs", "1"]))
"""

BAR = """
from symbind_theory.report import progress
progress._PATIENCE_SECONDS = 0
with progress.progress_bar("working") as advance:
    advance(1, 4)
    advance(4, 4)
"""

# What rich and others read beside NO_COLOR and TERM.
ASIDE = {"FORCE_COLOR", "COLORTERM", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}

RESET, BOLD, DIM = 0, 1, 2
COLOURS = {*range(30, 50), *range(90, 108)}


def run(arguments, *terminals, **environment):
    """Status, output and errors of Python where those streams are terminals."""
    kept = {name: value for name, value in os.environ.items() if name not in ASIDE}
    kept |= {"TERM": "xterm-256color", "COLUMNS": "88"}
    kept["PYTHONPATH"] = str(ROOT / "tests" / "support")
    ends = {
        name: os.openpty() if name in terminals else os.pipe()
        for name in ("stdout", "stderr")
    }
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=ends["stdout"][1],
        stderr=ends["stderr"][1],
        env=kept | environment,
        cwd=ROOT,
    )
    for _, writing in ends.values():
        os.close(writing)
    with ThreadPoolExecutor() as threads:
        out, err = threads.map(all_of, [reading for reading, _ in ends.values()])
    return process.wait(), out, err


def all_of(end):
    """What is written to the other end until it is closed."""
    pieces = []
    while True:
        try:
            piece = os.read(end, 2**16)
        except OSError:  # A terminal's way to say that the other end is closed.
            piece = b""
        if not piece:
            os.close(end)
            return b"".join(pieces).decode().replace("\r\n", "\n")
        pieces.append(piece)


def looks(text):
    """The numbers in the text's codes for colour, weight and the like."""
    codes = re.findall(r"\x1b\[([0-9;:]*)m", text)
    return {int(n or 0) for code in codes for n in re.split("[;:]", code)}


COMMANDS = {
    "list": ([*CHECK, "--list"], "relational-match-to-sample"),
    "check": (
        [*CHECK, "?a ?a -> 1", "?a ?b -> -1", "--max-points", "64"],
        "Transformers learn this task from about",
    ),
    "claims": (["-c", CLAIMS], "1 of 1 claims as expected"),
}
SLOW = {"check", "claims"}

commands = pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name, case in COMMANDS.items()
    ],
)


@commands
def test_a_terminal_has_colour(arguments, shown):
    status, out, _ = run(arguments, "stdout")
    assert status == 0
    assert shown in out
    assert looks(out) & COLOURS


@commands
def test_a_terminal_has_none_under_no_color(arguments, shown):
    status, out, err = run(arguments, "stdout", "stderr", NO_COLOR="1")
    assert status == 0
    assert shown in out
    assert looks(out) <= {RESET, BOLD, DIM}
    assert looks(err) <= {RESET, BOLD, DIM}


@commands
def test_a_dumb_terminal_has_no_codes(arguments, shown):
    status, out, err = run(arguments, "stdout", "stderr", TERM="dumb")
    assert (status, err) == (0, "")
    assert shown in out
    assert "\x1b" not in out


@commands
@pytest.mark.parametrize("terminals", [(), ("stderr",)], ids=["both", "output"])
def test_a_pipe_has_no_codes(arguments, shown, terminals):
    status, out, err = run(arguments, *terminals)
    assert status == 0
    assert shown in out
    assert "\x1b" not in out
    assert terminals or err == ""


def test_the_bar_has_colour():
    status, out, err = run(["-c", BAR], "stderr")
    assert (status, out) == (0, "")
    assert "working" in err
    assert looks(err) & COLOURS


def test_the_bar_has_none_under_no_color():
    status, _, err = run(["-c", BAR], "stderr", NO_COLOR="1")
    assert status == 0
    assert "working" in err
    assert looks(err) <= {RESET, BOLD, DIM}


@pytest.mark.parametrize(
    ("terminals", "environment"),
    [
        ((), {}),
        (("stdout",), {}),
        (("stdout", "stderr"), {"TERM": "dumb"}),
    ],
    ids=["pipes", "errors in a pipe", "dumb"],
)
def test_there_is_no_bar_where_it_could_not_be_removed(terminals, environment):
    assert run(["-c", BAR], *terminals, **environment) == (0, "", "")


@pytest.mark.parametrize(
    "arguments", [["--readout", "first"], ["?a -> nan"], ["--task", "none"]]
)
@pytest.mark.parametrize("terminals", [(), ("stdout", "stderr")], ids=["pipe", "tty"])
def test_an_error_is_one_plain_line(arguments, terminals):
    status, out, err = run([*CHECK, *arguments], *terminals)
    assert (status, out) == (2, "")
    assert err.startswith("check_template: ")
    assert err.count("\n") == 1
    assert "\x1b" not in err
