"""The page that the command writes beside the report, and only there."""

import html
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from symbind_testing.command_line import (
    FAST,
    ROOT,
    SAME_DIFFERENT_LINES,
    run,
    save_checks,
    strict,
)

from symbind_theory import check_template as module


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_checks(tmp_path_factory.mktemp("checks"))


def shown_command(path):
    """The command that a page says to type."""
    section = path.read_text().split('id="again"')[1]
    found = re.search(r"<pre[^>]*><code>(.*?)</code>", section)
    assert found is not None
    return html.unescape(found.group(1))


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (SAME_DIFFERENT_LINES, 0),
        (["?a X -> 1", "?b X -> 2"], 1),
        (["say ?a -> ?a"], 1),
        (["?a ?a -> same", "?a ?b -> different"], 0),
        (["?a 'quoted <b> -> 1", "X Y Z -> -1"], 0),
    ],
)
def test_a_page_is_written_beside_the_report(lines, status, tmp_path, capsys):
    path = tmp_path / "my report.html"
    assert run(*lines, "--html", str(path), *FAST) == status
    written = capsys.readouterr()
    assert written.err == f"check_template: page written to '{path}'\n"
    assert path.read_text().startswith("<!doctype html>")
    capsys.readouterr()
    run(*lines, *FAST)
    assert capsys.readouterr().out == written.out


def test_the_command_of_a_page_writes_the_same_page(tmp_path, monkeypatch):
    """Quotes and spaces of the templates come through a shell."""
    monkeypatch.chdir(tmp_path)
    lines = ["?a 'it <b> -> 1", '?a ?b "$HOME" -> -1']
    run(*lines, "--html", "first.html", *FAST)
    command = shown_command(tmp_path / "first.html")
    assert command.startswith("python -m symbind_theory.check_template ")
    first = (tmp_path / "first.html").read_bytes()
    again = command.replace("python", shlex.quote(sys.executable), 1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(again, shell=True, env=environment, check=True, capture_output=True)
    assert (tmp_path / "first.html").read_bytes() == first


def test_a_page_and_a_document_at_once(tmp_path, capsys):
    path = tmp_path / "report.html"
    run(*SAME_DIFFERENT_LINES, "--html", str(path), "--json", *FAST)
    strict(capsys.readouterr().out)
    assert path.exists()


@pytest.mark.parametrize("where", ["missing/report.html", "."])
@pytest.mark.parametrize("given", ["check", "compare"])
def test_a_page_that_cannot_be_written_is_said_first(
    where, given, saved, tmp_path, capsys, monkeypatch
):
    def fail(*arguments, **options):
        raise AssertionError("computed before the path was looked at")

    monkeypatch.setattr(module, "check", fail)
    what = [*SAME_DIFFERENT_LINES, *FAST] if given == "check" else ["--compare", *saved]
    assert run(*what, "--html", str(tmp_path / where)) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert "check_template: the page could not be written to" in written.err
    assert list(tmp_path.glob("*.html")) == []


def test_checks_are_compared_on_a_page(saved, tmp_path, capsys):
    path = tmp_path / "compared.html"
    assert run("--compare", *saved, "--html", str(path)) == 0
    written = capsys.readouterr()
    assert written.out.startswith("Checks side by side\n")
    assert written.err == f"check_template: page written to '{path}'\n"
    assert "--compare" in shown_command(path)


def test_without_a_page_nothing_of_it_is_loaded():
    """It would take as long as a small check."""
    code = (
        "import sys; from symbind_theory.check_template import main; "
        f"main([{SAME_DIFFERENT_LINES[0]!r}, '--max-points', '64']); "
        "print(sorted({'plotly', 'jinja2', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_interruption_while_a_page_is_drawn_loses_no_report(
    tmp_path, capsys, monkeypatch
):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("numerics.page_data.illustrate", interrupted)
    path = tmp_path / "report.html"
    path.write_text("as it was")
    assert run(*SAME_DIFFERENT_LINES, "--html", str(path), *FAST) == 130
    written = capsys.readouterr()
    assert written.out.startswith("Transformers learn this task")
    assert written.err == "check_template: interrupted\n"
    assert path.read_text() == "as it was"


@pytest.mark.parametrize("same", ["certificate", "file", "compare"])
def test_a_page_never_replaces_another_file_of_the_command(
    same, saved, tmp_path, capsys, monkeypatch
):
    path = tmp_path / "one"
    path.write_text(Path(saved[0]).read_text() if same == "compare" else "as it was")
    before = path.read_text()
    given = {
        "certificate": [*SAME_DIFFERENT_LINES, "--certificate", str(path)],
        "file": ["--file", str(ROOT / "examples" / "laws.toml")],
        "compare": ["--compare", saved[1], str(path)],
    }[same]
    if same == "file":
        path.write_text((ROOT / "examples" / "laws.toml").read_text())
        before, given = path.read_text(), ["--file", str(path)]
    monkeypatch.chdir(tmp_path)
    assert run(*given, "--html", "./one") == 2
    assert "are one file" in capsys.readouterr().err
    assert path.read_text() == before


def test_a_file_name_that_is_no_text_is_written(tmp_path):
    path = os.fsencode(tmp_path) + b"/page \xff.html"
    assert run(*SAME_DIFFERENT_LINES, *FAST, "--html", os.fsdecode(path)) == 0
    with open(path, encoding="utf-8") as file:
        assert "page ?.html" in file.read()
