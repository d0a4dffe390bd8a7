"""The certificate that the command writes beside the report, or why there is none."""

import shlex
import subprocess
import sys

import pytest
from symbind_testing.command_line import FAST, ROOT, SAME_DIFFERENT_LINES, run, strict

from symbind_theory import check_template as module
from symbind_theory.separation.leading_gaps import verify


def test_a_certificate_is_written_and_verified(tmp_path, capsys):
    path = tmp_path / "certificate.json"
    assert run(*SAME_DIFFERENT_LINES, "--certificate", str(path), "--json", *FAST) == 0
    written = capsys.readouterr()
    strict(written.out)
    assert written.err.startswith("check_template: certificate written to ")
    assert len(written.err.splitlines()) == 1
    assert verify(path.read_text())
    done = subprocess.run(
        [sys.executable, "-m", "symbind_theory.certificate_verifier", str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("VERIFIED (templates: 2, pairs: 1): ")


def test_there_is_no_certificate_for_equivalent_templates(tmp_path, capsys):
    path = tmp_path / "certificate.json"
    lines = ["?a ?b -> 1", "?x ?y -> 1"]
    assert run(*lines, "--certificate", str(path), *FAST) == 1
    error = capsys.readouterr().err
    assert error.startswith("check_template: no certificate was written: N is singul")
    assert "templates 1 and 2" in error
    assert len(error.splitlines()) == 1
    assert not path.exists()


def test_there_is_no_certificate_where_the_activation_is_constant(tmp_path, capsys):
    path = tmp_path / "kept.json"
    path.write_text("kept")
    lines = [*SAME_DIFFERENT_LINES, "--b1", "0", "--certificate", str(path)]
    assert run(*lines, *FAST) == 1
    error = capsys.readouterr().err
    assert "no certificate was written, the file is left as it was:" in error
    assert path.read_text() == "kept"


def test_the_command_to_verify_is_quoted(tmp_path, capsys):
    path = tmp_path / "my certificate.json"
    assert run(*SAME_DIFFERENT_LINES, "--certificate", str(path), *FAST) == 0
    command = capsys.readouterr().err.partition("to verify it: ")[2]
    assert shlex.split(command)[-1] == str(path)


def test_a_certificate_that_cannot_be_written_is_bad_input(
    tmp_path, capsys, monkeypatch
):
    path = tmp_path / "missing" / "certificate.json"
    # It is refused before anything is computed.
    monkeypatch.setattr(module, "check", lambda *_, **__: pytest.fail("computed"))
    assert run(*SAME_DIFFERENT_LINES, "--certificate", str(path), *FAST) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert "check_template: the certificate could not be written to" in written.err
    assert len(written.err.splitlines()) == 1
