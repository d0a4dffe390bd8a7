"""Somebody else's property tests: a folder of their own, with the package installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "test_my_task.py"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Runs Python in a folder that knows the built package, and not this checkout."""
    site = tmp_path_factory.mktemp("site")
    built = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *built, "--target", str(site), str(ROOT)], check=True)
    folder = tmp_path_factory.mktemp("mine")
    shutil.copy(EXAMPLE, folder)

    def python(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )

    program = "import numerics, proofs_check, symbind_theory as s; print(*map("
    program += "lambda m: m.__file__, (numerics, proofs_check, s)), sep='\\n')"
    files = python("-c", program).stdout.splitlines()
    assert len(files) == 3
    assert all(Path(file).is_relative_to(site) for file in files)
    return python


@pytest.mark.slow
def test_the_example_passes(elsewhere):
    done = elsewhere("-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLE.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 passed" in done.stdout


@pytest.mark.slow
def test_the_ledger_runs_from_the_built_package(elsewhere):
    done = elsewhere("-m", "proofs_check", "--quick", "--only", "C9", "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "C9 other architectures: HOLDS" in done.stdout
