"""The import contracts of pyproject.toml hold, each of them bites, and no circles."""

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
    assert "10 kept, 0 broken" in result.stdout


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
            "numerics/networks/bad.py",
            "from symbind_theory.command import from_estimates\n",
            "numerics does not lean on the command line",
            id="an estimate asks the command line",
        ),
        pytest.param(
            "symbind_theory/report/bad.py",
            "import numerics\n",
            "symbind_theory.report renders records and computes nothing",
            id="a report computes",
        ),
        pytest.param(
            "symbind_theory/records/bad.py",
            "import symbind_theory.report\n",
            "Rooms of symbind_theory",
            id="a record draws itself",
        ),
        pytest.param(
            "symbind_theory/somewhere.py",
            "",
            "Rooms of symbind_theory",
            id="a module outside the rooms",
        ),
        pytest.param(
            "numerics/attention/bad.py",
            "def f():\n    import numerics.learning\n",
            "Rooms of numerics",
            id="attention asks what is learned",
        ),
        pytest.param(
            "numerics/networks/bad.py",
            "import numerics.estimators\n",
            "Rooms of numerics",
            id="neighbours on one floor",
        ),
        pytest.param(
            "proofs_check/evidence/bad.py",
            "import proofs_check.claims\n",
            "Rooms of proofs_check",
            id="evidence leans on a claim",
        ),
        pytest.param(
            "proofs_check/claims/bad.py",
            "def f():\n    import proofs_check.claims.generalisation\n",
            "No claim of proofs_check imports another",
            id="a claim leans on another",
        ),
        pytest.param(
            "proofs_check/claims/bad.py",
            "def f():\n    import symbind_theory.check_template\n",
            "proofs_check does not lean on the front door",
            id="a claim asks the front door",
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


# Prints the modules of a circle; imports for types and within functions count.
FIND_A_CIRCLE = f"""
import grimp
from graphlib import CycleError, TopologicalSorter
graph = grimp.build_graph(*{PACKAGES}, cache_dir=None)
imports = {{m: graph.find_modules_directly_imported_by(m) for m in graph.modules}}
try:
    TopologicalSorter(imports).prepare()
except CycleError as error:
    print(*error.args[1])
"""


def circle(folder):
    """The modules of a circle among the packages of a folder; empty without one."""
    done = subprocess.run(
        [sys.executable, "-c", FIND_A_CIRCLE],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_no_modules_import_each_other():
    assert circle(REPOSITORY) == []


def test_a_circle_is_found(copied_tree):
    """Mutant: the lowest module asks another one, for a type and within a function."""
    lowest = copied_tree / "symbind_theory" / "validation.py"
    asking = "\n\ndef f():\n    from symbind_theory.files import read_text\n"
    lowest.write_text(lowest.read_text() + asking)
    assert {"symbind_theory.validation", "symbind_theory.files"} <= {
        *circle(copied_tree)
    }


def test_no_test_folder_is_a_package():
    """An `__init__.py` in tests/numerics would shadow the package `numerics`."""
    assert list((REPOSITORY / "tests").rglob("__init__.py")) == []
