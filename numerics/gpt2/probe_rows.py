"""What a probe has measured, a row each, ready for JSON.

Every row says its setting, the class of its symbols, how many prompts were asked, and
the accuracy with its interval beside the chance of guessing right.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from numerics.gpt2.cluster_intervals import Accuracy
from numerics.gpt2.fine_tuning import FineTuned
from numerics.gpt2.head_ablation import Ablation
from numerics.gpt2.in_context import Answers, accuracy_of
from symbind_theory.interval import Interval

__all__ = ["ablation_row", "fine_tuned_row", "in_context_row", "interval_entry"]


def interval_entry(interval: Interval) -> dict[str, float]:
    """An interval ready for JSON; its level is the document's.

    Args:
        interval: any.
    """
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def _accuracy_entries(accuracy: Accuracy) -> dict[str, Any]:
    return {
        "prompts": accuracy.prompts,
        "effective_prompts": accuracy.effective,
        "accuracy": interval_entry(accuracy.interval),
        "chance": accuracy.chance,
        "z": accuracy.z,
    }


def in_context_row(
    answers: Answers, symbols: str, shots: int, level: float
) -> dict[str, Any]:
    """The row of one number of shots.

    Args:
        answers: of the model.
        symbols: the class of the symbols.
        shots: labelled strings before the query.
        level: coverage of intervals, in (0, 1).
    """
    free = accuracy_of(answers, level, free=True)
    return {
        "setting": "in context",
        "symbols": symbols,
        "shots": shots,
        **_accuracy_entries(accuracy_of(answers, level)),
        "free_accuracy": interval_entry(free.interval),
        "right_probability": float(answers.probability.mean()),
    }


def fine_tuned_row(tuned: FineTuned, symbols: str, level: float) -> dict[str, Any]:
    """The row of one variant on so many strings.

    Args:
        tuned: the runs.
        symbols: the class of the symbols.
        level: coverage of intervals, in (0, 1).
    """
    return {
        "setting": "fine-tuned",
        "symbols": symbols,
        "strings": tuned.strings,
        "variant": tuned.variant,
        **_accuracy_entries(tuned.unseen(level)),
        "runs": [asdict(run) for run in tuned.runs],
    }


def ablation_row(ablation: Ablation, symbols: str, shots: int) -> dict[str, Any]:
    """The row of the heads that were taken out.

    Args:
        ablation: what it did.
        symbols: the class of the symbols.
        shots: labelled strings before the query.
    """
    return {
        "setting": "heads taken out",
        "symbols": symbols,
        "shots": shots,
        "heads": [list(head) for head in ablation.heads],
        **_accuracy_entries(ablation.without),
        "intact": interval_entry(ablation.intact.interval),
        "loss": interval_entry(ablation.loss),
        "random_accuracies": list(ablation.random),
        "random_excess": interval_entry(ablation.random_excess),
        "p": ablation.p,
    }
