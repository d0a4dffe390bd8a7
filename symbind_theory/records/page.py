"""The frozen records that a page shows beside a check: kernels, variants, sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symbind_theory.interval import Interval
from symbind_theory.records.architecture import ArchitectureRecord
from symbind_theory.records.check import CheckResult
from symbind_theory.records.learning import Curve, SampleComplexity
from symbind_theory.task_arguments import check_same_templates
from symbind_theory.templates import Template
from symbind_theory.validation import InputError, shorten

__all__ = [
    "Certificate",
    "Illustration",
    "Provenance",
    "SampledKernel",
    "Variant",
    "check_belongs",
]


@dataclass(frozen=True, slots=True)
class SampledKernel:
    """K_trans between strings drawn from a task, two or more of each template.

    Attributes:
        strings: tokens separated by spaces.
        template_indices: which template produced each, from 0, in order.
        matrix: K_trans as rows.
        halfwidth: largest halfwidth of an entry.
        level: coverage of each entry.
        vocabulary: how many tokens the substitutions draw from.
        points: behind each entry.
    """

    strings: tuple[str, ...]
    template_indices: tuple[int, ...]
    matrix: tuple[tuple[float, ...], ...]
    halfwidth: float
    level: float
    vocabulary: int
    points: int


@dataclass(frozen=True, slots=True)
class Variant:
    """What N implies for learning once the identity terms are changed.

    Attributes:
        name: such as "a = 2".
        identity_kq: a, the multiple of the identity added to W_K W_Qᵀ.
        identity_vo: b, the multiple of the identity added to W_V W_O.
        smallest_eigenvalue: the smallest eigenvalue of its N.
        sample_complexity: the strings that its N implies for the target.
        curve: the learning curve, at the sizes of the check's own.
    """

    name: str
    identity_kq: float
    identity_vo: float
    smallest_eigenvalue: Interval
    sample_complexity: SampleComplexity
    curve: Curve


@dataclass(frozen=True, slots=True)
class Illustration:
    """What a page shows beside the check itself.

    Attributes:
        kernel: the kernel of sampled strings.
        variants: other multiples of the identity; none for symbolic labels.
        templates: those of the task that was checked.
        architecture: what was checked.
    """

    kernel: SampledKernel
    variants: tuple[Variant, ...]
    templates: tuple[Template, ...]
    architecture: ArchitectureRecord


@dataclass(frozen=True, slots=True)
class Certificate:
    """Why N is non-singular, or why there is no certificate.

    Attributes:
        document: as `symbind_theory.separation.certificates.certify` returns it.
        absence: a sentence where there is none.
    """

    document: Mapping[str, Any] | None
    absence: str = ""


def check_belongs(
    result: CheckResult,
    illustration: Illustration | None = None,
    certificate: Certificate | None = None,
) -> None:
    """See that what stands beside a check is of its templates and its architecture.

    Args:
        result: the check.
        illustration: shown beside the check.
        certificate: offered beside the check.

    Raises:
        InputError: the illustration or the certificate of another check.
    """
    templates = result.task.templates
    if illustration is not None:
        check_same_templates("illustration", illustration.templates, templates)
        if illustration.architecture != result.architecture:
            raise InputError(
                f"illustration is of {shorten(illustration.architecture, 200)}; "
                f"expected {shorten(result.architecture, 200)}, which was checked"
            )
    if certificate is not None and certificate.document is not None:
        document = certificate.document
        if not isinstance(document.get("templates"), list):
            raise InputError(
                "certificate names no templates; expected those of the check"
            )
        named = [Template(text) for text in document["templates"]]
        check_same_templates("certificate", named, templates)
        if document.get("readout") != result.architecture.readout:
            raise InputError(
                f"certificate is of the readout {shorten(document.get('readout'))}; "
                f"expected {result.architecture.readout!r}, which was checked"
            )


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a page comes from.

    Attributes:
        command: what to type to obtain the page again; None for a page from Python.
        versions: what versions of packages the numbers depend on, by name.
    """

    command: str | None
    versions: Mapping[str, str]
