"""On the way from text to verdict nothing is computed twice."""

from collections import Counter
from functools import cached_property

import pytest

from numerics import Architecture
from symbind_theory import TemplateTask, check, check_template
from symbind_theory.separation import certificates, incidence
from symbind_theory.templates import Template

# Names of wildcards of its own: what is remembered is not of another test.
TASK = ["?once X ?twice", "?once X ?once", "?twice X ?thrice", "X X ?once"]


@pytest.fixture
def counted(monkeypatch):
    """How often each thing was computed, by its name and what it was of."""
    counts = Counter()

    def count(owner, name, key, thing=None):
        original = getattr(owner, name)

        def counting(*arguments):
            counts[thing or name, key(*arguments)] += 1
            return original(*arguments)

        monkeypatch.setattr(owner, name, counting)

    def canonical(template, make=Template._canonical.func):
        counts["canonical", str(template)] += 1
        return make(template)

    remembered = cached_property(canonical)
    remembered.__set_name__(Template, "_canonical")
    monkeypatch.setattr(Template, "_canonical", remembered)
    count(Template, "overlap", lambda t, u, images="symbols": (str(t), str(u), images))
    count(TemplateTask, "_variance", lambda task, group: tuple(group))
    count(certificates, "_classes", lambda incidences: len(incidences))

    # On the class itself: whoever makes one, and by whatever name, is counted.
    count(
        incidence.Incidence,
        "__init__",
        lambda self, template, readout="cls", every_row=False: (
            str(template),
            readout,
            every_row,
        ),
        "Incidence",
    )
    incidence.incidence_of.cache_clear()
    yield counts
    incidence.incidence_of.cache_clear()


@pytest.mark.parametrize("gamma", [1.0, 0.0])
def test_a_check_decides_everything_once(counted, gamma):
    """Templates 1 and 3 are equivalent, with different labels."""
    check(TemplateTask(TASK, [1, -1, 2, 0]), Architecture(gamma=gamma), max_points=64)
    named = {name for name, _ in counted}
    assert {"canonical", "overlap", "_variance", "Incidence"} <= named
    assert set(counted.values()) == {1}


def test_page_and_file_have_one_certificate(counted, tmp_path):
    lines = [f"{t} -> {y}" for y, t in enumerate(TASK) if "thrice" not in t]
    files = ["--certificate", str(tmp_path / "c"), "--html", str(tmp_path / "p")]
    assert check_template.main([*lines, "--max-points", "64", *files]) == 0
    assert counted["_classes", 3] == 1
    found = {key: n for key, n in counted.items() if key[0] in ("Incidence", "overlap")}
    assert set(found.values()) == {1}
