"""The run-time type checker of the test run.

Outside `symbind_testing`: jaxtyping looks for a checker in top-level modules alone.

An integer is accepted where a float is expected, as type checkers have it (PEP 484).
"""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
