"""What an estimate is asked for: refused in one line, or kept as it is."""

import pytest
from symbind_testing.refusals import refusal

from numerics.template_matrix.accuracy import Accuracy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rel_tol": 0.0}, "rel_tol is 0.0"),
        ({"rel_tol": 1.5}, "rel_tol is 1.5"),
        ({"max_points": 63}, "max_points is 63"),
        ({"seed": -1}, "seed is -1"),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"method": "halton"}, "method is 'halton'"),
        ({"level": 1.0}, "level is 1.0"),
        ({"precision": "half"}, "precision is 'half'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_number_out_of_range_is_named(change, message):
    assert refusal(lambda: Accuracy(**change)).startswith(message)


def test_ends_of_ranges_are_allowed():
    accuracy = Accuracy(rel_tol=1.0, max_points=64, seed=0, level=1e-9)
    assert accuracy.rel_tol == 1.0
    assert accuracy.max_points == 64


def test_progress_is_told_to_who_asks():
    seen = []
    asked = Accuracy(progress=lambda done, total: seen.append((done, total)))
    asked.report(3, 8)
    Accuracy().report(4, 8)
    assert seen == [(3, 8)]
