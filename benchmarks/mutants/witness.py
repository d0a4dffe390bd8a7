"""A pytest plugin: writes the ids of what fails, and bounds the memory of a run.

    WITNESSES=FILE python -m pytest -p benchmarks.mutants.witness

One id a line, of a test or of a file that cannot be collected. A mutant may ask for
more memory than there is; it gets MemoryError instead, which fails its test.
"""

import os
import resource

import pytest

MOST_MEMORY = 8 * 2**30


def pytest_configure() -> None:
    """Bound the address space of this process and of those that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > MOST_MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, hard))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed, at whatever phase."""
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that could not be collected."""
    _note(report)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.failed:
        with open(os.environ["WITNESSES"], "a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}\n")
