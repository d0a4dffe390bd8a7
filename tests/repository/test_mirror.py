"""Tests lie where what they test lies, in files that are read at one sitting.

`tests/<package>/<room>/test_<module>.py` goes with `<package>/<room>/<module>.py`, or
with the package of that name; a long file is split into `test_<module>_<subject>.py`.
The other way round each module has such a file, or its line in `TESTED_IN`.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("symbind_theory", "numerics", "proofs_check")

ELSEWHERE = {
    "numerics/template_matrix/test_tangent_gram.py": "estimate and deep estimate, of "
    "the tangent kernel",
    "numerics/deep/test_finite_networks.py": "two oracles of deep kernels, one by the "
    "other",
    "symbind_theory/test_colour.py": "one rule for whatever prints: both commands",
    "symbind_theory/report/page/test_charts.py": "two figures and the axes they share",
    "symbind_theory/records/test_refused_files.py": "what `files` refuses, by the form",
    "symbind_theory/test_computed_once.py": "counts calls over a whole check",
    "symbind_theory/test_small_traps.py": "what users' first calls are, of all rooms",
    "numerics/sweeps/test_command.py": "its module is called __main__",
    "proofs_check/test_command.py": "its module is called __main__",
    "proofs_check/test_conformance.py": "one suite for every checker of the registry",
    "proofs_check/test_every_task.py": "every checker on every built-in task",
}
"""Tests of more than one module, each with its reason."""

TESTED_IN = {
    # The exact side.
    "symbind_theory/certificate_verifier.py": "symbind_theory/separation/"
    "test_certificates.py: what is made there is verified and forged there",
    "symbind_theory/command/compare.py": "symbind_theory/"
    "test_check_template_compare.py: through the command that it serves",
    "symbind_theory/command/from_estimates.py": "symbind_theory/"
    "test_check_template.py: through the check that it serves",
    "symbind_theory/command/options.py": "symbind_theory/"
    "test_check_template_refusals.py: through the command that it serves",
    "symbind_theory/command/subcommands.py": "numerics/sweeps/"
    "test_command.py: through the commands that it serves",
    "symbind_theory/files.py": "symbind_theory/test_check_template_refusals.py: "
    "through those who read and write",
    "symbind_theory/separation/deep_hypotheses.py": "symbind_theory/separation/"
    "test_theorem_d.py: the facts of the theorem",
    "symbind_theory/laws/arguments.py": "symbind_theory/laws/"
    "test_substitution_laws.py: what laws are read from",
    "symbind_theory/laws/inclusion.py": "properties/test_inclusion_laws.py: laws of "
    "probabilities",
    "symbind_theory/library/random_family.py": "symbind_theory/test_library.py: with "
    "the tasks of the library",
    "symbind_theory/command/outputs.py": "symbind_theory/"
    "test_check_template_page.py: through the command that writes them",
    "numerics/attention/token_positions.py": "numerics/attention/"
    "test_conditional_softmax.py: through the rows that it serves",
    "numerics/attention/mean_weights.py": "numerics/attention/"
    "test_conditional_softmax.py: weights of templates by tensor rules",
    "numerics/attention/prefix_products.py": "numerics/attention/"
    "test_symbol_factors.py: with the products that symbols are made of",
    "numerics/averages/group_means.py": "numerics/strings/test_one_layer_kernel.py: "
    "halfwidths of the components of a kernel",
    "numerics/strings/component_features.py": "numerics/strings/"
    "test_overlap_components.py: with the averages of the components",
    "numerics/strings/component_points.py": "numerics/strings/"
    "test_overlap_components.py: with the averages over the points",
    "numerics/strings/faces.py": "numerics/strings/test_overlap_components.py: with "
    "the components that faces have",
    "numerics/strings/scaled_components.py": "numerics/strings/"
    "test_one_layer_kernel.py: with the components that are scaled",
    "numerics/networks/drawn_parameters.py": "numerics/networks/"
    "test_embedding_network.py: with the networks that are drawn",
    "proofs_check/evidence/trained_regression.py": "proofs_check/claims/"
    "test_generalisation.py: through the claim that it serves",
    "symbind_theory/task_records.py": "symbind_theory/test_tasks.py: what tasks "
    "answer with",
    "symbind_theory/outcome.py": "symbind_theory/test_verdicts.py: three words",
    "symbind_theory/records/document.py": "symbind_theory/records/"
    "test_description.py: model and description are compared",
    "symbind_theory/records/forms.py": "symbind_theory/records/test_description.py: "
    "field by field of the description",
    "symbind_theory/records/page.py": "symbind_theory/report/page/"
    "test_check_page.py: records without a method, filled and drawn",
    "symbind_theory/records/verdict.py": "symbind_theory/test_verdicts.py: where "
    "verdicts are reached",
    "symbind_theory/report/hooks.py": "symbind_theory/report/test_notebook.py: what "
    "notebooks ask for",
    "symbind_theory/report/html.py": "symbind_theory/report/test_notebook.py: text is "
    "escaped whoever fills a template",
    "symbind_theory/report/overview.py": "symbind_theory/report/test_notebook.py: as "
    "its readers see it",
    "symbind_theory/report/page/embedding.py": "symbind_theory/report/page/"
    "test_check_page.py: parts of a page that stands alone",
    "symbind_theory/report/page/figures.py": "symbind_theory/report/page/"
    "test_charts.py: axes that both charts share",
    "symbind_theory/report/page/learning_chart.py": "symbind_theory/report/page/"
    "test_charts.py: one of two charts",
    "symbind_theory/report/page/spectrum_chart.py": "symbind_theory/report/page/"
    "test_charts.py: one of two charts",
    "symbind_theory/report/progress.py": "symbind_theory/report/test_terminal.py: "
    "beside what else a terminal shows",
    "symbind_theory/report/side_by_side.py": "symbind_theory/report/"
    "test_comparison.py: the table of which terminal and page are made",
    "symbind_theory/report/tasks.py": "symbind_theory/test_library.py: the list of "
    "the library's tasks",
    "symbind_theory/strategies/families.py": "properties/test_template_laws.py: what "
    "is drawn obeys the laws",
    "symbind_theory/strategies/labelled.py": "properties/test_task_laws.py: what is "
    "drawn obeys the laws",
    "symbind_theory/strategies/pairs.py": "properties/test_template_laws.py: what is "
    "drawn obeys the laws",
    "symbind_theory/strategies/single.py": "properties/test_template_laws.py: what is "
    "drawn obeys the laws",
    "symbind_theory/task_arguments.py": "symbind_theory/test_tasks.py: through the "
    "tasks that are made of them",
    "symbind_theory/version.py": "repository/test_distribution.py: one number",
    # Estimates.
    "numerics/attention/self_value_sampling.py": "numerics/attention/"
    "test_string_moments.py: against the exact moments that it stands in for",
    "numerics/custom_activation.py": "numerics/test_activations.py: against the "
    "closed forms",
    "numerics/estimators/arguments.py": "numerics/estimators/"
    "test_transformer_kernel_refusals.py: through the estimators",
    "numerics/estimators/class_counts.py": "numerics/estimators/"
    "test_kernel_logistic.py: through the solver",
    "numerics/estimators/logistic_preconditioner.py": "numerics/estimators/"
    "test_kernel_logistic.py: beside the solver that it speeds up",
    "numerics/estimators/ridge_preconditioner.py": "numerics/estimators/"
    "test_kernel_ridge.py: beside the solver that it speeds up",
    "numerics/estimators/training_strings.py": "numerics/estimators/"
    "test_transformer_kernel.py: through the estimators",
    "numerics/estimators/string_kernel_machine.py": "numerics/estimators/"
    "test_transformer_kernel.py: through the estimators",
    "numerics/networks/copying_data.py": "numerics/networks/"
    "test_copying_network.py: the strings that the network copies",
    "numerics/networks/optimisers.py": "numerics/networks/test_training.py: steps of "
    "the one loop",
    "numerics/notebook_hooks.py": "symbind_theory/report/test_notebook.py: what "
    "notebooks ask for",
    "numerics/overlap_types.py": "conformance/test_pattern_gram.py: the arguments of "
    "every such kernel",
    "numerics/protocols.py": "conformance/test_template_matrix.py: a suite for each "
    "protocol lies there",
    "numerics/shapes.py": "repository/test_shape_checks.py: shapes are checked",
    "numerics/store/keyed_store.py": "conformance/test_keyed_store.py: laws of a store",
    "numerics/strings/component_table.py": "numerics/strings/"
    "test_one_layer_kernel.py: the table behind the kernel",
    "numerics/strings/shared_blocks.py": "numerics/strings/test_overlap_gram.py: the "
    "correction, against all entries",
    "numerics/strings/strings_apart.py": "conformance/test_template_matrix.py: a "
    "matrix that obeys the laws",
    "numerics/gpt2/__main__.py": "numerics/gpt2/test_command.py: pytest would take "
    "the name for a package's",
    "numerics/sweeps/__main__.py": "numerics/sweeps/test_command.py: pytest would "
    "take the name for a package's",
    "numerics/sweeps/changes.py": "numerics/sweeps/test_store.py: through the store "
    "that refuses them",
    "numerics/sweeps/columns.py": "numerics/sweeps/test_export.py: the columns of the "
    "table",
    "numerics/sweeps/points.py": "numerics/sweeps/test_sweep_file.py: through the file "
    "that they are read from",
    "numerics/sweeps/store_file.py": "numerics/sweeps/test_store.py: through the store "
    "that it serves",
    "numerics/sweeps/workers.py": "numerics/sweeps/test_runner.py: through the runs "
    "that they serve",
    "numerics/template_matrix/error_bounds.py": "numerics/attention/"
    "test_conditional_softmax.py: against the errors that it bounds",
    "numerics/template_matrix/one_layer.py": "numerics/template_matrix/"
    "test_estimate.py: through the one call that it serves",
    "numerics/template_matrix/point_groups.py": "numerics/template_matrix/"
    "test_estimate.py: replications of the estimate",
    "numerics/template_matrix/entries.py": "numerics/template_matrix/test_record.py: "
    "the record whose fields they are",
    # Claims.
    "proofs_check/__main__.py": "proofs_check/test_command.py: pytest would take the "
    "name for a package's",
    "proofs_check/evidence/architectures.py": "proofs_check/claims/"
    "test_other_architectures.py: the one claim that it serves",
    "proofs_check/evidence/copying_rates.py": "proofs_check/claims/test_copying.py: "
    "the one claim that it serves",
    "proofs_check/evidence/copying_training.py": "proofs_check/claims/test_copying.py: "
    "the one claim that it serves",
    "proofs_check/evidence/diversity_error.py": "proofs_check/claims/"
    "test_data_diversity.py: the one claim that it serves",
    "proofs_check/evidence/lockstep.py": "proofs_check/claims/test_mlp_coupling.py: "
    "the one claim that it serves",
    "proofs_check/evidence/identity_in_keys.py": "proofs_check/claims/"
    "test_identity_perturbations.py: the one claim that it serves",
    "proofs_check/evidence/identity_in_values.py": "proofs_check/claims/"
    "test_identity_perturbations.py: the one claim that it serves",
    "proofs_check/evidence/identity_setting.py": "proofs_check/claims/"
    "test_identity_perturbations.py: the one claim that it serves",
    "proofs_check/evidence/kernel_sets.py": "proofs_check/claims/"
    "test_single_runs.py: the one claim that it serves",
    "proofs_check/evidence/learning_setting.py": "proofs_check/claims/"
    "test_generalisation.py: strings that are drawn, or said to be needed",
    "proofs_check/evidence/mlp_rows.py": "proofs_check/claims/"
    "test_nonsingularity.py: the one claim that it serves",
    "proofs_check/evidence/string_estimates.py": "proofs_check/claims/"
    "test_nonsingularity.py: the one claim that it serves",
    "proofs_check/registry.py": "proofs_check/test_conformance.py: one suite for "
    "every checker of the registry",
    "proofs_check/strategies.py": "proofs_check/claims/test_mlp_coupling.py: the "
    "claim that is held of whatever is drawn",
}
"""Modules without a test file of their name: the one that tests them, and why there."""

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


def modules(root):
    """The modules of the three packages by their path; what a room exports aside."""
    return {
        path.relative_to(root)
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        if path.name != "__init__.py"
    }


def without_a_test(root):
    """Modules that no test of their room is named by."""
    tests = {path.with_suffix("").as_posix() for path in modules_of_tests(root)}

    def tested(path):
        own = (path.parent / f"test_{path.stem}").as_posix()
        return any(test == own or test.startswith(f"{own}_") for test in tests)

    return {path.as_posix() for path in modules(root) if not tested(path)}


def helpers(source):
    """The plain functions of a test module by what they do, whatever their names."""
    return {
        ast.dump(node.args) + "".join(map(ast.dump, body)): node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
        and not node.decorator_list
        and not node.name.startswith("test_")
        and (body := node.body[ast.get_docstring(node) is not None :])
    }


def copied_helpers(root):
    """Files by the names of a helper that several of them write out alike."""
    places = defaultdict(set)
    for file in (root / "tests").rglob("*.py"):
        for done, name in helpers(file.read_text()).items():
            places[done].add((file.relative_to(root / "tests").as_posix(), name))
    return [sorted(found) for found in places.values() if len(found) > 1]


USUAL = re.compile(r'TemplateTask\(\["\?a \?a", "\?a \?b"\], \[1, -1\]')

OWN_TASKS = {"symbind_theory/test_tasks.py": "tests how tasks are made"}
"""Files that write out the usual task, each with its reason."""


def usual_task_written_out(root):
    """Test modules that build the usual task themselves."""
    return {
        file.relative_to(root / "tests").as_posix()
        for file in (root / "tests").rglob("*.py")
        if USUAL.search(file.read_text())
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


def test_every_module_has_its_test():
    """A reader of a module finds what holds of it; no exception is stale."""
    assert without_a_test(REPOSITORY) == set(TESTED_IN)


def test_tests_that_lie_elsewhere_are_there():
    """The line of a module names a file, and says why the file is another one."""
    for module, line in TESTED_IN.items():
        path, colon, reason = line.partition(": ")
        assert (REPOSITORY / "tests" / path).is_file(), module
        assert colon, module
        assert re.fullmatch(r"[a-z].*[a-z]", reason), module


def test_no_test_file_is_too_long():
    """A file about one subject fits in the head; no exception is stale."""
    assert too_long(REPOSITORY) == LONG


def test_no_helper_is_copied():
    """What two test files need lies in support, and is mended in one place."""
    assert copied_helpers(REPOSITORY) == []


def test_the_usual_task_is_built_once():
    assert usual_task_written_out(REPOSITORY) == set(OWN_TASKS)


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
    assert without_a_test(tmp_path) == set()
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


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("numerics/averages/means.py", id="a new module"),
        pytest.param("numerics/points.py", id="tested in another room only"),
        pytest.param("numerics/averages/point.py", id="half a word"),
        pytest.param("proofs_check/run.py", id="in a package without tests"),
    ],
)
def test_a_module_without_a_test_is_found(small_repository, path):
    """Mutant: a module that no test of its room is named by."""
    file = small_repository / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    assert without_a_test(small_repository) == {path}


def test_a_long_test_file_is_found(small_repository):
    """Mutant: one line more than is allowed, in any folder."""
    file = small_repository / "tests" / "properties" / "test_laws.py"
    file.write_text("\n" * MOST_LINES)
    assert too_long(small_repository) == set()
    file.write_text("\n" * (MOST_LINES + 1))
    assert too_long(small_repository) == {"properties/test_laws.py"}


def test_a_copied_helper_is_found(small_repository):
    """Mutant: the same lines under another name and docstring, in another folder."""
    tests = small_repository / "tests"
    helper = "def {}(seed):\n    {}\n    return 2 * seed\n"
    mine, other = helper.format("f", "pass"), helper.format("g", "return 3")
    (tests / "properties" / "test_laws.py").write_text(mine)
    points = tests / "numerics" / "averages" / "test_points.py"
    points.write_text(other)
    assert copied_helpers(small_repository) == []
    points.write_text(mine.replace("def f", "def g"))
    (found,) = copied_helpers(small_repository)
    assert [name for _, name in found] == ["g", "f"]


def test_the_usual_task_written_out_is_found(small_repository):
    """Mutant: a file with a task of its own that is everyone's."""
    file = small_repository / "tests" / "properties" / "test_laws.py"
    file.write_text("T = TemplateTask(" + '["?a ?a", "?a ?b"], [1, -1], noise=1)\n')
    assert usual_task_written_out(small_repository) == {"properties/test_laws.py"}
    file.write_text("T = TemplateTask(" + '["?a ?a", "?a ?b"], [1, 2])\n')
    assert usual_task_written_out(small_repository) == set()
