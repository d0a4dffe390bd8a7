"""Rows are strict JSON, and say what the records say."""

import json

import numpy as np

from numerics.gpt2.cluster_intervals import clustered_accuracy
from numerics.gpt2.fine_tuning import FineTuned, FineTunedRun
from numerics.gpt2.head_ablation import Ablation
from numerics.gpt2.in_context import Answers
from numerics.gpt2.probe_rows import ablation_row, fine_tuned_row, in_context_row
from symbind_theory.interval import Interval

RIGHT = np.array([True, True, False, True, False, False])


def strict(row):
    return json.loads(json.dumps(row, allow_nan=False))


def test_in_context():
    answers = Answers(RIGHT, ~RIGHT, np.full(6, 0.25), 2, 0.5)
    row = strict(in_context_row(answers, "rare", 3, 0.9))
    assert (row["setting"], row["symbols"], row["shots"]) == ("in context", "rare", 3)
    assert (row["prompts"], row["chance"]) == (6, 0.5)
    expected = clustered_accuracy(np.array([1.0, 0.5, 0.0]), 2, 0.5, 0.9).interval
    assert row["accuracy"] == {
        "value": expected.value,
        "low": expected.low,
        "high": expected.high,
    }
    assert row["free_accuracy"]["value"] == 0.5
    assert row["right_probability"] == 0.25


def test_fine_tuned():
    runs = tuple(FineTunedRun(s, 2.0, 0.5, 1.0, 0.25 + s / 2) for s in (0, 1))
    tuned = FineTuned("plain", 64, runs, test_prompts=8, chance=0.5)
    row = strict(fine_tuned_row(tuned, "common", 0.95))
    assert (row["strings"], row["variant"], row["prompts"]) == (64, "plain", 16)
    assert row["accuracy"]["value"] == 0.5
    assert [run["seed"] for run in row["runs"]] == [0, 1]


def test_heads_taken_out():
    accuracy = clustered_accuracy(np.array([1.0, 0.5]), 2, 0.5, 0.95)
    interval = Interval(0.1, 0.0, 0.2, 0.95)
    ablation = Ablation(
        heads=((0, 3),),
        intact=accuracy,
        without=accuracy,
        loss=interval,
        random=(0.5, 0.75),
        random_excess=interval,
        p=1 / 3,
    )
    row = strict(ablation_row(ablation, "rare", 10))
    assert row["heads"] == [[0, 3]]
    assert row["loss"] == {"value": 0.1, "low": 0.0, "high": 0.2}
    assert (row["random_accuracies"], row["p"]) == ([0.5, 0.75], 1 / 3)
