"""The shape of the code: sizes, signatures, and constructions that read badly.

Each rule looks at a module's syntax tree and yields (line, what is wrong); each has an
example that it catches. What is allowed all the same stands in a table with its reason.
"""

import ast
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("symbind_theory", "numerics", "proofs_check")
MODULES = sorted(chain.from_iterable((ROOT / p).rglob("*.py") for p in PACKAGES))

MOST_LINES, MOST_BODY, MOST_PARAMETERS, MOST_VALUES = 400, 60, 8, 6

# (module, name, rule): why.
ALLOWED: dict[tuple[str, str, str], str] = {}


def functions(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function):
    """Lines of a function, its docstring not counted."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = first.end_lineno - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


def long_module(tree):
    last = max((node.end_lineno for node in tree.body), default=0)
    if last > MOST_LINES:
        yield last, "module", f"{last} lines"


def long_function(tree):
    for function in functions(tree):
        if (lines := body_lines(function)) > MOST_BODY:
            yield function.lineno, function.name, f"{lines} lines"


def many_parameters(tree):
    """Of public functions, keyword-only options do not count."""
    for function in functions(tree):
        given = [*function.args.posonlyargs, *function.args.args]
        plain = [a.arg for a in given if a.arg not in ("self", "cls")]
        named = function.args.kwonlyargs
        public = not function.name.startswith("_") or function.name == "__init__"
        counted = len(plain) + (0 if public else len(named))
        if counted > MOST_PARAMETERS:
            yield function.lineno, function.name, f"{counted} parameters"


def wide_construction(tree):
    """A record of many values is built by keyword."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name[:1].isupper() and len(node.args) > MOST_VALUES:
                yield node.lineno, name, f"{len(node.args)} values by position"


def let_by_loop(tree):
    """`for x in [expression]` names a value; an assignment says so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension | ast.For):
            items = []
            if isinstance(node.iter, ast.List | ast.Tuple):
                items = node.iter.elts
            if len(items) == 1 and not isinstance(items[0], ast.Starred):
                yield node.iter.lineno, ast.unparse(node.target), "a loop over one"


def nested_condition(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            parts = (node.body, node.orelse)
            if any(isinstance(part, ast.IfExp) for part in parts):
                yield node.lineno, "if", "a conditional expression in another"


def identity_of_parts(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "id":
            yield node.lineno, "id", "id() as the identity of a part"


def bare_tuple(tree):
    """Four values and more are a record; a sequence says so: `tuple[X, ...]`."""
    for function in functions(tree):
        annotation = ast.unparse(function.returns) if function.returns else ""
        if annotation.startswith("tuple[") and annotation.endswith("...]"):
            continue
        for node in ast.walk(function):
            returned = node.value if isinstance(node, ast.Return) else None
            count = len(returned.elts) if isinstance(returned, ast.Tuple) else 0
            if count > 3:
                yield node.lineno, function.name, f"a bare tuple of {count}"


RULES = {
    "long module": long_module,
    "long function": long_function,
    "many parameters": many_parameters,
    "wide construction": wide_construction,
    "let by loop": let_by_loop,
    "nested condition": nested_condition,
    "identity of parts": identity_of_parts,
    "bare tuple": bare_tuple,
}


def breaches(rule):
    for path in MODULES:
        module = path.relative_to(ROOT).as_posix()
        for line, name, what in RULES[rule](ast.parse(path.read_text())):
            yield (module, name, rule), f"{module}:{line}: {name}: {what}"


@pytest.mark.parametrize("rule", RULES)
def test_the_code_keeps_the_rule(rule):
    found = [text for key, text in breaches(rule) if key not in ALLOWED]
    assert found == [], "\n".join(found)


def test_what_is_allowed_occurs():
    keys = {key for rule in RULES for key, _ in breaches(rule)}
    assert set(ALLOWED) <= keys


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("long module", "x = 1\n" * 401),
        ("long function", "def f():\n" + "    x = 1\n" * 60),
        ("many parameters", "def f(a, b, c, d, e, g, h, i, j): ..."),
        ("many parameters", "def _f(a, b, c, d, e, g, h, i, *, j): ..."),
        ("wide construction", "Record(1, 2, 3, 4, 5, 6, 7)"),
        ("wide construction", "module.Record(1, 2, 3, 4, 5, 6, 7)"),
        ("let by loop", "y = [x + x for x in [f()]]"),
        ("let by loop", "for x in (f(),):\n    pass"),
        ("nested condition", "x = 1 if a else 2 if b else 3"),
        ("identity of parts", "known = {id(part): part}"),
        ("bare tuple", "def f():\n    return 1, 2, 3, 4"),
        ("bare tuple", "def f() -> tuple[int, int, int, int]:\n    return 1, 2, 3, 4"),
    ],
)
def test_a_breach_is_noticed(rule, source):
    assert list(RULES[rule](ast.parse(source)))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("long function", 'def f():\n    """' + "x\n" * 80 + '"""\n    return 1'),
        ("many parameters", "def f(self, a, b, *, c, d, e, g, h, i, j): ..."),
        ("wide construction", "Record(a=1, b=2, c=3, d=4, e=5, g=6, h=7)"),
        ("let by loop", "y = [x for x in [*xs]]"),
        ("bare tuple", "def f() -> tuple[int, ...]:\n    return 1, 2, 3, 4"),
    ],
)
def test_what_keeps_the_rule_is_let_be(rule, source):
    assert not list(RULES[rule](ast.parse(source)))


def functions_named_like_their_module():
    """Names of modules that define a public function of that name."""
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name == path.stem:
                yield path.relative_to(ROOT).as_posix()


def test_no_module_is_named_like_its_function():
    """A name that is a module and a function is one of the two by chance.

    A claim's module is named by its checker, which users call as `proofs_check.name`.
    """
    found = [
        module
        for module in functions_named_like_their_module()
        if not module.startswith("proofs_check/claims/")
    ]
    assert found == []
