"""python -m proofs_check: options, exit statuses, bad input."""

import json
from dataclasses import replace

import numpy as np
import pytest
from symbind_testing.builders.toy_checkers import checker

from proofs_check import registry
from proofs_check import run as runner
from proofs_check.__main__ import main
from proofs_check.judgements import equals, mean_interval
from proofs_check.remedies import more
from symbind_theory.records.claims import CLAIMS
from symbind_theory.records.ledger import Report


@pytest.fixture(autouse=True)
def toy_registry(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMBIND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "CHECKERS", (checker("C1"), checker("C2")))


def run(*arguments):
    return main([*arguments, "--jobs", "1"])


def test_all_as_expected_is_status_0(capsys):
    assert run("--quick") == 0
    out = capsys.readouterr().out
    assert "2 of 2 claims as expected, 2 of 2 mutants refuted." in out


@pytest.mark.parametrize("ids", [["C2"], ["c2"], ["C2", "C2"]])
def test_one_claim_alone(ids, capsys):
    only = [part for id in ids for part in ("--only", id)]
    assert run(*only, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in document["claims"]] == ["C2"]
    assert document["effort"] == "standard"


def test_options_reach_the_runs(capsys):
    assert run("--json", "--full", "--seed", "3") == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["effort"], first["seed"]) == ("full", 3)
    assert run("--json", "--full", "--seed", "4") == 0
    second = json.loads(capsys.readouterr().out)
    assert first["claims"][0]["evidence"] != second["claims"][0]["evidence"]


def test_finished_runs_are_taken_with_resume(capsys):
    run("--json")
    first = json.loads(capsys.readouterr().out)
    run("--json", "--resume")
    assert json.loads(capsys.readouterr().out) == first
    run("--json")
    again = json.loads(capsys.readouterr().out)
    assert again["claims"][0]["seconds"] != first["claims"][0]["seconds"]


def test_a_contrary_verdict_is_status_1(monkeypatch, capsys):
    monkeypatch.setattr(registry, "CHECKERS", (checker("C1", mean=3.0),))
    assert run("--quick") == 1
    assert "REFUTED, expected HOLDS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "C99"], "claim is 'C99'; expected one of C1, C2"),
        (["--quick", "--full"], "not allowed with"),
        (["--seed", "-1"], "not an integer of at least 0"),
        (["--jobs", "0"], "not an integer of at least 1"),
        (["--effort", "quick"], "unrecognized arguments"),
        (["--file", "a.toml", "--task", "copy"], "not allowed with"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("proofs_check: ")
    assert words in line


def test_a_cache_folder_that_cannot_be_used_is_one_line(monkeypatch, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("SYMBIND_CACHE", str(file))
    assert run("--quick") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("proofs_check: going on, but trials cannot be kept")
    assert run("--quick", "--resume") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("proofs_check: trials cannot be kept")


def test_an_interruption_says_how_to_go_on(monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_ledger", interrupted)
    assert run("--quick") == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("proofs_check: interrupted; with --resume")


def test_the_list_checks_nothing(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [entry.id for entry in CLAIMS]


def about_tasks(claim="C1", scale=1.0, silent=None):
    """A checker of any task: values of mean 0, of a spread that decides or does not."""

    def check(task, *, effort, seed):
        values = np.random.default_rng(seed).normal(scale=scale, size=100)
        mean = mean_interval(values)
        found = equals(f"mean on {len(task)} templates", mean, 0.0, 1.0, more("n", 100))
        return Report(claim, (found,))

    return replace(checker(claim), check=check, silent=lambda task: silent)


@pytest.fixture
def task_file(tmp_path):
    path = tmp_path / "pairs.toml"
    path.write_text('[[templates]]\ntemplate = "?a ?a"\nlabel = 1\n')
    return str(path)


def test_a_task_file_is_checked_instead_of_the_instances(
    monkeypatch, capsys, task_file
):
    silent = about_tasks("C2", silent="nothing is copied")
    monkeypatch.setattr(registry, "CHECKERS", (about_tasks("C1"), silent))
    assert run("--file", task_file, "--json", "--quick", "--seed", "3") == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    (entry,) = document["claims"]
    keys = ("id", "title", "source", "verdict", "expected", "evidence", "seconds")
    assert set(keys) <= entry.keys()
    assert (entry["id"], entry["verdict"]) == ("C1", "HOLDS")
    assert entry["expected"] == "HOLDS"
    assert entry["evidence"].startswith("pairs: mean on 1 templates")
    assert (document["seed"], document["effort"]) == (3, "quick")
    assert document["version"]
    assert err == (
        "proofs_check: C2 MLP floor says nothing about this task: nothing is copied\n"
    )


def test_a_built_in_task_is_checked_by_its_name(monkeypatch, capsys):
    monkeypatch.setattr(registry, "CHECKERS", (about_tasks(scale=100.0),))
    assert run("--task", "same-different") == 3
    out, _ = capsys.readouterr()
    assert "same-different: UNDECIDED, expected HOLDS" in out
    assert "pass n=" in out
    assert "0 of 1 claims as expected.\n" in out
    assert "mutants" not in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--task", "nothing"], "nothing"),
        (["--file", "/nowhere/task.toml"], "/nowhere/task.toml"),
        (["--task", "copy", "--only", "C2"], "C2 MLP floor says nothing about this"),
        (["--task", "copy", "--resume"], "--resume was given; expected it without"),
    ],
)
def test_a_task_that_cannot_be_checked_is_status_2(
    monkeypatch, arguments, words, capsys
):
    silent = about_tasks("C2", silent="nothing is copied")
    monkeypatch.setattr(registry, "CHECKERS", (about_tasks("C1"), silent))
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert words in line
