"""C13: a multiple of the identity that is trained between keys and queries saves data.

Whether two symbols are equal is in x xᵀ. A transformer can only have it from W_K W_Qᵀ,
of rank the head's width and random at the start; it has to find a part of the identity
in d² numbers, from symbols that it sees. The number a of each head,

    attention = softmax(x̂ W_K W_Qᵀ x̂ᵀ/√e + a x̂ x̂ᵀ),

is that part by itself: with as many strings, networks that train it have a smaller
error on unseen symbols than networks that do not.

Networks come in pairs of the same initialisation, strings and order of the strings, one
of which trains a. The difference of their errors, in units of an MLP's floor, is held
against a quarter: in the mean, by Student's statistic; and, as errors are skewed, pair
by pair, with the exact interval of a proportion: in half the pairs at least a saves so
much. The best epoch of each network is chosen on validation symbols.

After very few strings neither network has found anything, after very many both have. A
small difference refutes the claim only where it was claimed for so many strings; where
it was not, another number of strings is what to pass.

That trained b is what copying needs, and W_V and W_O do not do it instead, is C7.

Mutants: a held at 0; a in the theory's scaling, a x̂ x̂ᵀ/d, where Adam moves a logit by
the rate and not by d times the rate: it learns no faster than W_K W_Qᵀ; b in a's place,
a multiple of the identity in W_V W_O, which does not compare symbols.

Source: arXiv 2310.09753, on experiments and on the two identity modifications.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER
from numerics.networks.training import Training
from numerics.shapes import Float64
from proofs_check.arguments import record, the_task
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.finite_networks import (
    FiniteTransformer,
    NetworkSizes,
    NetworkTraining,
    without_floor,
)
from proofs_check.evidence.mlp_data import diverged
from proofs_check.evidence.token_labels import report_on_labels
from proofs_check.evidence.unlearnable import copied_label
from proofs_check.judgements import (
    at_least,
    mean_interval,
    proportion_interval,
    reported,
)
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.validation import InputError, as_float, positive_integer

__all__ = ["CHECKER", "SIZES", "trained_identity"]

# Of an MLP's floor; a whole one is what a saves at best.
_SAVED = 0.25

_TRAINING = Training(learning_rate=5e-3, batch_size=128)


def trained_identity(
    task: TemplateTask,
    network: FiniteTransformer | None = None,
    training: Training | None = None,
    *,
    enough: bool = False,
    sizes: NetworkSizes | None = None,
    seed: int = 0,
    effort: str = "quick",
) -> Report:
    """Compare networks that train a with networks that do not.

    >>> few = NetworkSizes(networks=2, epochs=5)
    >>> task = builtin_task("same-different")
    >>> trained_identity(task, sizes=few).outcome.value
    'UNDECIDED'

    Args:
        task: whose labels' noise is in training labels only; labels that are tokens are
            read one-hot.
        network: with the scalars that it trains, which the other one does not train;
            `FiniteTransformer()`, with a, when None.
        training: optimiser, rate and batches; Adam at 5e-3 when None. Steps and loss
            are those of `sizes` and of squared errors.
        enough: whether the difference is claimed after so many strings. Then a small
            one refutes the claim; otherwise it leaves it undecided, and more strings,
            or fewer, are what to pass.
        sizes: how many pairs of networks, strings and epochs; what the effort says when
            None.
        seed: from which strings, initial weights and orders follow.
        effort: "quick", "standard" or "full": how many pairs are trained, and how long.
            Raise it where the claim is undecided.

    Raises:
        InputError: a task whose skeletons decide its labels, or whose law names its
            tokens; or an argument out of range.
    """
    task = the_task(task)
    network = record("network", network or FiniteTransformer(), FiniteTransformer)
    setting = NetworkTraining(
        training=record("training", training or _TRAINING, Training),
        sizes=record("sizes", sizes or SIZES[effort].task, NetworkSizes),
        enough=enough,
        seed=positive_integer("seed", seed, low=0),
    )
    if (silent := without_floor(task)) is not None:
        raise InputError(silent)
    if not network.copies and (copied := copied_label(task)) is not None:
        return Report("C13", (copied,))
    if (long := setting.too_long(task, 2)) is not None:
        return Report("C13", (long,))

    def findings(numbers: TemplateTask) -> list[Finding]:
        return _findings(numbers, network, setting)

    return report_on_labels("C13", task, findings)


def _findings(
    task: TemplateTask, network: FiniteTransformer, setting: NetworkTraining
) -> list[Finding]:
    """What the pairs do on a task with real labels."""
    floor = as_float(task.mlp_floor())
    if not floor:
        return [reported("an MLP's floor is 0: the labels follow from the skeletons")]
    conflict = network.conflict(task)
    if conflict is not None:
        return [conflict]
    trained, plain = setting.errors(task, network, network.without_scalars)
    lost = diverged(trained + plain, setting.training)
    if lost is not None:
        return [lost]
    after = f"on unseen symbols after {setting.sizes.strings} strings"
    # Where the error is small without a too there is nothing left to save.
    late = bool(plain.mean() < floor / 2)
    return [
        *_saved((plain - trained) / floor, after, setting, late),
        reported(f"mean squared error {after}, with a", mean_interval(trained)),
        reported(f"mean squared error {after}, without", mean_interval(plain)),
    ]


def _saved(
    differences: Float64[np.ndarray, " pairs"],
    after: str,
    setting: NetworkTraining,
    late: bool,
) -> list[Finding]:
    """What a saves in the mean, and in how many pairs."""
    strings = setting.fewer_strings if late else setting.more_strings
    mean = at_least(
        f"squared error {after} without a less that with a, in units of an MLP's floor",
        mean_interval(differences),
        _SAVED,
        lambda _: strings,
    )
    pairs = int((differences >= _SAVED).sum())
    # More pairs help only where the half that is looked for is there.
    decided_by_pairs = 2 * pairs > len(differences)
    share = at_least(
        f"share of pairs in which a saves {_SAVED:g} of an MLP's floor",
        proportion_interval(pairs, len(differences)),
        0.5,
        setting.more_networks if decided_by_pairs else lambda _: strings,
    )
    return [setting.judged(mean, strings), setting.judged(share, strings)]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Pairs of networks on a user's own task, and of the ledger's trials.

    Attributes:
        task: pairs on any task.
        pairs: those in which a saves data.
        mutants: those in which it saves nothing.
    """

    task: NetworkSizes
    pairs: NetworkSizes
    mutants: NetworkSizes


SIZES = ByEffort(
    quick=_Sizes(
        task=NetworkSizes(),
        pairs=NetworkSizes(networks=18, epochs=20),
        mutants=NetworkSizes(networks=14, epochs=20),
    ),
    standard=_Sizes(
        task=NetworkSizes(networks=32, epochs=60, most_tokens=30_000_000),
        pairs=NetworkSizes(networks=48, epochs=20),
        mutants=NetworkSizes(networks=24, epochs=20),
    ),
    full=_Sizes(
        task=NetworkSizes(
            networks=64, epochs=100, held_out=512, most_tokens=1_000_000_000
        ),
        pairs=NetworkSizes(networks=128, epochs=20),
        mutants=NetworkSizes(networks=48, epochs=20),
    ),
)

_SHAPE = BlockShape(width=128, heads=2, head_width=16, hidden=64)
_LAST = FiniteTransformer(replace(PAPER, readout="last"), _SHAPE)
_THEORY = replace(_LAST, identity_unit=1 / _SHAPE.width)
_ON_VALUES = replace(_LAST, trained=("vo",))


def _aba_abb(sizes: NetworkSizes, seed: int, network: FiniteTransformer) -> Report:
    task = builtin_task("aba-abb")
    return trained_identity(task, network, enough=True, sizes=sizes, seed=seed)


def _saves(effort: Effort, seed: int) -> Report:
    return _aba_abb(SIZES[effort].pairs, seed, _LAST)


def _held(effort: Effort, seed: int) -> Report:
    return _aba_abb(SIZES[effort].mutants, seed, _LAST.without_scalars)


def _theory(effort: Effort, seed: int) -> Report:
    return _aba_abb(SIZES[effort].mutants, seed, _THEORY)


def _on_values(effort: Effort, seed: int) -> Report:
    return _aba_abb(SIZES[effort].mutants, seed, _ON_VALUES)


CHECKER = Checker(
    "C13",
    trained_identity,
    instances=(Instance("αβα and αββ, 128 strings, last", _saves),),
    mutants=(
        Mutant("a held at 0", _held, refuted_by="without a less that with a"),
        Mutant(
            "a in the theory's scaling",
            _theory,
            refuted_by="without a less that with a",
        ),
        Mutant(
            "b in a's place, which does not compare symbols",
            _on_values,
            refuted_by="without a less that with a",
        ),
    ),
    silent=without_floor,
)
"""The checker of C13."""
