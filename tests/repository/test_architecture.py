"""The import contracts of pyproject.toml hold, and each of them bites."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("symbind_theory", "numerics", "proofs_check")


def lint_imports(folder):
    """Check the contracts of `folder/pyproject.toml` against the packages there."""
    command = "from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied_tree(tmp_path):
    for package in PACKAGES:
        shutil.copytree(
            REPOSITORY / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold():
    result = lint_imports(REPOSITORY)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "4 kept, 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "source", "contract"),
    [
        pytest.param(
            "symbind_theory/bad.py",
            "import torch\n",
            "symbind_theory never imports torch",
            id="exact side imports torch",
        ),
        pytest.param(
            "symbind_theory/bad.py",
            "def f():\n    import numerics\n",
            "Imports run proofs_check -> numerics -> symbind_theory",
            id="a second front door",
        ),
        pytest.param(
            "symbind_theory/bad.py",
            "def f():\n    import pydantic\n",
            "Only what reads files imports pydantic",
            id="a second reader of task files",
        ),
        pytest.param(
            "numerics/bad.py",
            "import proofs_check\n",
            "Imports run proofs_check -> numerics -> symbind_theory",
            id="numerics looks up",
        ),
        pytest.param(
            "symbind_theory/report/bad.py",
            "import numerics\n",
            "symbind_theory.report renders records and computes nothing",
            id="a report computes",
        ),
    ],
)
def test_a_contract_bites(copied_tree, module, source, contract):
    before = lint_imports(copied_tree)
    assert before.returncode == 0, before.stdout + before.stderr

    (copied_tree / module).write_text(source)
    after = lint_imports(copied_tree)

    assert after.returncode != 0
    assert f"{contract} BROKEN" in after.stdout
    assert Path(module).stem in after.stdout


def test_no_test_folder_is_a_package():
    """An `__init__.py` in tests/numerics would shadow the package `numerics`."""
    assert list((REPOSITORY / "tests").rglob("__init__.py")) == []
