"""Language models from the command line: train, heads, probe.

python -m numerics.gpt2 train --text book.txt --identity kq
python -m numerics.gpt2 heads --model FOLDER
python -m numerics.gpt2 probe --model FOLDER --task aba-abb
"""
# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from numerics.gpt2.command import heads, probe, train
from symbind_theory.command.shell import CommandParser, run_command
from symbind_theory.version import __version__

__all__ = ["main"]

_NAME = "gpt2"

_EPILOG = """\
Models are local: a folder that save_pretrained wrote, or a GGUF file. Nothing is
fetched from a hub.
Everything here needs the extra symbind[gpt2].

exit status: 0 done; 1 some runs of train have failed; 2 bad input; 130 interrupted.
"""

_COMMANDS = {"train": train, "heads": heads, "probe": probe}


class _SubParser(CommandParser):
    """The parser of one command."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__("numerics.gpt2", "symbind-gpt2", **options)
        self.prog = prog

    @property
    def name(self) -> str:
        return _NAME


def _parser() -> tuple[CommandParser, Mapping[str, argparse.ArgumentParser]]:
    """The parser, and those of the commands by their names."""
    parser = CommandParser(
        "numerics.gpt2",
        "symbind-gpt2",
        description="Language models and the two scalars of each head.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"symbind {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_SubParser
    )
    add = functools.partial(commands.add_parser, allow_abbrev=False)
    for name, module in _COMMANDS.items():
        module.add_options(add(name, help=module.HELP))
    return parser, commands.choices


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Args:
        arguments: as on the command line; those of the process when None.
    """
    parser, commands = _parser()
    parser.complete()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        # The command's own parser knows which option was probably meant.
        commands[options.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    module = _COMMANDS[options.command]
    return run_command(_NAME, lambda: module.run(options), module.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
