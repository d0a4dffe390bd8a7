"""Experiments are found by their names, and import nothing that they do not need."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from symbind_testing.refusals import refusal
from symbind_testing.sweeps import TOY

from numerics.sweeps import Experiment, PointFailed, experiment_named
from numerics.sweeps.experiment import EXPERIMENTS, experiment_axes, nearest


def test_an_experiment_is_found_by_its_name(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "toy", "symbind_testing.sweeps:TOY")
    assert experiment_named("toy") is TOY
    assert isinstance(TOY, Experiment)
    line = refusal(lambda: experiment_named("tyo"))
    assert line.startswith("experiment is 'tyo'; expected one of ")
    assert line.endswith("; did you mean toy?")


def test_every_experiment_of_the_table_is_one():
    """Its name is the one that it has itself, and its presets fit its fields."""
    for name in EXPERIMENTS:
        experiment = experiment_named(name)
        assert isinstance(experiment, Experiment)
        assert experiment.name == name
        assert experiment.presets.keys() <= experiment.settings.model_fields.keys()
        assert experiment.settings.model_config.get("frozen") is True
        assert experiment.settings.model_config.get("extra") == "forbid"


def test_axes_are_optional():
    assert experiment_axes(TOY) == ("n", "test_error", "model")

    parts = {name: getattr(TOY, name) for name in dir(TOY) if name != "axes"}
    plain: Any = SimpleNamespace(**parts)
    assert isinstance(plain, Experiment)
    assert experiment_axes(plain) is None


def test_nothing_is_near_to_no_names():
    assert nearest("x", []) == "one of (there are none)"


def test_a_reason_is_the_message_too():
    with pytest.raises(PointFailed, match="too small") as caught:
        raise PointFailed("too small")
    assert caught.value.reason == "too small"


@pytest.mark.parametrize("module", ["experiment", "runner", "__main__"])
def test_the_room_itself_imports_no_torch(module):
    """Below `numerics`, whose own exports do: starts and kills would cost seconds."""
    program = (
        "import sys, types, pathlib, symbind_theory\n"
        "root = pathlib.Path(symbind_theory.__file__).parents[1] / 'numerics'\n"
        "package = types.ModuleType('numerics')\n"
        "package.__path__ = [str(root)]\n"
        "sys.modules['numerics'] = package\n"
        f"import numerics.sweeps.{module}\n"
        "heavy = {'torch', 'matplotlib', 'polars', 'distributed'}\n"
        "print(*sorted(heavy & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
