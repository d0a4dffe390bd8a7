"""The command `check_template` as tests call it: here, or in a process of its own."""

import json
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from symbind_theory.check_template import main

ROOT = Path(__file__).parents[3]
MODULE = "symbind_theory.check_template"
SAME_DIFFERENT_LINES = ("?a ?a -> 1", "?a ?b -> -1")
FAST = ("--max-points", "256")


def run(*arguments):
    """Exit status of the command; argparse leaves by SystemExit."""
    try:
        return main(list(arguments))
    except SystemExit as stopped:
        return stopped.code


def in_a_process(*arguments, **options):
    """The command, finished, with its output and errors as text."""
    return subprocess.run(
        [sys.executable, "-m", MODULE, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        **options,
    )


def strict(text):
    """The one JSON document in `text`, without NaN or Infinity."""

    def refuse(constant):
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def save_checks(folder):
    """Files of checks: two architectures on one task, and a task that is refuted."""
    options = {
        "plain": [*SAME_DIFFERENT_LINES],
        "sharp": [*SAME_DIFFERENT_LINES, "--beta", "2"],
        "copied": ["--task", "copy"],
    }
    paths = []
    for name, arguments in options.items():
        output = StringIO()
        with redirect_stdout(output):
            run(*arguments, "--json", *FAST)
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(output.getvalue())
    return [str(path) for path in paths]
