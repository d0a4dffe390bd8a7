"""The run-time type checker of the test run.

Outside `symbind_testing`: jaxtyping looks for a checker in top-level modules alone.

An integer is accepted where a float is expected, as type checkers have it (PEP 484).

jaxtyping's import hook decorates each function and dataclass of the packages with
`jaxtyping.jaxtyped`, which binds the arguments of every call and checks them twice.
That took half of the suite's time. `checked` stands in its place: it checks arguments
and result once, and each call has names of axes of its own as before. What mentions no
array is left alone: other types are for the static checker. Of a function that a test
calls a thousand times the first calls are checked; which ones these are depends on
nothing but the test.
"""

import dataclasses
import functools
import inspect
import os
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

CALLS = 16
"""Calls of each function that are checked in each test, setup and teardown apart."""

check = beartype(
    conf=BeartypeConf(is_pep484_tower=True, violation_type=jaxtyping.TypeCheckError)
)

# The module may be loaded once more, under another name, after `install`.
_original: Any = getattr(jaxtyping.jaxtyped, "stands_for", jaxtyping.jaxtyped)
_scope_of_axes = functools.partial(_original, "context")


def checked(decorated: Any) -> Any:
    """A function that checks its annotations; a dataclass that does when it is made.

    Neither is changed where it mentions no array.
    """
    if not inspect.isclass(decorated):
        return _checked_function(decorated)
    if dataclasses.is_dataclass(decorated) and "__init__" in vars(decorated):
        decorated.__init__ = _checked_function(decorated.__init__)
    return decorated


@contextmanager
def unchecked() -> Iterator[None]:
    """Annotations bind nobody here, as where the packages are used."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def _checked_function(function: Callable[..., Any]) -> Callable[..., Any]:
    annotations = function.__annotations__
    resolved = {
        name: _resolved(annotation, function.__globals__)
        for name, annotation in annotations.items()
    }
    if not any(map(_mentions_an_array, resolved.values())):
        return function
    function.__annotations__ = resolved
    checking = check(function)
    function.__annotations__ = annotations

    test, calls = None, 0

    @functools.wraps(function)
    def in_a_scope(*arguments: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        nonlocal test, calls
        running = os.environ.get("PYTEST_CURRENT_TEST")
        calls = calls + 1 if running == test else 1
        test = running
        if calls > CALLS or jaxtyping.config.jaxtyping_disable:
            return function(*arguments, **keywords)
        with _scope_of_axes():
            return checking(*arguments, **keywords)

    return in_a_scope


def _resolved(annotation: Any, names: dict[str, Any]) -> Any:
    """What the annotation says; `Any` where type checkers alone know its names."""

    def annotated(value: Any) -> None: ...

    annotated.__annotations__ = {"value": annotation}
    try:
        return typing.get_type_hints(annotated, names, include_extras=True)["value"]
    except NameError:
        return Any


def _mentions_an_array(annotation: Any) -> bool:
    if isinstance(annotation, list):  # arguments of a Callable
        return any(map(_mentions_an_array, annotation))
    if inspect.isclass(annotation) and issubclass(annotation, jaxtyping.AbstractArray):
        return True
    return any(map(_mentions_an_array, typing.get_args(annotation)))


def install() -> None:
    """Let jaxtyping's import hook decorate with `checked`."""

    def decorator(*, typechecker: Any) -> Callable[[Any], Any]:
        return checked

    decorator.stands_for = _original  # pyright: ignore[reportFunctionMemberAccess]
    jaxtyping.jaxtyped = decorator


install()
