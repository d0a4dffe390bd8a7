"""Tests lie where what they test lies, in files that are read at one sitting.

`tests/<package>/<room>/test_<module>.py` goes with `<package>/<room>/<module>.py`, or
with the package of that name; a long file is split into `test_<module>_<subject>.py`.
"""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("symbind_theory", "numerics", "proofs_check")

ELSEWHERE = {
    "symbind_theory/test_colour.py": "one rule for whatever prints: both commands",
    "symbind_theory/report/page/test_charts.py": "two figures and the axes they share",
    "symbind_theory/records/test_refused_files.py": "what `files` refuses, by the form",
    "symbind_theory/test_computed_once.py": "counts calls over a whole check",
    "proofs_check/test_command.py": "its module is called __main__",
    "proofs_check/test_conformance.py": "one suite for every checker of the registry",
}
"""Tests of more than one module, each with its reason."""

MOST_LINES = 500
LONG: set[str] = set()


def modules_of_tests(root):
    """The test modules of a repository by their path below `tests`."""
    tests = root / "tests"
    return {path.relative_to(tests): path for path in tests.rglob("test_*.py")}


def has_its_module(root, path):
    """Whether the module that a test's name begins with lies in the same room."""
    words = path.stem.split("_")[1:]
    names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    room = root / path.parent
    return any(
        (room / f"{name}.py").is_file() or (room / name / "__init__.py").is_file()
        for name in names
    )


def without_a_module(root):
    """Tests of the three packages whose room has no module of their name."""
    return {
        path.as_posix()
        for path in modules_of_tests(root)
        if path.parts[0] in PACKAGES and not has_its_module(root, path)
    }


def too_long(root):
    """Test modules of more lines than are allowed."""
    return {
        path.as_posix()
        for path, file in modules_of_tests(root).items()
        if len(file.read_text().splitlines()) > MOST_LINES
    }


def test_every_test_lies_beside_its_module():
    """A reader of a module finds its tests by the path alone; no exception is stale."""
    assert without_a_module(REPOSITORY) == set(ELSEWHERE)


def test_no_test_file_is_too_long():
    """A file about one subject fits in the head; no exception is stale."""
    assert too_long(REPOSITORY) == LONG


@pytest.fixture
def small_repository(tmp_path):
    """One module, one package, and tests in their place."""
    for path in (
        "numerics/averages/points.py",
        "numerics/averages/linalg/__init__.py",
        "tests/numerics/averages/test_points.py",
        "tests/numerics/averages/test_points_nested.py",
        "tests/numerics/averages/test_linalg.py",
        "tests/properties/test_laws.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    assert without_a_module(tmp_path) == too_long(tmp_path) == set()
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("numerics/test_points.py", id="another room"),
        pytest.param("numerics/averages/test_means.py", id="no such module"),
        pytest.param("numerics/averages/test_pointsets.py", id="half a word"),
        pytest.param("symbind_theory/averages/test_points.py", id="another package"),
    ],
)
def test_a_misplaced_test_is_found(small_repository, path):
    """Mutant: a test that no module of its room is named by."""
    file = small_repository / "tests" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    assert without_a_module(small_repository) == {path}


def test_a_long_test_file_is_found(small_repository):
    """Mutant: one line more than is allowed, in any folder."""
    file = small_repository / "tests" / "properties" / "test_laws.py"
    file.write_text("\n" * MOST_LINES)
    assert too_long(small_repository) == set()
    file.write_text("\n" * (MOST_LINES + 1))
    assert too_long(small_repository) == {"properties/test_laws.py"}
