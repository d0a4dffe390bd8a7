"""The measurements of docs/language-models.md: commands, and what is kept of them.

Each is a command of `python -m numerics.gpt2` that writes one JSON document. The
document is kept in build/language-models with the command, the versions, the day and
the time it took; what the page is drawn from goes to docs/language-models, the heads as
a table with a row for each.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from examples.language_model_files import SOURCE
from symbind_theory import InputError
from symbind_theory.files import write_text
from symbind_theory.records import PATTERNS

__all__ = [
    "IN_CONTEXT_ROWS",
    "MEASUREMENTS",
    "MODEL",
    "PRODUCTS",
    "ROOT",
    "Measurement",
    "export",
    "measure",
    "measured",
    "read_heads",
    "read_record",
]

ROOT = Path(__file__).parents[1]
MODEL = "build/language-models/model"
"""Where the converted model is, from the root of the repository."""

PRODUCTS = ("keys", "values")

IN_CONTEXT_ROWS = 20
"""Two tasks, two classes of symbols, five numbers of shots: rows of the page that are
compared with chance. Each interval is at 1 − 0.05/20, so that all hold together with
probability at least 0.95."""

_LIBRARIES = ("symbind", "numpy", "torch", "transformers")


@dataclass(frozen=True)
class Measurement:
    """A command that measures.

    Attributes:
        name: of its files.
        words: of the command, after `python -m`.
    """

    name: str
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """What to type at the root of the repository."""
        return shlex.join(("python", "-m", *self.words))


def _measurement(name: str, command: str, settings: str) -> Measurement:
    words = f"numerics.gpt2 {command} --model {MODEL} {settings} --seed 0 --json"
    return Measurement(name, tuple(words.split()))


def _in_context(task: str) -> Measurement:
    level = 1 - 0.05 / IN_CONTEXT_ROWS
    settings = f"--task {task} --shots 0 1 2 4 10 --prompts 160 --level {level:g}"
    return _measurement(f"in-context-{task}", "probe", settings)


def _without_heads(symbols: str) -> Measurement:
    settings = (
        f"--task same-different --shots 10 --prompts 80 --symbols {symbols} "
        "--ablate 10 --random-sets 19"
    )
    return _measurement(f"without-heads-{symbols}", "probe", settings)


MEASUREMENTS = (
    _measurement("heads", "heads", ""),
    Measurement("pairs", ("examples.language_model_pairs", "--model", MODEL)),
    _in_context("same-different"),
    _in_context("aba-abb"),
    _without_heads("common"),
    _without_heads("rare"),
    _measurement(
        "fine-tuned-aba-abb",
        "probe",
        "--task aba-abb --shots 0 --prompts 200 --symbols rare --fine-tune 8 64 "
        "--variants plain --seeds 3",
    ),
)
"""All that the page shows."""


def measure(measurement: Measurement, folder: Path) -> bool:
    """Run a command unless its record is there; whether it was run.

    Args:
        measurement: the command.
        folder: of the records.

    Raises:
        InputError: the command has failed.
    """
    if measured(measurement, folder):
        return False
    begun = time.monotonic()
    done = subprocess.run(
        (sys.executable, "-m", *measurement.words),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InputError(
            f"{measurement.command} ended with status {done.returncode}; expected 0"
        )
    record = _record(measurement, json.loads(done.stdout), time.monotonic() - begun)
    path = folder / f"{measurement.name}.json"
    write_text(path, json.dumps(record, indent=1) + "\n", "the record")
    return True


def _record(
    measurement: Measurement, document: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """A document with what made it."""
    return {
        "command": measurement.command,
        "source": SOURCE,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in _LIBRARIES},
        },
        "date": datetime.date.today().isoformat(),
        "seconds": round(seconds),
        "document": document,
    }


def measured(measurement: Measurement, folder: Path) -> bool:
    """Whether a record is there, and of the command as it is now.

    Args:
        measurement: the command.
        folder: of the records.
    """
    path = folder / f"{measurement.name}.json"
    if not path.exists():
        return False
    record = json.loads(path.read_text(encoding="utf-8"))
    return record["command"] == measurement.command


def export(records: Path, results: Path) -> None:
    """Write what the page is drawn from.

    Args:
        records: the folder of the records; those of other commands are left out.
        results: the folder beside the page.
    """
    results.mkdir(parents=True, exist_ok=True)
    for measurement in MEASUREMENTS:
        if not measured(measurement, records):
            continue
        path = records / f"{measurement.name}.json"
        record = read_record(path)
        if measurement.name == "heads":
            heads = record["document"].pop("heads")
            record["document"]["pattern_chances"] = {
                name: heads[0]["patterns"][name]["chance"] for name in PATTERNS
            }
            table = _table(list(_head_rows(heads)))
            write_text(results / "heads.csv", table, "the table of heads")
        text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        write_text(results / path.name, text, "the results")


def read_record(path: Path) -> dict[str, Any]:
    """A record, or the results of one beside the page.

    Args:
        path: of the file.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def read_heads(path: Path) -> list[dict[str, float]]:
    """The table of heads: a row for each, by layer and head.

    Args:
        path: of the file.
    """
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: float(cell) for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]


def _head_rows(heads: list[dict[str, Any]]) -> Iterator[dict[str, float]]:
    for head in heads:
        row: dict[str, float] = {"layer": head["layer"], "head": head["head"]}
        for product in PRODUCTS:
            row |= _product_cells(product, head[product])
        for name in PATTERNS:
            scores = head["patterns"][name]
            row |= {name: scores["value"]}
            row |= {f"{name}_{end}": scores[end] for end in ("low", "high")}
        yield row


def _product_cells(product: str, scores: Mapping[str, Any]) -> dict[str, float]:
    raw, between = scores["raw"], scores["embeddings"]
    cells = {
        "nearness": scores["nearness"],
        "z": raw["share"]["z"],
        "chance": scores["chance"],
        "directions": scores["directions"],
        "z_without_strongest": scores["z_without_strongest"],
        "copying": raw["copying"]["value"],
        "copying_reach": raw["copying"]["high"],
        "embeddings_z": between["excess"]["z"],
        "embeddings_copying": between["copying"]["value"],
        "embeddings_copying_reach": between["copying"]["high"],
    }
    return {f"{product}_{name}": value for name, value in cells.items()}


def _table(rows: list[dict[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"{value:.6g}" for name, value in row.items()})
    return text.getvalue()
