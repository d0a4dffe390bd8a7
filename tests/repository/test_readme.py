"""Every block of the README runs and shows what the package really prints."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


def run_console(example):
    """Run each `$ ` command and compare what it prints with the lines below it."""
    for block in example.parsed.split("$ ")[1:]:
        command, _, shown = block.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "python"
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "88", "CUDA_VISIBLE_DEVICES": ""},
        )
        printed = "\n".join(line.rstrip() for line in done.stdout.splitlines())
        assert printed.strip() == shown.strip()
        assert "Traceback" not in done.stderr


def examples(path: Path) -> list[Example]:
    """The document's blocks in order; they share one namespace."""
    sybil = Sybil(
        parsers=[
            PythonCodeBlockParser(),
            CodeBlockParser(language="console", evaluator=run_console),
        ]
    )
    return list(sybil.parse(path).examples())


def test_blocks_run():
    for example in examples(README):
        example.evaluate()


def test_every_fenced_block_is_one_that_runs():
    fences = [
        line.strip("` ")
        for line in README.read_text().splitlines()
        if line.startswith("```") and line.strip("` ")
    ]
    assert set(fences) == {"python", "console"}
    consoles = [e for e in examples(README) if e.region.evaluator is run_console]
    assert fences.count("console") == len(consoles)


@pytest.mark.parametrize(
    ("language", "block", "error"),
    [
        ("console", '$ python -c "print(1)"\n2', AssertionError),
        ("python", ">>> 1\n2", SybilFailure),
    ],
)
def test_a_wrong_output_is_caught(language, block, error, tmp_path):
    """Mutant: a document that claims another output fails."""
    path = tmp_path / "wrong.md"
    path.write_text(f"```{language}\n{block}\n```\n")
    (example,) = examples(path)
    with pytest.raises(error):
        example.evaluate()
