"""python -m numerics.gpt2: three commands, and one line for what is none."""

import subprocess
import sys

import pytest

from numerics.gpt2.__main__ import main


def _status(*words):
    try:
        return main(words)
    except SystemExit as exit:
        return int(exit.code or 0)


@pytest.mark.parametrize("command", ["train", "heads", "probe"])
def test_help_of_each_command_names_its_options(command, capsys):
    """And says where values are to be raised or lowered."""
    assert _status(command, "--help") == 0
    text = capsys.readouterr().out
    assert ("--text" if command == "train" else "--model") in text
    assert "raise it" in text


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "COMMAND"),
        (["tran"], "invalid choice: 'tran'"),
        (["heads"], "--model"),
        (["heads", "--model", "x", "--tpo", "3"], "did you mean --top?"),
        (["heads", "--model", "gpt2"], "nothing is fetched from a hub"),
        (["probe", "--model", "gpt2", "--task", "aba-abb"], "nothing is fetched"),
    ],
)
def test_bad_words_are_one_line(words, complaint, capsys):
    """Exit status 2, with what was expected."""
    assert _status(*words) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert complaint in errors
    assert len(errors.splitlines()) == 1


def test_help_does_not_load_transformers():
    """It takes seconds, which who asks for help has not."""
    code = (
        "import sys\nfrom numerics.gpt2.__main__ import main\n"
        "try:\n    main(['train', '--help'])\nexcept SystemExit:\n    pass\n"
        "print({'transformers', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
