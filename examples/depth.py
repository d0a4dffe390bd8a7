"""What depth does to reasoning with symbols, with intervals.

    python -m examples.depth

For transformers of up to 16 blocks, with and without residual connections and
normalisation: λ_min against e and the strings needed; what multiples of the identity do
there; and how λ_min(C) falls with β and with the number of templates, beside the exact
order. The command takes about 30 minutes on two cores, keeps each estimate that is
finished and goes on from there when it is run again. It rewrites the tables of
docs/depth.md and the figures beside it (with `pip install 'symbind[figures]'`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.progress import track

from examples.depth_figures import draw_depth, draw_identity, draw_small
from examples.depth_rows import DEPTHS, LINES, Line, Row, identity_lines, measure
from examples.pages import DOCS, number, rewritten
from examples.small_beta import (
    BETAS,
    GROWING,
    PLACES,
    SIZES,
    Falls,
    Sizes,
    measure_falls,
    measure_sizes,
    slope,
)
from numerics.store import cache_folder

__all__ = [
    "PAGE",
    "depth_table",
    "falls_table",
    "identity_table",
    "main",
    "sizes_table",
]

PAGE = DOCS / "depth.md"
FIGURES = {name: PAGE.with_name(f"{name}.svg") for name in ("depth", "depth-identity")}
SMALL = PAGE.with_name("small-beta.svg")


def depth_table(rows: Mapping[Line, Sequence[Row]], quantity: str) -> Iterator[str]:
    """A line for each task and network, a column for each depth.

    Args:
        rows: what was measured at each of a line's depths.
        quantity: "smallest", "relative" or "strings".
    """
    depths = " | ".join(map(str, DEPTHS))
    yield f"| task | readout | φ | kernel | s | normalised | {depths} |"
    yield f"| --- | --- | --- | --- | --- | --- |{' --- |' * len(DEPTHS)}"
    for line, some in rows.items():
        architecture = line.architecture
        found = dict(zip(line.depths, some, strict=True))
        numbers = [
            number(getattr(found[depth], quantity)) if depth in found else ""
            for depth in DEPTHS
        ]
        words = [
            line.task,
            architecture.readout,
            architecture.activation.name,
            line.kernel,
            f"{architecture.residual:g}",
            architecture.normalisation or "no",
        ]
        yield f"| {' | '.join([*words, *numbers])} |"


def identity_table(rows: Mapping[Line, Sequence[Row]]) -> Iterator[str]:
    """A line for each task, readout, a and b, a column for each depth."""
    depths = next(iter(rows)).depths
    columns = [
        f"{name}, {depth}" for name in ("λ_min/e", "strings") for depth in depths
    ]
    yield f"| task | readout | a | b | {' | '.join(columns)} |"
    yield f"| --- | --- | --- | --- |{' --- |' * len(columns)}"
    for line, some in rows.items():
        architecture = line.architecture
        words = [
            line.task,
            architecture.readout,
            f"{architecture.identity_kq:g}",
            f"{architecture.identity_vo:g}",
        ]
        numbers = [number(row.relative) for row in some]
        numbers += [number(row.strings) for row in some]
        yield f"| {' | '.join([*words, *numbers])} |"


def falls_table(falls: Iterable[Falls]) -> Iterator[str]:
    """λ_min(C) at each β, the slope at the smallest, and the exact one of depth 1."""
    betas = " | ".join(f"β = {beta:g}" for beta in BETAS)
    yield f"| templates | network | exact 2L | slope | between β | {betas} |"
    yield f"| --- | --- | --- | --- | --- |{' --- |' * len(BETAS)}"
    for some in falls:
        exact = "" if some.order is None else str(2 * some.order)
        words = [some.templates, some.network, exact, "unresolved", ""]
        steepness = slope(some)
        if steepness:
            beta, interval = steepness
            width = math.ceil(1000 * interval.halfwidth) / 1000
            words[3] = f"{interval.value:.3f} ± {width:.3f}"
            words[4] = f"{beta:g}, {2 * beta:g}"
        yield f"| {' | '.join([*words, *map(number, some.smallest)])} |"


def sizes_table(sizes: Iterable[Sizes]) -> Iterator[str]:
    """λ_min(C) of the first r templates of each length."""
    names = " | ".join(GROWING)
    yield f"| length | r | exact 2L | {names} |"
    yield f"| --- | --- | --- |{' --- |' * len(GROWING)}"
    for some in sizes:
        exact = "" if some.order is None else str(2 * some.order)
        words = [str(some.length), str(some.size), exact]
        numbers = [number(i) for i in some.smallest]
        missing = [""] * (len(GROWING) - len(numbers))
        yield f"| {' | '.join([*words, *numbers, *missing])} |"


def _measured(lines: Sequence[Line], what: str) -> dict[Line, list[Row]]:
    """Every row of the lines, with progress."""
    rows: dict[Line, list[Row]] = {line: [] for line in lines}
    settings = [(line, depth) for line in lines for depth in line.depths]
    for line, depth in track(settings, what):
        rows[line].append(measure(line, depth))
    return rows


def main() -> None:
    """Measure everything; rewrite the tables and the figures."""
    print(
        "about 30 minutes on two cores, most of them for depths 8 to 16; what is "
        f"finished is kept in {cache_folder()} and not measured again"
    )
    rows = _measured(LINES, "depths")
    identity = _measured(identity_lines(), "a and b")
    falls = [measure_falls(*place) for place in track(PLACES, "β")]
    sizes = [row for k in track(list(SIZES), "r") for row in measure_sizes(k)]
    tables = {
        "smallest": depth_table(rows, "smallest"),
        "relative": depth_table(rows, "relative"),
        "strings": depth_table(rows, "strings"),
        "identity": identity_table(identity),
        "beta": falls_table(falls),
        "size": sizes_table(sizes),
    }
    text = PAGE.read_text()
    for name, table in tables.items():
        text = rewritten(text, name, table)
    PAGE.write_text(text)
    draw_depth(rows, FIGURES["depth"])
    draw_identity(identity, FIGURES["depth-identity"])
    draw_small(falls, sizes, SMALL)
    print(f"wrote the tables of {PAGE} and the figures beside it")


if __name__ == "__main__":
    main()
