"""What a scan keeps on disk: a scan that was interrupted goes on, and loses nothing."""

import logging
from typing import Any

import numpy as np
import pytest
from symbind_testing.tasks import COPY, SAME_DIFFERENT, same_different

from numerics import Architecture, CustomActivation, Precision, scan
from numerics.learning import grid
from symbind_theory import InputError

ROUGH = Precision(rel_tol=0.5, max_points=256)
OVER = {"beta": [1.0, 2.0], "identity_vo": [0.0, 1.0]}


def scanned(cache, task=SAME_DIFFERENT, over=OVER, **named):
    return scan(task, over, precision=ROUGH, cache=cache, **named)


@pytest.fixture
def estimates(monkeypatch):
    """The temperatures of the estimates that were made."""
    made, plain = [], grid.one_layer_gram

    def counted(templates, architecture, accuracy):
        made.append(architecture.beta)
        return plain(templates, architecture, accuracy)

    monkeypatch.setattr(grid, "one_layer_gram", counted)
    return made


@pytest.mark.parametrize("task", [SAME_DIFFERENT, COPY], ids=str)
def test_an_interrupted_scan_goes_on_to_the_same_rows(task, tmp_path, estimates):
    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    whole = scanned(None, task)
    assert set(estimates) == {1.0, 2.0}
    with pytest.raises(KeyboardInterrupt):
        scanned(tmp_path, task, progress=interrupt)
    estimates.clear()
    assert scanned(tmp_path, task) == whole
    assert set(estimates) == {2.0}
    estimates.clear()
    assert scanned(tmp_path, task) == whole
    assert not estimates


def test_another_scan_is_not_taken_for_it(tmp_path, estimates):
    scanned(tmp_path)
    changes: tuple[dict[str, Any], ...] = (
        {"target": 0.1},
        {"alpha": 1e-2},
        {"task": same_different(noise=0.5)},
        {"architecture": Architecture(gamma=2.0)},
    )
    for named in changes:
        estimates.clear()
        found = scanned(tmp_path, **named)
        assert set(estimates) == {1.0, 2.0}
        assert found == scanned(None, **named)


def test_where_no_number_is_enough_the_row_says_so_again(tmp_path):
    """Infinite ends, and no number of strings."""
    over = {"beta": [0.0]}
    first, again = (scanned(tmp_path, over=over) for _ in range(2))
    assert first == again
    assert again[0].strings.n is None
    assert np.isinf(again[0].strings.interval.high)


def test_a_damaged_entry_is_made_again(tmp_path, caplog):
    whole = scanned(tmp_path)
    for entry in tmp_path.iterdir():
        entry.write_bytes(entry.read_bytes()[:-9])
    with caplog.at_level(logging.WARNING):
        assert scanned(tmp_path) == whole
    assert "is damaged" in caplog.text


def test_activations_of_ones_own_are_not_kept(tmp_path):
    """Two of one name are not told apart."""
    one, other = (
        scanned(tmp_path, over={"activation": [CustomActivation(f, "own", 16)]})
        for f in (np.tanh, np.cos)
    )
    assert one[0].smallest_eigenvalue != other[0].smallest_eigenvalue
    assert not list(tmp_path.iterdir())


def test_a_cache_that_is_no_folder_is_refused():
    with pytest.raises(InputError, match=r"^cache is 3; expected"):
        scanned(3)
