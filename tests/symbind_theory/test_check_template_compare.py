"""Saved checks side by side, from the command line."""

import pytest
from symbind_testing.command_line import (
    FAST,
    SAME_DIFFERENT_LINES,
    in_a_process,
    run,
    save_checks,
)

from symbind_theory import check_template as module


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_checks(tmp_path_factory.mktemp("checks"))


def test_checks_are_compared(saved, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    # What was found is in the files.
    monkeypatch.setattr(module, "check", lambda *_, **__: pytest.fail("computed"))
    assert run("--compare", *saved) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line.split() for line in out.splitlines()]
    assert ["plain", "sharp", "copy"] in lines
    assert ["C5", "generalisation", "HOLDS", "HOLDS", "REFUTED"] in lines
    assert ["beta", "1.0", "2.0", "1.0"] in lines
    assert "In common: gamma=1.0, readout=cls" in out
    assert "\x1b" not in out


def test_a_file_is_compared_with_itself(saved, capsys):
    assert run("--compare", saved[0], saved[0]) == 0
    out = capsys.readouterr().out
    assert ["plain", "plain", "(2)"] in [line.split() for line in out.splitlines()]
    assert "In common: the task, beta=1.0" in out


def test_files_through_a_pipe_are_compared(saved):
    with open(saved[1]) as second:
        done = in_a_process("--compare", saved[0], "/dev/stdin", stdin=second)
    assert (done.returncode, done.stderr) == (0, "")
    assert "What differs" in done.stdout


def test_what_is_compared_must_be_a_check(saved, tmp_path, capsys):
    path = tmp_path / "certificate.json"
    run(*SAME_DIFFERENT_LINES, "--certificate", str(path), *FAST)
    capsys.readouterr()
    assert run("--compare", saved[0], str(path)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("check_template: the result file ")
    assert "certificate.json': it is another kind of document; expected what" in err
    assert err.count("\n") == 1
