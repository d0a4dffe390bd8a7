"""The table of language models in docs/gpt2.md is what the results on record say."""

import json

from examples.pages import cells, rewritten
from examples.training_on_text import PAGE, RESULTS, SWEEP, read_results, training_lines


def test_page_has_what_the_results_say():
    """`python -m examples.training_on_text --draw` would change nothing."""
    text = PAGE.read_text(encoding="utf-8")
    assert rewritten(text, "training", training_lines(RESULTS)) == text


def test_results_are_of_the_sweep_that_is_here():
    """All its runs, its settings, and the versions and the day beside them."""
    import tomllib

    record = json.loads((RESULTS / "kjv.json").read_text(encoding="utf-8"))
    sweep = tomllib.loads(SWEEP.read_text(encoding="utf-8"))
    for key in ("base", "grid", "experiment"):
        assert record["settings"][key] == sweep[key]
    rows = read_results(RESULTS / "kjv.csv")
    assert record["missing"] == 0
    assert len(rows) == record["points"] == 12
    assert {"symbind", "torch", "transformers"} <= record["versions"].keys()


def test_interval_of_each_ratio_is_said():
    """Three runs of each: variants with scalars have an interval beside none."""
    rows = cells(PAGE.read_text(encoding="utf-8"), "training")
    by_name = {row[0]: row for row in rows if len(row) == 7}
    assert by_name.keys() == {"none", "kq", "vo", "both"}
    assert all("[" in by_name[name][4] for name in ("kq", "vo", "both"))
    assert by_name["none"][4] == ""
