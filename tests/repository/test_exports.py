"""What users are shown comes from a package or one of its rooms, and is listed there.

A module inside a room may move; README, docs and examples show what stays.
"""

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("symbind_theory", "numerics", "proofs_check")

# Lines of code in a page: indented, or after a prompt.
CODE = re.compile(r"^(?: {4,}|>>> |\.\.\. )\s*((?:from|import) .+)$", re.MULTILINE)


def shown(root):
    """The import statements that users read, by the file that shows them."""
    pages = [root / "README.md", *(root / "docs").rglob("*.md")]
    statements = {
        page.relative_to(root).as_posix(): "\n".join(CODE.findall(page.read_text()))
        for page in pages
    }
    for script in (root / "examples").rglob("*.py"):
        statements[script.relative_to(root).as_posix()] = script.read_text()
    return statements


def imports(source):
    """(module, name) for what is imported from the three packages; name "" for all."""
    for node in ast.walk(ast.parse(textwrap.dedent(source))):
        found = []
        if isinstance(node, ast.ImportFrom) and not node.level:
            found = [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found = [(alias.name, "") for alias in node.names]
        yield from ((m, n) for m, n in found if m.split(".")[0] in PACKAGES)


def deep(source):
    """The modules inside rooms that a source imports from."""
    return {module for module, _ in imports(source) if module.count(".") > 1}


def unlisted(source):
    """What a source takes from a package or a room that does not list it."""
    taken = set()
    for module, name in imports(source):
        listed = getattr(importlib.import_module(module), "__all__", ())
        if name and name not in listed:
            taken.add(f"{module}.{name}")
    return taken


def test_users_are_shown_rooms_only():
    """Whoever copies from a page is not broken by a move inside a room."""
    assert {path for path, source in shown(ROOT).items() if deep(source)} == set()


def test_what_users_are_shown_is_listed():
    """A name that a module happens to import is not promised by it."""
    sources = shown(ROOT)
    assert {path: unlisted(s) for path, s in sources.items() if unlisted(s)} == {}
    assert sum(bool(list(imports(source))) for source in sources.values()) >= 6


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "from numerics.learning.curves import learning_curve",
            "numerics.learning.curves",
        ),
        ("import symbind_theory.report.page", "symbind_theory.report.page"),
        ("def f():\n    from proofs_check.evidence.mlp_data import Sizes", None),
    ],
)
def test_a_deep_import_is_found(line, found):
    """Mutant: an example takes a function from the file it stands in today."""
    assert deep(line) == {found or "proofs_check.evidence.mlp_data"}
    assert not deep("from numerics.learning import curves\nimport numpy.linalg.linalg")


@pytest.mark.parametrize("page", ["README.md", "docs/theory.md", "examples/study.py"])
def test_deep_imports_are_found_in_every_kind_of_page(tmp_path, page):
    """Mutant: in a block of the README, an indented block of a page, and a script."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "examples").mkdir()
    (tmp_path / "README.md").write_text("")
    line = "from numerics.strings.patterns import encode"
    before = {"README.md": ">>> ", "docs/theory.md": "    "}.get(page, "")
    (tmp_path / page).write_text(f"{before}{line}\n")
    assert {path for path, source in shown(tmp_path).items() if deep(source)} == {page}


def test_a_name_that_is_not_listed_is_found():
    """Mutant: a checker's module lends what it imports itself."""
    lent = "from proofs_check.claims.block_structure import TrainingKernel"
    assert unlisted(lent) == {"proofs_check.claims.block_structure.TrainingKernel"}
    assert unlisted("from numerics import template_gram") == set()


@pytest.mark.parametrize(
    "room",
    [
        "numerics",
        "numerics.networks",
        "numerics.sweeps",
        "proofs_check",
        "proofs_check.claims",
        "proofs_check.evidence",
        "symbind_theory",
        "symbind_theory.library",
        "symbind_theory.records",
        "symbind_theory.report",
        "symbind_theory.separation",
    ],
)
def test_what_a_room_lists_is_there(room):
    """Names are loaded when asked for: a wrong one would be found by users only."""
    package = importlib.import_module(room)
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = package.nothing_of_the_kind


OPTIONS = ("alpha", "max_points", "method", "rel_tol")
SAYS_WHEN = re.compile(r"\b(?:Raise|Lower|Choose|lower|choose)\b")


def silent_options(function):
    """Which of the options a function takes without saying when to choose another."""
    entries = re.split(r"\n {4,8}(?=\w+: )", inspect.getdoc(function) or "")
    said = {entry.partition(":")[0]: entry for entry in entries}
    taken = inspect.signature(function).parameters
    return [o for o in OPTIONS if o in taken and not SAYS_WHEN.search(said.get(o, ""))]


def test_options_say_when_to_choose_another_value():
    """A default is right for most; the docstring says for whom it is not."""
    functions = {
        f"{package}.{name}": getattr(importlib.import_module(package), name)
        for package in PACKAGES
        for name in importlib.import_module(package).__all__
    }
    silent = {
        name: silent_options(function)
        for name, function in functions.items()
        if inspect.isfunction(function) and silent_options(function)
    }
    assert silent == {}


def test_a_silent_option_is_found():
    """Mutant: a docstring that gives the range of an option and no more."""

    def f(alpha, rel_tol, n):
        """Fit.

        Args:
            alpha: ridge > 0.
            rel_tol: relative halfwidth aimed at. Raise it
                where only the sign matters.
            n: how many.
        """

    assert silent_options(f) == ["alpha"]
