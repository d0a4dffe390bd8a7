"""A bar where there is a terminal, for the main thread alone."""

import io
import threading

import pytest
from rich.console import Console

import symbind_theory.report.progress
from numerics.terminal import terminal_progress


@pytest.fixture
def at_once(monkeypatch):
    """A bar that does not wait for a second to pass."""
    monkeypatch.setattr(symbind_theory.report.progress, "_PATIENCE_SECONDS", -1.0)


def drawn(terminal):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    with terminal_progress("estimating", "steps", console) as report:
        report(3, 7)
    return file.getvalue()


def test_a_terminal_shows_what_is_done(at_once):
    found = drawn(terminal=True)
    assert "estimating" in found
    assert "3/7" in found
    assert "steps" in found


def test_a_file_stays_empty(at_once):
    assert drawn(terminal=False) == ""


def test_quick_work_draws_nothing():
    assert "estimating" not in drawn(terminal=True)


def test_other_threads_draw_nothing(at_once):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(drawn(terminal=True)))
    thread.start()
    thread.join()
    assert seen == [""]
