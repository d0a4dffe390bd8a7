"""What a page carries so that others can check it: the certificate and the versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from symbind_theory.outcome import Outcome
from symbind_theory.records.architecture import ArchitectureRecord
from symbind_theory.records.check import CheckResult
from symbind_theory.records.page import Certificate, check_belongs
from symbind_theory.separation.certificates import certify
from symbind_theory.separation.theorem_d import DeepHypotheses
from symbind_theory.validation import InputError
from symbind_theory.version import __version__

__all__ = ["embedded_certificate", "versions"]

_NUMBERS_DEPEND_ON = ("numpy", "scipy", "sympy", "torch")


def embedded_certificate(
    result: CheckResult, made: Mapping[str, Any] | None = None
) -> Certificate:
    """The certificate that N is non-singular, or why there is none.

    Args:
        result: the check.
        made: its certificate, where it has been made before.

    Raises:
        InputError: a certificate of another check.
    """
    architecture = result.architecture
    if reason := _beyond(architecture):
        return _none(reason)
    matrix = result.verdict("C3")
    if matrix is not None and matrix.outcome is Outcome.REFUTED:
        return _none(f"N is singular: {matrix.evidence}")
    if made is not None:
        certificate = Certificate(made)
        check_belongs(result, certificate=certificate)
        return certificate
    try:
        return Certificate(certify(result.task, architecture.readout))
    except InputError as error:
        return _none(f"{error}.")


def _beyond(architecture: ArchitectureRecord) -> str | None:
    """Why certificates do not speak of an architecture, or None where they do."""
    if architecture.tokens is not None:
        return "certificates speak of independent embeddings of tokens."
    if not architecture.one_layer:
        known = architecture.activation.kind is not None
        if known and _within_theorem_d(architecture.deep_hypotheses):
            return None
        return "certificates speak of blocks within the hypotheses of Theorem D."
    if architecture.has_identity:
        return "certificates speak of one layer without identity terms."
    if architecture.beta == 0 or architecture.gamma == 0:
        return "certificates speak of beta and gamma other than 0."
    return None


def _within_theorem_d(hypotheses: DeepHypotheses) -> bool:
    """Whether the statement of certificates speaks of it: not of rotary positions."""
    return hypotheses.theorem_d and hypotheses.relative != "rotary"


def _none(reason: str) -> Certificate:
    return Certificate(None, f"There is none: {reason}")


def versions() -> dict[str, str]:
    """Of Python, symbind and the packages that its numbers depend on."""
    installed = {"python": platform.python_version(), "symbind": __version__}
    for name in _NUMBERS_DEPEND_ON:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            installed[name] = "unknown"
    return installed
