"""Small work on one thread: inside only, whatever happens there."""

import threading

import pytest
import torch

from numerics import template_gram
from numerics.averages.linalg import singular_values, triangle
from numerics.averages.threads import one_thread


@pytest.fixture
def before():
    """More threads than one, as a process has that nobody has told anything."""
    default = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(default)


def test_the_number_is_put_back(before):
    with one_thread():
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_the_number_is_put_back_after_an_error(before):
    @one_thread()
    def fails():
        raise ValueError(torch.get_num_threads())

    with pytest.raises(ValueError, match="1"):
        fails()
    assert torch.get_num_threads() == before


def test_other_threads_keep_theirs(before):
    """One that has computed already; contexts that overlap do not mix up either."""
    seen, inside, done = [], threading.Event(), threading.Event()

    def other():
        torch.set_num_threads(2)
        seen.append(torch.get_num_threads())
        inside.wait()
        seen.append(torch.get_num_threads())
        with one_thread():
            done.set()
            seen.append(torch.get_num_threads())
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    thread.start()
    with one_thread():
        inside.set()
        done.wait()
    thread.join()
    assert seen == [2, 2, 1, 2]
    assert torch.get_num_threads() == before


def test_factorisations_and_estimates_use_it(before, monkeypatch):
    seen = []
    for name in ("qr", "svdvals"):
        plain = getattr(torch.linalg, name)

        def counted(*given, plain=plain, **named):
            seen.append(torch.get_num_threads())
            return plain(*given, **named)

        monkeypatch.setattr(torch.linalg, name, counted)
    rows = torch.eye(3, dtype=torch.float64).numpy()
    triangle(rows)
    singular_values(rows)
    gram = template_gram(["?a ?a", "?a ?b"], max_points=64, rel_tol=1.0)
    assert gram.smallest_eigenvalue.low > 0
    assert len(seen) > 30
    assert set(seen) == {1}
    assert torch.get_num_threads() == before
