"""The answer in one sentence, which says what it is about and no more than was shown.

Whether the theorem applies (C3, C5) is one thing; whether its promise is worth anything
is another: how many strings it takes, whether the vocabulary has enough symbols, and
whether the target asks for symbols to be compared at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.architecture import ArchitectureRecord, KernelName
from symbind_theory.records.check import Headline, Reach
from symbind_theory.records.learning import FiniteDiversity, SampleComplexity
from symbind_theory.records.verdict import Verdict
from symbind_theory.task_arguments import reads_as_number
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import as_float

__all__ = ["MOST_IN_PRACTICE", "conclude"]

MOST_IN_PRACTICE = 10**9
"""Strings beyond which a task is learned in principle only; few corpora have more."""

_NETWORKS = (
    "About the {kernel} of {transformer} as its width grows, and about MLPs on one-hot "
    "strings whose first layer starts i.i.d."
)
_KERNELS: dict[KernelName, str] = {
    "nngp": "kernel",
    "ntk": "tangent kernel (all layers are trained, the output is 0 at the start)",
}
_APART = "Training strings share no symbol: diversity ρ = ∞."
_WRITE_NUMBERS = "write numbers as labels, such as 1 and -1"


def conclude(
    task: TemplateTask,
    verdicts: Sequence[Verdict],
    complexity: SampleComplexity | None,
    diversity: FiniteDiversity | None,
    architecture: ArchitectureRecord | None = None,
    kernel: KernelName = "nngp",
) -> Headline:
    """What follows from a check, in a sentence.

    Args:
        task: the task.
        verdicts: on the claims that speak of it.
        complexity: strings needed where none share symbols; None for symbolic labels.
        diversity: the error where they do, if it was estimated; None where no
            vocabulary is known.
        architecture: the transformer; one layer when None.
        kernel: its kernel that the check is about.
    """
    networks = _NETWORKS.format(
        kernel=_KERNELS[kernel], transformer=_transformer(architecture)
    )
    outcomes = {verdict.claim: verdict.outcome for verdict in verdicts}
    reach, sentence, phrase = _outside(outcomes) or _inside(task, complexity, diversity)
    return Headline(
        reach=reach,
        sentence=sentence,
        phrase=phrase,
        regime=f"{networks} {_symbols(diversity)}",
        notes=_notes(task),
    )


def _transformer(architecture: ArchitectureRecord | None) -> str:
    """What kind of transformer the check is about."""
    if architecture is None or architecture.one_layer:
        return "a one-layer transformer"
    depth = architecture.depth
    return f"a transformer of {'one block' if depth == 1 else f'{depth} blocks'}"


_Saying = tuple[Reach, str, str]


def _outside(outcomes: Mapping[str, Outcome]) -> _Saying | None:
    """Where the theorem's promise does not hold, or is not known to."""
    generalises = outcomes.get("C5", Outcome.UNDECIDED)
    if generalises is Outcome.REFUTED:
        sentence = "Transformers do not learn this task as it stands (C5)."
        return "not learned", sentence, "do not learn it"
    if outcomes.get("C3") is Outcome.REFUTED:
        sentence = "The theorem does not apply to this task: N is singular (C3)."
        return "singular", sentence, "N is singular"
    if generalises is Outcome.UNDECIDED:
        sentence = "Whether transformers learn this task is undecided (C5)."
        return "undecided", sentence, "undecided"
    return None


def _inside(
    task: TemplateTask,
    complexity: SampleComplexity | None,
    diversity: FiniteDiversity | None,
) -> _Saying:
    """Where N is non-singular, and the labels are no obstacle."""
    if _one_label(task):
        sentence = "Every label is the same: a constant is right on every string."
        return "unneeded", sentence, "have nothing to learn"
    if not any(template.wildcards for template in task.templates):
        sentence = "No template has a wildcard, so there are no unseen symbols."
        return "unneeded", sentence, "have no unseen symbols"
    if task.symbolic or complexity is None:
        return _symbolic(task, diversity)
    floor = as_float(task.mlp_floor())
    target = complexity.target
    if floor <= target:
        sentence = (
            f"The target {target:g} does not ask for symbols to be compared: the "
            f"skeleton alone allows an error of {_number(floor)}, and an MLP may do as "
            "well (C2)."
        )
        return "unneeded", sentence, "may do no better than MLPs"
    reach, sentence, phrase = _by_strings(complexity, diversity)
    mlps, error = _beside(reach)
    sentence = f"{sentence}; {mlps}, {error} {_number(floor)} or more (C2)."
    return reach, sentence, f"{phrase}; {mlps}"


def _one_label(task: TemplateTask) -> bool:
    """Whether every string has one label; copied ones differ between strings."""
    return not task.copied and len(set(task.labels)) == 1


def _beside(reach: Reach) -> tuple[str, str]:
    """What MLPs do beside transformers of this reach, and how their error goes on."""
    if reach == "too few symbols":
        return "nor do MLPs", "whose error stays at"
    if reach == "undecided":
        return "MLPs do not learn this task", "their error stays at"
    return "MLPs do not", "their error stays at"


def _symbolic(task: TemplateTask, diversity: FiniteDiversity | None) -> _Saying:
    """Labels that are tokens or are copied: nothing is estimated about them."""
    enough = "" if diversity is None else ", with enough symbols,"
    if task.copied:
        sentence = (
            f"In principle{enough} transformers whose heads each add a multiple of the "
            "identity learn to copy (C5, C7); "
        )
        unknown, remedy = "how well", ""
    else:
        sentence = f"In principle{enough} transformers learn this task (C5); "
        unknown = "from how many strings"
        remedy = f" for labels that are tokens: {_WRITE_NUMBERS}"
    if diversity is None:
        sentence += f"{unknown} is not estimated{remedy}."
        return "in principle", sentence, "learn it in principle"
    sentence += f"whether {diversity.vocabulary} are enough is not estimated{remedy}."
    return "undecided", sentence, f"undecided with {diversity.symbols}"


def _by_strings(
    complexity: SampleComplexity, diversity: FiniteDiversity | None
) -> _Saying:
    """How many strings it takes, from so many symbols."""
    target = complexity.target
    if diversity is not None:
        return _by_symbols(target, diversity)
    n = complexity.n
    if n is not None and math.isinf(complexity.interval.high):
        sentence = (
            "Transformers learn this task in principle (C5); from how many strings is "
            "not resolved: raise max_points"
        )
        return "in principle", sentence, "learn it in principle"
    if n is None or n > MOST_IN_PRACTICE:
        many = "more than 1e15" if n is None else f"about {_strings(n)}"
        sentence = (
            f"Transformers learn this task in principle (C5), from {many} strings for "
            f"an error of {target:g}"
        )
        return "in principle", sentence, "learn it in principle"
    sentence = f"Transformers learn this task from about {_strings(n)} strings (C5)"
    return "learned", sentence, "learn it"


def _by_symbols(target: float, diversity: FiniteDiversity) -> _Saying:
    """What a vocabulary allows, as far as the error with it was found."""
    symbols = diversity.symbols
    be = "is" if diversity.vocabulary == 1 else "are"
    undecided = f"Whether {symbols} {be} enough for an error of {target:g} is undecided"
    if not diversity.mse:
        sentence = f"{undecided}: the error with so many is not estimated"
        return "undecided", sentence, f"undecided with {symbols}"
    enough = diversity.enough(target)
    if enough is not None and enough > MOST_IN_PRACTICE:
        sentence = (
            f"Transformers learn this task in principle (C5), from {_strings(enough)} "
            f"strings with {symbols}"
        )
        return "in principle", sentence, f"learn it in principle with {symbols}"
    if enough is not None:
        sentence = (
            f"Transformers learn this task from {_strings(enough)} strings with "
            f"{symbols} (C5)"
        )
        return "learned", sentence, f"learn it with {symbols}"
    most = _strings(diversity.sizes[-1])
    if diversity.too_few(target):
        least = _number(min(error.low for error in diversity.mse), digits=3)
        sentence = (
            f"With {symbols} transformers do not reach an error of {target:g}: up to "
            f"{most} strings leave {least} or more"
        )
        return "too few symbols", sentence, f"do not learn it from {symbols}"
    best = min(diversity.mse, key=lambda error: error.value)
    sentence = f"{undecided}: up to {most} strings leave {_left(best)}"
    return "undecided", sentence, f"undecided with {symbols}"


def _number(error: float, digits: int = 4) -> str:
    """An error, which may be beyond float64."""
    return "1e308" if math.isinf(error) else f"{error:.{digits}g}"


def _left(error: Interval) -> str:
    """An error that is left, with its halfwidth where float64 has both."""
    if math.isinf(error.value):
        return "more than 1e308, which is beyond float64"
    if math.isinf(error.high):
        return f"{error.value:.3g} with no bound above it"
    return f"{error.value:.3g} within {error.halfwidth:.1g}"


def _strings(n: int) -> str:
    """A number of strings, of the order of magnitude alone where it is large."""
    return f"{n}" if n < 10**6 else f"{n:.2g}"


def _symbols(diversity: FiniteDiversity | None) -> str:
    """What training strings draw from."""
    if diversity is None:
        return _APART
    value = diversity.diversity.value
    rho = "∞" if math.isinf(value) else f"{value:.4g}"
    drawn = f"Training strings draw on {diversity.symbols}, diversity ρ = {rho}."
    if not diversity.sizes:
        return drawn
    sizes = ", ".join(map(_strings, diversity.sizes))
    return f"{drawn} Numbers of strings tried: {sizes}."


def _notes(task: TemplateTask) -> tuple[str, ...]:
    """What somebody who wrote the task may not have meant."""
    notes = []
    if not any(template.wildcards for template in task.templates):
        notes.append(
            "No template has a wildcard. Wildcards are written ?a: a ? was probably "
            "forgotten."
        )
    if _one_label(task):
        notes.append("All labels are equal: no string is told from another.")
    if label := next(filter(reads_as_number, task.labels), None):
        notes.append(
            f"The label '{label}' is text, so it is a token and no number. Numbers are "
            "written without quotes."
        )
    if any(weight == 0 for weight in task.weights):
        notes.append("Templates of weight 0 never occur, in training or in the error.")
    return tuple(notes)
