"""C7: copying fails as the width grows, and b repairs it.

A network whose output layer is its embedding is trained to copy a wildcard and asked
about symbols it has never seen. Let R_g be what the margin of the right symbol over the
other unseen ones gains, at random initialisation, for each unit of training loss that
the group g of parameters takes off (`numerics.networks.copying_network`).

- W_V and W_O teach nothing about unseen symbols. For α → α with n symbols R is nearly
  n / (d + n + dγ²/2), so n/(n + d) without positions; exactly but for the initial
  softmax in `numerics.networks.copying_laws`.
- For any template 0 ≤ E R ≤ (T/d) R_b to leading order in 1/d, T the number of distinct
  training targets. Let string t mix its embeddings to a_t and write −c_t for its
  ∂L/∂z1. Averaged over W_O and embeddings E⟨∇_V stat, ∇_V L⟩ is 1/d of what b gets, in
  units where |∇_V L|² is ‖Σ_t a_t ⊗ c_t‖² and ∂L/∂b minus the trace of that matrix. Its
  rank is T at most, so its square is at least trace²/T (Cauchy–Schwarz).
- b itself, a multiple of the identity added to W_V W_O in each head, is learned from
  any symbol for all: R_b = 1/(1 − 1/M) for α → α at every width.
- Trained networks without b guess among unseen symbols as the width grows; with b they
  copy.

The statement is about the margin. Of the *full* cross-entropy of unseen symbols it is
false for γ ≠ 0: R_P = −1, R_V = R_O → −γ²/(2 + γ²), R_E → −γ²/(4 + γ²) as d ≫ n ≫ 1.
These rates are tested as the counterexample to the careless version.

The tests are sharp because R is a ratio of two means that are both known exactly: the
intervals are some percent wide, the mutants off by factors. Mutants: the careless
version; symbols that were seen; b claimed to teach nothing as well.

Source: arXiv 2310.09753, on copying with symbolic labels; the closed forms, the bound
for any template and the counterexample are symbind's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from numerics.architecture import Architecture, supported
from numerics.networks.copying_network import (
    PARAMETER_GROUPS,
    STATISTICS,
    copying_strings,
)
from proofs_check.arguments import record, the_task
from proofs_check.checker import Checker, Effort, Instance, Mutant
from proofs_check.evidence.copying_rates import (
    RATE_LEVEL,
    CopyingExperiment,
    CopyingSetting,
    MeasuredRates,
)
from proofs_check.judgements import (
    at_least,
    at_most,
    equals,
    mean_interval,
    proportion_interval,
    reported,
    widened,
)
from proofs_check.seeds import seed_array
from symbind_theory.interval import Interval
from symbind_theory.library import builtin_task
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, one_of, positive_integer, shorten

__all__ = ["CHECKER", "copying"]

# Widths below 8n are not wide: the slope of n/(n + d) is that of 1/d only beyond.
_WIDE = 8
# Log-log slopes of n/(n + d) lie between −1 and −8/9 for d ≥ 8n.
_SLOPES = (-1.15, -0.85)
# A network copies if nine in ten unseen symbols are right.
_COPIES = 0.9


def copying(
    task: TemplateTask,
    architecture: Architecture | None = None,
    experiment: CopyingExperiment | None = None,
    *,
    statistic: str = "margin",
    groups: Sequence[str] = ("value", "output"),
    unseen: bool = True,
    seed: int = 0,
) -> Report:
    """Check C7 on a task that copies a wildcard.

    >>> task = TemplateTask(["?a ?b :"], ["?a"])
    >>> few = CopyingExperiment(symbols=8, widths=(64,), runs=16, head_width=8)
    >>> print(copying(task, experiment=few).outcome)
    HOLDS

    Args:
        task: one with a copied label: a wildcard of its own template.
        architecture: β, γ and the readout, which is the last symbol when None; a is
            allowed, b is 0: it is what training has to find.
        experiment: sizes and numbers of networks; `CopyingExperiment()` when None.
        statistic: what is claimed to gain nothing: the "margin" among unseen symbols,
            or their full "cross-entropy", of which that is false for γ ≠ 0.
        groups: of parameters that are claimed to teach nothing, of
            `numerics.networks.copying_network.PARAMETER_GROUPS`.
        unseen: whether the symbols asked about are unseen.
        seed: equal seeds give equal reports.

    Raises:
        InputError: nothing is copied, or an argument out of range.
    """
    task = the_task(task)
    architecture = architecture or Architecture(readout="last")
    architecture = record("architecture", architecture, Architecture)
    architecture = _started_without_b(architecture)
    one_of("statistic", statistic, STATISTICS)
    if isinstance(groups, str) or not groups:
        raise InputError(
            f"groups are {shorten(groups)}; expected some of "
            f"{', '.join(PARAMETER_GROUPS)}"
        )
    for group in groups:
        one_of("groups", group, PARAMETER_GROUPS)
    experiment = experiment or CopyingExperiment()
    experiment = record("experiment", experiment, CopyingExperiment)
    strings = copying_strings(task, experiment.symbols, unseen=unseen)
    positive_integer("seed", seed, low=0)
    count = len(experiment.widths) + len(experiment.trained_widths) + 1
    seeds = iter(seed_array((count,), seed).tolist())
    setting = CopyingSetting(
        strings,
        architecture,
        experiment,
        one_symbol=len(task) == task.length == 1 and architecture.readout != "cls",
    )
    measured = [
        MeasuredRates(setting, width, setting.rates(width, next(seeds)))
        for width in experiment.widths
    ]
    last = measured[-1]
    findings = [_gains_nothing(measured, statistic, group) for group in groups]
    wide = [m for m in measured if m.width >= _WIDE * experiment.symbols]
    if setting.one_symbol and statistic == "margin" and len(wide) > 1:
        findings.append(_slope(wide))
    findings.append(_with_identity(last))
    if setting.one_symbol and statistic == "margin" and architecture.gamma > 0:
        findings += _careless_version(last)
    findings += [
        reported(f"{_NAMES[g]}: {statistic} gained", last.rate(statistic, g))
        for g in last.samples.squares
        if g not in (*groups, "identity_vo")
    ]
    if experiment.trained_widths:
        findings += _trained(setting, seeds)
    return Report("C7", tuple(findings))


def _started_without_b(architecture: Architecture) -> Architecture:
    if supported(architecture).identity_vo != 0:
        raise InputError(
            f"identity_vo is {architecture.identity_vo:g}; expected 0: each head's b "
            "starts at 0, and networks with b find it by training"
        )
    return architecture


_NAMES = {
    "value": "W_V",
    "output": "W_O",
    "embedding": "W_E",
    "positions": "P",
    "key": "W_K",
    "query": "W_Q",
    "identity_vo": "b",
}


def _gains_nothing(
    measured: Sequence[MeasuredRates], statistic: str, group: str
) -> Finding:
    """A group of parameters teaches unseen symbols nothing as the width grows."""
    if group not in measured[-1].samples.squares:
        raise InputError(
            f"groups contain {group}, whose gradient is 0 on this task; expected "
            f"some of {', '.join(measured[-1].samples.squares)}"
        )
    name = _NAMES[group]
    one_symbol = measured[-1].setting.one_symbol
    if not (one_symbol and statistic == "margin" and group in ("value", "output")):
        return _bounded(measured[-1], statistic, group)
    relative = [m.values("margin", group) / m.law("margin", group) for m in measured]
    estimate = mean_interval(np.mean(relative, axis=0), RATE_LEVEL)
    widths = " and ".join(str(m.width) for m in measured)
    return equals(
        f"{name}: margin gained on the test symbols, in units of the law n/(n + d), "
        f"at width {widths}",
        widened(estimate, max(m.remainder for m in measured)),
        1.0,
        # The law and its careless form n/d differ by this much.
        resolution=measured[0].setting.experiment.symbols / measured[0].width,
    )


def _bounded(measured: MeasuredRates, statistic: str, group: str) -> Finding:
    """|R_g| ≤ (T/d) R_b, T the number of training targets."""
    targets = len(measured.setting.strings.train_targets.unique())
    bound = targets / measured.width * measured.rate("margin", "identity_vo").high
    return _between(
        f"{_NAMES[group]}: {statistic} gained on the test symbols at width "
        f"{measured.width}",
        measured.rate(statistic, group),
        -bound,
        bound,
    )


def _slope(wide: Sequence[MeasuredRates]) -> Finding:
    """The log-log slope of W_V's and W_O's rates, which follow one law."""
    x = np.log([m.width for m in wide])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    statement = "log-log slope of W_V's and W_O's rates against the width"
    logs = np.zeros(wide[0].setting.experiment.runs)
    for m, weight in zip(wide, weights, strict=True):
        for group in ("value", "output"):
            values = m.values("margin", group)
            mean = float(values.mean())
            if mean <= 0:
                return Finding(
                    statement,
                    Outcome.UNDECIDED,
                    m.rate("margin", group),
                    "rates above 0: raise the effort",
                )
            # The logarithm to first order, as for the ratio itself.
            logs += weight / 2 * (math.log(mean) + values / mean - 1)
    return _between(statement, mean_interval(logs, RATE_LEVEL), *_SLOPES)


def _with_identity(measured: MeasuredRates) -> Finding:
    """b teaches unseen symbols as much as it does seen ones, at any width."""
    rate = measured.rate("margin", "identity_vo")
    statement = f"b: margin gained on the test symbols at width {measured.width}"
    setting = measured.setting
    if setting.one_symbol:
        law = measured.law("margin", "identity_vo")
        # A twentieth is far below 1, by which b differs from W_V and W_O.
        return equals(statement, rate, law, resolution=0.05)
    # Attention starts near uniform: a wildcard gets about one part in K of it, and the
    # loss cannot gain more than what all parts give.
    keys = setting.strings.train.shape[1] + (setting.architecture.readout == "cls")
    return at_least(statement, rate, 1 / (2 * keys))


def _careless_version(measured: MeasuredRates) -> Iterator[Finding]:
    """With positions, the full cross-entropy of unseen symbols rises."""
    for group in ("positions", "value", "output", "embedding"):
        law = measured.law("cross-entropy", group)
        rate = measured.rate("cross-entropy", group)
        yield equals(
            f"{_NAMES[group]}: full cross-entropy gained on the test symbols at width "
            f"{measured.width}",
            widened(rate, 2 * measured.remainder),
            law,
            # Half of what a rate of 0, the careless version's, is off by.
            resolution=abs(law) / 2,
        )


def _trained(setting: CopyingSetting, seeds: Iterator[int]) -> Iterator[Finding]:
    """Networks without b guess as the width grows, networks with b copy.

    Shares of networks have exact intervals; accuracies, which pile up at 1, have not.
    """
    widths, runs = setting.experiment.trained_widths, setting.experiment.trained_runs
    without = [setting.accuracies(width, next(seeds), False) for width in widths]
    copied = setting.accuracies(widths[-1], next(seeds), True)
    for holds, found, which in (
        (at_least, copied, "with b"),
        (at_most, without[-1], "without b"),
    ):
        yield holds(
            f"share of networks of width {widths[-1]} that learn {which} to copy nine "
            f"in ten test symbols (mean accuracy {found.mean():.2f})",
            proportion_interval(int((found >= _COPIES).sum()), runs, RATE_LEVEL),
            0.5,
        )
    # With positions narrow networks guess too.
    if len(widths) > 1 and setting.one_symbol and setting.architecture.gamma == 0:
        yield at_least(
            f"accuracy without b at width {widths[0]} less that at {widths[-1]}",
            mean_interval(without[0] - without[-1], RATE_LEVEL),
            0.0,
        )


def _between(statement: str, estimate: Interval, low: float, high: float) -> Finding:
    """Whether the estimate is between two bounds; undecided where it straddles one."""
    outcome = Outcome.UNDECIDED
    if low <= estimate.low and estimate.high <= high:
        outcome = Outcome.HOLDS
    elif estimate.high < low or high < estimate.low:
        outcome = Outcome.REFUTED
    expected = f"between {low:.3g} and {high:.3g}"
    return Finding(statement, outcome, estimate, expected, 1 - estimate.level)


_COPY = builtin_task("copy")
_NO_POSITIONS = Architecture(readout="last", gamma=0.0)


def _law(effort: Effort, seed: int) -> Report:
    experiment = CopyingExperiment(
        widths=effort.choose((320, 1280), (320, 1280), (320, 1280, 5120)),
        runs=effort.choose(48, 150, 400),
        trained_widths=effort.choose((64, 384), (64, 512), (64, 256, 1024)),
        trained_runs=effort.choose(24, 48, 96),
    )
    return copying(_COPY, _NO_POSITIONS, experiment, seed=seed)


def _positions(effort: Effort, seed: int) -> Report:
    experiment = CopyingExperiment(widths=(320,), runs=effort.choose(64, 200, 400))
    return copying(_COPY, None, experiment, seed=seed)


def _longer(effort: Effort, seed: int) -> Report:
    # Trained on few symbols, or narrow, attention sometimes settles before it has found
    # the right wildcard: the training that shows what b does is not quick.
    experiment = CopyingExperiment(
        widths=(320,),
        runs=effort.choose(40, 200, 400),
        head_width=16,
        trained_widths=effort.choose((), (256,), (512,)),
        trained_runs=effort.choose(24, 48, 96),
    )
    task = TemplateTask(["?a ?b :"], ["?a"])
    return copying(task, None, experiment, seed=seed)


_NARROW = CopyingExperiment(widths=(320,), runs=24)


def _careless(effort: Effort, seed: int) -> Report:
    return copying(_COPY, None, _NARROW, statistic="cross-entropy", seed=seed)


def _seen(effort: Effort, seed: int) -> Report:
    return copying(_COPY, None, _NARROW, unseen=False, seed=seed)


def _identity(effort: Effort, seed: int) -> Report:
    return copying(_COPY, None, _NARROW, groups=("identity_vo",), seed=seed)


CHECKER = Checker(
    "C7",
    copying,
    instances=(
        Instance("α → α", _law),
        Instance("α → α with positions", _positions),
        Instance("α β : → α", _longer),
    ),
    mutants=(
        Mutant(
            "the full cross-entropy claimed not to change",
            _careless,
            refuted_by="cross-entropy gained",
        ),
        Mutant(
            "symbols that were seen",
            _seen,
            refuted_by="margin gained on the test symbols",
        ),
        Mutant("b claimed to teach nothing", _identity, refuted_by="b: margin gained"),
    ),
)
"""The checker of C7."""
