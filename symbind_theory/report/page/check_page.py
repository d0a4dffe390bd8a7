"""One check as a page: the verdict, then everything that it rests on."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from markupsafe import Markup

from symbind_theory.records.advice import Advice
from symbind_theory.records.check import CheckResult, Gap
from symbind_theory.records.page import (
    Certificate,
    Illustration,
    Provenance,
    check_belongs,
)
from symbind_theory.report.advice import advice_sentences, changed_rows, placed_rows
from symbind_theory.report.document import to_json
from symbind_theory.report.notation import (
    COVERAGE,
    PARAMETERS,
    ends,
    headline,
    headline_outcome,
    laws_text,
    loose_overlaps,
    number,
    parameter_text,
)
from symbind_theory.report.overview import (
    Fact,
    Judgement,
    drawn_templates,
    facts,
    judgement,
    shortened,
    title,
)
from symbind_theory.report.page.advice_chart import advice_figure
from symbind_theory.report.page.embedding import packed, rendered_page
from symbind_theory.report.page.figures import Figure, Named, Table, first_rows
from symbind_theory.report.page.heat_maps import matrix_figure, sampled_figure
from symbind_theory.report.page.learning_chart import learning_figure
from symbind_theory.report.page.mathml import coefficient_mathml
from symbind_theory.report.page.spectrum_chart import spectrum_figure
from symbind_theory.report.words import first_meanings

__all__ = ["page"]

_MOST_GAPS = 100

# Of base64: with plotly's 2 MB and the charts, a page stays under 6 MB.
_MOST_EMBEDDED = 1_500_000


@dataclass(frozen=True, slots=True)
class _GapRow:
    """A pair of templates in the table of gaps, in words."""

    pair: str
    templates: tuple[str, str]
    value: str
    interval: str
    power: str
    leading: Markup | str


@dataclass(frozen=True, slots=True)
class _Download:
    """A file inside the page.

    Attributes:
        name: what the file is called.
        gzip: its content, base64 of gzip; None where it would be too large.
    """

    name: str
    gzip: str | None


@dataclass(frozen=True, slots=True)
class _Explained:
    """What stands on a page with the meanings of the words that are new in it.

    Attributes:
        headline: meanings for the headline and the regime.
        facts: for the names of the numbers.
        judgements: each verdict, with those for its evidence and its claim.
        figures: the charts by their ids, meanings at the ends of their captions.
        settings: for what repeats the check.
    """

    headline: str
    facts: str
    judgements: list[tuple[Judgement, str]]
    figures: dict[str, Figure]
    settings: str


def page(
    result: CheckResult,
    illustration: Illustration | None = None,
    *,
    certificate: Certificate | None = None,
    provenance: Provenance | None = None,
    task_file: str | None = None,
) -> str:
    """One self-contained HTML document: no request leaves it, and it stays under 6 MB.

    Equal records give equal bytes.

    Args:
        result: what `check` returned.
        illustration: what `numerics.page_data.illustrate` returned; without it the page
            has no kernel of sampled strings and one learning curve.
        certificate: the certificate that the page offers.
        provenance: the command and the versions.
        task_file: the task as the text of a task file.

    Raises:
        InputError: the illustration or the certificate of another check.
    """
    check_belongs(result, illustration, certificate)
    shown, repeated = facts(result), _settings(result)
    explained = _explain(result, shown, _figures(result, illustration), repeated)
    return rendered_page(
        "check.html.jinja",
        title=title(result),
        headline=headline(result),
        outcome=headline_outcome(result).value,
        regime=result.headline.regime,
        coverage=COVERAGE if result.sample_complexity is not None else "",
        description=result.task.description,
        judgements=[judged for judged, _ in explained.judgements],
        facts=shown,
        explained=explained,
        templates=drawn_templates(result.task),
        count=len(result.task),
        notes=_notes(result),
        figures=explained.figures,
        symbolic=result.task.symbolic,
        advice=None if result.advice is None else _advice(result.advice),
        gaps=_gaps(result),
        gap_count=len(result.estimates.gaps),
        certificate=_certificate(certificate),
        absence=certificate.absence if certificate else "",
        document=_download("result.json", to_json(result)),
        provenance=provenance,
        settings=repeated,
        task_file=task_file,
    )


def _notes(result: CheckResult) -> list[str]:
    """What is unusual; overlaps with each pair's witness, the strict sense first."""
    shared = [
        f"Templates {o.i + 1} and {o.j + 1} share the string '{o.witness}'."
        for o in result.overlapping_pairs[:5]
    ]
    loose = loose_overlaps(result)
    return [*result.headline.notes, *shared, *([loose] if loose else [])]


def _figures(
    result: CheckResult, illustration: Illustration | None
) -> dict[str, Figure]:
    estimates, task = result.estimates, result.task
    title, of = "C, attention alone", "attention features"
    if not result.architecture.one_layer:
        title, of = "C, after the last attention", "the stream after the last attention"
    name, kernel = "N, the template matrix", "kernel"
    if result.kernel == "ntk":
        name, kernel = f"{name} of the tangent kernel", "tangent kernel"
    figures = {
        "attention": matrix_figure(
            "attention",
            title,
            f"The kernel of {of} between strings of two templates with different "
            "symbols.",
            task,
            estimates.attention,
            estimates.attention_halfwidth,
        ),
        "matrix": matrix_figure(
            "matrix",
            name,
            f"The {kernel} of the whole transformer between strings of two templates "
            "with different symbols.",
            task,
            estimates.matrix,
            estimates.matrix_halfwidth,
        ),
    }
    if illustration is not None:
        figures["kernel"] = sampled_figure(illustration.kernel, len(task))
    figures["spectrum"] = spectrum_figure([Named("N", result)])
    variants = illustration.variants if illustration else ()
    learning = learning_figure([Named(_own_curve(result), result)], variants)
    if learning is not None:
        figures["learning"] = learning
    if result.advice is not None:
        figures["advice"] = advice_figure(result.advice)
    return figures


@dataclass(frozen=True, slots=True)
class _Advice:
    """Advice on architectures, in words."""

    ranked: Table
    changes: Table
    sentences: list[str]


def _advice(advice: Advice) -> _Advice:
    ranked = [
        (row.place, row.architecture, row.strings, row.interval, row.gain)
        for row in placed_rows(advice)
    ]
    changes = [
        (row.change, row.strings, row.interval, row.gain)
        for row in changed_rows(advice)
    ]
    numbers = ("strings", "interval", "against base")
    return _Advice(
        first_rows(("place", "architecture", *numbers), ranked),
        first_rows(("one change of the base", *numbers), changes),
        advice_sentences(advice),
    )


def _explain(
    result: CheckResult,
    shown: list[Fact],
    figures: dict[str, Figure],
    repeated: list[tuple[str, str]],
) -> _Explained:
    """Add to each part what its words mean, where the page first has them."""
    judgements = [judgement(v) for v in result.verdicts]
    headlined, counted, *others, settled = first_meanings(
        [
            f"{headline(result)} {result.headline.regime}",
            " ".join(fact.name for fact in shown),
            *(f"{judged.evidence} {judged.title}" for judged in judgements),
            *(figure.caption for figure in figures.values()),
            " ".join(name for name, _ in repeated),
        ]
    )
    judged, drawn = others[: len(judgements)], others[len(judgements) :]
    captioned = {
        name: replace(figure, caption=f"{figure.caption} {_sentence(meaning)}".strip())
        for (name, figure), meaning in zip(figures.items(), drawn, strict=True)
    }
    return _Explained(
        headline=_sentence(headlined),
        facts=_sentence(counted),
        judgements=list(zip(judgements, map(_sentence, judged), strict=True)),
        figures=captioned,
        settings=_sentence(settled),
    )


def _sentence(meanings: str) -> str:
    """Meanings with a capital and a full stop, "" for none."""
    return f"{meanings[0].upper()}{meanings[1:]}." if meanings else ""


def _own_curve(result: CheckResult) -> str:
    """What the checked architecture's identities are."""
    identities = [
        f"{letter} = {value:g}"
        for letter, value in [
            ("a", result.architecture.identity_kq),
            ("b", result.architecture.identity_vo),
        ]
        if value
    ]
    return ", ".join(identities) or "a = b = 0"


def _gaps(result: CheckResult) -> list[_GapRow]:
    ordered = sorted(result.estimates.gaps, key=lambda gap: gap.estimate.value)
    templates = result.task.templates
    return [
        _GapRow(
            f"{gap.i + 1}, {gap.j + 1}",
            (shortened(str(templates[gap.i])), shortened(str(templates[gap.j]))),
            number(gap.estimate.value),
            ends(gap.estimate),
            _power(gap),
            _leading(gap),
        )
        for gap in ordered[:_MOST_GAPS]
    ]


def _power(gap: Gap) -> str:
    """Of beta, with which the gap begins."""
    if gap.coefficient == "0":
        return "none"
    return "not known" if gap.order is None else str(2 * gap.order)


def _leading(gap: Gap) -> Markup | str:
    if gap.coefficient is None:
        return "not known"
    return coefficient_mathml(gap.coefficient, gap.order)


def _certificate(certificate: Certificate | None) -> _Download | None:
    if certificate is None or certificate.document is None:
        return None
    return _download("certificate.json", json.dumps(certificate.document, indent=1))


def _download(name: str, text: str) -> _Download:
    content = packed(text)
    return _Download(name, content if len(content) <= _MOST_EMBEDDED else None)


def _settings(result: CheckResult) -> list[tuple[str, str]]:
    estimates = result.estimates
    named = [
        (name, parameter_text(getattr(result.architecture, name)))
        for name in PARAMETERS
    ]
    if result.kernel == "ntk":
        named.append(("kernel", "tangent: all layers are trained"))
    complexity, task = result.sample_complexity, result.task
    if complexity is not None:
        named += [
            ("error aimed at", f"{complexity.target:g}"),
            ("ridge α", f"{complexity.alpha:g}"),
        ]
    named += [
        ("label noise", f"{task.noise:g}"),
        ("law of substitutions", laws_text(task.laws)),
    ]
    if result.finite_diversity is not None:
        named.append(("symbols", f"{result.finite_diversity.vocabulary}"))
    return [
        *named,
        ("points", f"{estimates.points} ({estimates.method})"),
        ("seed", str(result.seed)),
        ("device", estimates.device),
        ("level of intervals", f"{estimates.level:g}"),
        ("symbind", result.version),
    ]
