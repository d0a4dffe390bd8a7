"""C5: the error on unseen symbols against dense algebra, and how findings fail."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from symbind_testing.tasks import SAME_DIFFERENT, same_different

from numerics import (
    Architecture,
    TransformerKernelRegressor,
    learning_curve,
    sample_complexity,
    template_gram,
)
from proofs_check.claims.generalisation import SIZES, generalisation
from proofs_check.evidence import learning_setting
from proofs_check.evidence import trained_regression as module
from proofs_check.evidence.learning_setting import LearningSetting, TrainingSizes
from proofs_check.evidence.training_sets import fresh_sample
from proofs_check.evidence.unseen_error import fresh_error
from proofs_check.judgements import TEST_LEVEL
from symbind_theory import InputError, Outcome, TemplateTask, builtin_task

NOISY = same_different(noise=0.3)
UNEVEN = TemplateTask(["?a ?a", "?a ?b", "X ?a"], [1, -1, 0.25], [5, 3, 1], noise=0.1)
GRAM = template_gram(SAME_DIFFERENT.templates, level=TEST_LEVEL)
FAST = Architecture(beta=3.0)
FEW = TrainingSizes(few=40, few_sets=6, many=400, many_sets=4)


@pytest.mark.parametrize("task", [NOISY, UNEVEN])
def test_error_is_that_of_dense_algebra(task):
    """K of strings that share no symbol is N by template, and K_self on the diagonal.

    N here is an estimate with other points than the regressor's.
    """
    alpha, n = 0.01, 60
    sample = fresh_sample(task, n, seed=3)
    gram = template_gram(task.templates, seed=5)
    i = np.array(sample.template_indices)
    kernel = gram.matrix[np.ix_(i, i)] + np.diag(gram.excess[i])
    dual = np.linalg.solve(kernel + alpha * np.eye(n), np.array(sample.labels))
    missed = gram.matrix[:, i] @ dual - [float(y) for y in task.labels]
    expected = sum(
        float(w) * x**2 for w, x in zip(task.weights, missed.tolist(), strict=True)
    )
    model = TransformerKernelRegressor(alpha=alpha)
    assert fresh_error(model, task, sample) == pytest.approx(expected, rel=5e-3)


def test_sets_far_from_the_mean_counts_know_their_error_less_well():
    """With small eigenvalues an error is known worse where labels are out of balance.

    The halfwidth at the mean counts stood for these, and true claims were refuted.
    """
    task = builtin_task("variable-chain-2")
    gram = template_gram(task.templates, max_points=2**10)
    chosen = LearningSetting(Architecture(), 0.05, 1e-2, None, FEW, gram, 0)
    drawn = [fresh_sample(task, 64, seed) for seed in range(12)]
    values, mean = chosen.given_counts(task, drawn)
    assert mean.value == pytest.approx(values.mean())
    assert mean.halfwidth > 10 * chosen.closed_form(task, 64).halfwidth
    other = template_gram(task.templates, max_points=2**10, seed=1)
    again, _ = replace(chosen, gram=other).given_counts(task, drawn)
    assert abs(again.mean() - values.mean()) < 2 * mean.halfwidth


def test_without_noise_the_closed_form_is_exact_at_every_count():
    report = generalisation(SAME_DIFFERENT, target=0.5, sizes=FEW, gram=GRAM)
    assert report.outcome is Outcome.HOLDS
    difference = report.findings[1].estimate
    assert difference is not None
    # What is left is the error of N, within which the two sides' points differ.
    assert abs(difference.value) < 1e-3


def test_the_closed_form_of_another_kernel_is_refuted():
    mislabelled = replace(GRAM, architecture=FAST)
    report = generalisation(
        SAME_DIFFERENT, FAST, target=0.5, sizes=FEW, gram=mislabelled
    )
    assert "less the closed form" in report.findings[1].statement
    assert report.findings[1].outcome is Outcome.REFUTED


def test_templates_that_are_one_up_to_renaming_are_refuted():
    """By proof, and by an error that no number of strings lowers."""
    renamed = TemplateTask(["?a ?b", "?b ?a"], [1, -1])
    report = generalisation(renamed, target=0.5, sizes=FEW)
    failed = [f.statement for f in report.findings if f.outcome is Outcome.REFUTED]
    for words in (
        "differ to the kernel on fresh symbols",
        "squared error on unseen symbols after 400",
    ):
        assert any(words in statement for statement in failed)


@pytest.mark.parametrize(
    ("options", "undecided"),
    [
        ({"target": 0.05}, "closed form after 400 strings"),
        ({"target": 0.05}, "squared error on unseen symbols after 400 strings"),
        ({"weights": [99, 1], "many": 1, "sets": 2}, "against the floor of an MLP"),
    ],
)
def test_too_few_strings_refute_nothing(options, undecided):
    """They do not contradict N, which says how many are enough: those are to pass."""
    task = same_different(options.get("weights"))
    sizes = replace(
        FEW, many=options.get("many", 400), many_sets=options.get("sets", 4)
    )
    report = generalisation(
        task, target=options.get("target", 0.5), sizes=sizes, gram=GRAM
    )
    assert report.outcome is Outcome.UNDECIDED
    (finding,) = (f for f in report.findings if undecided in f.statement)
    assert finding.outcome is Outcome.UNDECIDED
    assert ": pass sizes=TrainingSizes(few=40, few_sets=6, many=" in str(finding)


def test_what_is_said_to_pass_decides():
    few = replace(FEW, many=400)
    report = generalisation(SAME_DIFFERENT, FAST, target=0.05, sizes=few)
    assert report.outcome is Outcome.UNDECIDED
    passed = eval(f"dict({report.evidence.rsplit('pass ', 1)[1].rstrip('.')})")
    assert passed["sizes"].many > 400
    found = generalisation(SAME_DIFFERENT, FAST, target=0.05, **passed)
    assert found.outcome is Outcome.HOLDS


def test_as_many_strings_are_drawn_as_the_task_needs():
    report = generalisation(SAME_DIFFERENT, FAST, sizes=replace(FEW, many=None))
    assert report.outcome is Outcome.HOLDS
    needed = sample_complexity(
        SAME_DIFFERENT, FAST, target=0.05 / 2, alpha=1e-2
    ).interval
    many = int(report.findings[2].statement.split()[3])
    assert needed.low <= many <= needed.high * 1.05


def test_more_strings_than_may_be_drawn_are_not_drawn(monkeypatch):
    """It says how many they are, and which transformer needs fewer."""
    monkeypatch.setattr(LearningSetting, "errors", None)
    sizes = replace(FEW, many=None, most=1000)
    report = generalisation(SAME_DIFFERENT, sizes=sizes, gram=GRAM)
    assert report.outcome is Outcome.UNDECIDED
    assert "many=" not in report.evidence
    assert "pass sizes=TrainingSizes(few=40, few_sets=6, most=2300" in report.evidence
    assert "or else architecture=Architecture(beta=6.0, gamma=2.0)" in report.evidence


def test_an_error_above_what_its_counts_say_is_refuted(monkeypatch):
    """The closed form is below the target at the same counts: N itself is wrong."""
    real = learning_setting.fresh_error
    monkeypatch.setattr(
        learning_setting, "fresh_error", lambda *given: real(*given) + 0.5
    )
    report = generalisation(SAME_DIFFERENT, target=0.5, sizes=FEW, gram=GRAM)
    assert report.outcome is Outcome.REFUTED
    assert report.findings[2].outcome is Outcome.HOLDS
    assert report.findings[3].outcome is Outcome.REFUTED


def test_labels_that_are_tokens_are_learned_one_by_one():
    task = TemplateTask(SAME_DIFFERENT.templates, ["same", "different"])
    report = generalisation(task, FAST, target=0.2, sizes=FEW, gram=None)
    assert report.outcome is Outcome.HOLDS
    labels = {f.statement.partition(":")[0] for f in report.findings}
    assert labels == {"label same", "label different"}


def test_copied_labels_ask_for_the_identity_in_values():
    """As the check says: refuted without b, whether or not N is singular."""
    task = TemplateTask(["?a ?b", "?b X"], ["?a", "?b"])
    report = generalisation(task)
    assert report.outcome is Outcome.REFUTED
    assert "identity_vo > 0" in report.evidence
    with_b = Architecture(beta=3.0, identity_vo=1.0)
    sizes = replace(FEW, many=None)
    held = generalisation(task, with_b, target=0.2, sizes=sizes)
    assert held.outcome is Outcome.HOLDS


def test_a_conflict_of_weight_0_refutes_nothing():
    """The template is in N, which is singular, and never in the error."""
    task = TemplateTask(["?a ?a", "?a ?b", "?b ?a"], [1, -1, 1], [1, 1, 0])
    report = generalisation(task, sizes=FEW)
    assert report.outcome is Outcome.UNDECIDED
    assert "a non-singular N" in report.evidence


@pytest.mark.slow
def test_a_copied_label_of_weight_0_refutes_nothing():
    task = TemplateTask(["?a ?a", "?a ?b", "?b X"], ["x", "y", "?b"], [1, 1, 0])
    report = generalisation(task, FAST, target=0.2, sizes=FEW)
    assert report.outcome is not Outcome.REFUTED


def test_the_effort_says_how_many_strings_may_be_drawn(monkeypatch):
    monkeypatch.setattr(module, "fresh_error", lambda *_: 0.0)
    most = [SIZES[effort].task.most for effort in ("quick", "standard", "full")]
    assert most == sorted(set(most))
    options = {"target": 1e-6, "gram": GRAM}
    for effort, n in zip(("quick", "standard"), most, strict=False):
        report = generalisation(SAME_DIFFERENT, effort=effort, **options)
        said = [finding.expected or "" for finding in report.findings]
        assert any(f"at most {n}, which may be drawn" in words for words in said)


def test_noise_is_what_the_closed_form_says():
    """Where labels are noise alone, all of the error is what it adds."""
    noise = TemplateTask(SAME_DIFFERENT.templates, [0, 0], noise=1.0)
    sizes = TrainingSizes(few=40, few_sets=100, many=40, many_sets=2)
    report = generalisation(noise, target=0.9, sizes=sizes, gram=GRAM)
    found = report.findings[1].estimate
    assert found is not None
    assert found.contains(0.0)
    whole = learning_curve(noise, sizes=[40], alpha=1e-2, gram=GRAM).mse.item()
    assert found.halfwidth < 0.8 * whole


def test_collisions_are_allowed_among_the_many():
    sizes = TrainingSizes(few=20, few_sets=4, many=600, many_sets=4, vocabulary=300)
    report = generalisation(
        SAME_DIFFERENT, Architecture(beta=2.0), target=0.2, sizes=sizes, alpha=0.05
    )
    assert "squared error on unseen symbols after 600" in report.findings[3].statement
    assert report.findings[3].outcome is Outcome.HOLDS


def test_equal_seeds_give_equal_reports():
    def run(seed):
        return generalisation(NOISY, target=0.5, sizes=FEW, gram=GRAM, seed=seed)

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.slow
def test_four_symbols_with_positions_alone():
    """Every symbol is as frequent in both templates."""
    task = builtin_task("aabb-abab")
    sizes = TrainingSizes(few=200, few_sets=24, many=8000)
    report = generalisation(task, Architecture(beta=3.0), target=0.2, sizes=sizes)
    assert report.outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 0}, "target is 0; expected"),
        ({"alpha": 0}, "alpha is 0; expected"),
        ({"seed": -1}, "seed is -1; expected"),
        ({"effort": "much"}, "effort is 'much'; expected one of quick, standard, full"),
        (
            {"gram": template_gram(["?a ?b", "?a ?a"])},
            r"gram is of '\?a \?b' as template 1; expected '\?a \?a'",
        ),
        (
            {"gram": GRAM, "architecture": FAST},
            r"gram is of an architecture with beta 1\.0; expected beta 3\.0",
        ),
        ({"sizes": replace(FEW, vocabulary=0)}, "vocabulary is 0; expected"),
        ({"sizes": replace(FEW, vocabulary=["a"])}, "vocabulary"),
    ],
)
def test_bad_input(options: dict[str, Any], message):
    with pytest.raises(InputError, match=message):
        generalisation(SAME_DIFFERENT, **options)


def test_bad_sizes():
    for name in ("few", "few_sets", "many", "most", "many_sets"):
        with pytest.raises(InputError, match=f"{name} is 0; expected"):
            TrainingSizes(**{name: 0})
