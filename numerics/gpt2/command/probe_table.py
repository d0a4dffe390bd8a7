"""The rows of a probe as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

__all__ = ["print_probe"]

_COLUMNS = ("symbols", "accuracy", "chance", "z")


def print_probe(document: Mapping[str, Any], console: Console) -> None:
    """Write what was measured, a table for each setting.

    Args:
        document: as `--json` writes it.
        console: where to.
    """
    level = f"{100 * document['level']:g} %"
    classes = "; ".join(
        f"{c['name']}: {c['words']} words, such as {', '.join(c['examples'])}"
        for c in document["classes"]
    )
    for line in (
        f"{document['model']} on {document['task']}, seed {document['seed']}",
        f"symbols by the {document['classes'][0]['source']}: {classes}",
        f"accuracy with its {level} interval; z from chance in standard errors",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    rows: Sequence[Mapping[str, Any]] = document["results"]
    settings = dict.fromkeys(row["setting"] for row in rows)
    for setting in settings:
        console.print()
        chosen = [row for row in rows if row["setting"] == setting]
        console.print(_table(setting, chosen))
    for note in document["notes"]:
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _table(setting: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    headings, cells = _SETTINGS[setting]
    table = Table(*headings, box=SIMPLE_HEAD, show_edge=False, title=setting)
    table.title_justify = "left"
    for row in rows:
        table.add_row(*cells(row))
    return table


def _usual(row: Mapping[str, Any]) -> list[str]:
    z = "" if row["z"] is None else f"{row['z']:.1f}"
    return [row["symbols"], _shown(row["accuracy"]), f"{row['chance']:.3f}", z]


def _in_context(row: Mapping[str, Any]) -> list[str]:
    free = _shown(row["free_accuracy"])
    return [str(row["shots"]), *_usual(row), str(row["prompts"]), free]


def _fine_tuned(row: Mapping[str, Any]) -> list[str]:
    losses = [run["last_loss"] for run in row["runs"]]
    seen = [run["seen"] for run in row["runs"]]
    return [
        str(row["strings"]),
        row["variant"],
        *_usual(row),
        str(len(row["runs"])),
        f"{sum(losses) / len(losses):.3g}",
        f"{sum(seen) / len(seen):.3f}",
    ]


def _taken_out(row: Mapping[str, Any]) -> list[str]:
    return [
        str(len(row["heads"])),
        str(row["shots"]),
        *_usual(row)[:2],
        _shown(row["loss"]),
        _shown(row["random_excess"]),
        f"{row['p']:.2g}",
    ]


def _shown(interval: Mapping[str, float]) -> str:
    return "{value:.3f} [{low:.2f}, {high:.2f}]".format(**interval)


_SETTINGS = {
    "in context": (("shots", *_COLUMNS, "prompts", "free accuracy"), _in_context),
    "fine-tuned": (
        ("strings", "variant", *_COLUMNS, "seeds", "last loss", "seen symbols"),
        _fine_tuned,
    ),
    "heads taken out": (
        ("heads", "shots", "symbols", "accuracy", "all − these", "random − these", "p"),
        _taken_out,
    ),
}
"""The headings of each setting, and the cells of a row below them."""
