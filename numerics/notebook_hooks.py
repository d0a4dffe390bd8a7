"""Gives what is estimated its HTML in notebooks, and what is long a text to print.

What estimates knows nothing of what draws: the methods that notebooks and `print` look
for are set from here, and what draws is loaded when it is first called.
"""

from __future__ import annotations

from numerics.architecture import Architecture
from numerics.learning.architecture_scan import Scan, ScanRow
from numerics.learning.curves import LearningCurve
from numerics.protocols import AttentionMatrix
from numerics.strings.sampled_gram import StringGram
from numerics.template_matrix.deep_record import DeepGram
from numerics.template_matrix.record import TemplateGram
from symbind_theory.report.hooks import print_by, show_by

__all__ = ["register"]

# So many rows of a scan are printed; its frame has all.
_MOST_ROWS = 40


def register() -> None:
    """Let notebooks and `print` show these records as tables."""
    show_by(Architecture, _architecture_html)
    show_by(LearningCurve, _curve_html)
    for record in (TemplateGram, DeepGram):
        show_by(record, _template_gram_html)
        print_by(record, _template_gram_text)
    show_by(StringGram, _string_gram_html)
    print_by(StringGram, _string_gram_text)
    print_by(Scan, _scan_text)


def _architecture_html(architecture: Architecture) -> str:
    from symbind_theory.report.notation import PARAMETERS, parameter_text
    from symbind_theory.report.notebook import rows_html

    record = architecture.record()
    rows = [(name, parameter_text(getattr(record, name))) for name in PARAMETERS]
    return rows_html("Architecture", ("parameter", "value"), rows)


def _curve_html(curve: LearningCurve) -> str:
    from symbind_theory.report.notation import ends, number
    from symbind_theory.report.notebook import rows_html

    rows = [
        (f"{n}", number(error.value), ends(error))
        for n, error in zip(curve.sizes, curve.intervals, strict=True)
    ]
    caption = f"Learning curve, {curve.counts} counts, ridge {curve.alpha:g}"
    return rows_html(caption, ("strings", "squared error", "interval"), rows)


def _template_gram_html(gram: AttentionMatrix) -> str:
    from symbind_theory.report.notebook import matrix_html
    from symbind_theory.report.overview import interval_facts

    caption = _template_gram_caption(gram)
    known = interval_facts(gram.smallest_eigenvalue, gram.condition_number)
    return matrix_html(caption, gram.matrix, gram.halfwidth["matrix"], known)


def _string_gram_html(gram: StringGram) -> str:
    from symbind_theory.report.notebook import matrix_html

    caption = _string_gram_caption(gram)
    return matrix_html(caption, gram.matrix, gram.halfwidth["matrix"])


def _template_gram_text(gram: AttentionMatrix) -> str:
    from symbind_theory.report.overview import interval_facts, shortened
    from symbind_theory.report.terminal import matrix_text

    known = interval_facts(gram.smallest_eigenvalue, gram.condition_number)
    return matrix_text(
        f"{_template_gram_caption(gram)}, level {gram.level:g}",
        gram.matrix.tolist(),
        float(gram.halfwidth["matrix"].max()),
        [shortened(str(template), 30) for template in gram.templates],
        known,
    )


def _string_gram_text(gram: StringGram) -> str:
    from symbind_theory.report.terminal import matrix_text

    halfwidth = float(gram.halfwidth["matrix"].max())
    caption = f"{_string_gram_caption(gram)}, level {gram.level:g}"
    return matrix_text(caption, gram.matrix.tolist(), halfwidth)


def _template_gram_caption(gram: AttentionMatrix) -> str:
    kernel = ", tangent kernel" if gram.kernel == "ntk" else ""
    return f"N of {len(gram.templates)} templates{kernel}, {gram.points} points"


def _string_gram_caption(gram: StringGram) -> str:
    return f"K_trans of {len(gram.matrix)} strings, {gram.points} points"


def _scan_text(scan: Scan) -> str:
    from symbind_theory.report.notation import PARAMETERS, architecture_text
    from symbind_theory.report.terminal import rows_text

    records = [row.architecture.record() for row in scan]
    varied = [n for n in PARAMETERS if len({getattr(r, n) for r in records}) > 1]
    fixed = [n for n in PARAMETERS if n not in varied]
    caption = f"Scan, architectures: {len(scan)}"
    if len(scan) > _MOST_ROWS:
        caption += f", the first {_MOST_ROWS} here and all in frame()"
    if records:
        level = scan[0].smallest_eigenvalue.level
        caption += f"; {architecture_text(records[0], fixed)}; level {level:g}"
    counted = [row.strings is not None for row in scan]
    strings = ["strings", "interval"] if any(counted) else []
    columns = ["architecture", *strings, "λ_min(N)", "interval"]
    rows = [
        [architecture_text(record, varied), *_scan_cells(row)]
        for record, row in zip(records[:_MOST_ROWS], scan, strict=False)
    ]
    return rows_text(caption, columns, rows)


def _scan_cells(row: ScanRow) -> list[str]:
    """What was found for one architecture; no strings for symbolic labels."""
    from symbind_theory.report.notation import ends, number, strings_needed, whole

    smallest = [number(row.smallest_eigenvalue.value), ends(row.smallest_eigenvalue)]
    if row.strings is None:
        return smallest
    return [strings_needed(row.strings), ends(whole(row.strings.interval)), *smallest]
