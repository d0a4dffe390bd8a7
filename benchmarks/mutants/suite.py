"""The fast suite in a copy of the checkout: its files, their order, and running them.

Tests of the repository itself are left out: they compare the text of the sources, so
that they would catch any change whatever. Tests of pages in a browser are left out too.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutants.mutant import ROOT

__all__ = ["PACKAGES", "Run", "copy_of", "digest", "near", "run", "test_files"]

PACKAGES = ("symbind_theory", "numerics", "proofs_check")
NOT_COUNTED = ("repository", "browser", "benchmarks")
NOT_COPIED = (".git", ".venv", "build", "dist", "__pycache__", ".*_cache", "*.egg-info")


@dataclass(frozen=True)
class Run:
    """What became of some test files.

    Attributes:
        fate: "passed", "failed" or "timed out".
        witnesses: ids of the tests that failed, or of files that were not collected.
        seconds: of wall time.
    """

    fate: str
    witnesses: tuple[str, ...]
    seconds: float


def copy_of(root: Path, folder: Path) -> Path:
    """A copy of what a checkout holds, without its history and what was built."""
    copy = folder / "checkout"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return copy


def digest(root: Path) -> str:
    """A number for the state of the library and of the tests that count."""
    state = hashlib.sha256()
    for folder in (*PACKAGES, "tests"):
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root)
            if path.is_file() and _counts(name):
                state.update(name.as_posix().encode())
                state.update(path.read_bytes())
    return state.hexdigest()[:16]


def test_files(root: Path) -> list[str]:
    """Test files that count, and the packages for the examples in their docstrings."""
    found = [
        path.relative_to(root).as_posix()
        for path in sorted((root / "tests").rglob("test_*.py"))
        if _counts(path.relative_to(root))
    ]
    return [*found, *(package for package in PACKAGES if (root / package).is_dir())]


def _counts(name: Path) -> bool:
    """Whether a file of library or tests has a say in what is killed."""
    of_tests = name.parts[0] == "tests" and name.parts[1] in NOT_COUNTED
    return "__pycache__" not in name.parts and not of_tests


def near(root: Path, module: str) -> list[str]:
    """The test files that mirror a module, and the module itself, for its examples.

    A module without a file of its name has a line in tests/repository/test_mirror.py.
    The module comes last: pytest would load one that nobody has imported yet a second
    time beside the one that tests import, and instances of the one class are none of
    the other.
    """
    path = Path("tests") / module
    own = f"test_{path.stem}"
    found = [
        test
        for test in test_files(root)
        if Path(test).parent == path.parent
        and (Path(test).stem == own or Path(test).stem.startswith(f"{own}_"))
    ]
    if not found and (elsewhere := _tested_in(root).get(module)):
        found = [f"tests/{elsewhere.partition(':')[0]}"]
    return [*found, module]


def _tested_in(root: Path) -> dict[str, str]:
    path = root / "tests" / "repository" / "test_mirror.py"
    if not path.is_file():
        return {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TESTED_IN":
            return ast.literal_eval(node.value)
    return {}


def run(
    copy: Path,
    chosen: Sequence[str],
    *options: str,
    limit: float,
    known: Iterable[str] = (),
) -> Run:
    """The fast tests of some files, in their order, in one process.

    Args:
        copy: of the checkout.
        chosen: files, folders or ids of tests.
        options: of pytest, such as `-x`.
        limit: seconds after which the process and all that it started are ended.
        known: ids of tests that fail without any mutant: they are left out.

    Returns:
        How it ended. No test at all is no failure.
    """
    witnesses = copy.with_name("witnesses")
    witnesses.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "benchmarks.mutants.witness", "-m", "not slow and not browser"]
    command += [*options, *(f"--deselect={test}" for test in known), *chosen]
    environment = {
        **os.environ,
        "CI": "1",  # Hypothesis draws the same examples each time, and keeps none.
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(copy), str(ROOT)]),
        "WITNESSES": str(witnesses),
    }
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        status = process.wait(limit)
    except subprocess.TimeoutExpired:
        status = None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    seconds = round(time.monotonic() - started, 1)
    failed = witnesses.read_text("utf-8").splitlines() if witnesses.exists() else []
    if status is None:
        return Run("timed out", (), seconds)
    return Run("passed" if status in (0, 5) else "failed", tuple(failed), seconds)
