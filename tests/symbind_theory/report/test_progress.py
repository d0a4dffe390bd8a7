"""A progress bar draws what it is called as it is written."""

from io import StringIO

from rich.console import Console

from symbind_theory.report import progress
from symbind_theory.report.progress import progress_bar


def test_a_description_is_text_and_no_markup(monkeypatch):
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", -1.0)
    console = Console(file=StringIO(), force_terminal=True, width=80)
    with progress_bar("a [/b] [red]x", console, unit="[/c]") as advance:
        advance(1, 2)
    assert "a [/b] [red]x" in console.file.getvalue()
