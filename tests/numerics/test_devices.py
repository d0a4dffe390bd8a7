"""Which device a name means, and what is refused."""

import pytest
import torch

from numerics.devices import DEVICES, chunk_numbers, resolve_device
from symbind_theory import InputError


@pytest.mark.parametrize("available", [False, True])
def test_auto_takes_an_accelerator_where_there_is_one(monkeypatch, available):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert resolve_device("auto").type == ("cuda" if available else "cpu")
    assert resolve_device("cpu").type == "cpu"


def test_an_accelerator_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"^device is 'cuda', but .*; expected auto"):
        resolve_device("cuda")


def test_another_name_is_refused():
    with pytest.raises(InputError, match=r"^device is 'tpu'; expected one of"):
        resolve_device("tpu")
    assert DEVICES == ("auto", "cpu", "cuda")


def test_an_accelerator_takes_more_at_a_time():
    cpu, cuda = (chunk_numbers(torch.device(name)) for name in ("cpu", "cuda"))
    assert 1 < cpu < cuda
