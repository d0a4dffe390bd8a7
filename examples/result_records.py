"""What made a table of results: the sweep, the versions, the day, and the time."""

from __future__ import annotations

import datetime
import platform
from importlib.metadata import version

from numerics.sweeps import Sweep, Table

__all__ = ["provenance"]

# Beside this package: what the numbers depend on.
_LIBRARIES = ("numpy", "scipy", "torch")


def provenance(
    sweep: Sweep, table: Table, libraries: tuple[str, ...] = (), **more: str
) -> dict[str, object]:
    """What is kept beside a table of results.

    Args:
        sweep: what was run.
        table: its finished points, with timings.
        libraries: what the numbers depend on beside numpy, scipy and torch.
        more: what else is to be kept, under its name.
    """
    seconds = [s for s in table.column("seconds") if isinstance(s, float)]
    days = sorted(str(when)[:10] for when in table.column("finished"))
    names = ("symbind", *_LIBRARIES, *libraries)
    return {
        "sweep": sweep.name,
        **more,
        "points": len(sweep.points),
        "missing": table.missing,
        "seconds": round(sum(seconds)),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in names},
        },
        "date": datetime.date.today().isoformat(),
        "measured": {"first": days[0], "last": days[-1]} if days else None,
        "settings": dict(sweep.document),
    }
