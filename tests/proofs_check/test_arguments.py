"""Bad arguments of the checkers are one line that names them."""

import pytest
from shape_checks import unchecked
from symbind_testing.bad_arguments import CASES, message


@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: CASES[i][0])
def test_a_bad_argument_is_named(case):
    *call, said = CASES[case]
    with unchecked():
        found = message(*call)
    assert found.startswith(said)
    assert "\n" not in found
