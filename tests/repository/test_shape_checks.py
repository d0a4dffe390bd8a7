"""The hook that checks shapes while testing bites."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from jaxtyping import Float64, TypeCheckError
from shape_checks import CALLS, checked

from numerics import Cosine
from numerics.mehler import kernel_factor


def test_a_wrong_shape_is_refused():
    matrix, vector = np.eye(2), np.full(2, 1.5)
    assert kernel_factor(Cosine(), matrix, vector, 0.0, 0.0).factor.shape == (2, 2)
    with pytest.raises(TypeCheckError):
        kernel_factor(Cosine(), np.ones((2, 3)), vector, 0.0, 0.0)
    with pytest.raises(TypeCheckError):
        kernel_factor(Cosine(), np.ones(2), vector, 0.0, 0.0)


def test_a_wrong_precision_is_refused():
    with pytest.raises(TypeCheckError):
        kernel_factor(Cosine(), np.eye(2).astype(np.float32), np.full(2, 1.5), 0.0, 0.0)


def test_axes_agree_between_arguments_and_result():
    @checked
    def repeated(x: Float64[np.ndarray, " n"], times: int) -> Float64[np.ndarray, " n"]:
        return np.tile(x, times)

    assert repeated(np.ones(2), 1).shape == (2,)
    with pytest.raises(TypeCheckError):
        repeated(np.ones(2), 2)


def test_each_call_has_axes_of_its_own():
    """In two calls of one function n is not the same; nor is it in what each calls."""

    @checked
    def total(x: Float64[np.ndarray, " n"]) -> float:
        return 0.0 if len(x) == 0 else float(x[0]) + total(x[1:])

    assert total(np.ones(3)) == 3
    assert total(np.ones(4)) == 4


def test_the_first_calls_of_a_test_are_checked(monkeypatch):
    @checked
    def length(x: Float64[np.ndarray, " n"]) -> int:
        return len(x)

    for _ in range(CALLS - 1):
        length(np.ones(2))
    with pytest.raises(TypeCheckError):
        length("ab")  # pyright: ignore
    assert length("ab") == 2  # pyright: ignore
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "another")
    with pytest.raises(TypeCheckError):
        length("ab")  # pyright: ignore


def test_a_wrong_field_is_refused():
    @checked
    @dataclass
    class Pair:
        x: Float64[np.ndarray, " n"]
        y: Float64[np.ndarray, " n"]
        name: "NoSuchName" = None  # pyright: ignore

    assert len(Pair(np.ones(2), np.ones(2)).y) == 2
    with pytest.raises(TypeCheckError):
        Pair(np.ones(2), np.ones(3))
    with pytest.raises(TypeCheckError):
        Pair(np.ones(2), np.ones(2).tolist())  # pyright: ignore


def test_an_integer_is_a_float_and_text_is_none():
    @checked
    def scaled(x: Float64[np.ndarray, " n"], factor: float) -> np.ndarray:
        return x * factor

    assert scaled(np.ones(2), 2).tolist() == [2, 2]
    with pytest.raises(TypeCheckError):
        scaled(np.ones(2), "2")  # pyright: ignore


@pytest.mark.parametrize(
    "annotation",
    [
        Float64[np.ndarray, " n"],
        list[Float64[np.ndarray, " n"]] | None,
        dict[str, list[Float64[np.ndarray, " n"]]],
        Callable[[Float64[np.ndarray, " n"]], float],
    ],
    ids=str,
)
def test_whatever_mentions_an_array_is_checked(annotation):
    def function(x): ...

    function.__annotations__ = {"x": annotation}
    with pytest.raises(TypeCheckError):
        checked(function)("no array")


def test_what_mentions_no_array_is_left_alone():
    def half(x: float) -> float:
        return x / 2

    assert checked(half) is half
