"""Sweeps: an experiment at every point of a grid, in runs that can be killed and go on.

A sweep file says which points (`sweep_file`), an experiment measures one of them
(`experiment`), a store keeps what is finished (`store`), a runner does what is left
(`runner`), and tables and figures are made of what is there (`export`, `plots`).
`docs/sweeps.md` shows how, from the command line too (`python -m numerics.sweeps`).
"""

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from numerics.sweeps.duration import RunPlan, plan_run
    from numerics.sweeps.experiment import (
        Axes,
        Experiment,
        PointFailed,
        experiment_named,
    )
    from numerics.sweeps.export import Table, result_table, write_table
    from numerics.sweeps.plots import PlotAxes, write_plot
    from numerics.sweeps.runner import RunSummary, run_sweep
    from numerics.sweeps.savings import Saving, saving, strings_needed
    from numerics.sweeps.status import SweepStatus, sweep_status
    from numerics.sweeps.store import SweepStore, accept_changes
    from numerics.sweeps.sweep_file import Point, Sweep, parse_sweep, read_sweep

__all__ = [
    "Axes",
    "Experiment",
    "PlotAxes",
    "Point",
    "PointFailed",
    "RunPlan",
    "RunSummary",
    "Saving",
    "Sweep",
    "SweepStatus",
    "SweepStore",
    "Table",
    "accept_changes",
    "experiment_named",
    "parse_sweep",
    "plan_run",
    "read_sweep",
    "result_table",
    "run_sweep",
    "saving",
    "strings_needed",
    "sweep_status",
    "write_plot",
    "write_table",
]

# An experiment imports this package for its error alone: the rest is not loaded.
_LATER = {
    "Axes": "numerics.sweeps.experiment",
    "Experiment": "numerics.sweeps.experiment",
    "PlotAxes": "numerics.sweeps.plots",
    "Point": "numerics.sweeps.sweep_file",
    "PointFailed": "numerics.sweeps.experiment",
    "RunPlan": "numerics.sweeps.duration",
    "RunSummary": "numerics.sweeps.runner",
    "Saving": "numerics.sweeps.savings",
    "Sweep": "numerics.sweeps.sweep_file",
    "SweepStatus": "numerics.sweeps.status",
    "SweepStore": "numerics.sweeps.store",
    "Table": "numerics.sweeps.export",
    "accept_changes": "numerics.sweeps.store",
    "experiment_named": "numerics.sweeps.experiment",
    "parse_sweep": "numerics.sweeps.sweep_file",
    "plan_run": "numerics.sweeps.duration",
    "read_sweep": "numerics.sweeps.sweep_file",
    "result_table": "numerics.sweeps.export",
    "run_sweep": "numerics.sweeps.runner",
    "saving": "numerics.sweeps.savings",
    "strings_needed": "numerics.sweeps.savings",
    "sweep_status": "numerics.sweeps.status",
    "write_plot": "numerics.sweeps.plots",
    "write_table": "numerics.sweeps.export",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
