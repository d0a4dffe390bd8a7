"""The tables of trained networks in docs/experiments.md, with what kernels predict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from examples.experiment_rows import Row, curves, grouped, means
from examples.table_cells import (
    KERNELS,
    cell,
    kernel_interval,
    short,
    table_lines,
    unresolved,
)
from numerics.sweeps import saving, strings_needed
from symbind_theory import Interval, builtin_task

__all__ = [
    "copying_table",
    "learning_table",
    "random_table",
    "regimes_table",
    "savings_table",
    "settings_table",
    "sizes_table",
]

TARGET = 0.1
_SIGNS = {"exact": "", "at most": "≤ ", "more than": "> "}
# Near what training makes of a on the mean, in the theory's scaling.
_TRAINED = "a = -2"
_TRANSFORMERS = ("plain", "KQ", "VO", "both", "mimetic")


def savings_table(rows: Sequence[Row], kernels: Sequence[Row]) -> Iterator[str]:
    """Strings at error 0.1 with each model, and the factor against plain."""

    def body() -> Iterator[Sequence[str]]:
        for task in dict.fromkeys(row["task"] for row in rows):
            some = [row for row in rows if row["task"] == task]
            plain = curves(some, "plain")
            for model in _TRANSFORMERS:
                found = curves(some, model)
                if not found:
                    continue
                needs = [strings_needed(found[seed], TARGET) for seed in sorted(found)]
                words = [f"{_SIGNS[n.side]}{n.strings:.0f}" for n in needs]
                factor = "1" if model == "plain" else _factor(plain, found)
                yield [task, model, ", ".join(words), factor]
            for kernel in KERNELS:
                yield from _predicted(kernels, task, kernel)

    return table_lines(
        ("task", "model", "strings at error 0.1", "factor saved"), body()
    )


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


def _predicted(
    kernels: Sequence[Row], task: str, kernel: str
) -> Iterator[Sequence[str]]:
    """What the kernel needs, plain and with fixed multiples of the identity."""
    needed = {
        row["model"]: kernel_interval(row, "strings_needed")
        for row in kernels
        if (row["task"], row["kernel"]) == (task, kernel) and row["strings_needed"]
    }
    if "plain" not in needed:
        return
    plain = needed["plain"]
    yield [task, KERNELS[kernel], short(plain), "1"]
    best, signs = [_TRAINED], {}
    for scalar in "ab":
        values = [m for m in needed if m.startswith(f"{scalar} = ")]
        resolved = [model for model in values if not unresolved(needed[model])]
        if resolved:
            best.append(min(resolved, key=lambda model: needed[model].value))
            signs |= {f(values, key=_value): "≥ " for f in (min, max)}
    for model in dict.fromkeys(best):
        if model in needed:
            known = not (unresolved(plain) or unresolved(needed[model]))
            factor = (
                signs.get(model, "") + _ratio(plain, needed[model]) if known else ""
            )
            yield [task, f"{KERNELS[kernel]}, {model}", short(needed[model]), factor]


def _value(model: str) -> float:
    """The number in "a = -2"."""
    return float(model.partition(" = ")[2])


def _ratio(one: Interval, other: Interval) -> str:
    """The factor between two estimates, with the ends that theirs allow."""
    ends = (one.low / other.high, one.high / other.low)
    return short(Interval(one.value / other.value, *ends, level=one.level))


def learning_table(rows: Sequence[Row], kernels: Sequence[Row]) -> Iterator[str]:
    """The mean error of every model at every size, what kernels predict, the floor."""
    found = means(rows, ("task", "model", "n"), "test_error")
    predicted = {
        (row["task"], row["kernel"], row["n"]): kernel_interval(row, "test_error")
        for row in kernels
        if row["model"] == "plain"
    }
    sizes = sorted({int(row["n"]) for row in rows})

    def body() -> Iterator[Sequence[str]]:
        for task in dict.fromkeys(row["task"] for row in rows):
            models = (row["model"] for row in rows if row["task"] == task)
            for model in dict.fromkeys(models):
                cells = (cell(found, task, model, str(n)) for n in sizes)
                yield [task, model, *cells]
            for kernel, name in KERNELS.items():
                keys = ((task, kernel, str(n)) for n in sizes)
                yield [task, name, *(cell(predicted, *key) for key in keys)]
            floor = builtin_task(task).mlp_floor()
            if floor is not None:
                yield [task, "an MLP's floor", *(f"{float(floor):.3g}" for _ in sizes)]

    return table_lines(("task", "model", *map(str, sizes)), body())


def copying_table(rows: Sequence[Row]) -> Iterator[str]:
    """Errors of copying by the width, and the largest on the training strings."""
    found = means(rows, ("width", "identity_vo"), "test_error")
    trained = grouped(rows, ("width",), "train_error")

    def body() -> Iterator[Sequence[str]]:
        for width in dict.fromkeys(row["width"] for row in rows):
            cells = (cell(found, width, b) for b in ("False", "True"))
            yield [width, *cells, f"{max(trained[(width,)]):.3g}"]

    headers = ("width", "without b", "with b", "largest in training")
    return table_lines(headers, body())


def settings_table(rows: Sequence[Row], kernels: Sequence[Row]) -> Iterator[str]:
    """Errors with one number changed, plain and with a, and what kernels predict."""
    labels: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        kind, _, changed = row["model"].partition(", ")
        if not changed:
            rate, batch = float(row["learning_rate"]), row["batch_size"]
            changed = f"rate {rate:g}" if batch == "1024" else f"batches of {batch}"
        labels.setdefault(changed, {}).setdefault(kind, []).append(row)
    reference = "rate 0.001"
    predicted = {
        (row["model"].removeprefix("plain, "), row["kernel"]): kernel_interval(
            row, "test_error"
        )
        for row in kernels
        if (row["task"], row["n"]) == ("aba-abb", "128")
        and row["model"].startswith("plain")
    }

    def body() -> Iterator[Sequence[str]]:
        for changed in sorted(labels, key=lambda label: label != reference):
            kinds = labels[changed]
            found = [means(kinds.get(k, []), (), "test_error") for k in ("plain", "KQ")]
            key = "plain" if changed == reference else changed
            label = "nothing" if changed == reference else changed
            kernel = (cell(predicted, key, k) for k in KERNELS)
            yield [label, *(cell(each) for each in found), *kernel]

    return table_lines(("changed", "plain", "with a", *KERNELS.values()), body())


def regimes_table(
    rows: Sequence[Row], features: Sequence[Row], kernels: Sequence[Row]
) -> Iterator[str]:
    """Errors by what of the network is trained, and what its kernels predict."""
    trained = means(rows, ("n",), "test_error")
    frozen = means(features, ("features", "n"), "test_error")
    predicted = {
        (row["kernel"], row["n"]): kernel_interval(row, "test_error")
        for row in kernels
        if row["model"] == "theory"
    }
    sizes = list(dict.fromkeys(row["n"] for row in rows))

    def body() -> Iterator[Sequence[str]]:
        if not sizes:
            return
        for kernel, name in (("nngp", "last layer"), ("ntk", "tangent")):
            yield [f"{name}, ridge", *(cell(frozen, name, n) for n in sizes)]
            yield [KERNELS[kernel], *(cell(predicted, kernel, n) for n in sizes)]
        yield ["all layers, Adam", *(cell(trained, n) for n in sizes)]

    return table_lines(("trained", *sizes), body())


def random_table(rows: Sequence[Row], kernels: Sequence[Row]) -> Iterator[str]:
    """Errors on random templates, what the kernel predicts, and an MLP's floors."""
    names = ("count", "wildcards", "regular_tokens", "length")
    columns = tuple(f"task.{name}" for name in names)
    found = means(rows, (*columns, "model"), "test_error")
    floors = means(rows, columns, "mlp_floor")
    some = [row for row in kernels if row.get("task.length") and row["test_error_high"]]
    predicted = means(some, (*columns, "kernel"), "test_error")

    def body() -> Iterator[Sequence[str]]:
        for key in dict.fromkeys(tuple(row[c] for c in columns) for row in rows):
            cells = (cell(found, *key, m) for m in ("plain", "KQ"))
            kernel = cell(predicted, *key, "nngp")
            yield [*key, *cells, kernel, f"{floors[key].value:.2f}"]

    headers = [name.replace("_", " ") for name in names]
    kernel = KERNELS["nngp"]
    return table_lines((*headers, "plain", "with a", kernel, "MLP's floor"), body())


def sizes_table(rows: Sequence[Row]) -> Iterator[str]:
    """Errors by model and number of strings, which has no column where it is one."""
    rows = [{"n": "error", **row} for row in rows]
    found = means(rows, ("model", "n"), "test_error")
    sizes = list(dict.fromkeys(row["n"] for row in rows))

    def body() -> Iterator[Sequence[str]]:
        for model in dict.fromkeys(row["model"] for row in rows):
            yield [model, *(cell(found, model, n) for n in sizes)]

    return table_lines(("model", *sizes), body())
