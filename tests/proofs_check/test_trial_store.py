"""The store of finished trials: whole or not at all, and only for the code that ran."""

import math

import pytest

from numerics.store.keyed_store import KeyedStore
from proofs_check import trial_store
from proofs_check.trial_store import TrialStore
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report, Trial
from symbind_theory.validation import InputError

TRIAL = Trial(
    "case",
    Outcome.HOLDS,
    Report(
        "C4",
        (
            Finding("bounded", Outcome.HOLDS, Interval(1.5, 0.1, math.inf), "1", 1e-5),
            Finding("a number"),
        ),
    ),
    0.25,
)


def test_a_run_comes_back_as_it_was(tmp_path):
    TrialStore(tmp_path / "deep" / "trials").put("key", TRIAL)
    again = TrialStore(tmp_path / "deep" / "trials")
    assert again.get("key") == TRIAL
    assert again.get("another key") is None


def test_changed_code_makes_its_runs_again(tmp_path, monkeypatch):
    store = TrialStore(tmp_path / "trials")
    store.put("key", TRIAL)
    monkeypatch.setattr(trial_store, "code_version", lambda packages: "other")
    assert store.get("key") is None


def test_a_damaged_run_is_made_again(tmp_path, caplog):
    store = TrialStore(tmp_path / "trials")
    store.put("key", TRIAL)
    (entry,) = (tmp_path / "trials").iterdir()
    entry.write_bytes(b"no entry at all" * 100)
    assert store.get("key") is None
    assert "made again" in caplog.text
    store.put("key", TRIAL)
    assert store.get("key") == TRIAL


def test_an_entry_that_is_no_run_is_made_again(tmp_path, caplog):
    store = TrialStore(tmp_path / "trials")
    KeyedStore(tmp_path / "trials").put(trial_store._versioned("key"), b"{}")
    assert store.get("key") is None
    assert "made again" in caplog.text


def test_a_run_that_cannot_be_kept_is_a_warning(tmp_path, caplog):
    store = TrialStore(tmp_path / "trials")
    (tmp_path / "trials").rmdir()
    (tmp_path / "trials").write_text("")
    store.put("key", TRIAL)
    assert "the trial key cannot be kept" in caplog.text


def test_a_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 1000)
    with pytest.raises(InputError, match=r"trials cannot be kept in .*File exists"):
        TrialStore(path)
    assert path.read_text() == "my notes\n" * 1000
    with pytest.raises(InputError, match="trials cannot be kept"):
        TrialStore(path / "below" / "trials")


def test_the_default_lies_with_the_cached_values(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBIND_CACHE", str(tmp_path / "cache"))
    TrialStore().put("key", TRIAL)
    assert len(list((tmp_path / "cache" / "trials").iterdir())) == 1
