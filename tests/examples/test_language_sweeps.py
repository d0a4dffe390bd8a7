"""Sweep files of language models can be run, once their texts are there."""

import re

import pytest

from examples.experiments import FOLDER
from numerics.sweeps import parse_sweep

FILES = sorted((FOLDER / "language").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_sweep_file_can_be_run(path, tmp_path):
    """Any text stands in for the one that nobody ships."""
    text = tmp_path / "text.txt"
    text.write_text("one line\nanother\n")
    file = path.read_text(encoding="utf-8")
    file = re.sub("(?m)^text = .*$", f'text = "{text}"', file)
    file = re.sub("(?m)^text_sha256 = .*\n", "", file)
    sweep = parse_sweep(file)
    assert len(sweep.points) >= 6
    assert all(sweep.experiment.operations(p.settings) > 0 for p in sweep.points)


def test_small_configuration_gains_288_parameters():
    """The sweep for an accelerator is of the configuration that the paper has."""
    text = (FOLDER / "language" / "wikitext.toml").read_text(encoding="utf-8")
    assert "n_layer = 12" in text
    assert "n_head = 12" in text
    assert "n_embd = 768" in text
