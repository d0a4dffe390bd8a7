"""The certificate that a page carries, and the versions."""

import dataclasses
import platform

import numpy as np
import pytest
import torch
from symbind_testing.builders.toy_result import ARCHITECTURE, toy_result
from symbind_testing.refusals import refusal

from symbind_theory import Outcome, TemplateTask, __version__
from symbind_theory.command.page_sources import embedded_certificate, versions
from symbind_theory.records.architecture import ActivationRecord, RelativeRecord
from symbind_theory.separation.certificates import certify
from symbind_theory.separation.leading_gaps import verify
from symbind_theory.separation.token_gram import TokenGram

READ = dataclasses.replace(ARCHITECTURE, beta=1.0, readout="last")


def test_the_certificate_is_for_the_readout_and_verifies():
    found = embedded_certificate(toy_result(architecture=READ))
    assert found.document is not None
    assert verify(dict(found.document))
    assert found.document["readout"] == "last"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"identity_kq": 2.0, "identity_vo": 1.0},
        {"causal": True},
        {"relative": RelativeRecord("alibi", (("slope", 0.5),))},
    ],
    ids=str,
)
def test_the_certificate_speaks_of_blocks_too(changes):
    """Identity terms are within Theorem D, of which the statement has a sentence."""
    deep = dataclasses.replace(READ, depth=3, residual=1.0, **changes)
    found = embedded_certificate(toy_result(architecture=deep))
    assert found.document is not None
    assert "By Theorem D" in found.document["statement"]


ROTARY = RelativeRecord("rotary", (("frequencies", 2), ("base", 100.0)))
CUBE = ActivationRecord("cube", (("nodes", 16),))


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"relative": ROTARY}, Outcome.HOLDS, "hypotheses of Theorem D"),
        ({"tokens": TokenGram()}, Outcome.HOLDS, "independent embeddings of tokens"),
        ({"relative": RelativeRecord("own")}, Outcome.HOLDS, "hypotheses of Theorem D"),
        ({"depth": 2, "beta": 0.0}, Outcome.HOLDS, "hypotheses of Theorem D"),
        ({"depth": 2, "gamma": 0.0}, Outcome.HOLDS, "hypotheses of Theorem D"),
        ({"depth": 2, "activation": CUBE}, Outcome.HOLDS, "hypotheses of Theorem D"),
        ({"identity_kq": 2.0}, Outcome.HOLDS, "without identity terms"),
        ({"identity_vo": 1.0}, Outcome.HOLDS, "without identity terms"),
        ({"beta": 0.0}, Outcome.HOLDS, "beta and gamma other than 0"),
        ({"gamma": 0.0}, Outcome.HOLDS, "beta and gamma other than 0"),
        ({}, Outcome.REFUTED, "N is singular: Because."),
    ],
)
def test_without_a_certificate_there_is_a_reason(changes, outcome, reason):
    result = toy_result(c3=outcome, architecture=dataclasses.replace(READ, **changes))
    found = embedded_certificate(result)
    assert found.document is None
    assert reason in found.absence


def test_equivalent_templates_have_none():
    task = TemplateTask(["?a X", "?b X"], [1, 2])
    found = embedded_certificate(toy_result(task, architecture=READ))
    assert found.document is None
    assert "equivalent" in found.absence


def test_the_certificate_of_another_check_is_refused():
    """It has been made before, perhaps of something else."""
    result = toy_result(architecture=READ)
    made = certify(result.task, "last")
    assert embedded_certificate(result, made).document is made
    other = certify(["?a ?b", "?a ?a"], "last")
    message = "certificate is of '?a ?b' as template 1; expected '?a ?a'"
    assert refusal(lambda: embedded_certificate(result, other)).startswith(message)
    other = certify(result.task, "cls")
    message = "certificate is of the readout 'cls'; expected 'last'"
    assert refusal(lambda: embedded_certificate(result, other)).startswith(message)


def test_versions_are_those_that_run():
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["symbind"] == __version__
    assert found["numpy"] == np.__version__
    assert found["torch"].startswith(torch.__version__.split("+")[0])
