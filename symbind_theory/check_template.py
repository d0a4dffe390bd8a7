"""The front door: check a template task from the command line or from Python.

python -m symbind_theory.check_template "?a ?a -> 1" "?a ?b -> -1"
"""
# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from symbind_theory.command.compare import compare_files
from symbind_theory.command.from_estimates import (
    check_result,
    diversity_of,
    learn_from,
    shares_symbols,
)
from symbind_theory.command.options import command_parser, task_of
from symbind_theory.command.outputs import certified, check_outputs, list_tasks
from symbind_theory.command.page_sources import embedded_certificate, versions
from symbind_theory.command.shell import rendered, run_command, say, write_output
from symbind_theory.files import write_text
from symbind_theory.laws.arguments import check_vocabulary
from symbind_theory.records.architecture import KernelName
from symbind_theory.records.check import CheckResult
from symbind_theory.records.page import Provenance
from symbind_theory.task_lines import TaskInput, read_task
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import (
    InputError,
    check_callback,
    finite_number,
    positive_integer,
    shorten,
)

if TYPE_CHECKING:
    from numerics import Architecture, AttentionMatrix

__all__ = ["check", "main"]


def check(
    task: TaskInput,
    architecture: Architecture | None = None,
    *,
    target: float = 0.01,
    vocabulary: int | None = None,
    alpha: float | None = None,
    noise: float | None = None,
    rel_tol: float = 1e-3,
    max_points: int = 2**16,
    seed: int = 0,
    device: str = "auto",
    method: str = "rqmc",
    level: float = 0.999,
    kernel: KernelName = "nngp",
    progress: Callable[[int, int], None] | None = None,
    estimated: Callable[[AttentionMatrix], object] = lambda gram: None,
) -> CheckResult:
    """Decide the hypotheses, estimate N with intervals, and say what follows.

    >>> from symbind_theory import TemplateTask, check
    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> check(task, max_points=1024).verdict("C3").outcome
    <Outcome.HOLDS: 'HOLDS'>

    Args:
        task: templates, labels and weights; or lines such as "?a ?a -> 1".
        architecture: the transformer; `numerics.Architecture()` when None.
        target: mean squared error on unseen symbols for which to say how many strings
            N implies, > 0.
        vocabulary: number of tokens that substitutions draw from, for the error where
            training strings share symbols; those that the task's laws name when None,
            and if they name none strings that share no symbol.
        alpha: ridge > 0; 1e-3 when None. Raise it for noisy labels.
        noise: standard deviation of the training labels' noise, ≥ 0; the task's when
            None.
        rel_tol: relative halfwidth aimed at for the smallest eigenvalue of N, > 0.
            Raise it to 0.1 where verdicts alone matter; lower it where strings needed
            are compared.
        max_points: outer points at most, ≥ 64. Raise it where an interval comes back
            wider than `rel_tol`, or where a verdict is UNDECIDED.
        seed: of the random points, ≥ 0.
        device: "auto", "cpu" or "cuda".
        method: "rqmc", scrambled Sobol' points, or "mc", pseudo-random ones. Choose
            "mc" where nothing but the points' independence is to be assumed: it takes
            many times as many.
        level: coverage of every interval, in (0, 1).
        kernel: "nngp", the readout alone is trained, or "ntk", the tangent kernel of
            all layers.
        progress: called with (points done, points at most), and where the error with
            a vocabulary is simulated with (training sets done, training sets in all).
        estimated: called with the estimate of N, for what else is made from it.

    Raises:
        InputError: an argument out of range, or an architecture that is not estimated.
    """
    from numerics.architecture import read_architecture
    from numerics.template_matrix.estimate import gram_of

    task = read_task(task, noise)
    architecture = read_architecture(architecture)
    _check_arguments(target, vocabulary, task, estimated, architecture)
    gram = gram_of(
        kernel,
        task.templates,
        architecture,
        rel_tol=rel_tol,
        max_points=max_points,
        seed=seed,
        device=device,
        method=method,
        level=level,
        progress=progress,
    )
    estimated(gram)
    learned = learn_from(task, gram, target, alpha, seed)
    needed = learned.complexity
    diversity = diversity_of(task, vocabulary, needed, gram, seed, progress)
    return check_result(task, gram, learned, diversity, seed)


def _check_arguments(
    target: float,
    vocabulary: int | None,
    task: TemplateTask,
    estimated: object,
    architecture: Architecture,
) -> None:
    """Refuse before anything is estimated what is used after it."""
    check_callback("estimated", estimated, optional=False)
    finite_number("target", target, low=0, strict=True)
    if vocabulary is not None:
        positive_integer("vocabulary", vocabulary)
        check_vocabulary(vocabulary, task.templates)
    if architecture.tokens is not None and shares_symbols(task, vocabulary):
        raise InputError("tokens is a Gram matrix; expected None with a vocabulary")


def _architecture(options: argparse.Namespace) -> Architecture:
    from numerics import GELU, Architecture, Cosine, Erf, ReLU

    given = {
        k: getattr(options, k) for k in ("b1", "b2") if getattr(options, k) is not None
    }
    name = options.activation
    if name != "cos" and given:
        raise InputError(
            f"--{min(given)} goes with --activation cos; leave it out for {name}"
        )
    without = {"relu": ReLU, "erf": Erf, "gelu": GELU}
    activation = without[name]() if name in without else Cosine(**given)
    return Architecture(
        beta=options.beta,
        gamma=options.gamma,
        readout=options.readout,
        activation=activation,
        identity_kq=options.identity_kq,
        identity_vo=options.identity_vo,
        depth=options.depth,
        residual=options.residual,
        normalisation=options.normalisation,
        final_normalisation=options.final_normalisation,
        causal=options.causal,
    )


def _run(options: argparse.Namespace, name: str, command: str) -> int:
    """Check and write the report; return the exit status."""
    if options.compare is not None:
        return compare_files(options, name, command)
    if options.list:
        return list_tasks(options)
    task = task_of(options)
    architecture = _architecture(options)
    check_outputs(options)

    from symbind_theory.report.document import to_json
    from symbind_theory.report.progress import progress_bar
    from symbind_theory.report.terminal import print_result

    grams: list[AttentionMatrix] = []
    with progress_bar("estimating N") as progress:
        result = check(
            task,
            architecture,
            target=options.target,
            vocabulary=options.vocabulary,
            alpha=options.alpha,
            noise=options.noise,
            rel_tol=options.rel_tol,
            max_points=options.max_points,
            seed=options.seed,
            device=options.device,
            method=options.method,
            kernel=options.kernel,
            progress=progress,
            estimated=grams.append,
        )
    if options.advise:
        result = _advised(result, architecture, options)
    if options.json:
        text = to_json(result) + "\n"
    else:
        text = rendered(lambda console: print_result(result, console))
    certificate = None
    if options.certificate is not None:
        certificate = certified(result, options, name)
    write_output(text)
    if options.html is not None:
        source = _PageSource(result, architecture, grams[0], certificate, command)
        _write_page(source, options, name)
    return result.exit_status


def _advised(
    result: CheckResult, architecture: Architecture, options: argparse.Namespace
) -> CheckResult:
    """The check with architectures ranked beside it."""
    from numerics import advise
    from numerics.learning.advice import LAST_STAGE
    from numerics.learning.curves import DEFAULT_ALPHA
    from symbind_theory.report.progress import progress_bar

    with progress_bar("comparing architectures", unit="estimates") as progress:
        advice = advise(
            result.task,
            options.target,
            architecture=architecture,
            alpha=DEFAULT_ALPHA if options.alpha is None else options.alpha,
            precision=replace(LAST_STAGE, seed=options.seed, device=options.device),
            progress=progress,
        )
    return replace(result, advice=advice)


@dataclass(frozen=True, slots=True)
class _PageSource:
    """What a page is made from.

    Attributes:
        result: the check.
        architecture: what was checked.
        gram: the check's estimate of N.
        certificate: where it has been made already.
        command: what was typed.
    """

    result: CheckResult
    architecture: Architecture
    gram: AttentionMatrix
    certificate: Mapping[str, Any] | None
    command: str


def _write_page(source: _PageSource, options: argparse.Namespace, name: str) -> None:
    """Illustrate the check and write it as a page."""
    from numerics.page_data import illustrate
    from symbind_theory.report.page import page
    from symbind_theory.report.progress import progress_bar
    from symbind_theory.task_files import dump_task

    illustration = illustrate(
        source.result,
        source.architecture,
        max_points=options.max_points,
        device=options.device,
        stage=progress_bar,
        gram=source.gram,
    )
    text = page(
        source.result,
        illustration,
        certificate=embedded_certificate(source.result, source.certificate),
        provenance=Provenance(source.command, versions()),
        task_file=dump_task(source.result.task),
    )
    write_text(options.html, text, "the page")
    say(name, f"page written to {shorten(options.html, 200)}")


def _task_names() -> Iterable[str]:
    from symbind_theory.library import builtin_tasks

    return builtin_tasks()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, writes the report to the output.

    Args:
        arguments: as on the command line; those of the process when None.
    """
    parser = command_parser()
    parser.complete(task=_task_names)
    options = parser.parse_args(arguments)
    given = sys.argv[1:] if arguments is None else arguments
    typed = shlex.join(["python", "-m", "symbind_theory.check_template", *given])
    # A file name may hold bytes that are no text.
    command = typed.encode("utf-8", "replace").decode()
    return run_command(parser.name, lambda: _run(options, parser.name, command))


if __name__ == "__main__":
    sys.exit(main())
