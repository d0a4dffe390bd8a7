"""Every block of the README and of docs runs and shows what is really printed."""

import os
import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import get_args
from unittest.mock import patch

import pytest
from sybil import Example, Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from symbind_testing.command_line import MODULE, run

from symbind_theory.records.check import Reach

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [
    README,
    *(p for p in sorted((ROOT / "docs").glob("*.md")) if "```python" in p.read_text()),
]


def run_console(example):
    """Run each `$ ` command and compare what it prints with the lines below it."""
    for block in example.parsed.split("$ ")[1:]:
        command, _, shown = block.partition("\n")
        program, *arguments = shlex.split(command)
        assert [program, *arguments[:2]] == ["python", "-m", MODULE]
        environment = {"COLUMNS": "88", "CUDA_VISIBLE_DEVICES": ""}
        with patch.dict(os.environ, environment), redirect_stdout(StringIO()) as out:
            run(*arguments[2:])
        printed = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
        assert printed.strip() == shown.strip()


def examples(path: Path) -> list[Example]:
    """The document's blocks in order; they share one namespace."""
    sybil = Sybil(
        parsers=[
            PythonCodeBlockParser(),
            CodeBlockParser(language="console", evaluator=run_console),
        ]
    )
    return list(sybil.parse(path).examples())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page):
    found = examples(page)
    assert len(found) > 5
    for example in found:
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


def test_documents_are_linked_where_they_are_named():
    text = README.read_text()
    assert re.findall(r"`(docs/\S+\.md|CONTRIBUTING\.md)`", text) == []
    assert "](docs/glossary.md)" in text.partition("\n## ")[0]


def test_what_a_headline_says_beside_exit_status_0_is_listed():
    """The theorem may hold and the task still ask for more than there is."""
    _, _, text = README.read_text().partition("| exit status | meaning |")
    beside = text.partition("`headline.reach`")[2].partition("\n\n")[0]
    refuted = {"not learned", "singular"}
    listed = set(re.findall(r"`([^`]+)`", " ".join(beside.split())))
    assert listed == set(get_args(Reach)) - refuted


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
