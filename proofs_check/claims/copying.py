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
from dataclasses import dataclass

import numpy as np

from numerics.architecture import Architecture, require_one_layer
from numerics.networks.copying_network import (
    PARAMETER_GROUPS,
    STATISTICS,
    copying_strings,
)
from proofs_check.arguments import record, the_task, without_copies
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.copying_rates import (
    GROUP_NAMES,
    RATE_LEVEL,
    CopyingExperiment,
    CopyingSetting,
    MeasuredRates,
)
from proofs_check.evidence.copying_training import trained_findings
from proofs_check.judgements import (
    at_least,
    between,
    equals,
    mean_interval,
    reported,
    widened,
)
from proofs_check.seeds import seed_array
from symbind_theory.library import builtin_task
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, one_of, positive_integer, shorten

__all__ = ["CHECKER", "SIZES", "copying"]

# Widths below 8n are not wide: the slope of n/(n + d) is that of 1/d only beyond.
_WIDE = 8
# Log-log slopes of n/(n + d) lie between −1 and −8/9 for d ≥ 8n.
_SLOPES = (-1.15, -0.85)


def copying(
    task: TemplateTask,
    architecture: Architecture | None = None,
    experiment: CopyingExperiment | None = None,
    *,
    statistic: str = "margin",
    groups: Sequence[str] = ("value", "output"),
    unseen: bool = True,
    seed: int = 0,
    effort: str = "quick",
) -> Report:
    """Check C7 on a task that copies a wildcard.

    >>> task = TemplateTask(["?a ?b :"], ["?a"])
    >>> few = CopyingExperiment(symbols=8, widths=(64,), networks=16, head_width=8)
    >>> print(copying(task, experiment=few).outcome)
    HOLDS

    Args:
        task: one with a copied label: a wildcard of its own template.
        architecture: β, γ and the readout, which is the last symbol when None; a is
            allowed, b is 0: it is what training has to find.
        experiment: sizes and numbers of networks; when None what the effort says, and
            no network is trained.
        statistic: what is claimed to gain nothing: the "margin" among unseen symbols,
            or their full "cross-entropy", of which that is false for γ ≠ 0.
        groups: which groups of parameters are claimed to teach nothing, some of
            `numerics.networks.copying_network.PARAMETER_GROUPS`.
        unseen: whether the symbols asked about are unseen.
        seed: equal seeds give equal reports.
        effort: "quick", "standard" or "full": how many networks are measured. Raise it
            where a finding is undecided.

    Raises:
        InputError: nothing is copied, or an argument out of range.
    """
    task = the_task(task)
    if (silent := without_copies(task)) is not None:
        raise InputError(silent)
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
    experiment = experiment or SIZES[effort].task
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
        reported(f"{GROUP_NAMES[g]}: {statistic} gained", last.rate(statistic, g))
        for g in last.initial.squares
        if g not in (*groups, "identity_vo")
    ]
    if experiment.trained_widths:
        findings += trained_findings(setting, seeds)
    return Report("C7", tuple(findings))


def _started_without_b(architecture: Architecture) -> Architecture:
    if require_one_layer(architecture).identity_vo != 0:
        raise InputError(
            f"identity_vo is {architecture.identity_vo:g}; expected 0: each head's b "
            "starts at 0, and networks with b find it by training"
        )
    return architecture


def _gains_nothing(
    measured: Sequence[MeasuredRates], statistic: str, group: str
) -> Finding:
    """A group of parameters teaches unseen symbols nothing as the width grows."""
    if group not in measured[-1].initial.squares:
        raise InputError(
            f"groups contain {group}, whose gradient is 0 on this task; expected "
            f"some of {', '.join(measured[-1].initial.squares)}"
        )
    name = GROUP_NAMES[group]
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
        remedy=measured[0].setting.more_networks,
    )


def _bounded(measured: MeasuredRates, statistic: str, group: str) -> Finding:
    """|R_g| ≤ (T/d) R_b, T the number of training targets."""
    targets = len(measured.setting.strings.train_targets.unique())
    bound = targets / measured.width * measured.rate("margin", "identity_vo").high
    return between(
        f"{GROUP_NAMES[group]}: {statistic} gained on the test symbols at width "
        f"{measured.width}",
        measured.rate(statistic, group),
        -bound,
        bound,
        measured.setting.more_networks,
    )


def _slope(wide: Sequence[MeasuredRates]) -> Finding:
    """The log-log slope of W_V's and W_O's rates, which follow one law."""
    x = np.log([m.width for m in wide])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    statement = "log-log slope of W_V's and W_O's rates against the width"
    logs = np.zeros(wide[0].setting.experiment.networks)
    for m, weight in zip(wide, weights, strict=True):
        for group in ("value", "output"):
            values = m.values("margin", group)
            mean = float(values.mean())
            if mean <= 0:
                return Finding(
                    statement,
                    Outcome.UNDECIDED,
                    m.rate("margin", group),
                    f"rates above 0: pass {m.setting.more_networks(4.0)}",
                )
            # The logarithm to first order, as for the ratio itself.
            logs += weight / 2 * (math.log(mean) + values / mean - 1)
    slope = mean_interval(logs, RATE_LEVEL)
    return between(statement, slope, *_SLOPES, wide[0].setting.more_networks)


def _with_identity(measured: MeasuredRates) -> Finding:
    """b teaches unseen symbols as much as it does seen ones, at any width."""
    rate = measured.rate("margin", "identity_vo")
    statement = f"b: margin gained on the test symbols at width {measured.width}"
    setting = measured.setting
    if setting.one_symbol:
        law = measured.law("margin", "identity_vo")
        # A twentieth is far below 1, by which b differs from W_V and W_O.
        return equals(statement, rate, law, 0.05, setting.more_networks)
    # Attention starts near uniform: a wildcard gets about one part in K of it, and the
    # loss cannot gain more than what all parts give.
    keys = setting.strings.train.shape[1] + (setting.architecture.readout == "cls")
    return at_least(statement, rate, 1 / (2 * keys), setting.more_networks)


def _careless_version(measured: MeasuredRates) -> Iterator[Finding]:
    """With positions, the full cross-entropy of unseen symbols rises."""
    for group in ("positions", "value", "output", "embedding"):
        law = measured.law("cross-entropy", group)
        rate = measured.rate("cross-entropy", group)
        yield equals(
            f"{GROUP_NAMES[group]}: full cross-entropy gained on the test symbols at "
            f"width {measured.width}",
            widened(rate, 2 * measured.remainder),
            law,
            # Half of what a rate of 0, the careless version's, is off by.
            resolution=abs(law) / 2,
            remedy=measured.setting.more_networks,
        )


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Experiments on a user's own task, and of the ledger's true instances.

    Attributes:
        task: networks on any task; none is trained.
        law: networks on α → α without positions.
        positions: networks on α → α with positions.
        longer: networks on α β : → α. Trained on few symbols, or narrow, attention
            sometimes settles before it has found the right wildcard: the training that
            shows what b does is not quick.
    """

    task: CopyingExperiment
    law: CopyingExperiment
    positions: CopyingExperiment
    longer: CopyingExperiment


SIZES = ByEffort(
    quick=_Sizes(
        task=CopyingExperiment(networks=64),
        law=CopyingExperiment(
            widths=(320, 1280),
            networks=48,
            trained_widths=(64, 384),
            trained_networks=24,
        ),
        positions=CopyingExperiment(widths=(320,), networks=64),
        longer=CopyingExperiment(
            widths=(320,),
            networks=40,
            head_width=16,
            trained_widths=(),
            trained_networks=24,
        ),
    ),
    standard=_Sizes(
        task=CopyingExperiment(networks=200),
        law=CopyingExperiment(
            widths=(320, 1280),
            networks=150,
            trained_widths=(64, 512),
            trained_networks=48,
        ),
        positions=CopyingExperiment(widths=(320,), networks=200),
        longer=CopyingExperiment(
            widths=(320,),
            networks=200,
            head_width=16,
            trained_widths=(256,),
            trained_networks=48,
        ),
    ),
    full=_Sizes(
        task=CopyingExperiment(networks=400),
        law=CopyingExperiment(
            widths=(320, 1280, 5120),
            networks=400,
            trained_widths=(64, 256, 1024),
            trained_networks=96,
        ),
        positions=CopyingExperiment(widths=(320,), networks=400),
        longer=CopyingExperiment(
            widths=(320,),
            networks=400,
            head_width=16,
            trained_widths=(512,),
            trained_networks=96,
        ),
    ),
)

_COPY = builtin_task("copy")
_NO_POSITIONS = Architecture(readout="last", gamma=0.0)
_NARROW = CopyingExperiment(widths=(320,), networks=24)


def _law(effort: Effort, seed: int) -> Report:
    return copying(_COPY, _NO_POSITIONS, SIZES[effort].law, seed=seed)


def _positions(effort: Effort, seed: int) -> Report:
    return copying(_COPY, None, SIZES[effort].positions, seed=seed)


def _longer(effort: Effort, seed: int) -> Report:
    task = TemplateTask(["?a ?b :"], ["?a"])
    return copying(task, None, SIZES[effort].longer, seed=seed)


def _careless(_: Effort, seed: int) -> Report:
    return copying(_COPY, None, _NARROW, statistic="cross-entropy", seed=seed)


def _seen(_: Effort, seed: int) -> Report:
    return copying(_COPY, None, _NARROW, unseen=False, seed=seed)


def _identity(_: Effort, seed: int) -> Report:
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
    silent=without_copies,
)
"""The checker of C7."""
