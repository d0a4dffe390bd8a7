"""The command "train" of `python -m numerics.gpt2`: a text, with and without scalars.

It writes a sweep file into its folder and runs that (`numerics.sweeps`), so that points
are shared among processes, kept once they are finished, and go on from checkpoints.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numerics.gpt2.command.train_options import add_options
from symbind_theory.command.shell import rendered, say, write_output
from symbind_theory.validation import InputError, shorten

if TYPE_CHECKING:
    from numerics.gpt2.language_settings import LanguageModel
    from numerics.gpt2.variants import VariantRow
    from numerics.protocols import Progress
    from numerics.sweeps import Sweep
    from symbind_theory.interval import Interval

__all__ = ["HELP", "INTERRUPTED", "add_options", "run"]

HELP = "train GPT-2 on a text, with and without two scalars a head"
INTERRUPTED = "interrupted; give the same command to go on from the last checkpoints"

_NAME = "gpt2"
_POLL_SECONDS = 0.5
_MOST_CONFIG = 2**20
# What transformers writes beside the fields, and lists that no run needs.
_NO_FIELDS = (
    "architectures",
    "id2label",
    "label2id",
    "model_type",
    "pruned_heads",
    "task_specific_params",
    "transformers_version",
)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status: 1 where runs have failed.

    Args:
        options: what `add_options` has had parsed.

    Raises:
        InputError: files that cannot be read or do not go together, a folder that
            cannot be written, or too little memory.
    """
    from numerics.gpt2.language_model import check_inputs
    from numerics.sweeps import accept_changes, result_table, run_sweep

    folder = _folder(options)
    sweep = _sweep(options, folder)
    settings: list[Any] = [point.settings for point in sweep.points]
    check_inputs(settings[0])
    memory = _checked_memory(settings, options)
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "runs.sqlite"
    accept_changes(sweep, store)
    _announce(sweep, store, memory, options)
    with _progress(settings):
        summary = run_sweep(
            sweep, store, jobs=_jobs(options), retry_failed=options.retry_failed
        )
    for failure in summary.status.failures:
        say(_NAME, f"failed: {failure.point}: {failure.reason}")
    table = result_table(sweep, store, all_columns=True)
    _write(table.rows, settings, options)
    return 1 if summary.status.failed else 0


def _folder(options: argparse.Namespace) -> Path:
    folder = Path(options.out or f"{Path(options.text).stem}-runs")
    if folder.exists() and not folder.is_dir():
        raise InputError(
            f"--out is {shorten(str(folder), 200)}, a file; expected a folder"
        )
    return folder


def _sweep(options: argparse.Namespace, folder: Path) -> Sweep:
    """The runs as a sweep; nothing is written yet."""
    import tomli_w

    from numerics.gpt2.training_text import read_training_text
    from numerics.sweeps import parse_sweep

    read_training_text(options.text)
    variants = list(dict.fromkeys(options.identity))
    if options.scalars_only and options.model is None:
        raise InputError("--scalars-only was given without --model; expected both")
    if not options.no_baseline and "none" not in variants:
        variants.insert(0, "none")
    base: dict[str, Any] = {
        "text": options.text,
        "folder": str(folder),
        **{
            name: getattr(options, name)
            for name in ("epochs", "batch", "learning_rate", "scalar_rate", "held_out")
        },
        "precision": options.precision,
        "device": options.device,
        "mask_diagonal": options.mask_diagonal,
        "scalars_only": options.scalars_only,
    }
    if options.config is not None:
        base["config"] = _config(options.config)
    for name in ("model", "tokenizer"):
        if getattr(options, name) is not None:
            base[name] = getattr(options, name)
    grid = {"seed": list(dict.fromkeys(options.seeds)), "identity": variants}
    document = {
        "name": f"training on {Path(options.text).name}",
        "experiment": "language-model",
        "base": base,
        "grid": grid,
    }
    return parse_sweep(tomli_w.dumps(document))


def _config(path: str) -> dict[str, Any]:
    """Fields of a configuration from a JSON file; null is a field's default."""
    from symbind_theory.files import read_text

    try:
        fields = json.loads(read_text(path, "the configuration", _MOST_CONFIG))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"the configuration {shorten(path, 200)} is not JSON: {error}; expected "
            "fields of GPT-2's configuration"
        ) from None
    if not isinstance(fields, dict):
        raise InputError(
            f"the configuration {shorten(path, 200)} is no object; expected fields of "
            "GPT-2's configuration"
        )
    kept = {n: v for n, v in fields.items() if v is not None and n not in _NO_FIELDS}
    for name, value in kept.items():
        if not isinstance(value, (int, float, bool, str)):
            raise InputError(
                f"the configuration {shorten(path, 200)} has {shorten(name)}, which is "
                "no number, truth value or text; expected fields of GPT-2's "
                "configuration"
            )
    return kept


def _jobs(options: argparse.Namespace) -> int:
    if options.jobs is not None:
        return options.jobs
    from numerics.devices import resolve_device

    return 1 if resolve_device(options.device).type == "cuda" else -1


def _checked_memory(
    settings: Sequence[LanguageModel], options: argparse.Namespace
) -> int:
    """What runs at the same time need, if it is there; nothing was written yet."""
    from numerics.gpt2.language_model import training_memory
    from numerics.gpt2.local_models import check_memory
    from numerics.sweeps.workers import processes_for

    at_once = processes_for(_jobs(options), len(settings))
    memory = at_once * max(map(training_memory, settings))
    check_memory(memory, f"training, {at_once} at once (--jobs, --batch),")
    return memory


def _announce(
    sweep: Sweep, store: Path, memory: int, options: argparse.Namespace
) -> None:
    from numerics.sweeps import plan_run
    from numerics.sweeps.workers import processes_for

    plan = plan_run(sweep, store, retry_failed=options.retry_failed)
    line = f"{plan.total} runs, {plan.done} done, {plan.to_do} to do"
    if plan.to_do and plan.seconds is not None:
        at_once = processes_for(_jobs(options), plan.to_do)
        minutes = max(plan.seconds / at_once / 60, 1)
        basis = "finished runs" if plan.measured else "a product of matrices"
        line += (
            f": about {minutes:.0f} min by the pace of {basis}, {at_once} at once, "
            f"{memory / 2**30:.1f} GiB of memory"
        )
    say(_NAME, line)


@contextmanager
def _progress(settings: Sequence[LanguageModel]) -> Iterator[None]:
    """A bar over the steps of all runs, which other processes take."""
    from symbind_theory.report.progress import progress_bar

    over = threading.Event()
    with progress_bar("training", unit="steps") as advance:
        watcher = threading.Thread(
            target=_watch, args=(settings, advance, over), daemon=True
        )
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()


def _watch(
    settings: Sequence[LanguageModel], advance: Progress, over: threading.Event
) -> None:
    """Report the steps that the runs have written down, until `over` is set."""
    from numerics.gpt2.language_settings import steps_file

    files = [steps_file(each) for each in settings]
    while not over.wait(_POLL_SECONDS):
        pairs = []
        for file in files:
            try:
                pairs.append(json.loads(file.read_text(encoding="ascii")))
            except (OSError, ValueError):
                continue
        if pairs:
            # Runs that have not begun have as many steps as the others.
            done = sum(pair[0] for pair in pairs)
            advance(done, max(pair[1] for pair in pairs) * len(files))


def _write(rows: Any, settings: Sequence[LanguageModel], options: Any) -> None:
    from numerics.gpt2.language_settings import trained_model_of
    from numerics.gpt2.variants import training_table

    table = training_table(rows)
    folders = [trained_model_of(each) for each in settings]
    models = [str(folder) for folder in folders if folder.is_dir()]
    if options.json:
        document = {
            "text": options.text,
            "runs": [dict(row) for row in rows],
            "variants": [row.document() for row in table],
            "models": models,
        }
        write_output(json.dumps(document, indent=2, allow_nan=False) + "\n")
        return
    if table:
        write_output(rendered(lambda console: _print(table, console)))
        say(_NAME, f"models: {', '.join(models)}")


def _print(table: Sequence[VariantRow], console: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    losses = Table("identity", "seeds", "perplexity", "bits/byte", "ratio", box=None)
    scalars = Table("identity", "a", "b", box=None)
    for row in table:
        cells = (
            str(row.seeds),
            _interval(row.perplexity),
            f"{row.bits_per_byte:.4f}",
            _interval(row.ratio),
        )
        losses.add_row(row.identity, *map(Text, cells))
        if row.a or row.b:
            scalars.add_row(row.identity, Text(_scalars(row.a)), Text(_scalars(row.b)))
    console.print(losses)
    over = ", ".join(dict.fromkeys(row.over for row in table))
    console.print(
        f"Of held-out text; intervals at 0.95 over {over}. ratio: to the perplexity of "
        "none, seed by seed.",
        style="dim",
        markup=False,
    )
    if scalars.row_count:
        console.print()
        console.print(scalars)
        console.print(
            "mean [lowest, highest] over heads and seeds.", style="dim", markup=False
        )


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return ""
    ends = (interval.value, interval.low, interval.high)
    value, low, high = (f"{x:.5g}" for x in ends)
    return f"{value} [{low}, {high}]"


def _scalars(values: tuple[float, float, float] | None) -> str:
    if values is None:
        return ""
    mean, lowest, highest = (f"{x:.3f}" for x in values)
    return f"{mean} [{lowest}, {highest}]"
