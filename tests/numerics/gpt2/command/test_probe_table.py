"""Tables for a terminal: every number of a row that a reader needs."""

from io import StringIO

from rich.console import Console

from numerics.gpt2.command.probe_table import print_probe

SHARE = {"value": 0.625, "low": 0.5, "high": 0.75}
ROW = {
    "setting": "in context",
    "symbols": "rare",
    "shots": 4,
    "prompts": 200,
    "accuracy": SHARE,
    "chance": 0.5,
    "z": 2.34,
    "free_accuracy": {"value": 0.25, "low": 0.125, "high": 0.375},
}


def test_a_row_and_its_source():
    written = StringIO()
    console = Console(file=written, width=120)
    words = {"name": "rare", "words": 9, "source": "order", "examples": ["[red]", "x"]}
    document = {
        "model": "M",
        "task": "T",
        "seed": 3,
        "level": 0.95,
        "classes": [words],
        "results": [ROW, {**ROW, "z": None}],
        "notes": ["a note"],
    }
    print_probe(document, console)
    text = written.getvalue()
    for shown in (
        "M on T, seed 3",
        "symbols by the order: rare: 9 words, such as [red], x",
        "95 % interval",
        "0.625 [0.50, 0.75]",
        "2.3",
        "0.250 [0.12, 0.38]",
        "a note",
    ):
        assert shown in text
