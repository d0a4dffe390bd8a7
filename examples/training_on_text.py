"""GPT-2 on a text with and without two scalars a head: run, export, draw the table.

    python -m examples.training_on_text           the sweep examples/sweeps/language/kjv
    python -m examples.training_on_text --draw    from what is exported already

The text is printed by Debian's package bible-kjv, once, into build/language; the sweep
file knows its digest. Results lie in docs/gpt2, the table in docs/gpt2.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from examples.experiments import FOLDER, STORES
from examples.pages import DOCS, rewritten
from examples.result_records import provenance
from examples.table_cells import short, table_lines
from numerics.gpt2 import training_table
from numerics.sweeps import read_sweep, result_table, run_sweep, write_table
from numerics.terminal import terminal_progress

__all__ = ["PAGE", "RESULTS", "SWEEP", "read_results", "training_lines"]

PAGE = DOCS / "gpt2.md"
RESULTS = DOCS / "gpt2"
SWEEP = FOLDER / "language" / "kjv.toml"
BUILD = Path(__file__).parents[1] / "build" / "language"
TEXT = "kjv.txt"

_MARK = "training"
_WORDS = ("seed", "identity")


def training_lines(folder: Path) -> Iterator[str]:
    """The table of a folder's results, and what they are of.

    Args:
        folder: holds kjv.csv and kjv.json.
    """
    rows = read_results(folder / "kjv.csv")
    record = json.loads((folder / "kjv.json").read_text(encoding="utf-8"))
    yield from table_lines(
        ("scalars", "runs", "perplexity", "bits a byte", "ratio to none", "a", "b"),
        (
            (
                row.identity,
                str(row.seeds),
                "" if row.perplexity is None else short(row.perplexity),
                f"{row.bits_per_byte:.4f}",
                "" if row.ratio is None else short(row.ratio),
                _scalars(row.a),
                _scalars(row.b),
            )
            for row in training_table(rows)
        ),
    )
    config = record["settings"]["base"]["config"]
    yield ""
    yield (
        f"*{record['sweep']}: {config['n_layer']} layers of {config['n_head']} heads, "
        f"{config['n_embd']} wide, {int(rows[0]['parameters']):,} parameters; "
        f"{int(rows[0]['tokens']):,} tokens, one epoch of {int(rows[0]['steps'])} "
        f"steps; {record['seconds'] / 60:.0f} minutes of a core in all, "
        f"{record['measured']['last']}. Intervals at 0.95 over seeds; a and b: mean "
        "[lowest, highest] over heads and seeds.*"
    )


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of an exported table, numbers as numbers and empty fields as None."""
    with open(path, encoding="utf-8", newline="") as file:
        return [
            {k: _value(k, v) for k, v in row.items()} for row in csv.DictReader(file)
        ]


def _value(column: str, text: str) -> Any:
    if column in _WORDS:
        return text
    try:
        return float(text) if text else None
    except ValueError:
        return text


def _scalars(values: tuple[float, float, float] | None) -> str:
    if values is None:
        return ""
    mean, lowest, highest = (f"{x:.3f}".replace("-", "−") for x in values)
    return f"{mean} [{lowest}, {highest}]"


def main() -> None:
    """Run, export, draw."""
    parser = argparse.ArgumentParser(
        description="GPT-2 on a text with and without two scalars a head."
    )
    parser.add_argument("--draw", action="store_true", help="run nothing")
    parser.add_argument("--jobs", type=int, default=-1, metavar="N")
    options = parser.parse_args()
    if not options.draw:
        _run(options.jobs)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(rewritten(page, _MARK, training_lines(RESULTS)), encoding="utf-8")
    print(f"table written to {PAGE}")


def _run(jobs: int) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    if not (BUILD / TEXT).is_file():
        words = ["bible", "gen1:1-rev22:21"]
        printed = subprocess.run(words, capture_output=True, check=True)
        (BUILD / TEXT).write_bytes(printed.stdout)
    # Paths in the sweep file are those of the folder it is run in.
    os.chdir(BUILD)
    sweep = read_sweep(SWEEP)
    store = STORES / "language" / "kjv.sqlite"
    store.parent.mkdir(parents=True, exist_ok=True)
    with terminal_progress(sweep.name, "runs") as progress:
        run_sweep(sweep, store, jobs=jobs, progress=progress)
    RESULTS.mkdir(parents=True, exist_ok=True)
    write_table(result_table(sweep, store), RESULTS / "kjv.csv")
    table = result_table(sweep, store, timings=True)
    record = provenance(sweep, table, ("transformers", "tokenizers"))
    (RESULTS / "kjv.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept: run again to go on")
        raise SystemExit(130) from None
