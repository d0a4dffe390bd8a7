"""What the package's commands share: their parsers, output and exit statuses."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Iterable
from io import StringIO
from typing import TYPE_CHECKING, Any, NoReturn

from symbind_theory.validation import (
    InputError,
    finite_number,
    positive_integer,
    shorten,
)

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "BAD_INPUT",
    "INTERRUPTED",
    "CommandParser",
    "integer_option",
    "number_option",
    "rendered",
    "run_command",
    "say",
    "write_output",
]

BAD_INPUT = 2
"""Exit status of bad input."""

# What argparse says of a value that is none of the choices; some versions quote them.
_CHOICE = re.compile(r"invalid choice: '(?P<given>.*)' \(choose from (?P<names>.*)\)$")

# Where COLUMNS is 0: nobody knows how wide the output is.
_USUAL_WIDTH = 80

INTERRUPTED = 130
"""Exit status after an interruption by the user."""


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line on the standard error.

    Args:
        module: what `python -m` runs.
        script: the short name of the same command.
        options: as for `argparse.ArgumentParser`.
    """

    def __init__(self, module: str, script: str, **options: Any) -> None:
        started = os.path.splitext(os.path.basename("".join(sys.argv[:1])))[0]
        prog = script if started == script else f"python -m {module}"
        super().__init__(prog, **options)

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split()) + self._hint(message)
        self.exit(BAD_INPUT, f"{self.name}: {line}\n")

    def _hint(self, message: str) -> str:
        """The option, or the choice, that was probably meant where one is not known."""
        if choice := _CHOICE.search(message):
            names = [name.strip(" '") for name in choice["names"].split(",")]
            near = difflib.get_close_matches(choice["given"], names, 1)
            return f"; did you mean {near[0]}?" if near else ""
        unknown = [word for word in message.split() if word.startswith("--")]
        if not message.startswith("unrecognized arguments") or not unknown:
            return ""
        given = unknown[0].partition("=")[0]
        # At the usual 0.6 --claim, which is no option, would be near --list.
        near = difflib.get_close_matches(given, self._option_string_actions, 1, 0.7)
        return f"; did you mean {near[0]}?" if near else ""

    @property
    def name(self) -> str:
        """What messages begin with: the module or the script that was run."""
        return self.prog.rpartition(" ")[2].rpartition(".")[2]

    def complete(self, **values: Callable[[], Iterable[str]]) -> None:
        """Tell a shell that asks how the line goes on, and leave; else do nothing.

        Choices complete by themselves, and so does what is called FILE in the usage.

        Args:
            values: for an option, by its name in the namespace, what it may be given.
        """
        if "_ARGCOMPLETE" not in os.environ:
            return
        from argcomplete import autocomplete
        from argcomplete.completers import BaseCompleter, FilesCompleter

        class Values(BaseCompleter):
            def __call__(
                self, *, prefix: str, action: argparse.Action, **_: Any
            ) -> Iterable[str]:
                if action.metavar == "FILE":
                    return FilesCompleter()(prefix)
                return values[action.dest]() if action.dest in values else ()

        autocomplete(self, default_completer=Values())


def number_option(
    low: float | None = None, strict: bool = True
) -> Callable[[str], float]:
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


def integer_option(low: int) -> Callable[[str], int]:
    """A converter for an option that takes an integer of at least `low`."""

    def convert(text: str) -> int:
        try:
            return positive_integer("value", int(text), low=low)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{shorten(text)} is not an integer of at least {low}"
            ) from None

    return convert


def rendered(draw: Callable[[Console], None]) -> str:
    """What `draw` prints to a console like the standard output.

    Rendered in memory: rich would answer a closed output in its own way. Without the
    spaces that fill lines up, unless a terminal has colours for them.
    """
    from rich.console import Console

    outside, buffer = Console(), StringIO()
    width = outside.width or _USUAL_WIDTH
    draw(Console(file=buffer, width=width, force_terminal=outside.is_terminal))
    text = buffer.getvalue()
    if outside.is_terminal:
        return text
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def write_output(text: str) -> None:
    """Write to the standard output, with `?` for what its encoding does not have.

    Raises:
        InputError: there is no standard output.
    """
    if sys.stdout is None:
        raise InputError("the standard output is closed; expected one to write to")
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def say(name: str, message: str) -> None:
    """One line on the standard error, which begins with the command's name."""
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr)


def run_command(
    name: str, run: Callable[[], int], interruption: str = "interrupted"
) -> int:
    """The exit status of a command; what goes wrong is one line on the standard error.

    Args:
        name: what the line begins with.
        run: does the work and returns the status.
        interruption: what the line says after an interruption by the user.
    """
    try:
        return run()
    except InputError as error:
        message, status = str(error), BAD_INPUT
    except OSError as error:
        # Python would complain again while it closes the standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        message = (
            "the output was closed before the report was written"
            if isinstance(error, BrokenPipeError)
            else f"the report could not be written: {error.strerror}"
        )
        status = BAD_INPUT
    except KeyboardInterrupt:
        message, status = interruption, INTERRUPTED
    say(name, message)
    return status
