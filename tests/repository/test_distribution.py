"""The generic top-level names resolve to this distribution, and import lightly."""

import importlib
import json
import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("symbind_theory", "numerics", "proofs_check")
HEAVY = ("torch", "numerics", "sklearn", "scipy.stats", "matplotlib", "pydantic")


def editable_root(distribution):
    """Return the folder of an editable install, or None for a plain one."""
    text = distribution.read_text("direct_url.json")
    origin = json.loads(text) if text else {}
    if not origin.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlsplit(origin["url"]).path)).resolve()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_name_resolves_to_this_distribution(package):
    distribution = metadata.distribution("symbind")
    module = importlib.import_module(package)
    assert module.__file__ is not None
    found = Path(module.__file__).resolve()

    root = editable_root(distribution)
    if root is not None:
        assert root == REPOSITORY
        assert found == root / package / "__init__.py"
    else:
        installed = {
            Path(str(distribution.locate_file(file))).resolve()
            for file in distribution.files or ()
        }
        assert found in installed


def test_the_version_of_the_metadata_is_the_literal():
    version = importlib.import_module("symbind_theory.version")
    assert metadata.version("symbind") == version.__version__


def test_the_wheel_lists_every_package():
    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    listed = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(listed) == sorted(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_ships_its_types(package):
    assert (resources.files(package) / "py.typed").is_file()


@pytest.mark.parametrize(
    "path",
    [
        "task_file.schema.json",
        "records/check.schema.json",
        "library/copy.toml",
        "library/majority.toml",
        "report/markup/page.css",
    ],
)
def test_the_package_ships_its_data(path):
    assert resources.files("symbind_theory").joinpath(path).is_file()


def test_importing_the_exact_side_loads_nothing_heavy(tmp_path):
    program = (
        "import json, sys, symbind_theory; "
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == []
