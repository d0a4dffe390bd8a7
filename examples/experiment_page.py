"""The tables of docs/experiments.md, from the tables of results beside it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from examples.experiment_figures import draw_copying, draw_learning, draw_widths
from examples.experiment_rows import Row, curves, grouped, means, read_rows
from examples.pages import DOCS, rewritten
from numerics.sweeps import saving, strings_needed
from symbind_theory import Interval, builtin_task

__all__ = ["PAGE", "draw_page", "page_text"]

PAGE = DOCS / "experiments.md"
TARGET = 0.1
_KERNELS = {"nngp": "kernel, last layer", "ntk": "kernel, all layers"}
_SIGNS = {"exact": "", "at most": "≤ ", "more than": "> "}
_SIZES = ("hidden", "heads", "head_width", "width")


def draw_page(results: Path) -> None:
    """Rewrite the tables of the page, and its figures.

    Args:
        results: the folder of the tables of results.
    """
    PAGE.write_text(page_text(results), encoding="utf-8")
    rows = _results(results)
    if rows["learning"]:
        draw_learning(rows["learning"], rows["kernels"], results / "learning.svg")
    if rows["copying"]:
        draw_copying(rows["copying"], results / "copying.svg")
    if rows["widths"]:
        draw_widths(_ratios(rows["widths"]), results / "widths.svg")


def page_text(results: Path) -> str:
    """The page with its tables as the results have them.

    Args:
        results: the folder of the tables of results.
    """
    rows = _results(results)
    tables = {
        "savings": savings_table(rows["learning"], rows["kernels"]),
        "learning": learning_table(rows["learning"], rows["kernels"]),
        "long": sizes_table(rows["long"]),
        "copying": copying_table(rows["copying"]),
        "regimes": regimes_table(rows["regimes"], rows["features"], rows["kernels"]),
        "settings": settings_table(rows["settings"]),
        "random": random_table(rows["random-templates"]),
        "print": sizes_table(rows["print-string"]),
        "widths": widths_table(rows["widths"]),
        "eigenvalues": eigenvalue_table(rows["widths"]),
        "heads": heads_table(rows["heads"]),
        "tokens": tokens_table(rows["heads"]),
    }
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables.items():
        text = rewritten(text, name, table)
    return text


def _results(results: Path) -> defaultdict[str, list[dict[str, str]]]:
    """The rows of each table of results; "learning" has those of two sweeps."""
    rows: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    rows.update({path.stem: read_rows(path) for path in sorted(results.glob("*.csv"))})
    first = [{"task": "aba-abb", **row} for row in rows["aba-abb"]]
    rows["learning"] = first + rows["tasks"]
    return rows


def _table(header: Sequence[str], body: Iterator[Sequence[str]]) -> Iterator[str]:
    lines = [f"| {' | '.join(row)} |" for row in body]
    if not lines:
        yield "*Not run yet.*"
        return
    yield f"| {' | '.join(header)} |"
    yield f"|{' --- |' * len(header)}"
    yield from lines


def _short(interval: Interval) -> str:
    """The mean, and the ends of its interval; the number alone where it is one."""
    if interval.low == interval.high:
        return f"{interval.value:.3g}"
    return f"{interval.value:.3g} [{interval.low:.2g}, {interval.high:.2g}]"


def _cell(found: Mapping[tuple[str, ...], Interval], *key: str) -> str:
    """A mean, or nothing where there is none yet."""
    return _short(found[key]) if key in found else ""


def savings_table(rows: Sequence[Row], kernels: Sequence[Row]) -> Iterator[str]:
    """Strings at error 0.1 with each model, and the factor against plain."""

    def body() -> Iterator[Sequence[str]]:
        for task in dict.fromkeys(row["task"] for row in rows):
            some = [row for row in rows if row["task"] == task]
            plain = curves(some, "plain")
            for model in ("plain", "KQ", "VO", "both", "mimetic"):
                found = curves(some, model)
                if not found:
                    continue
                needs = [strings_needed(found[seed], TARGET) for seed in sorted(found)]
                words = [f"{_SIGNS[n.side]}{n.strings:.0f}" for n in needs]
                factor = "1" if model == "plain" else _factor(plain, found)
                yield [task, model, ", ".join(words), factor]
            for kernel in _KERNELS:
                yield [task, *_predicted(kernels, task, kernel)]

    return _table(("task", "model", "strings at error 0.1", "factor saved"), body())


def _factor(plain: Mapping, other: Mapping) -> str:
    """The factor in strings, over the seeds that both have."""
    common = plain.keys() & other.keys()
    if len(common) < 2:
        return "too few seeds"
    dearer, cheaper = ({s: curve[s] for s in common} for curve in (plain, other))
    some = saving(dearer, cheaper, TARGET)
    if some.factor is None:
        return "not known"
    if some.low is None or some.high is None:
        return f"{_SIGNS[some.side]}{some.factor:.2g}"
    return f"{some.factor:.2g} [{some.low:.2g}, {some.high:.2g}]"


def _predicted(kernels: Sequence[Row], task: str, kernel: str) -> Sequence[str]:
    """What the kernel needs, and the most that multiples of the identity save it."""
    needed = {
        row["model"]: _interval(row, "strings_needed")
        for row in kernels
        if (row["task"], row["kernel"]) == (task, kernel) and row["strings_needed"]
    }
    if "plain" not in needed:
        return [_KERNELS[kernel], "unknown", ""]
    plain = needed["plain"]
    best = []
    for scalar in "ab":
        some = {k: v for k, v in needed.items() if k.startswith(f"{scalar} = ")}
        if some:
            name = min(some, key=lambda model: some[model].value)
            other = some[name]
            ends = (plain.low / other.high, plain.high / other.low)
            factor = Interval(plain.value / other.value, *ends, level=plain.level)
            best.append(f"{_short(factor)} ({name})")
    return [_KERNELS[kernel], _short(plain), ", ".join(best)]


def _interval(row: Row, name: str) -> Interval:
    """A number of a row with its ends; an end that is not there is infinite."""
    ends = (float(row[f"{name}_{end}"] or math.inf) for end in ("low", "high"))
    return Interval(float(row[name]), *ends, level=0.999)


def learning_table(rows: Sequence[Row], kernels: Sequence[Row]) -> Iterator[str]:
    """The mean error of every model at every size, what kernels predict, the floor."""
    found = means(rows, ("task", "model", "n"), "test_error")
    predicted = means(kernels, ("task", "model", "kernel", "n"), "test_error")
    sizes = sorted({int(row["n"]) for row in rows})

    def body() -> Iterator[Sequence[str]]:
        for task in dict.fromkeys(row["task"] for row in rows):
            models = (row["model"] for row in rows if row["task"] == task)
            for model in dict.fromkeys(models):
                cells = (_cell(found, task, model, str(n)) for n in sizes)
                yield [task, model, *cells]
            for kernel, name in _KERNELS.items():
                keys = ((task, "plain", kernel, str(n)) for n in sizes)
                yield [task, name, *(_cell(predicted, *key) for key in keys)]
            floor = builtin_task(task).mlp_floor()
            yield [task, "an MLP's floor", *(f"{float(floor or 0):.3g}" for _ in sizes)]

    return _table(("task", "model", *map(str, sizes)), body())


def copying_table(rows: Sequence[Row]) -> Iterator[str]:
    """Errors of copying by the width, and the largest on the training strings."""
    found = means(rows, ("width", "identity_vo"), "test_error")
    trained = grouped(rows, ("width",), "train_error")

    def body() -> Iterator[Sequence[str]]:
        for width in dict.fromkeys(row["width"] for row in rows):
            cells = (_cell(found, width, b) for b in ("False", "True"))
            yield [width, *cells, f"{max(trained[(width,)]):.3g}"]

    return _table(("width", "without b", "with b", "largest in training"), body())


def settings_table(rows: Sequence[Row]) -> Iterator[str]:
    """Errors with one number changed, plain and with a."""
    labels = {}
    for row in rows:
        kind, _, changed = row["model"].partition(", ")
        if not changed:
            rate, batch = float(row["learning_rate"]), row["batch_size"]
            changed = f"rate {rate:g}" if batch == "1024" else f"batches of {batch}"
        labels.setdefault(changed, {}).setdefault(kind, []).append(row)

    def body() -> Iterator[Sequence[str]]:
        for changed, kinds in labels.items():
            cells = [means(kinds.get(k, []), (), "test_error") for k in ("plain", "KQ")]
            yield [changed, *(_short(c[()]) if c else "" for c in cells)]

    return _table(("changed", "plain", "with a"), body())


def regimes_table(
    rows: Sequence[Row], features: Sequence[Row], kernels: Sequence[Row]
) -> Iterator[str]:
    """Errors by what of the network is trained, and what its kernels predict."""
    trained = means(rows, ("n",), "test_error")
    frozen = means(features, ("features", "n"), "test_error")
    theory = [row for row in kernels if row["model"] == "theory"]
    predicted = means(theory, ("kernel", "n"), "test_error")
    sizes = list(dict.fromkeys(row["n"] for row in rows))

    def body() -> Iterator[Sequence[str]]:
        if not sizes:
            return
        for kernel, name in (("nngp", "last layer"), ("ntk", "tangent")):
            yield [f"{name}, ridge", *(_cell(frozen, name, n) for n in sizes)]
            yield [_KERNELS[kernel], *(_cell(predicted, kernel, n) for n in sizes)]
        yield ["all layers, Adam", *(_cell(trained, n) for n in sizes)]

    return _table(("trained", *sizes), body())


def random_table(rows: Sequence[Row]) -> Iterator[str]:
    """Errors on random templates, and the mean of an MLP's floors."""
    names = ("count", "wildcards", "regular_tokens", "length")
    columns = tuple(f"task.{name}" for name in names)
    found = means(rows, (*columns, "model"), "test_error")
    floors = means(rows, columns, "mlp_floor")

    def body() -> Iterator[Sequence[str]]:
        for key in dict.fromkeys(tuple(row[c] for c in columns) for row in rows):
            cells = (_cell(found, *key, m) for m in ("plain", "KQ"))
            yield [*key, *cells, f"{floors[key].value:.2f}"]

    headers = [name.replace("_", " ") for name in names]
    return _table((*headers, "plain", "with a", "MLP's floor"), body())


def sizes_table(rows: Sequence[Row]) -> Iterator[str]:
    """Errors by model and number of strings."""
    found = means(rows, ("model", "n"), "test_error")
    sizes = list(dict.fromkeys(row["n"] for row in rows))

    def body() -> Iterator[Sequence[str]]:
        for model in dict.fromkeys(row["model"] for row in rows):
            yield [model, *(_cell(found, model, n) for n in sizes)]

    return _table(("model", *sizes), body())


def _varied(rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Each size of a network with the rows in which it alone is changed."""
    usual = {
        size: Counter(row[size] for row in rows).most_common(1)[0][0]
        for size in _SIZES
        if rows
    }
    for size in _SIZES:
        yield (
            size,
            [
                row
                for row in rows
                if all(row[s] == usual[s] for s in _SIZES if s != size)
            ],
        )


def _ratios(rows: Sequence[Row]) -> dict[str, dict[str, dict[float, Interval]]]:
    """The error over the kernel's on the same strings, by size, task and value.

    Geometric means over seeds, with Student's interval in logarithms.
    """
    ratios: dict[str, dict[str, dict[float, Interval]]] = {}
    for size, some in _varied(rows):
        paired = [{**row, "log_ratio": str(_log_ratio(row))} for row in some]
        for (task, value), log in means(paired, ("task", size), "log_ratio").items():
            ends = (math.exp(x) for x in (log.value, log.low, log.high))
            ratio = Interval(*ends, level=log.level)
            ratios.setdefault(size, {}).setdefault(task, {})[float(value)] = ratio
    return ratios


def _log_ratio(row: Row) -> float:
    return math.log(float(row["test_error"]) / float(row["kernel_error"]))


def widths_table(rows: Sequence[Row]) -> Iterator[str]:
    """The least size from which on the error is within a tenth of the kernel's."""

    def body() -> Iterator[Sequence[str]]:
        for size, tasks in _ratios(rows).items():
            for task, curve in tasks.items():
                enough = None
                for value in sorted(curve, reverse=True):
                    if abs(math.log(curve[value].value)) > math.log(1 + TARGET):
                        break
                    enough = value
                most = max(curve)
                words = f"> {most:g}" if enough is None else f"{enough:g}"
                yield [size.replace("_", " "), task, words, _short(curve[most])]

    headers = ("size", "task", "within a tenth from", "ratio at the largest")
    return _table(headers, body())


def eigenvalue_table(rows: Sequence[Row]) -> Iterator[str]:
    """The smallest eigenvalue of the finite network's template matrix."""

    def body() -> Iterator[Sequence[str]]:
        for size, some in _varied(rows):
            found = means(some, ("task", size), "smallest_eigenvalue")
            for (task, value), interval in found.items():
                errors = means(some, ("task", size), "smallest_eigenvalue_error")
                own = f"{errors[task, value].value:.1g}"
                yield [size.replace("_", " "), value, task, _short(interval), own]

    headers = ("size", "value", "task", "λ_min over seeds", "error of one")
    return _table(headers, body())


def heads_table(rows: Sequence[Row]) -> Iterator[str]:
    """Shares of the identity over training, and what errors without heads differ by."""
    some = [row for row in rows if row["task"] == "aba-abb"]
    columns = ("keys_share_rms", "values_share_rms", "mean_scalar", "test_error")
    found = [means(some, ("model", "epochs"), column) for column in columns]
    for name in ("keys", "values", "scalars"):
        top, others = f"error_without_{name}", f"error_without_others_{name}"
        paired = [
            {**row, "difference": str(float(row[top]) - float(row[others]))}
            for row in some
            if row.get(top)
        ]
        found.append(means(paired, ("model", "epochs"), "difference"))

    def body() -> Iterator[Sequence[str]]:
        for key in dict.fromkeys((row["model"], row["epochs"]) for row in some):
            yield [*key, *(_cell(each, *key) for each in found)]

    headers = ("keys", "values", "a", "error", "top keys", "top values", "top a")
    return _table(("model", "epochs", *headers), body())


def tokens_table(rows: Sequence[Row]) -> Iterator[str]:
    """How alike embeddings of unseen tokens are, by what is done about them."""
    some = [row for row in rows if row["task"] == "print-string"]
    keys = ("learning_rate", "unseen", "epochs")
    columns = ("seen_similarity", "unseen_similarity", "test_error")
    found = [means(some, keys, column) for column in columns]

    def body() -> Iterator[Sequence[str]]:
        for key in dict.fromkeys(tuple(row[k] for k in keys) for row in some):
            yield [*key, *(_cell(each, *key) for each in found)]

    headers = ("rate", "unseen", "epochs", "seen tokens", "unseen tokens", "error")
    return _table(headers, body())
