"""The frozen records that a page shows beside a check: kernels, variants, sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symbind_theory.interval import Interval
from symbind_theory.records.check import Curve, SampleComplexity

__all__ = ["Certificate", "Illustration", "Provenance", "SampledKernel", "Variant"]


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
        smallest_eigenvalue: of N.
        sample_complexity: from N, for the target.
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
        kernel: of sampled strings.
        variants: other multiples of the identity; none for symbolic labels.
    """

    kernel: SampledKernel
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Why N is non-singular, or why there is no certificate.

    Attributes:
        document: as `symbind_theory.separation.certificates.certify` returns it.
        absence: a sentence where there is none.
    """

    document: Mapping[str, Any] | None
    absence: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a page comes from.

    Attributes:
        command: what to type to obtain the page again; None for a page from Python.
        versions: of the packages that the numbers depend on, by name.
    """

    command: str | None
    versions: Mapping[str, str]
