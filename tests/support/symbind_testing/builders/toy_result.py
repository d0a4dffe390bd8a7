"""A small record of a check, with numbers that are easily told apart."""

from itertools import combinations

from symbind_testing.tasks import SAME_DIFFERENT

from symbind_theory.headlines import conclude
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.architecture import ActivationRecord, ArchitectureRecord
from symbind_theory.records.check import CheckResult, Estimates, Gap
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.records.verdict import Verdict

ARCHITECTURE = ArchitectureRecord(
    beta=0.0,
    gamma=1.5,
    readout="cls",
    activation=ActivationRecord("cos", (("b1", 0.25),), "cosine"),
    identity_kq=0.0,
    identity_vo=0.0,
    depth=1,
    residual=0.0,
    normalisation=None,
)


FEW_STRINGS = SampleComplexity(500, Interval(499.5, 490.0, 510.0), 0.01, 1e-3)


def toy_result(
    task=SAME_DIFFERENT,
    c3=Outcome.HOLDS,
    c5=Outcome.HOLDS,
    *,
    evidence="Because.",
    gaps=None,
    condition=None,
    complexity=None,
    alignment=None,
    curve=None,
    leading=(None, None),
    architecture=None,
    eigenvalues=None,
    diversity=None,
    advice=None,
):
    """A record with those outcomes; gap number g (from 0) is 0.5 + g unless given."""
    size = len(task)
    pairs = list(combinations(range(size), 2))
    values = gaps or [0.5 + g for g in range(len(pairs))]
    square = tuple(tuple(0.125 * (i + j) for j in range(size)) for i in range(size))
    width = ((0.02,) * size,) * size
    verdicts = (Verdict("C3", c3, evidence), Verdict("C5", c5, evidence))
    return CheckResult(
        task=task,
        architecture=architecture or ARCHITECTURE,
        equivalent_pairs=task.equivalent_pairs(),
        overlapping_pairs=task.overlapping_pairs("symbols"),
        overlapping_pairs_any=task.overlapping_pairs("any"),
        collapsed_pairs=task.equivalent_pairs(),
        mlp_floor=task.mlp_floor(),
        estimates=Estimates(
            attention=square,
            attention_halfwidth=width,
            attention_self=(1.0,) * size,
            matrix=square,
            matrix_halfwidth=width,
            matrix_self=(1.0,) * size,
            gaps=tuple(
                Gap(i, j, Interval(value, value, value), *leading)
                for (i, j), value in zip(pairs, values, strict=True)
            ),
            eigenvalues=eigenvalues
            or tuple(
                Interval(0.0625 * 4**i, 0.03125 * 4**i, 0.09375 * 4**i)
                for i in reversed(range(size))
            ),
            smallest_eigenvalue=Interval(0.0625, 0.03125, 0.09375),
            condition_number=condition or Interval(1234567.0, 1234.5, 1e7),
            attention_smallest_eigenvalue=Interval(0.375, 0.25, 0.5),
            level=0.999,
            points=256,
            method="mc",
            device="cpu",
        ),
        sample_complexity=complexity,
        alignment=alignment,
        learning_curve=curve,
        finite_diversity=diversity,
        advice=advice,
        headline=conclude(task, verdicts, complexity or FEW_STRINGS, diversity),
        verdicts=verdicts,
        seed=11,
        version="1.2.3",
    )
