"""`--advise`: architectures beside the check, in the text, the document, the page."""

import json

import pytest
from symbind_testing.command_line import FAST, SAME_DIFFERENT_LINES, run

from numerics import Precision
from numerics.learning import advice as race


@pytest.fixture(autouse=True)
def _a_small_grid(monkeypatch):
    monkeypatch.setattr(race, "DEFAULT_VALUES", {"gamma": (1.0, 2.0)})
    monkeypatch.setattr(race, "LAST_STAGE", Precision(rel_tol=0.5, max_points=256))


def test_the_report_ranks_architectures(capsys):
    assert run(*SAME_DIFFERENT_LINES, *FAST, "--advise") == 0
    out = capsys.readouterr().out
    assert "Advice: fewest strings for error 0.01" in out
    assert "2 architectures were tried" in out
    assert "gamma 1 → 2" in out


def test_document_and_page_have_it_for_the_options_given(capsys, tmp_path):
    path = tmp_path / "page.html"
    options = ["--beta", "2", "--target", "0.1", "--alpha", "0.01", "--seed", "5"]
    arguments = [*SAME_DIFFERENT_LINES, *FAST, *options, "--advise", "--json"]
    assert run(*arguments, "--html", str(path)) == 0
    advice = json.loads(capsys.readouterr().out)["advice"]
    assert advice["base"]["architecture"]["beta"] == 2
    assert advice["base"]["strings"]["target"] == 0.1
    assert advice["base"]["strings"]["alpha"] == 0.01
    assert advice["ranked"][0]["architecture"]["gamma"] == 2
    assert "Which architecture needs the fewest strings" in path.read_text()


def test_labels_that_are_symbols_are_refused_before_any_work(capsys):
    assert run("?a -> ?a", "--advise") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--advise was given with labels that are symbols, such as '?a'" in err
    assert len(err.splitlines()) == 1
