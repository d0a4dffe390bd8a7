"""What the command refuses, or cannot write: one line, status 2, nothing more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from symbind_testing.command_line import (
    FAST,
    MODULE,
    ROOT,
    SAME_DIFFERENT_LINES,
    in_a_process,
    run,
)
from symbind_testing.tasks import SAME_DIFFERENT

from numerics import Architecture
from symbind_theory import InputError, TemplateTask, check
from symbind_theory import check_template as module

BAD = {
    "nothing": ([], "no template was given; expected"),
    "no arrow": (["?a ?a 1"], "has 0 '->'; expected one"),
    "two arrows": (["?a -> ?b -> 1"], "has 2 '->'; expected one"),
    "two labels": (["?a -> 1 2"], "has 2 labels; expected one"),
    "no label": (["?a ->"], "has 0 labels; expected one"),
    "empty template": (["-> 1"], "is empty; expected tokens before '->'"),
    "empty argument": ([""], "has 0 '->'; expected one"),
    "lengths": (["?a -> 1", "?a ?b -> 2"], "expected one length"),
    "twice": (["?a -> 1", "?a -> 2"], "is written twice (numbers 1 and 2)"),
    "foreign wildcard": (["?a X -> ?b"], "the wildcard ?b, which the template does"),
    "foreign Greek letter": (["α X -> β"], "the wildcard β, which the template does"),
    "nan": (["?a -> nan"], "label is nan; expected a finite number"),
    "inf": (["?a -> inf"], "label is inf; expected a finite number"),
    "minus inf": (["?a -> -Infinity"], "label is -Infinity; expected a finite"),
    "overflow": (["?a -> 1e999"], "label is 1e999; expected a finite number"),
    "mixed": (["?a X -> 1", "?a Y -> yes"], "labels mix the number 1 with the text"),
    "cls": (["?a [CLS] -> 1"], "contains [CLS]; it is reserved"),
    "cls label": (["?a -> [CLS]"], "is '[CLS]'; expected a number, one token"),
    "too long": (["x " * 10_000 + "-> 1"], "have 10000 tokens; expected at most 256"),
    "too long wildcards": (["?a " * 10_000 + "-> 1"], "have 10000 tokens; expected"),
    "huge b1": (
        [*SAME_DIFFERENT_LINES, "--b1", "1e200"],
        "b1 is 1e+200; expected a number",
    ),
    "huge b2": (
        [*SAME_DIFFERENT_LINES, "--b2", "1e308"],
        "b2 is 1e+308; expected a number",
    ),
    "labels at the end of float64": (
        ["?a ?a ?b -> 1.7e308", "?a ?b ?b -> -1.7e308", "?a ?b ?c -> 1.7e308"],
        "labels are up to 1.7e+308 in size, and those along N's smallest direction",
    ),
    "huge gamma": (
        [*SAME_DIFFERENT_LINES, "--gamma", "1e200"],
        "gamma is 1e+200; expected",
    ),
    "huge beta": (
        [*SAME_DIFFERENT_LINES, "--beta", "1e200"],
        "beta is 1e+200; expected",
    ),
    "many digits": (["?a -> 0." + "1" * 5000], "has 5002 characters; expected fewer"),
    "control": (["?a \x1b[31m -> 1"], "expected non-empty text without spaces or"),
    "advice on another kernel": (
        [*SAME_DIFFERENT_LINES, "--advise", "--kernel", "ntk"],
        "--advise was given with --kernel ntk; expected nngp",
    ),
    "no cuda": (
        [*SAME_DIFFERENT_LINES, "--device", "cuda"],
        "torch sees no CUDA device",
    ),
    "too hot": ([*SAME_DIFFERENT_LINES, "--beta", "1000"], "expected at most 150"),
    "huge a": ([*SAME_DIFFERENT_LINES, "--identity-kq=-1e9"], "expected at most 150"),
    "huge b": (
        [*SAME_DIFFERENT_LINES, "--identity-vo", "1e200"],
        "identity_vo is 1e+200",
    ),
    "certificate with a": (
        [*SAME_DIFFERENT_LINES, "--identity-kq", "1", "--certificate", "c.json"],
        "--certificate was given with an identity term; expected neither",
    ),
    "certificate with b": (
        [*SAME_DIFFERENT_LINES, "--identity-vo", "1", "--certificate", "c.json"],
        "--certificate was given with an identity term; expected neither",
    ),
    "relu b1": (
        [*SAME_DIFFERENT_LINES, "--activation", "relu", "--b1", "1"],
        "--b1 goes",
    ),
    "weights count": (
        [*SAME_DIFFERENT_LINES, "--weights", "1"],
        "weights has 1 entries",
    ),
    "weights text": ([*SAME_DIFFERENT_LINES, "--weights", "1,x"], "--weights is 1,x"),
    "weights fraction": (
        [*SAME_DIFFERENT_LINES, "--weights", "1,1/0"],
        "--weights is 1,1/0; expected numbers or fractions separated by commas",
    ),
    "page to the standard output": (
        [*SAME_DIFFERENT_LINES, "--html", "-"],
        "--html is -; expected the name of a file",
    ),
    "page without a name": (
        [*SAME_DIFFERENT_LINES, "--html", ""],
        "the page could not be written to '': No such file or directory; expected",
    ),
    "page into a folder": (
        [*SAME_DIFFERENT_LINES, "--html", "./"],
        "the page could not be written to './': Is a directory; expected a file",
    ),
    "certificate to the standard output": (
        [*SAME_DIFFERENT_LINES, "--certificate", "-"],
        "--certificate is -; expected the name of a file",
    ),
    "list as JSON": (
        ["--list", "--json"],
        "both --list and --json were given; expected --list alone",
    ),
    "list and templates": (
        [*SAME_DIFFERENT_LINES, "--list"],
        "both --list and templates were given; expected --list alone",
    ),
    "weights sign": ([*SAME_DIFFERENT_LINES, "--weights", "1,-1"], "weight is -1"),
    "weights nan": ([*SAME_DIFFERENT_LINES, "--weights", "1,nan"], "weight is nan"),
    "weights zero": (
        [*SAME_DIFFERENT_LINES, "--weights", "0,0"],
        "weights are all zero",
    ),
    "compare one": (["--compare", "a.json"], "--compare has 1 file; expected 2 to 12"),
    "compare many": (
        ["--compare", *["a.json"] * 13],
        "--compare has 13 files; expected 2 to 12",
    ),
    "compare nothing": (["--compare"], "expected at least one argument"),
    "compare templates": (
        [*SAME_DIFFERENT_LINES, "--compare", "a.json", "b.json"],
        "both --compare and templates were given; expected --compare with files alone",
    ),
    "compare no file": (
        ["--compare", "missing.json", "b.json"],
        "the result file 'missing.json' could not be read: No such file",
    ),
    "unknown option": (
        [*SAME_DIFFERENT_LINES, "--gama", "1"],
        "unrecognized arguments",
    ),
    "abbreviation": ([*SAME_DIFFERENT_LINES, "--gam", "1"], "unrecognized arguments"),
}

for _option, _values in {
    "--beta": ["0", "-1", "nan", "inf", "one"],
    "--gamma": ["0", "-1", "nan", "inf", "one"],
    "--b1": ["nan", "one"],
    "--identity-kq": ["nan", "one"],
    "--identity-vo": ["inf", "one"],
    "--target": ["0", "nan"],
    "--rel-tol": ["0", "-1"],
    "--max-points": ["3", "x", "1e3"],
    "--seed": ["-1", "x", "1.5"],
    "--activation": ["tanh"],
    "--readout": ["first"],
    "--device": ["tpu"],
    "--method": ["magic"],
}.items():
    for _value in _values:
        _arguments = [*SAME_DIFFERENT_LINES, _option, _value]
        BAD[f"{_option} {_value}"] = (_arguments, f"argument {_option}: ")

for _option in [
    ["--task", "copy"],
    ["--file", "f.toml"],
    ["--certificate", "c.json"],
    ["--json"],
    ["--list"],
    ["--weights", "1,2"],
    ["--beta", "2"],
    ["--identity-kq", "1"],
    ["--max-points", "64"],
    ["--seed", "1"],
]:
    BAD[f"compare {_option[0]}"] = (
        [*_option, "--compare", "a.json", "b.json"],
        f"both --compare and {_option[0]} were given; expected --compare with files",
    )


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_status_2(case, capsys):
    if case == "no cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    arguments, message = BAD[case]
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("check_template: ")
    assert message in err
    assert err.count("\n") == 1
    assert len(err) < 300
    assert "Traceback" not in err


def test_a_closed_output_is_one_line_and_status_2():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", MODULE, *SAME_DIFFERENT_LINES, *FAST],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == (
        "check_template: the output was closed before the report was written\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_status_2():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", MODULE, *SAME_DIFFERENT_LINES, *FAST],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("check_template: the report could not be written: ")
    assert done.stderr.count("\n") == 1


def test_no_output_at_all_is_one_line_and_status_2(monkeypatch, capsys):
    result = check(SAME_DIFFERENT, max_points=256)
    monkeypatch.setattr(module, "check", lambda *_, **__: result)
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        assert run(*SAME_DIFFERENT_LINES, "--json") == 2
    assert "the standard output is closed" in capsys.readouterr().err


def test_bad_input_in_a_process():
    done = in_a_process("?a ?a")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_an_interruption_is_one_line_and_status_130(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "check", interrupted)
    assert run(*SAME_DIFFERENT_LINES) == 130
    assert capsys.readouterr().err == "check_template: interrupted\n"


def test_bad_arguments_of_check():
    with pytest.raises(InputError, match=r"^target is 0.0; expected"):
        check(SAME_DIFFERENT, target=0.0)
    large = [f"?a {'x ' * i}{'?a ' * (60 - i)}" for i in range(5)]
    with pytest.raises(InputError, match=r"^5 templates of 62 positions have 19220 lo"):
        check(TemplateTask(large, range(5)), Architecture(depth=2))


def test_bytes_that_are_no_text_are_refused_at_once(capsys):
    assert run("?a \udcff -> 1", *FAST) == 2
    assert "expected non-empty text" in capsys.readouterr().err
