"""Bad arguments of the checkers are one line that names them."""

import json
import subprocess
import sys

import pytest
from symbind_testing import bad_arguments
from symbind_testing.bad_arguments import CASES


@pytest.fixture(scope="module")
def messages():
    done = subprocess.run(
        [sys.executable, "-W", "error", bad_arguments.__file__],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: CASES[i][0])
def test_a_bad_argument_is_named(messages, case):
    assert messages[case].startswith(CASES[case][3])
    assert "\n" not in messages[case]
