"""C11: what is held against what, and that each part can fail."""

import importlib

import pytest
from symbind_testing.findings import finding
from symbind_testing.refusals import refusal
from symbind_testing.tasks import AA_AB, SAME_DIFFERENT

from numerics import Architecture, tangent_gram, template_gram
from proofs_check.claims.tangent_regime import tangent_regime
from proofs_check.evidence.learning_setting import TrainingSizes
from symbind_theory import TemplateTask
from symbind_theory.outcome import Outcome

MODULE = importlib.import_module("proofs_check.claims.tangent_regime")
PRE = Architecture(beta=2.0, readout="last", depth=2, residual=1.0, normalisation="pre")
FEW = TrainingSizes(few_sets=24, many=500, many_sets=6)


def test_the_readout_alone_is_not_the_tangent_kernel():
    """Its matrix is refused by its name."""
    plain = template_gram(AA_AB, PRE, max_points=2**10)
    said = refusal(lambda: tangent_regime(SAME_DIFFERENT, gram=plain))
    assert said.startswith("gram is of the kernel 'nngp'; expected 'ntk'")


def test_a_smaller_matrix_than_n_is_refuted(monkeypatch):
    """Mutant: an N that is larger than the tangent kernel's matrix."""
    larger = template_gram(AA_AB, Architecture(beta=2.0, identity_kq=1.0), 0.1)
    gram = tangent_gram(AA_AB, Architecture(beta=0.3, readout="last"), 0.1)
    assert larger.smallest_eigenvalue.low > gram.smallest_eigenvalue.high
    monkeypatch.setattr(MODULE, "template_gram", lambda *_, **__: larger)
    report = tangent_regime(SAME_DIFFERENT, sizes=FEW, gram=gram)
    assert finding(report, "λ_min(N), no more than").outcome is Outcome.REFUTED


@pytest.mark.slow
def test_more_strings_than_may_be_drawn_are_undecided():
    """Two strings are not enough for a small target: what to pass is said."""
    few = TrainingSizes(few_sets=12, most=64, many_sets=2)
    report = tangent_regime(SAME_DIFFERENT, PRE, 1e-3, sizes=few)
    assert report.outcome is Outcome.UNDECIDED
    assert "sizes=" in report.evidence


def test_copied_labels_are_out_of_reach_without_b():
    report = tangent_regime(TemplateTask(["?a ?b"], ["?a"]), PRE)
    assert report.outcome is Outcome.REFUTED
    assert report.claim == "C11"


@pytest.mark.slow
def test_a_copied_label_of_weight_0_refutes_nothing():
    task = TemplateTask(["?a ?a", "?a ?b", "?b X"], ["x", "y", "?b"], [1, 1, 0])
    layer = Architecture(beta=3.0)
    assert tangent_regime(task, layer, sizes=FEW).outcome is not Outcome.REFUTED


@pytest.mark.slow
def test_other_seeds_find_the_same():
    """Of eight seeds none is refuted; each has few sets."""
    for seed in range(8):
        report = tangent_regime(SAME_DIFFERENT, PRE, 0.5, sizes=FEW, seed=seed)
        assert report.outcome is not Outcome.REFUTED, report.evidence
