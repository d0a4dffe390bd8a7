"""The measurement of the suite: mutants are found again, made, tried and told of."""

import ast
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.mutants import __main__ as command
from benchmarks.mutants.mutant import ROOT, Mutant, mutants, source_of
from benchmarks.mutants.reach import probed
from benchmarks.mutants.suite import copy_of, digest, near, run
from benchmarks.mutants.trials import Results, Trial, trial

SOURCE = '''\
"""A module."""

from __future__ import annotations


class Pair:
    one = 1

    @property
    def sum(self):
        if self.one:
            return self.one + 2
        elif self.one < 0:
            return -1
        for number in (1, 2):
            try:
                number / self.one
            except ZeroDivisionError:
                return 0


def total(numbers=(1,)):
    result = 0
    for number in numbers:
        result = result + number
    result = result + number
    return result
'''

MUTANT = Mutant(
    number=7,
    file="numerics/pair.py",
    definition="Pair.sum",
    operator="Add",
    before="            return self.one + 2",
    after="            return self.one - 2",
    occurrence=0,
    occurrences=1,
)

TOTAL = replace(
    MUTANT,
    definition="total",
    before="    result = result + number",
    after="    result = result - number",
)


def test_the_list_is_of_150_changes_of_library_code():
    """Each that is not gone changes its file, which Python still reads."""
    listed = mutants()
    assert len({(m.file, m.definition, m.before, m.after) for m in listed}) == 150
    made = 0
    for mutant in listed:
        source = source_of(ROOT, mutant)
        text = mutant.mutated(source)
        if text is not None:
            made += 1
            assert text != source, mutant
            ast.parse(text)
    assert made > 0


def test_a_place_is_found_wherever_its_definition_moves():
    moved = SOURCE.replace("class Pair", "x = 1\n\n\nclass Pair")
    for source in (SOURCE, moved):
        text = MUTANT.mutated(source)
        assert text == source.replace("self.one + 2", "self.one - 2")


@pytest.mark.parametrize(
    ("was", "now"),
    [
        pytest.param("+ 2", "+ 3", id="another text"),
        pytest.param("def sum", "def total", id="another definition"),
        pytest.param("return -1", "return self.one + 2", id="twice"),
    ],
)
def test_a_place_that_reads_otherwise_is_gone(was, now):
    assert was in SOURCE
    assert MUTANT.mutated(SOURCE.replace(was, now)) is None


def test_lines_that_occur_twice_are_told_apart():
    """Also from the longer line, further in, that ends alike."""
    twice = SOURCE.replace("    return result", "    result = result + number")
    assert TOTAL.mutated(twice) is None
    for occurrence in (0, 1):
        text = replace(TOTAL, occurrence=occurrence, occurrences=2).mutated(twice)
        assert text is not None
        changed = [
            place
            for place, (one, other) in enumerate(
                zip(twice.splitlines(), text.splitlines(), strict=True)
            )
            if one != other
        ]
        assert changed == [25 + occurrence]


def test_decorators_can_be_taken_away():
    gone = replace(MUTANT, before="    @property", after="")
    assert gone.mutated(SOURCE) == SOURCE.replace("    @property\n", "")


def test_probes_tell_what_is_executed_and_when(tmp_path):
    """Heads of definitions on import, a branch when it is taken, and each once."""
    lines = {
        "    one = 1": "on import",
        "    @property": "on import",
        "def total(numbers=(1,)):": "on import",
        "        elif self.one < 0:": "never",
        "            return self.one + 2": "when called",
        "            return -1": "never",
        "            except ZeroDivisionError:": "never",
    }
    text = dict(enumerate(SOURCE.splitlines()))
    places = {place: range(place, place + 1) for place in text if text[place] in lines}
    file = tmp_path / "probes"
    file.write_text("")
    space = {}
    exec(probed(SOURCE, places, file), space)
    imported = [text[int(number)] for number in file.read_text().split()]
    assert sorted(imported) == sorted(x for x in lines if lines[x] == "on import")
    file.write_text("")
    assert [space["Pair"]().sum for _ in range(2)] == [3, 3]
    assert [text[int(number)] for number in file.read_text().split()] == [
        line for line in lines if lines[line] == "when called"
    ]


@pytest.mark.parametrize(
    ("module", "tests"),
    [
        ("numerics/mehler.py", ["test_mehler.py"]),
        ("numerics/averages/group_means.py", ["../strings/test_one_layer_kernel.py"]),
        (
            "numerics/estimators/transformer_kernel.py",
            [
                "test_transformer_kernel.py",
                "test_transformer_kernel_contract.py",
                "test_transformer_kernel_deep.py",
                "test_transformer_kernel_refusals.py",
            ],
        ),
    ],
)
def test_the_nearest_tests_mirror_the_module(module, tests):
    """Of its name and longer ones, or the file that a line of test_mirror.py names."""
    *others, last = near(ROOT, module)
    assert last == module
    room = ROOT / "tests" / Path(module).parent
    assert [(ROOT / x).resolve() for x in others] == [
        (room / x).resolve() for x in tests
    ]


def test_a_test_that_fails_anyway_kills_nothing(tmp_path):
    """What it seemed to kill is to be tried again, also after the file is read back."""
    results = Results(tmp_path / "results.jsonl", "state")
    results.add(Trial(1, "killed", "near", by="test_a.py::test_one"))
    results.add(Trial(2, "killed", "near", by="test_a.py::test_two"))
    results.discredit("test_a.py::test_one")
    for known in (results, Results(results.path, "state")):
        assert set(known.trials) == {2}
        assert known.failing == ["test_a.py::test_one"]


def test_results_of_another_state_are_refused(tmp_path):
    results = Results(tmp_path / "results.jsonl", "one state")
    with pytest.raises(ValueError, match="another state of library and tests"):
        Results(results.path, "another state")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--jobs", "0"], "--jobs is 0; expected a positive number"),
        (["--only", "numerics/none.py"], "--only is numerics/none.py; no mutant"),
        (
            ["--against", "nowhere.jsonl"],
            "--against is nowhere.jsonl, which is no",
        ),
    ],
)
def test_arguments_without_sense_are_refused(arguments, said, capsys):
    with pytest.raises(SystemExit) as refused:
        command.main(arguments)
    assert refused.value.code == 2
    assert said in capsys.readouterr().err


def test_two_measurements_are_compared(tmp_path):
    """Mutants with another fate, as far as both have been tried."""
    before = Results(tmp_path / "before.jsonl", "before")
    after = Results(tmp_path / "after.jsonl", "after")
    one, other, third, _ = LISTED
    for number in (1, 2, 3):
        before.add(Trial(number, "killed", "near"))
    after.add(Trial(1, "killed", "near"))
    after.add(Trial(2, "survived", "reaching"))
    assert command.differences([one, third], after, before) == [
        "no mutant with another fate"
    ]
    first, *change = command.differences([one, other, third], after, before)
    assert first == f"survived here, killed there: {other}"
    assert change == ["  - x > 0", "  + x < 0"]


CHECKOUT = {
    "pytest.ini": "[pytest]\naddopts = --import-mode=importlib",
    "numerics/__init__.py": "",
    "numerics/half.py": """
        def half(x):
            return x / 2

        def sign(x):
            return 1 if x > 0 else -1

        def forever(x):
            while x > 0:
                x = x - 1
            return x

        def unused():
            return 0
    """,
    "tests/numerics/test_half.py": """
        from numerics.half import forever, half

        def test_half():
            assert half(4) == 2

        def test_forever():
            assert forever(3) == 0
    """,
    "tests/properties/test_signs.py": """
        from numerics import half

        def test_sign():
            assert half.sign(3) == 1
    """,
}


@pytest.fixture
def checkout(tmp_path):
    """A library of four functions and its tests."""
    for name, text in CHECKOUT.items():
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path / "checkout"


LISTED = [
    Mutant(1, "numerics/half.py", "half", "", "    return x / 2", "    return x", 0, 1),
    Mutant(2, "numerics/half.py", "sign", "", "x > 0", "x < 0", 0, 1),
    Mutant(3, "numerics/half.py", "unused", "", "    return 0", "    return 1", 0, 1),
    Mutant(4, "numerics/third.py", "", "", "x", "y", 0, 1),
]


@pytest.mark.slow
def test_mutants_die_survive_or_are_gone(checkout, tmp_path, monkeypatch, capsys):
    """By the module's own tests, by others, or as no test executes the place."""
    line = "    return 1 if x > 0 else -1"
    sign = replace(LISTED[1], before=line, after=line.replace(">", "<"))
    listed = [LISTED[0], sign, *LISTED[2:]]
    monkeypatch.setattr(command, "mutants", lambda: listed)
    results = Results(tmp_path / "results.jsonl", digest(checkout))
    measurement = command.Measurement(listed, results, jobs=2, root=checkout)
    measurement.measure(only_near=True)
    assert [command.fate(results, mutant.number) for mutant in listed] == [
        "killed",
        "survived, tests of its module alone",
        "survived, tests of its module alone",
        "gone",
    ]
    measurement.measure()
    found = [results.trials[mutant.number] for mutant in listed]
    assert [each.fate for each in found] == ["killed", "killed", "survived", "gone"]
    assert found[0].by == "tests/numerics/test_half.py::test_half"
    assert found[1].by == "tests/properties/test_signs.py::test_sign"
    assert found[2].files == 0
    assert "all: 4 mutants: 2 killed, 1 survived, 1 gone" in "\n".join(
        command.summary(listed, results)
    )
    assert "4 mutants, tests of their modules: about 1 " in capsys.readouterr().err


@pytest.mark.slow
def test_endless_mutants_are_ended(checkout, tmp_path):
    """A loop that never ends, and its process, within the limit."""
    step = "        x = x - 1"
    mutant = Mutant(1, "numerics/half.py", "forever", "", step, "        x = x", 0, 1)
    files = ["tests/numerics/test_half.py"]
    copy = copy_of(checkout, tmp_path / "copy")
    found = trial(copy, mutant, "near", files, limit=15, known=[])
    assert found.fate == "timed out"
    assert not found.final
    assert replace(found, stage="reaching").final
    assert found.seconds == pytest.approx(15, abs=5)
    assert run(copy, files, limit=60).fate == "passed"


@pytest.mark.slow
def test_a_test_that_fails_anyway_is_found(checkout, tmp_path, monkeypatch):
    """The one mutant is killed by a test that fails without it: it is tried again."""
    tests = checkout / "tests" / "numerics" / "test_half.py"
    tests.write_text("def test_false(): assert False\n" + tests.read_text())
    monkeypatch.setattr(command, "mutants", lambda: LISTED[:1])
    results = Results(tmp_path / "results.jsonl", digest(checkout))
    command.Measurement(LISTED[:1], results, root=checkout).measure(only_near=True)
    assert results.failing == ["tests/numerics/test_half.py::test_false"]
    assert results.trials[1].by == "tests/numerics/test_half.py::test_half"
