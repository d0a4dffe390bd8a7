"""Commands of several words, such as `python -m numerics.sweeps run`."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symbind_theory.command.shell import CommandParser
from symbind_theory.version import __version__

__all__ = ["Subcommand", "parsed_words", "subcommand_parser"]

Subcommand = tuple[str, Callable[[argparse.ArgumentParser], None]]
"""What a command does, for --help, and what gives its parser the options."""


class _SubParser(CommandParser):
    """The parser of one command."""

    def __init__(
        self, module: str, script: str, short: str, *, prog: str, **options: Any
    ) -> None:
        super().__init__(module, script, **options)
        self.prog = prog
        self._short = short

    @property
    def name(self) -> str:
        return self._short


def subcommand_parser(
    module: str,
    script: str,
    commands: Mapping[str, Subcommand],
    description: str,
    epilog: str,
) -> tuple[CommandParser, Mapping[str, argparse.ArgumentParser]]:
    """A parser of several commands, and those of the commands by their names.

    Args:
        module: what python -m runs.
        script: the name of its script, where it is installed.
        commands: by their names, in the order in which they are listed.
        description: what they are for, in --help.
        epilog: what stands below the list.
    """
    parser = CommandParser(
        module,
        script,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"symbind {__version__}")
    short = module.rpartition(".")[2]
    # Any callable serves, whatever argparse's types say.
    make_parser: Any = functools.partial(_SubParser, module, script, short)
    choices = parser.add_subparsers(
        dest="command",
        required=True,
        metavar="COMMAND",
        parser_class=make_parser,
    )
    for name, (purpose, add_options) in commands.items():
        add_options(choices.add_parser(name, help=purpose, allow_abbrev=False))
    return parser, choices.choices


def parsed_words(
    parser: CommandParser,
    commands: Mapping[str, argparse.ArgumentParser],
    words: Sequence[str] | None,
) -> argparse.Namespace:
    """The options of the command that was given.

    Args:
        parser: of all commands.
        commands: the parsers of the commands by their names.
        words: as on the command line; those of the process when None.
    """
    parser.complete()
    options, unknown = parser.parse_known_args(words)
    if unknown:
        # The command's own parser knows which option was probably meant.
        commands[options.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return options
