"""The command "probe" of `python -m numerics.gpt2`: does a model bind symbols?"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numerics.gpt2.command.probe_options import add_options
from symbind_theory.command.shell import rendered, say, write_output
from symbind_theory.files import read_text
from symbind_theory.library import builtin_task
from symbind_theory.validation import InputError

if TYPE_CHECKING:
    from numerics.gpt2.local_models import LocalModel
    from numerics.gpt2.prompts import Prompts, PromptWriter
    from numerics.gpt2.symbol_classes import SymbolClass
    from symbind_theory.tasks import TemplateTask

__all__ = ["HELP", "INTERRUPTED", "add_options", "run"]

HELP = "a model's accuracy on a template task: in context, fine-tuned, without heads"
INTERRUPTED = "interrupted; nothing was written"

_NAME = "gpt2"
_MOST_TEXT = 2**28
_EXAMPLES = 3
# What else the numbers depend on.
_SETTINGS = (
    "fraction",
    "text",
    "words",
    "arrow",
    "epochs",
    "rate",
    "scalar_rate",
    "seeds",
    "batch_size",
    "random_sets",
)


@dataclass(frozen=True)
class _Study:
    """What the measurements share."""

    options: argparse.Namespace
    task: TemplateTask
    local: LocalModel
    writer: PromptWriter
    classes: tuple[SymbolClass, ...]
    prompts: tuple[tuple[SymbolClass, int, Prompts], ...]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what `add_options` has had parsed.

    Raises:
        InputError: no such task or model, or one that does not fit the other.
    """
    task = builtin_task(options.task)
    if options.level >= 1:
        raise InputError(f"--level is {options.level}; expected a number below 1")
    text = None
    if options.text is not None:
        text = read_text(options.text, "the text", _MOST_TEXT)
    study = _study(options, task, text)
    rows = [*_in_context(study), *_fine_tuned(study), *_without_heads(study)]
    document = _document(study, rows)
    if options.json:
        # Strict JSON: numbers that it does not have would be an error here.
        write_output(json.dumps(document, indent=2, allow_nan=False) + "\n")
        return 0
    from numerics.gpt2.command.probe_table import print_probe

    write_output(rendered(lambda console: print_probe(document, console)))
    return 0


def _study(options: argparse.Namespace, task: TemplateTask, text: str | None) -> _Study:
    """Load the model and draw all prompts; what does not fit is refused here."""
    from numerics.gpt2.fine_tuning import variants_of
    from numerics.gpt2.in_context import check_context
    from numerics.gpt2.local_models import load_model
    from numerics.gpt2.prompts import LETTERS, PromptFormat, PromptWriter
    from numerics.gpt2.symbol_classes import frequency_classes

    local = load_model(options.model)
    if local.tokenizer is None:
        raise InputError(
            f"the model {options.model!r} has no tokenizer; expected its files beside "
            "it: prompts are text"
        )
    missing = set(options.variants or ()) - set(variants_of(local))
    if missing:
        raise InputError(
            f"--variants has {min(missing)} for a model of the kind "
            f"{local.model.config.model_type}; expected plain: scalars are added to "
            "gpt2 alone"
        )
    written = PromptFormat(tuple(options.words or LETTERS), options.arrow)
    writer = PromptWriter(task, local.tokenizer, written)
    both = frequency_classes(local.tokenizer, fraction=options.fraction, text=text)
    wanted = dict.fromkeys(options.symbols)
    classes = tuple(c for name in wanted for c in both if c.name == name)
    prompts = tuple(
        (c, shots, writer.draw(c.words, shots, options.prompts, options.seed))
        for c in classes
        for shots in dict.fromkeys(options.shots)
    )
    for _, _, drawn in prompts:
        check_context(local.model, drawn)
    study = _Study(options, task, local, writer, classes, prompts)
    _check_later_work(study)
    return study


def _check_later_work(study: _Study) -> None:
    """Refuse what training and ablation would refuse after the work in context."""
    from numerics.gpt2.fine_tuning import check_fine_tuning

    options, config = study.options, study.local.model.config
    heads = config.num_hidden_layers * config.num_attention_heads
    if options.ablate is not None and options.ablate > heads:
        raise InputError(
            f"--ablate is {options.ablate}; expected at most {heads}, the heads of the "
            "model"
        )
    for symbols in study.classes if options.fine_tune else ():
        check_fine_tuning(study.local, study.writer, symbols.words)


def _in_context(study: _Study) -> Iterator[dict[str, Any]]:
    from numerics.gpt2.in_context import answer_prompts, next_token_logits
    from numerics.gpt2.probe_rows import in_context_row
    from symbind_theory.report.progress import progress_bar

    logits = next_token_logits(study.local.model)
    size = study.options.batch_size
    total = sum(len(drawn.prompts) for _, _, drawn in study.prompts)
    _announce(study, total)
    before = 0
    with progress_bar("in context", unit="prompts") as progress:
        for symbols, shots, drawn in study.prompts:

            def advance(done: int, _: int, before: int = before) -> None:
                progress(before + done, total)

            answers = answer_prompts(logits, drawn, batch_size=size, progress=advance)
            before += len(drawn.prompts)
            yield in_context_row(answers, symbols.name, shots, study.options.level)


def _announce(study: _Study, total: int) -> None:
    """Say what is to be done, and how long it takes by the pace of a first batch."""
    from dataclasses import replace

    from numerics.gpt2.in_context import answer_prompts, next_token_logits

    _, _, longest = max(study.prompts, key=lambda entry: entry[2].tokens)
    size = study.options.batch_size
    first = replace(longest, prompts=longest.prompts[:size], size=1)
    begun = time.perf_counter()
    answer_prompts(next_token_logits(study.local.model), first, batch_size=size)
    pace = (time.perf_counter() - begun) / first.tokens
    tokens = sum(drawn.tokens for _, _, drawn in study.prompts)
    line = f"{total} prompts in context, {tokens} tokens: {_duration(pace * tokens)}"
    options = study.options
    if options.ablate is not None:
        again = sum(d.tokens for _, _, d in _most_shots(study))
        seconds = pace * again * (options.random_sets + 2)
        line += f"; without heads {options.random_sets + 2} times: {_duration(seconds)}"
    if options.fine_tune:
        runs = options.seeds * len(options.fine_tune) * len(_variants(study))
        line += f"; {runs * len(study.classes)} training runs"
    say(_NAME, line)


def _duration(seconds: float) -> str:
    if seconds >= 120:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds:.0f} s" if seconds >= 1 else "less than 1 s"


def _variants(study: _Study) -> tuple[str, ...]:
    from numerics.gpt2.fine_tuning import variants_of

    asked = study.options.variants
    return tuple(dict.fromkeys(asked or variants_of(study.local)))


def _fine_tuned(study: _Study) -> Iterator[dict[str, Any]]:
    from numerics.gpt2.fine_tuning import Recipe, fine_tune
    from numerics.gpt2.probe_rows import fine_tuned_row
    from symbind_theory.report.progress import progress_bar

    options = study.options
    recipe = Recipe(
        epochs=options.epochs,
        rate=options.rate,
        scalar_rate=options.scalar_rate,
        batch_size=options.batch_size,
        test_prompts=options.prompts,
    )
    seeds = [options.seed + i for i in range(options.seeds)]
    for symbols in study.classes:
        for strings in options.fine_tune:
            for variant in _variants(study):
                title = f"{variant}, {strings} strings"
                with progress_bar(title, unit="steps") as progress:
                    tuned = fine_tune(
                        study.local,
                        study.writer,
                        symbols.words,
                        strings,
                        variant=variant,
                        seeds=seeds,
                        recipe=recipe,
                        progress=progress,
                    )
                yield fine_tuned_row(tuned, symbols.name, options.level)


def _most_shots(study: _Study) -> list[tuple[SymbolClass, int, Prompts]]:
    """Those of the most shots, for each class."""
    most = max(study.options.shots)
    return [entry for entry in study.prompts if entry[1] == most]


def _without_heads(study: _Study) -> Iterator[dict[str, Any]]:
    from numerics.gpt2.head_ablation import ablate_ranked
    from numerics.gpt2.head_scores import heads_by_identity
    from numerics.gpt2.probe_rows import ablation_row
    from symbind_theory.report.progress import progress_bar

    options = study.options
    if options.ablate is None:
        return
    ranked = heads_by_identity(study.local)
    for symbols, shots, drawn in _most_shots(study):
        with progress_bar("without heads", unit="prompts") as progress:
            ablation = ablate_ranked(
                study.local,
                ranked[: options.ablate],
                drawn,
                sets=options.random_sets,
                seed=options.seed,
                level=options.level,
                batch_size=options.batch_size,
                progress=progress,
            )
        yield ablation_row(ablation, symbols.name, shots)


def _document(study: _Study, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """All that was measured, and by what."""
    options = study.options
    notes = []
    kind = study.local.model.config.model_type
    if options.fine_tune and kind != "gpt2":
        notes.append(
            "Scalars a head are added to models of the kind gpt2 alone: this one, of "
            f"the kind {kind}, was trained as it is."
        )
    return {
        "model": options.model,
        "family": study.local.family,
        "task": options.task,
        "level": options.level,
        "seed": options.seed,
        "settings": {name: getattr(options, name) for name in _SETTINGS},
        "classes": [
            {
                "name": c.name,
                "words": len(c.words),
                "source": c.source,
                "examples": list(c.words[:: max(1, len(c.words) // _EXAMPLES)])[
                    :_EXAMPLES
                ],
            }
            for c in study.classes
        ],
        "example": study.prompts[-1][2].prompts[0].text,
        "results": rows,
        "notes": notes,
    }
