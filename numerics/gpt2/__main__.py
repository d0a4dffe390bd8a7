"""Language models from the command line: train, heads, probe.

python -m numerics.gpt2 train --text book.txt --identity kq
python -m numerics.gpt2 heads --model FOLDER
python -m numerics.gpt2 probe --model FOLDER --task aba-abb
"""
# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import sys
from collections.abc import Sequence

from numerics.gpt2.command import heads, probe, train
from symbind_theory.command.shell import run_command
from symbind_theory.command.subcommands import parsed_words, subcommand_parser

__all__ = ["main"]

_NAME = "gpt2"

_EPILOG = """\
Models are local: a folder that save_pretrained wrote, or a GGUF file. Nothing is
fetched from a hub.
Everything here needs the extra symbind[gpt2].

exit status: 0 done; 1 some runs of train have failed; 2 bad input; 130 interrupted.
"""

_COMMANDS = {"train": train, "heads": heads, "probe": probe}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Args:
        arguments: as on the command line; those of the process when None.
    """
    parser, commands = subcommand_parser(
        "numerics.gpt2",
        "symbind-gpt2",
        {name: (each.HELP, each.add_options) for name, each in _COMMANDS.items()},
        "Language models and the two scalars of each head.",
        _EPILOG,
    )
    options = parsed_words(parser, commands, arguments)
    module = _COMMANDS[options.command]
    return run_command(_NAME, lambda: module.run(options), module.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
