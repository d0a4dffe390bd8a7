"""The import contracts of pyproject.toml hold, each of them bites, and no circles."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import symbind_theory

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
    assert "12 kept, 0 broken" in result.stdout


IMPORT_FOR_A_TYPE = """\
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import {}
"""


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
            "numerics/sweeps/bad.py",
            "from symbind_theory.command import shell\n",
            "numerics does not lean on the command line",
            id="a sweep speaks outside its command line",
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
        pytest.param(
            "symbind_theory/laws/bad.py",
            IMPORT_FOR_A_TYPE.format("numerics"),
            "Imports run proofs_check -> numerics -> symbind_theory",
            id="a law names an estimate as a type",
        ),
        pytest.param(
            "numerics/attention/bad.py",
            IMPORT_FOR_A_TYPE.format("numerics.estimators"),
            "Rooms of numerics",
            id="attention names an estimator as a type",
        ),
        pytest.param(
            "numerics/template_matrix/bad.py",
            "def f():\n    from symbind_theory.report import notebook\n",
            "numerics estimates and does not draw",
            id="an estimate draws itself",
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


@pytest.mark.parametrize(
    ("needed", "contract"),
    [
        ("sympy", "The certificate's verifier stands on the standard library"),
        ("numpy", "The certificate's verifier stands on the standard library"),
        ("symbind_theory.validation", "Rooms of symbind_theory"),
    ],
)
def test_the_contracts_of_the_trusted_base_bite(copied_tree, needed, contract):
    """Mutant: the verifier asks the algebra that it is to check, or a neighbour."""
    verifier = copied_tree / "symbind_theory" / "certificate_verifier.py"
    verifier.write_text(verifier.read_text() + f"\n\ndef f():\n    import {needed}\n")
    assert f"{contract} BROKEN" in lint_imports(copied_tree).stdout


def imported(source):
    """The packages that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return {name if name.startswith(".") else name.split(".")[0] for name in names}


def test_the_verifier_imports_the_standard_library_only():
    """Whatever a package is called; the contract can list only some."""
    verifier = REPOSITORY / "symbind_theory" / "certificate_verifier.py"
    standard = sys.stdlib_module_names
    assert imported(verifier.read_text()) <= standard
    for line in ("import flint", "from . import validation", "from sympy import sqrt"):
        assert not imported(f"{verifier.read_text()}\n{line}\n") <= standard


# Loaded when asked for, by a name that hides where it comes from.
FRONT_DOOR = "symbind_theory.check_template"
NAMES_OF_THE_FRONT_DOOR = {"check_template"} | {
    name for name, module in symbind_theory._LATER.items() if module == FRONT_DOOR
}


def asks_the_front_door(source):
    """Whether a module takes `check` from the package's root, which no import shows."""
    nodes = list(ast.walk(ast.parse(source)))
    roots, taken = set(), set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "symbind_theory":
            taken |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            roots |= {
                alias.asname or "symbind_theory"
                for alias in node.names
                if alias.name.split(".")[0] == "symbind_theory"
            }
    taken |= {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in roots
    }
    return bool(taken & NAMES_OF_THE_FRONT_DOOR)


def test_no_claim_and_no_estimate_asks_the_front_door():
    """What `check` decides would be checked by what `check` says."""
    modules = [
        path
        for package in ("numerics", "proofs_check")
        for path in (REPOSITORY / package).rglob("*.py")
    ]
    asking = [p.name for p in modules if asks_the_front_door(p.read_text())]
    assert asking == []


@pytest.mark.parametrize(
    "source",
    [
        "from symbind_theory import check\n",
        "def f():\n    from symbind_theory import Template, check as decide\n",
        "import symbind_theory\n\nsymbind_theory.check\n",
        "import symbind_theory as st\n\nst.check_template.main()\n",
        "from symbind_theory import check_template\n",
    ],
)
def test_the_front_door_is_found_by_its_short_name(source):
    """Mutant: a claim takes `check` from the root of the package."""
    assert asks_the_front_door(source)
    assert not asks_the_front_door(source.replace("check", "Template"))


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
