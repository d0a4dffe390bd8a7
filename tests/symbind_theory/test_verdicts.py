"""What follows from exact decisions and the interval: every branch, and its words."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.tasks import SAME_DIFFERENT, SAME_DIFFERENT_IN_WORDS, ZERO_FLOOR

from symbind_theory import Interval, Outcome, TemplateTask
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.separation.theorem_d import DeepHypotheses, decide_deep
from symbind_theory.separation.theorem_s import Hypotheses
from symbind_theory.separation.theorem_s import decide as decision
from symbind_theory.strategies import tasks
from symbind_theory.verdicts import reach_verdicts

# The hook that checks annotations looks at a random item of a sequence. Hypothesis
# takes that for a strategy that cannot be replayed; it seeds `random`, so this one can.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module inside strategies"
)

THEOREM = Hypotheses()
NO_THEOREM = Hypotheses(one_layer=False)
BLOCKS = DeepHypotheses()
CONSTANT = Hypotheses(activation="constant")
RESOLVED = Interval(0.02, 0.01, 0.03)
UNRESOLVED = Interval(0.002, 0.0, 0.03)
COMPLEXITY = SampleComplexity(
    3648, Interval(3647.5, 3600, 3700), target=0.01, alpha=1e-3
)
BEYOND_COUNTING = SampleComplexity(
    None, Interval(1e15, 0, 1e16), target=0.01, alpha=1e-3
)

CONFLICT = TemplateTask(["X ?a ?b", "X ?a ?a", "X ?u ?u"], [1, 2, 3])
SAME_LABEL = TemplateTask(["?a ?a", "?x ?x"], [1, 1])
ONE_CONFLICT = TemplateTask(["?a X", "?b X", "?c X"], [1, 1, 2])
COPYING = TemplateTask(["?a X", "?a ?b"], ["no", "?b"])


def decide(
    task, hypotheses=THEOREM, smallest=RESOLVED, complexity=None, least_points=0
):
    """The verdicts by claim id, each claim once."""
    decided = decision(task.templates, hypotheses)
    found = reach_verdicts(
        task, decided, smallest, complexity, least_points=least_points
    )
    by_claim = {verdict.claim: verdict for verdict in found}
    assert len(by_claim) == len(found)
    return by_claim


@pytest.mark.parametrize(
    ("task", "claims"),
    [
        pytest.param(SAME_DIFFERENT, ["C2", "C3", "C5"], id="numbers"),
        pytest.param(SAME_DIFFERENT_IN_WORDS, ["C3", "C5"], id="tokens"),
        pytest.param(COPYING, ["C3", "C5", "C7"], id="copied wildcard"),
    ],
)
def test_the_claims_that_speak_of_a_task_in_the_order_of_the_argument(task, claims):
    found = reach_verdicts(task, decision(task.templates, THEOREM), RESOLVED, None)
    assert [verdict.claim for verdict in found] == claims


def test_a_positive_floor_is_quoted_exactly():
    task = TemplateTask(["?a ?a", "?a ?b"], [1, 0], weights=[1, 2])
    verdict = decide(task)["C2"]
    assert verdict.outcome is Outcome.HOLDS
    assert "at least 2/9," in verdict.evidence


def test_a_floor_of_zero_does_not_claim_that_mlps_fail():
    verdict = decide(ZERO_FLOOR)["C2"]
    assert verdict.outcome is Outcome.HOLDS
    assert "floor is 0" in verdict.evidence
    assert "at least" not in verdict.evidence


@pytest.mark.parametrize("hypotheses", [THEOREM, NO_THEOREM, CONSTANT], ids=str)
@pytest.mark.parametrize("smallest", [RESOLVED, UNRESOLVED], ids=str)
def test_equivalent_templates_refute_whatever_the_estimate_says(hypotheses, smallest):
    """The witness is the first such pair, counted from 1 and quoted."""
    verdict = decide(CONFLICT, hypotheses, smallest)["C3"]
    assert verdict.outcome is Outcome.REFUTED
    assert "templates 2 and 3, 'X ?a ?a' and 'X ?u ?u'," in verdict.evidence
    assert "N is singular" in verdict.evidence


@pytest.mark.parametrize("smallest", [RESOLVED, UNRESOLVED], ids=str)
def test_a_constant_activation_refutes(smallest):
    found = decide(SAME_DIFFERENT, CONSTANT, smallest)
    assert found["C3"].outcome is Outcome.REFUTED
    assert "activation is constant" in found["C3"].evidence
    assert found["C5"].outcome is Outcome.REFUTED
    assert "the same prediction" in found["C5"].evidence
    one_label = TemplateTask(["?a ?a", "?a ?b"], [1, 1])
    assert decide(one_label, CONSTANT, smallest)["C5"].outcome is Outcome.UNDECIDED


def test_templates_of_weight_0_are_in_conflict_with_none():
    """N is singular, so that C5 says nothing; refuted it is not."""
    task = TemplateTask(CONFLICT.templates, CONFLICT.labels, weights=[1, 1, 0])
    assert decide(CONFLICT)["C5"].outcome is Outcome.REFUTED
    assert decide(task)["C3"].outcome is Outcome.REFUTED
    assert decide(task)["C5"].outcome is Outcome.UNDECIDED
    copied = TemplateTask(["?a ?a", "?a ?b"], ["x", "?b"], weights=[1, 0])
    assert decide(copied)["C5"].outcome is Outcome.HOLDS


def test_a_constant_activation_leaves_one_template_to_the_estimate():
    """A 1 × 1 matrix is singular only where its entry is 0."""
    task = TemplateTask(["?a ?b"], [1])
    assert decide(task, CONSTANT, RESOLVED)["C3"].outcome is Outcome.HOLDS
    assert decide(task, CONSTANT, UNRESOLVED)["C3"].outcome is Outcome.UNDECIDED


def test_the_theorem_and_a_resolved_estimate():
    verdict = decide(SAME_DIFFERENT, THEOREM, RESOLVED)["C3"]
    assert verdict.outcome is Outcome.HOLDS
    assert "by Theorem S" in verdict.evidence
    assert "0.02 in [0.01, 0.03] at level 0.999" in verdict.evidence
    assert "does not resolve" not in verdict.evidence


def test_the_theorem_suffices_where_the_estimate_does_not_resolve():
    """The exact proof decides, and the evidence owns up to the wide interval."""
    verdict = decide(SAME_DIFFERENT, THEOREM, UNRESOLVED)["C3"]
    assert verdict.outcome is Outcome.HOLDS
    assert "by Theorem S" in verdict.evidence
    assert "[0, 0.03]" in verdict.evidence
    assert "The estimate alone does not resolve it from 0." in verdict.evidence


def test_points_that_were_too_few_are_said_with_their_number():
    for hypotheses, words in (
        (THEOREM, "so large an identity_kq it takes 512 points"),
        (NO_THEOREM, "Raise max_points to 512 or more to see"),
    ):
        found = decide(SAME_DIFFERENT, hypotheses, UNRESOLVED, least_points=512)
        assert words in found["C3"].evidence
        enough = decide(SAME_DIFFERENT, hypotheses, UNRESOLVED)
        assert "512" not in enough["C3"].evidence


def test_a_resolved_estimate_suffices_without_the_theorem():
    found = decide(SAME_DIFFERENT, NO_THEOREM, RESOLVED)
    assert found["C3"].outcome is Outcome.HOLDS
    assert "Theorem S" not in found["C3"].evidence
    assert "[0.01, 0.03]" in found["C3"].evidence
    assert found["C5"].outcome is Outcome.HOLDS


def test_without_either_it_is_undecided_and_says_what_to_raise():
    found = decide(SAME_DIFFERENT, NO_THEOREM, UNRESOLVED)
    assert found["C3"].outcome is Outcome.UNDECIDED
    assert "[0, 0.03]" in found["C3"].evidence
    assert "Raise max_points" in found["C3"].evidence
    assert found["C5"].outcome is Outcome.UNDECIDED
    assert "undecided" in found["C5"].evidence


def test_the_level_of_the_interval_is_quoted():
    smallest = Interval(0.02, 0.01, 0.03, level=0.95)
    assert "at level 0.95" in decide(SAME_DIFFERENT, smallest=smallest)["C3"].evidence


def test_generalisation_holds_and_quotes_the_complexity():
    verdict = decide(SAME_DIFFERENT, complexity=COMPLEXITY)["C5"]
    assert verdict.outcome is Outcome.HOLDS
    assert "about 3648 training strings" in verdict.evidence
    assert "error of 0.01." in verdict.evidence


@pytest.mark.parametrize(
    "complexity", [None, BEYOND_COUNTING], ids=["none", "no number"]
)
def test_generalisation_quotes_no_complexity_where_there_is_none(complexity):
    verdict = decide(SAME_DIFFERENT, complexity=complexity)["C5"]
    assert verdict.outcome is Outcome.HOLDS
    assert "training strings" not in verdict.evidence


@pytest.mark.parametrize("hypotheses", [THEOREM, NO_THEOREM, CONSTANT], ids=str)
def test_equivalent_templates_with_different_labels_cannot_be_learnt(hypotheses):
    """The witness is a string that both templates produce, with the two labels."""
    verdict = decide(CONFLICT, hypotheses)["C5"]
    assert verdict.outcome is Outcome.REFUTED
    assert "Templates 2 and 3 " in verdict.evidence
    assert "labels 2 and 3" in verdict.evidence
    assert f"'{CONFLICT.templates[1].overlap(CONFLICT.templates[2])}'" in (
        verdict.evidence
    )


def test_the_conflict_quoted_is_a_pair_with_different_labels():
    """Templates 1 and 2 are equivalent too, but agree."""
    found = decide(ONE_CONFLICT)
    assert "templates 1 and 2," in found["C3"].evidence
    assert "Templates 1 and 3 " in found["C5"].evidence
    assert "labels 1 and 2" in found["C5"].evidence


def test_equivalent_templates_with_one_label_leave_generalisation_open():
    found = decide(SAME_LABEL)
    assert found["C3"].outcome is Outcome.REFUTED
    assert found["C5"].outcome is Outcome.UNDECIDED
    assert "write each once" in found["C5"].evidence


def test_equal_tokens_as_labels_are_no_conflict():
    same = TemplateTask(["?a ?a", "?x ?x"], ["yes", "yes"])
    other = TemplateTask(["?a ?a", "?x ?x"], ["yes", "no"])
    assert decide(same)["C5"].outcome is Outcome.UNDECIDED
    assert decide(other)["C5"].outcome is Outcome.REFUTED
    assert "labels yes and no" in decide(other)["C5"].evidence


def test_copying_refutes_generalisation_and_names_the_repair():
    found = decide(COPYING)
    assert found["C3"].outcome is Outcome.HOLDS
    assert found["C5"].outcome is Outcome.REFUTED
    assert "label ?b of '?a ?b'" in found["C5"].evidence
    assert "identity_vo > 0" in found["C5"].evidence
    assert found["C7"].outcome is Outcome.HOLDS
    assert "'?a ?b' copies its wildcard ?b" in found["C7"].evidence
    assert "identity_vo" in found["C7"].evidence


def test_copying_through_the_identity():
    """b > 0 lifts the obstacle; b < 0 does not."""
    exact = decision(COPYING.templates, THEOREM)
    for b, outcome in ((1.5, Outcome.HOLDS), (-1.5, Outcome.REFUTED)):
        found = {v.claim: v for v in reach_verdicts(COPYING, exact, RESOLVED, None, b)}
        assert found["C5"].outcome is outcome
        assert found["C7"].outcome is Outcome.HOLDS
        assert ("multiple 1.5 of the identity" in found["C7"].evidence) == (b > 0)


def test_a_greek_wildcard_is_copied_too():
    assert decide(TemplateTask(["α α"], ["α"]))["C5"].outcome is Outcome.REFUTED


@given(task=st.one_of(tasks(), tasks(symbolic=True)))
def test_with_the_theorem_n_is_refuted_exactly_when_two_templates_meet(task):
    """Unification decides the same as the canonical forms do."""
    refuted = decide(task, THEOREM, UNRESOLVED)["C3"].outcome is Outcome.REFUTED
    assert refuted == bool(task.overlapping_pairs("symbols"))


@given(
    task=st.one_of(tasks(), tasks(symbolic=True)),
    hypotheses=st.sampled_from([THEOREM, NO_THEOREM, CONSTANT]),
    smallest=st.sampled_from([RESOLVED, UNRESOLVED]),
)
def test_laws_of_all_verdicts(task, hypotheses, smallest):
    """Evidence is one line; C5 holds only where C3 does; C2 goes with numbers."""
    found = decide(task, hypotheses, smallest, COMPLEXITY)
    for verdict in found.values():
        assert len(verdict.evidence.splitlines()) == 1
        assert verdict.evidence.endswith(".")
    if found["C5"].outcome is Outcome.HOLDS:
        assert found["C3"].outcome is Outcome.HOLDS
    assert ("C2" in found) == (not task.symbolic)
    assert ("C7" in found) == bool(task.copied)
    if not task.symbolic and task.mlp_floor() != 0:
        assert str(Fraction(task.mlp_floor())) in found["C2"].evidence


def by_blocks(task, facts=BLOCKS, **changes):
    """The verdicts on a network of blocks, by claim."""
    exact = decide_deep(task.templates, facts)
    found = reach_verdicts(task, exact, UNRESOLVED, None, one_layer=False, **changes)
    return {verdict.claim: verdict for verdict in found}


def test_theorem_d_is_quoted_of_blocks():
    found = by_blocks(SAME_DIFFERENT)
    assert found["C3"].outcome is Outcome.HOLDS
    assert "by Theorem D" in found["C3"].evidence
    assert found["C5"].outcome is Outcome.HOLDS


@pytest.mark.parametrize("b", [0.0, 1.5])
def test_what_is_known_of_copying_is_known_of_one_layer(b):
    """A residual connection carries symbols as b does: nothing is said of blocks."""
    found = by_blocks(COPYING, identity_vo=b)
    assert list(found) == ["C3", "C5", "C7"]
    assert found["C3"].outcome is Outcome.HOLDS
    assert found["C5"].outcome is found["C7"].outcome is Outcome.UNDECIDED
    assert "known of one layer" in found["C7"].evidence


def test_a_conflict_refutes_copying_by_blocks():
    """αβα and αββ without positions, with two labels of which one is copied."""
    task = TemplateTask(["?a ?b ?a", "?a ?b ?b"], ["?a", "no"])
    found = by_blocks(task, DeepHypotheses(gamma_is_zero=True))
    assert found["C3"].outcome is found["C5"].outcome is Outcome.REFUTED
    assert "the same prediction on fresh symbols" in found["C5"].evidence
