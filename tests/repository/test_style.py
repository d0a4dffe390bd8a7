"""House style that the syntax trees of the library show, and mutants that break it.

Each rule finds offenders in a parsed module. The library has none but those in the
table below, each with its reason, and the table lists nothing that has been mended.
"""

import ast
import inspect
import textwrap
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("symbind_theory", "numerics", "proofs_check", "examples")
MOST_LINES = 400
MOST_FUNCTION_LINES = 60
MOST_PARAMETERS = 8
MOST_POSITIONAL = 6
MOST_RETURNED = 3

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def modules():
    """The path of each module of the library, relative to the repository."""
    return [
        path.relative_to(REPOSITORY)
        for folder in FOLDERS
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
    ]


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]


def lines_of(node):
    return (node.end_lineno or node.lineno) - node.lineno + 1


def parameters(function):
    """The parameters by position, and those by keyword alone, without self or cls."""
    arguments = function.args
    positional = [a.arg for a in [*arguments.posonlyargs, *arguments.args]]
    if positional[:1] in (["self"], ["cls"]):
        positional = positional[1:]
    return positional, [a.arg for a in arguments.kwonlyargs]


def named_like_its_function(tree, source, stem):
    top = [node for node in tree.body if isinstance(node, FUNCTIONS)]
    return [function.name for function in top if function.name == stem]


def long_file(tree, source, stem):
    return ["file"] if len(source.splitlines()) > MOST_LINES else []


def long_function(tree, source, stem):
    found = []
    for function in functions(tree):
        lines = lines_of(function)
        if ast.get_docstring(function, clean=False) is not None:
            lines -= lines_of(function.body[0])
        if lines > MOST_FUNCTION_LINES:
            found.append(function.name)
    return found


def many_parameters(tree, source, stem):
    return [
        function.name
        for function in functions(tree)
        if sum(map(len, parameters(function))) > MOST_PARAMETERS
    ]


def let(tree, source, stem):
    """`for x in [expression]`, where `x = expression` was meant."""
    return [
        ast.unparse(node.iter)
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension | ast.For)
        and isinstance(node.iter, ast.List | ast.Tuple | ast.Set)
        and len(node.iter.elts) == 1
        and not isinstance(node.iter.elts[0], ast.Starred)
    ]


def nested_condition(tree, source, stem):
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.IfExp)
        and any(
            isinstance(part, ast.IfExp) for part in (node.test, node.body, node.orelse)
        )
    ]


def identity(tree, source, stem):
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "id"
    ]


def bare_tuple(tree, source, stem):
    return [
        ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Return)
        and isinstance(node.value, ast.Tuple)
        and len(node.value.elts) > MOST_RETURNED
    ]


def positional_record(tree, source, stem):
    """A record made by many values without names, through its class or as `cls`."""
    return [
        ast.unparse(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and len(node.args) > MOST_POSITIONAL
        and _names_a_class(node.func)
    ]


def _names_a_class(function):
    name = function.attr if isinstance(function, ast.Attribute) else ""
    name = function.id if isinstance(function, ast.Name) else name
    return name == "cls" or name.lstrip("_")[:1].isupper()


RULES = {
    rule.__name__: rule
    for rule in (
        named_like_its_function,
        long_file,
        long_function,
        many_parameters,
        let,
        nested_condition,
        identity,
        bare_tuple,
        positional_record,
    )
}

# Offenders that stay, by rule and place, each with its reason.
REASONS = {
    ("many_parameters", "numerics/estimators/string_kernel_machine.py __init__"): (
        "a scikit-learn constructor: parameters from the third on by keyword"
    ),
    ("many_parameters", "numerics/template_matrix/estimate.py template_gram"): (
        "public; seven as README has them, the others by keyword"
    ),
    ("many_parameters", "numerics/template_matrix/estimate.py tangent_gram"): (
        "public; as template_gram"
    ),
    **{
        ("many_parameters", f"proofs_check/claims/{name}.py {name}"): (
            "public; options by keyword"
        )
        for name in (
            "block_structure",
            "generalisation",
            "identity_perturbations",
            "mlp_floor",
            "single_runs",
        )
    },
    ("many_parameters", "symbind_theory/check_template.py check"): (
        "public; options by keyword"
    ),
}

# A claim's module is named by its checker: the ledger finds one by the other.
CLAIMS = "proofs_check/claims/"


def offenders():
    """(rule, place) of all offenders in the library, but for modules of claims."""
    found = set()
    for path in modules():
        source = (REPOSITORY / path).read_text(encoding="utf-8")
        tree = ast.parse(source)
        for name, rule in RULES.items():
            for detail in rule(tree, source, path.stem):
                place = path.as_posix()
                if name == "named_like_its_function" and place.startswith(CLAIMS):
                    continue
                found.add((name, place if detail == "file" else f"{place} {detail}"))
    return found


def test_the_library_keeps_the_house_style():
    assert sorted(offenders() - REASONS.keys()) == []


def test_the_table_lists_offenders_alone():
    """What was mended leaves the table, so that it stays mended."""
    assert sorted(REASONS.keys() - offenders()) == []


def test_only_surplus_by_keyword_excuses_many_parameters():
    """Up to eight parameters have positions, of any function, however public."""
    for path in modules():
        for function in functions(ast.parse((REPOSITORY / path).read_text("utf-8"))):
            positional, _ = parameters(function)
            assert len(positional) <= MOST_PARAMETERS, (path, function.name)


LINES = "\n".join(f"    x = {i}" for i in range(MOST_FUNCTION_LINES + 1))

MUTANTS = [
    pytest.param("named_like_its_function", "def module(): pass", id="function"),
    pytest.param("long_file", "x = 1\n" * (MOST_LINES + 1), id="file"),
    pytest.param("long_function", f"def f():\n{LINES}", id="long function"),
    pytest.param("long_function", f"async def f():\n{LINES}", id="long coroutine"),
    pytest.param("many_parameters", "def f(a, b, c, d, e, g, h, i, j): ...", id="nine"),
    pytest.param(
        "many_parameters", "def f(a, b, c, *, d, e, g, h, i, j): ...", id="by keyword"
    ),
    pytest.param("let", "y = [x for t in ts for x in [f(t)]]", id="list as a let"),
    pytest.param("let", "y = {x for t in ts for x in (f(t),)}", id="tuple as a let"),
    pytest.param("let", "for x in [f(t)]:\n    print(x)", id="loop as a let"),
    pytest.param("nested_condition", "x = 1 if a else 2 if b else 3", id="else"),
    pytest.param("nested_condition", "x = (1 if a else 2) if b else 3", id="then"),
    pytest.param("nested_condition", "x = 1 if (a if b else c) else 3", id="test"),
    pytest.param("identity", "places = {id(part): part for part in parts}", id="id"),
    pytest.param("bare_tuple", "def f():\n    return 1, 2, 3, 4", id="four"),
    pytest.param("positional_record", "Row(1, 2, 3, 4, 5, 6, 7)", id="record"),
    pytest.param("positional_record", "_Row(1, 2, 3, 4, 5, 6, 7)", id="private"),
    pytest.param("positional_record", "module.Row(1, 2, 3, 4, 5, 6, 7)", id="dotted"),
    pytest.param(
        "positional_record",
        """
        class Row:
            @classmethod
            def of(cls): return cls(1, 2, 3, 4, 5, 6, 7)
        """,
        id="as cls",
    ),
]


@pytest.mark.parametrize(("rule", "mutant"), MUTANTS)
def test_a_mutant_breaks_its_rule_alone(rule, mutant):
    source = textwrap.dedent(mutant)
    tree = ast.parse(source)
    broken = [name for name in RULES if RULES[name](tree, source, "module")]
    assert broken == [rule]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_mutant(rule):
    assert rule in {mutant.values[0] for mutant in MUTANTS}


PLAIN = f"""
def module_of(a, b, c, *, d, e, g, h, i):
    '''{"documented at length" + 80 * chr(10)}'''
    x = 1 if a else 2
    for y in [a, b]:
        print([z for z in [*c]], identity(y))
    return a, b, c


print(Row(1, 2, 3, 4, 5, 6), Row(a=1, b=2, c=3, d=4, e=5, f=6, g=7))
print(plain(1, 2, 3, 4, 5, 6, 7))
"""


@pytest.mark.parametrize("rule", RULES)
def test_what_is_plain_is_left_alone(rule):
    source = inspect.cleandoc(PLAIN)
    assert RULES[rule](ast.parse(source), source, "module") == []
