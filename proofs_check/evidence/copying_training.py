"""C7 after training: networks without b guess unseen symbols, networks with b copy."""

from __future__ import annotations

from collections.abc import Iterator

from proofs_check.evidence.copying_rates import RATE_LEVEL, CopyingSetting
from proofs_check.judgements import (
    at_least,
    at_most,
    mean_interval,
    proportion_interval,
)
from symbind_theory.records.ledger import Finding

__all__ = ["trained_findings"]

# A network copies if nine in ten unseen symbols are right.
_COPIES = 0.9


def trained_findings(
    setting: CopyingSetting, seeds: Iterator[int]
) -> Iterator[Finding]:
    """Networks without b guess as the width grows, networks with b copy.

    Shares of networks have exact intervals; accuracies, which pile up at 1, have none.

    Args:
        setting: whose experiment trains networks, of one width at least.
        seeds: one for each trained width without b, and one for the widest with b.
    """
    widths = setting.experiment.trained_widths
    networks = setting.experiment.trained_networks
    without = [
        setting.accuracies(width, next(seeds), identity_vo=False) for width in widths
    ]
    copied = setting.accuracies(widths[-1], next(seeds), identity_vo=True)
    for judge, accuracies, which in (
        (at_least, copied, "with b"),
        (at_most, without[-1], "without b"),
    ):
        yield judge(
            f"share of networks of width {widths[-1]} that learn {which} to copy nine "
            f"in ten test symbols (mean accuracy {accuracies.mean():.2f})",
            proportion_interval(
                int((accuracies >= _COPIES).sum()), networks, RATE_LEVEL
            ),
            0.5,
            remedy=setting.more_trained,
        )
    # With positions narrow networks guess too.
    if len(widths) > 1 and setting.one_symbol and setting.architecture.gamma == 0:
        yield at_least(
            f"accuracy without b at width {widths[0]} less that at {widths[-1]}",
            mean_interval(without[0] - without[-1], RATE_LEVEL),
            0.0,
            setting.more_trained,
        )
