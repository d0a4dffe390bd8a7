"""Networks of C12 and C13 that are equal in all, seeds included, are trained once."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from proofs_check.evidence import finite_networks


@contextmanager
def networks_trained_once() -> Iterator[None]:
    """Trials of C12 and C13 share them here.

    Their errors follow from the arguments; that repeating a training repeats its error
    is tested beside the networks.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("unseen_symbols", "_trained_error"):
            patch.setattr(finite_networks, name, cache(getattr(finite_networks, name)))
        yield
