"""Sweep files: points in their order, each once; refused in one line saying where."""

import hashlib
import json
import re

import pytest
from pydantic import model_validator
from symbind_testing.refusals import error_line
from symbind_testing.sweeps import (
    EXPERIMENTS,
    GRID,
    HEAD,
    Toy,
    ToySettings,
    listed,
    toy_sweep,
)

from numerics.sweeps import parse_sweep, read_sweep
from numerics.sweeps.sweep_file import SweepFile, schema


def rows(text):
    """(n, model's name, seed) of each point."""
    points = [point.settings for point in toy_sweep(text).points]
    return [(p.n, p.model.name, p.seed) for p in points]  # pyright: ignore


def test_the_field_named_last_varies_fastest():
    models = ("plain", "KQ")
    expected = [(n, m, seed) for n in (8, 16) for m in models for seed in (0, 1)]
    assert rows(GRID) == expected
    assert [p.position for p in toy_sweep().points] == list(range(8))


def test_base_is_shared_and_overlaid():
    """What a point says itself counts, also where base says something else."""
    text = HEAD + "points = [{seed = 3}, {n = 9}]\n[base]\nn = 2\nrate = 0.25\n"
    assert rows(text) == [(2, "", 3), (9, "", 0)]
    assert {p.record["rate"] for p in toy_sweep(text).points} == {0.25}


def test_several_grids_then_the_list():
    text = HEAD + (
        "[[grids]]\nn = [1, 2]\n[[grids]]\nn = [5]\nseed = [1, 2]\n"
        "[[points]]\nn = 7\nseed = 9\n"
    )
    assert rows(text) == [(1, "", 0), (2, "", 0), (5, "", 1), (5, "", 2), (7, "", 9)]


def test_points_that_are_written_twice_count_once():
    """Defaults written out, 1 for 1.0 and a preset's table are the same settings."""
    preset = 'model = {name = "KQ", kind = "deep", depth = 2}'
    text = listed(
        "n = 1",
        "n = 1, seed = 0",
        "n = 1, rate = 0.1",
        f"n = 1, {preset}",
        "n = 1, model = 'KQ'",
        "n = 2, rate = 1",
        "n = 2, rate = 1.0",
    )
    points = toy_sweep(text).points
    assert [(p.position, p.record["n"]) for p in points] == [(0, 1), (1, 1), (2, 2)]


def test_presets_are_tables_with_their_name():
    """Those of the file beside those of the experiment."""
    text = GRID.replace('"KQ"', '"wide", "KQ"') + "[presets.model.wide]\ndepth = 7\n"
    models = [p.record["model"] for p in toy_sweep(text).points[::2][:3]]
    assert models == [
        {"name": "plain", "kind": "plain", "depth": 1},
        {"name": "wide", "kind": "plain", "depth": 7},
        {"name": "KQ", "kind": "deep", "depth": 2},
    ]


def test_an_id_is_the_digest_of_experiment_and_settings():
    """Written down here: stores keep it, so that it must not change."""
    point = toy_sweep(listed("n = 3, rate = 2")).points[0]
    record = {
        "deed": "measure",
        "log": "",
        "n": 3,
        "pause": 0.0,
        "rate": 2.0,
        "seed": 0,
    }
    record["model"] = {"depth": 1, "kind": "plain", "name": ""}
    whole = {"experiment": "toy", "settings": record}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    assert point.id == hashlib.sha256(text.encode()).hexdigest()


REFUSED = {
    "not toml": ("name = ", "^not TOML: Invalid value"),
    "no name": (
        'experiment = "toy"\n[grid]\nn = [1]',
        "^name is missing; expected text",
    ),
    "empty name": ('name = ""\nexperiment = "toy"', "^name is ''; expected text"),
    "name of two lines": (
        'name = "a\\nb"\nexperiment = "toy"',
        r"^name is 'a\\nb'; expected text in one line, without control characters",
    ),
    "unknown key": (
        GRID + "[gird]\nn = [1]\n",
        "gird is no field; .*did you mean grid",
    ),
    "experiment": (GRID.replace('"toy"', '"tyo"'), "experiment is 'tyo'; .*mean toy?"),
    "field": (GRID.replace("seed", "sed"), r"grid\.sed is no field of .*mean seed"),
    "base field": (GRID.replace("rate", "rat"), r"base\.rat is no field .*mean rate"),
    "point field": (listed("n = 1", "m = 1"), r"points\[2\]\.m is no field of"),
    "preset": (
        GRID.replace("plain", "plan"),
        r"grid\.model is 'plan'; .*; did you mean plain",
    ),
    "preset field": (
        GRID + "[presets.mdl.X]\na = 1\n",
        r"presets\.mdl is .*mean model",
    ),
    "preset twice": (
        GRID + "[presets.model.KQ]\n",
        r"presets\.model\.KQ is a preset of",
    ),
    "value": (
        GRID.replace("[8,", "['a',"),
        r"grid\.n is 'a'; expected an integer of at",
    ),
    "too small": (
        GRID.replace("[8,", "[0,"),
        r"grid\.n is 0; expected an integer of at",
    ),
    "no list": (
        GRID.replace("[8, 16]", "8"),
        r"grid\.n is 8; expected a table of fields",
    ),
    "no values": (
        GRID.replace("[8, 16]", "[]"),
        r"grid\.n is \[\]; expected a table of",
    ),
    "empty grid": (HEAD + "[grid]", r"grid is \{\}; expected a table of fields"),
    "nothing": (
        HEAD,
        r"grid is missing; expected \[grid\], \[\[grids\]\] or \[\[points",
    ),
    "both": (
        GRID + "[[grids]]\nn = [1]\n",
        "grids was given beside grid; expected one",
    ),
    "missing": (HEAD + "[grid]\nseed = [1]", r"n is missing; expected it in \[base\]"),
    "infinite": (GRID.replace("0.5", "inf"), r"base\.rate is inf; expected a finite"),
    "nan": (GRID.replace("[0, 1]", "[nan]"), r"grid\.seed is nan; expected a finite"),
    "table": (
        listed("n = 1, model = {depth = 'x'}"),
        r"points\[1\]\.model\.depth is 'x'; "
        "expected a valid integer",
    ),
    "table field": (
        listed("n = 1, model = {dept = 1}"),
        r"points\[1\]\.model\.dept is no",
    ),
    "preset value": (
        GRID.replace('"KQ"', '"X"') + "[presets.model.X]\ndepth = 'x'\n",
        r"grid\.model \(the preset X\)\.depth is 'x'; expected a valid integer",
    ),
    "infinite preset": (
        GRID + "[presets.model.X]\ndepth = inf\n",
        r"presets\.model\.X\.depth is inf; expected a finite number",
    ),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said_in_one_line(text, said, tmp_path):
    """It names the file, the key, what was given and what was expected."""
    path = tmp_path / "bad.toml"
    path.write_text(text)
    message = error_line(lambda: read_sweep(path, EXPERIMENTS))
    before, _, after = message.partition(f"the sweep file '{path}': ")
    assert not before
    assert re.search(said, after), after


def test_a_missing_file_is_one_line(tmp_path):
    line = error_line(lambda: read_sweep(tmp_path / "no.toml"))
    assert "no.toml' could not be read: No such file" in line


def test_a_point_that_is_wrong_as_a_whole_is_shown():
    """A rule between fields names none of them."""

    class Rule(ToySettings):
        @model_validator(mode="after")
        def _small(self):
            if self.n * self.seed > 8:
                raise ValueError("n seed is above 8")
            return self

    class Ruled(Toy):
        settings = Rule

    text = listed("n = 1", "n = 3, seed = 3")
    line = error_line(lambda: parse_sweep(text, {"toy": Ruled()}))
    assert line == "the point {'n': 3, 'seed': 3} is refused: n seed is above 8"


def test_the_schema_is_that_of_the_model():
    assert schema() == SweepFile.model_json_schema()
