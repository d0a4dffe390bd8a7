"""What an input error says."""

import pytest

from symbind_theory import InputError


def error_line(call):
    """The message of the InputError that `call` raises: one line."""
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def refusal(call):
    """The message with which `call` is refused: one line, naming what was expected."""
    message = error_line(call)
    assert "; expected " in message
    return message
