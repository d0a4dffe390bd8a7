"""Runs side by side: means over seeds, ratios in pairs, scalars over heads."""

import math

import numpy as np
import pytest

from numerics.averages.student import mean_interval
from numerics.gpt2.variants import training_table


def _run(identity, seed, loss, a=None, reach: float | None = 0.1):
    scalars = {"b_mean": None, "b_lowest": None, "b_highest": None}
    ends = (None, None, None) if a is None else (a, a - 1, a + 1)
    names = ("a_mean", "a_lowest", "a_highest")
    scalars |= dict(zip(names, ends, strict=True))
    measured = {"loss": loss, "loss_halfwidth": reach, "bits_per_byte": loss / 2}
    return {"identity": identity, "seed": seed, **measured, **scalars}


def test_ratio_is_of_runs_of_one_seed():
    """What seeds share cancels: the ratio is known better than the perplexities."""
    plain = [4.0, 4.5, 3.5]
    gain = [0.10, 0.12, 0.11]
    rows = [_run("none", s, plain[s]) for s in range(3)]
    rows += [_run("kq", s, plain[s] - gain[s], a=-float(s)) for s in (2, 0, 1)]
    none, kq = training_table(rows)
    expected = mean_interval(-np.array(gain), 0.95)
    assert kq.ratio is not None
    assert kq.ratio.value == pytest.approx(math.exp(expected.value))
    assert kq.ratio.low == pytest.approx(math.exp(expected.low))
    assert kq.ratio.high < 1
    assert none.ratio is None
    assert none.perplexity is not None
    assert none.perplexity.value == pytest.approx(math.exp(4.0))
    assert none.perplexity.high > math.exp(4.5)
    assert (none.over, none.seeds, none.a) == ("seeds", 3, None)
    assert kq.a == (-1.0, -3.0, 1.0)
    assert kq.bits_per_byte == pytest.approx(np.mean(plain) / 2 - 0.055)


def test_one_seed_has_the_interval_over_text():
    """No spread over seeds is there: the ratio has none and is left out."""
    none, kq = training_table([_run("none", 0, 4.0), _run("kq", 0, 3.9)])
    assert none.over == kq.over == "text"
    assert kq.perplexity is not None
    assert kq.perplexity.high == pytest.approx(math.exp(4.0))
    assert kq.ratio is None
    (alone,) = training_table([_run("none", 0, 4.0, reach=None)])
    assert alone.perplexity is None
    assert alone.document()["perplexity"] is None


def test_documents_are_plain_values():
    """JSON has the value, the ends and the level of each interval."""
    rows = [_run(name, seed, 4.0) for name in ("none", "vo") for seed in (0, 1)]
    document = training_table(rows)[1].document()
    assert document["identity"] == "vo"
    assert document["ratio"] == {"value": 1.0, "low": 1.0, "high": 1.0, "level": 0.95}
    assert document["interval_over"] == "seeds"


def test_seeds_without_a_partner_are_not_compared():
    """A ratio is over the seeds that both variants have."""
    rows = [_run("none", 0, 4.0), _run("none", 1, 5.0)]
    rows += [_run("kq", s, 3.0 + s) for s in (0, 1, 2)]
    ratio = training_table(rows)[1].ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(math.exp(-1.0))
