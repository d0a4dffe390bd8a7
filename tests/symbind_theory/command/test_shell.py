"""What the commands share: their two names, and the completion of their options."""

import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

from proofs_check.__main__ import main as claims_main
from symbind_theory import check_template
from symbind_theory.command.shell import rendered
from symbind_theory.library import builtin_tasks
from symbind_theory.records.claims import CLAIMS
from symbind_theory.separation.incidence import READOUTS

SCRIPTS = sysconfig.get_path("scripts")
CHECK = "symbind_theory.check_template"
CLAIM_IDS = [entry.id for entry in CLAIMS]
HEAVY = {"torch", "numerics", "sympy", "pydantic", "rich", "jinja2", "plotly"}
NAMES = {CHECK: "symbind-check", "proofs_check": "symbind-claims"}

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def script(name):
    """The console script of that name, beside the interpreter that runs the tests."""
    path = shutil.which(name, path=SCRIPTS)
    assert path is not None, f"{name} is not installed"
    return path


def run(*command, **environment):
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "COLUMNS": "88", **environment},
    )


def answer(tmp_path, line, *command, word=1):
    """What the command, asked as a shell does, offers at the end of the line.

    Args:
        tmp_path: an empty folder.
        line: as typed so far.
        command: the program that is asked.
        word: number of the line's word that stands for the program, from 1.
    """
    file = tmp_path / "answer"
    # The line is in COMP_LINE; a command that does not look there lists, and is quick.
    done = run(
        *command,
        "--list",
        _ARGCOMPLETE=str(word),
        _ARGCOMPLETE_IFS="\n",
        _ARGCOMPLETE_SUPPRESS_SPACE="1",
        _ARGCOMPLETE_STDOUT_FILENAME=str(file),
        COMP_LINE=line,
        COMP_POINT=str(len(line.encode())),
    )
    assert (done.returncode, done.stdout) == (0, "")
    return file.read_text().splitlines(), done.stderr


LINES = {
    "symbind-check --ta": ["--task", "--target"],
    "symbind-check --task same": ["same-different"],
    "symbind-check --task ": list(builtin_tasks()),
    "symbind-check --task=co": [
        "--task=copy",
        "--task=counting",
        "--task=counting-5",
        "--task=counting-7",
    ],
    "symbind-check --readout ": list(READOUTS),
    "symbind-check --activation ": ["cos", "relu", "erf", "gelu"],
    "symbind-check --beta ": [],
    "symbind-check --weights ": [],
    "symbind-check '?a ": [],
    "symbind-claims --on": ["--only"],
    "symbind-claims --only ": CLAIM_IDS,
    "symbind-claims --only C1 --only C1": [f"C1{i}" for i in ("", *range(4))],
    "symbind-claims --jobs ": [],
}


@pytest.mark.parametrize("line", LINES)
def test_a_script_completes(line, tmp_path):
    found, _ = answer(tmp_path, line, script(line.split()[0]))
    assert found == LINES[line]


@pytest.mark.parametrize(
    ("module", "typed", "offered"),
    [
        (CHECK, "--ta", ["--task", "--target"]),
        (CHECK, "--task same", ["same-different"]),
        (CHECK, "--readout ", list(READOUTS)),
        ("proofs_check", "--only ", CLAIM_IDS),
    ],
)
def test_a_module_completes(module, typed, offered, tmp_path):
    line = f"python -m {module} {typed}"
    found, _ = answer(tmp_path, line, sys.executable, "-m", module, word=3)
    assert found == offered


@needs_bash
@pytest.mark.parametrize("option", ["--file", "--certificate", "--html", "--compare"])
def test_files_complete(option, tmp_path):
    (tmp_path / "mine.toml").touch()
    (tmp_path / "mine").mkdir()
    line = f"symbind-check {option} {tmp_path}/mi"
    found, _ = answer(tmp_path, line, script("symbind-check"))
    assert sorted(found) == [f"{tmp_path}/mine.toml", f"{tmp_path}/mine/"]


def test_nothing_is_completed_where_no_shell_asks(monkeypatch, capsys):
    monkeypatch.delenv("_ARGCOMPLETE", raising=False)
    monkeypatch.setenv("COMP_LINE", "symbind-check --ta")
    assert check_template.main(["--list"]) == 0
    assert "same-different" in capsys.readouterr().out


def imported(log):
    """The modules in a log of `python -X importtime`."""
    return {line.rpartition("|")[2].strip() for line in log.splitlines()}


@pytest.mark.parametrize(
    ("module", "typed"),
    [(CHECK, "--task "), (CHECK, "--readout "), ("proofs_check", "--only ")],
)
def test_completing_loads_nothing_heavy(module, typed, tmp_path):
    line = f"python -m {module} {typed}"
    command = [sys.executable, "-X", "importtime", "-m", module]
    found, log = answer(tmp_path, line, *command, word=3)
    assert found
    loaded = imported(log)
    assert "argcomplete" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("module", NAMES)
def test_argcomplete_is_loaded_for_a_shell_alone(module):
    log = run(sys.executable, "-X", "importtime", "-m", module, "--list").stderr
    loaded = imported(log)
    assert "symbind_theory.command.shell" in loaded
    assert "argcomplete" not in loaded


def in_bash(program, *words):
    """COMPREPLY after the program, run with those words on the line."""
    line = " ".join(words)
    done = run(
        "bash",
        "--norc",
        "-c",
        f"""
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        COMP_LINE="$*" COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9
        {program}
        printf '%s\\n' "${{COMPREPLY[@]}}"
        """,
        "bash",
        *words,
        PATH=os.pathsep.join([SCRIPTS, os.environ["PATH"]]),
    )
    assert done.returncode == 0, (line, done.stderr)
    return [text.strip() for text in done.stdout.splitlines() if text.strip()]


@needs_bash
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["symbind-check", "--ta"], ["--task", "--target"]),
        (["symbind-check", "--task", "same"], ["same-different"]),
        (["symbind-check", "--readout", ""], list(READOUTS)),
        (["symbind-claims", "--only", ""], CLAIM_IDS),
    ],
)
def test_bash_completes_what_is_registered(words, offered):
    """As the README says: eval "$(register-python-argcomplete symbind-check)"."""
    name = words[0]
    program = f"""
        eval "$(register-python-argcomplete {name})"
        complete -p {name} >/dev/null || exit 1
        _python_argcomplete {name}
    """
    assert in_bash(program, *words) == offered


@needs_bash
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["python", "-m", CHECK, "--ta"], ["--task", "--target"]),
        (
            ["python", "-m", "proofs_check", "--only", "C1"],
            [f"C1{i}" for i in ("", *range(4))],
        ),
        (["symbind-check", "--task", "same"], ["same-different"]),
        (["symbind-claims", "--qu"], ["--quick"]),
    ],
)
def test_bash_completes_under_the_global_activation(words, offered):
    """It looks for the mark PYTHON_ARGCOMPLETE_OK in the module."""
    program = f"""
        eval "$(activate-global-python-argcomplete --dest=- 2>/dev/null)"
        _python_argcomplete_global {words[0]}
    """
    assert in_bash(program, *words) == offered


@pytest.mark.parametrize("module", NAMES)
def test_the_usage_says_how_the_command_was_called(module):
    short = run(script(NAMES[module]), "--help")
    long = run(sys.executable, "-m", module, "--help")
    assert (short.returncode, long.returncode) == (0, 0)
    assert short.stdout.startswith(f"usage: {NAMES[module]} [-h]")
    assert long.stdout.startswith(f"usage: python -m {module} [-h]")


@pytest.mark.parametrize("module", NAMES)
def test_messages_say_how_the_command_was_called(module):
    short = run(script(NAMES[module]), "--seed", "x")
    long = run(sys.executable, "-m", module, "--seed", "x")
    assert (short.returncode, long.returncode) == (2, 2)
    message = "argument --seed: 'x' is not an integer of at least 0\n"
    assert short.stderr == f"{NAMES[module]}: {message}"
    assert long.stderr == f"{module.rpartition('.')[2]}: {message}"


@pytest.mark.parametrize(("arguments", "status"), [(["--list"], 0), (["?a"], 2)])
def test_a_script_ends_with_the_status_of_the_command(arguments, status):
    done = run(script("symbind-check"), *arguments)
    assert done.returncode == status
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["symbind-check"] * len(lines)
    assert len(lines) == (status != 0)


def test_notes_have_the_name_of_the_script(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", [os.path.join("bin", "symbind-check.exe")])
    path = tmp_path / "c.json"
    fast = ["--max-points", "64", "--certificate", str(path)]
    assert check_template.main(["?a ?a -> 1", "?a ?b -> -1", *fast]) == 0
    assert capsys.readouterr().err.startswith("symbind-check: certificate written")

    monkeypatch.setattr(sys, "argv", ["symbind-claims"])
    monkeypatch.setenv("SYMBIND_CACHE", str(path))
    assert claims_main(["--resume"]) == 2
    assert capsys.readouterr().err.startswith("symbind-claims: trials cannot be kept")


@pytest.mark.parametrize("columns", ["0", "80"])
def test_an_unknown_width_is_a_usual_one(columns, monkeypatch):
    """rich prints nothing at all where the width is 0."""
    monkeypatch.setenv("COLUMNS", columns)
    text = "word " * 30
    lines = rendered(lambda console: console.print(text)).splitlines()
    assert " ".join(lines).split() == text.split()
    assert 40 < len(lines[0].rstrip()) <= 80
