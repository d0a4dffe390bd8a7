"""What a claim hands to the ledger: its sizes have one form, in one place."""

import ast
import importlib
import inspect
import typing
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import pytest

import proofs_check
from proofs_check.checker import ByEffort, Effort
from proofs_check.claims.mlp_coupling import SIZES as COUPLING
from proofs_check.registry import CHECKERS
from symbind_theory.validation import InputError

EFFORTS = tuple(Effort)


@pytest.fixture(params=CHECKERS, ids=lambda checker: checker.claim)
def module(request) -> Any:
    """The module of each claim."""
    return importlib.import_module(request.param.check.__module__)


def test_each_effort_has_its_own_sizes():
    sizes = ByEffort(quick=1, standard=2, full=3)
    assert [sizes[effort] for effort in EFFORTS] == [1, 2, 3]
    assert [sizes[effort.value] for effort in EFFORTS] == [1, 2, 3]
    with pytest.raises(InputError, match="effort is 'much'; expected one of quick, st"):
        _ = sizes["much"]


def test_every_checker_takes_an_effort_by_keyword_and_a_seed():
    for checker in CHECKERS:
        taken = inspect.signature(checker.check).parameters
        assert taken["effort"].kind is inspect.Parameter.KEYWORD_ONLY
        assert taken["effort"].default == "quick"
        assert taken["seed"].default == 0


def test_records_of_sizes_come_from_the_package():
    """Whoever reads what to pass can import it from where the checkers are."""
    for checker in CHECKERS:
        hints = inspect.signature(checker.check, eval_str=True).parameters.values()
        records = {
            kind
            for hint in hints
            for kind in typing.get_args(hint.annotation)
            if is_dataclass(kind) and kind.__module__.startswith("proofs_check")
        }
        for record in records:
            name = f"{record}".rpartition(".")[2].removesuffix("'>")
            assert getattr(proofs_check, name) is record


def amounts(sizes):
    """Every whole number in a record of sizes; a row of them counts as its sum."""
    values = [getattr(sizes, field.name) for field in fields(sizes)]
    found = [value for value in values if type(value) is int]
    found += [sum(value) for value in values if type(value) is tuple]
    for value in values:
        if is_dataclass(value):
            found += amounts(value)
    return found


def faults(sizes):
    """What keeps the sizes of a claim from the one form that all claims have."""
    if not isinstance(sizes, ByEffort):
        return ["not by effort"]
    records: list[Any] = [sizes[effort] for effort in EFFORTS]
    if any(not is_dataclass(r) or isinstance(r, type) for r in records):
        return ["not records"]
    if not all(record.__dataclass_params__.frozen for record in records):
        return ["not frozen"]
    if len(set(map(type, records))) > 1:
        return ["not alike"]
    quick, standard, full = map(amounts, records)
    if quick == standard or standard == full:
        return ["efforts that are one"]
    triples = zip(quick, standard, full, strict=True)
    return [] if all(q <= s <= f for q, s, f in triples) else ["less work"]


def test_every_claim_has_its_sizes_side_by_side(module):
    assert faults(module.SIZES) == []
    assert "SIZES" in module.__all__


@dataclass
class Thawed:
    """A record that can be changed."""

    runs: int


@pytest.mark.parametrize(
    ("sizes", "fault"),
    [
        pytest.param({"quick": 1}, "not by effort", id="dictionary"),
        pytest.param(ByEffort(1, 2, 3), "not records", id="numbers"),
        pytest.param(ByEffort(Thawed, Thawed, Thawed), "not records", id="classes"),
        pytest.param(
            ByEffort(Thawed(1), Thawed(2), Thawed(3)), "not frozen", id="thawed"
        ),
        pytest.param(
            replace(COUPLING, full=ByEffort(1, 2, 3)), "not alike", id="two records"
        ),
        pytest.param(
            replace(COUPLING, full=COUPLING.standard), "efforts that are one", id="one"
        ),
        pytest.param(
            replace(COUPLING, full=COUPLING.quick), "less work", id="falls again"
        ),
        pytest.param(
            replace(COUPLING, full=replace(COUPLING.full, steps=49)),
            "less work",
            id="one number falls",
        ),
    ],
)
def test_sizes_of_another_form_are_found(sizes, fault):
    """Mutants of the form, one for each fault."""
    assert faults(sizes) == [fault]


def decided_elsewhere(source):
    """Expressions that ask what the effort is, or look it up in another table."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and is_effort(node.value))
        or (isinstance(node, ast.Compare) and any(map(is_effort, operands(node))))
        or (
            isinstance(node, ast.Subscript)
            and is_effort(node.slice)
            and ast.unparse(node.value) != "SIZES"
        )
    ]


def is_effort(node):
    return isinstance(node, ast.Name) and node.id in ("effort", "Effort")


def operands(comparison):
    return [comparison.left, *comparison.comparators]


def test_no_claim_decides_by_the_effort_elsewhere(module):
    assert decided_elsewhere(inspect.getsource(module)) == []


@pytest.mark.parametrize(
    "line",
    [
        "runs = effort.choose(1, 2, 3)",
        "shrink = effort is not QUICK",
        "shrink = effort is Effort.QUICK",
        "runs = RUNS[effort]",
    ],
)
def test_an_effort_that_is_asked_elsewhere_is_found(line):
    """Mutants of a line that reads `SIZES`."""
    assert decided_elsewhere(line)
    assert not decided_elsewhere("runs = SIZES[effort].runs; check(effort, seed)")
