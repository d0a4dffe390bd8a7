"""The paper's experiments: run the sweeps of a profile, export them, draw the page.

    python -m examples.experiments                    all sweeps of examples/sweeps/cpu
    python -m examples.experiments --only copying     one of them
    python -m examples.experiments --draw             from what is exported already

The tables of results lie in docs/experiments, a folder for each profile, each with what
made it beside it; the page docs/experiments.md is drawn from those of the CPU alone.
Stores are in build/sweeps: what is finished there is not measured again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from examples.experiment_page import draw_page
from examples.pages import DOCS
from examples.result_records import provenance
from numerics.sweeps import (
    read_sweep,
    result_table,
    run_sweep,
    write_table,
)
from numerics.terminal import terminal_progress

__all__ = ["PROFILES", "sweep_files"]

FOLDER = Path(__file__).parent / "sweeps"
STORES = Path(__file__).parents[1] / "build" / "sweeps"
RESULTS = DOCS / "experiments"
PROFILES = ("cpu", "gpu")
# All cores; networks on one GPU are measured one by one.
_JOBS = {"cpu": -1, "gpu": 1}


def sweep_files(profile: str) -> list[Path]:
    """The sweep files of a profile, by name."""
    return sorted((FOLDER / profile).glob("*.toml"))


def main() -> None:
    """Run, export, draw."""
    parser = argparse.ArgumentParser(
        description="Run the sweeps of a profile, export them, draw the page."
    )
    parser.add_argument("--profile", choices=PROFILES, default="cpu")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=None)
    parser.add_argument(
        "--jobs",
        type=int,
        default=None,
        metavar="N",
        help="points measured at once; one a core when left out, one on a GPU",
    )
    parser.add_argument("--draw", action="store_true", help="run nothing")
    options = parser.parse_args()
    files = sweep_files(options.profile)
    names = [path.stem for path in files]
    for name in options.only or ():
        if name not in names:
            parser.error(f"--only is {name!r}; expected some of {', '.join(names)}")
    jobs = options.jobs or _JOBS[options.profile]
    if not options.draw:
        for path in files:
            if options.only is None or path.stem in options.only:
                _run(path, options.profile, jobs)
    draw_page(RESULTS)


def _run(path: Path, profile: str, jobs: int) -> None:
    sweep = read_sweep(path)
    store = STORES / profile / f"{path.stem}.sqlite"
    store.parent.mkdir(parents=True, exist_ok=True)
    with terminal_progress(sweep.name, "points") as progress:
        summary = run_sweep(sweep, store, jobs=jobs, progress=progress)
    print(f"{sweep.name}: {summary.done} points done now, {summary.failed} failed")
    table = result_table(sweep, store, timings=True)
    folder = RESULTS / profile
    folder.mkdir(parents=True, exist_ok=True)
    write_table(result_table(sweep, store), folder / f"{path.stem}.csv")
    (folder / f"{path.stem}.json").write_text(
        json.dumps(provenance(sweep, table, profile=profile), indent=2) + "\n"
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept: run again to go on")
        raise SystemExit(130) from None
