"""Files that no check can have written: refused in one line."""

import json
import math
from dataclasses import MISSING
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.builders.toy_result import toy_result

from symbind_theory import InputError, TemplateTask
from symbind_theory.interval import Interval
from symbind_theory.records.check import CheckResult
from symbind_theory.records.description import document_fields
from symbind_theory.records.files import load_result, parse_result
from symbind_theory.records.learning import Alignment, Curve, SampleComplexity
from symbind_theory.records.ledger import Ledger
from symbind_theory.report.document import to_json
from symbind_theory.report.ledger import ledger_to_json
from symbind_theory.separation.certificates import certify


@cache
def full_text():
    task = TemplateTask(["?a ?a", "?a ?b", "?b ?a"], [1, -1, 1], name="three")
    found = SampleComplexity(12, Interval(11.5, 10, 13), target=0.25, alpha=0.5)
    result = toy_result(
        task,
        complexity=found,
        alignment=Alignment(Interval(0.5, 0.25, 1.0), (1.0, 0.0, -1.0), found),
        curve=Curve((1, 10), (Interval(2.0, 1.0, 3.0), Interval(0.5, 0, 1)), 0.5),
        leading=(2, "gamma**2"),
    )
    return to_json(result)


def full():
    """A document in which nothing is null that need not be."""
    return json.loads(full_text())


def changed(path, value):
    """The text of a full document with another value somewhere."""
    document = full()
    *steps, last = path
    place = document
    for step in steps:
        place = place[step]
    place[last] = value
    return json.dumps(document)


def without(*path):
    document = full()
    *steps, last = path
    place = document
    for step in steps:
        place = place[step]
    del place[last]
    return json.dumps(document)


INTERVAL = {"value": 1, "low": 2, "high": 3}
ROWS = [[0.0] * 3] * 3
MESSAGES = [
    ("no JSON", "{'task': 1}", "not JSON: Expecting property name"),
    ("empty", "", "not JSON: Expecting value"),
    ("two documents", to_json(toy_result()) * 2, "not JSON: Extra data"),
    ("deep", '{"matrix": ' + "[" * 100_000, "not JSON: "),
    ("long integer", f'{{"seed": {"9" * 5000}}}', "not JSON: Exceeds the limit"),
    ("NaN", changed(["labels", 0], math.nan), "not JSON: NaN; expected null for what"),
    ("Infinity", changed(["condition_number", "high"], math.inf), "not JSON: Infinity"),
    ("beyond float64", '{"level": 1e999}', "a number is '1e999'; expected one that"),
    ("a key twice", '{"seed": 1, "seed": 2}', "key 'seed' is there twice; expected"),
    ("a nested key twice", '{"x": [{"a": 1, "a": 1}]}', "key 'a' is there twice"),
    ("a list", "[]", "it is another kind of document; expected what check_template"),
    ("text", '"result"', "it is another kind of document; expected what"),
    ("a table", "{}", "it is another kind of document; expected what"),
    ("missing", without("matrix"), "matrix is missing; expected rows of numbers, one"),
    ("missing version", without("version"), "version is missing; expected text"),
    (
        "missing end",
        without("gaps", 1, "estimate", "low"),
        "gaps[1].estimate.low is missing; expected a number, or null for infinity",
    ),
    ("task", changed(["task"], 3), "task is 3; expected the name of the task, or null"),
    ("templates", changed(["templates"], "?a"), "templates is '?a'; expected a list"),
    ("no templates", changed(["templates"], []), "templates is empty; expected at"),
    ("template", changed(["templates", 1], 7), "templates[1] is 7; expected a list of"),
    (
        "control",
        changed(["templates", 1], "?a \x1b"),
        "expected non-empty text without",
    ),
    ("length", changed(["templates", 1], "?a"), "expected one length"),
    ("twice", changed(["templates", 1], "?a ?a"), "is written twice (numbers 1 and 2)"),
    ("label", changed(["labels", 1], None), "labels[1] is null; expected a list of"),
    ("true label", changed(["labels", 1], True), "labels[1] is True; expected a list"),
    ("mixed labels", changed(["labels", 1], "x"), "labels mix the number 1"),
    ("labels", changed(["labels"], [1, 2]), "labels has 2 entries for 3 templates"),
    ("huge label", changed(["labels", 0], 10**400), "labels[0] is 1000"),
    ("weight", changed(["weights", 0], "1/3"), "weights[0] is '1/3'; expected a list"),
    ("negative weight", changed(["weights", 0], -0.5), "weights[0] is -0.5; expected"),
    (
        "weights' sum",
        changed(["weights", 0], 0.25),
        "weights sum to 0.916667; expected",
    ),
    ("no weight", changed(["weights"], [0, 0, 0]), "weights sum to 0; expected"),
    ("weights", changed(["weights"], [0.5, 0.5]), "weights has 2 entries for 3"),
    ("noise", changed(["noise"], -1), "noise is -1; expected a number of at least 0"),
    ("architecture", changed(["architecture"], []), "architecture is []; expected"),
    (
        "parameter",
        changed(["architecture", "beta"], [1]),
        "architecture.beta is [1]; expected a number of at least 0",
    ),
    (
        "huge parameter",
        changed(["architecture", "beta"], 10**400),
        "architecture.beta is 1000",
    ),
    (
        "odd parameter",
        changed(["architecture", "a\nb\x1b"], 1.0),
        "architecture.'a\\nb\\x1b' is no field; expected one of beta, gamma, readout",
    ),
    ("negative beta", changed(["architecture", "beta"], -1), "beta is -1; expected a"),
    (
        "no depth",
        without("architecture", "depth"),
        "architecture.depth is missing; exp",
    ),
    (
        "readout",
        changed(["architecture", "readout"], "first"),
        "architecture.readout is 'first'; expected cls, last or mean",
    ),
    (
        "parameter of an activation",
        changed(["architecture", "activation", "a\nb"], []),
        "architecture.activation.'a\\nb' is []; expected a number",
    ),
    (
        "nameless activation",
        changed(["architecture", "activation"], {"b1": 1}),
        "architecture.activation.name is missing; expected the name of an activation",
    ),
    (
        "activation",
        changed(["architecture", "activation", "b1"], "1"),
        "architecture.activation.b1 is '1'; expected a number",
    ),
    ("pair", changed(["equivalent_pairs"], [[0]]), "equivalent_pairs[0] is [0]; exp"),
    ("decimal pair", changed(["collapsed_pairs"], [[0, 1.0]]), "collapsed_pairs[0][1]"),
    (
        "pair out of range",
        changed(["collapsed_pairs"], [[1, 3]]),
        "collapsed_pairs[0] is of templates 1 and 3; expected 0 <= i < j < 3",
    ),
    ("pair's order", changed(["equivalent_pairs"], [[1, 0]]), "of templates 1 and 0"),
    ("pair below", changed(["equivalent_pairs"], [[-1, 0]]), "of templates -1 and 0"),
    (
        "overlap out of range",
        changed(["overlapping_pairs"], [{"i": 2, "j": 2, "witness": "x"}]),
        "overlapping_pairs[0] is of templates 2 and 2; expected 0 <= i < j < 3",
    ),
    (
        "overlap",
        changed(["overlapping_pairs_any", 0, "witness"], 1),
        "overlapping_pairs_any[0].witness is 1; expected text",
    ),
    ("floor", changed(["mlp_floor"], "1"), "mlp_floor is '1'; expected a number, or"),
    (
        "two floors",
        changed(["mlp_floor_exact"], "1/3"),
        "mlp_floor is 0.8888888888888888 and mlp_floor_exact '1/3'; expected one num",
    ),
    (
        "no floor",
        changed(["mlp_floor_exact"], None),
        "mlp_floor_exact None; expected a number and text for labels that are numbers",
    ),
    (
        "floor of symbols",
        changed(["labels"], ["a", "b", "c"]),
        "expected a number and text for labels that are numbers, null for others",
    ),
    ("division", changed(["mlp_floor"], True), "mlp_floor is True; expected a number"),
    ("gaps", changed(["gaps"], {}), "gaps is {}; expected a list of tables with i, j"),
    (
        "missing gap",
        without("gaps", 1),
        "gaps has 2 entries for 2 pairs of templates; expected one for each of the 3",
    ),
    (
        "gap twice",
        changed(["gaps", 1, "j"], 1),
        "gaps has 3 entries for 2 pairs of templates; expected one for each of the 3",
    ),
    ("gap out of range", changed(["gaps", 1, "j"], 3), "gaps[1] is of templates 0 and"),
    ("gap", changed(["gaps", 1], 2), "gaps[1] is 2; expected a list of tables with i"),
    ("order", changed(["gaps", 0, "order"], -1), "gaps[0].order is -1; expected an in"),
    ("coefficient", changed(["gaps", 0, "coefficient"], 2), "expected text, or null"),
    (
        "gap's interval",
        changed(["gaps", 0, "estimate"], INTERVAL),
        "gaps[0].estimate: interval is [2.0, 3.0] around 1.0; expected low <= value",
    ),
    (
        "no square",
        changed(["matrix"], [[1.0] * 3] * 2),
        "matrix has 2 entries; expected",
    ),
    (
        "short row",
        changed(["attention"], [*ROWS[:2], [0.0]]),
        "attention[2] has 1 entries; expected 3, one for each of the templates",
    ),
    *(
        (
            f"asymmetric {name}",
            changed([name, 0, 2], 0.75),
            f"{name}[0][2] is 0.75; expected {there} as in {name}[2][0]: a kernel is",
        )
        for name, there in (
            ("attention", "0.25"),
            ("attention_halfwidth", "0.02"),
            ("matrix", "0.25"),
            ("matrix_halfwidth", "0.02"),
        )
    ),
    (
        "halfwidths",
        changed(["matrix_halfwidth"], [[0.0]]),
        "matrix_halfwidth has 1 entries; expected 3",
    ),
    (
        "text entry",
        changed(["attention_halfwidth", 1, 2], "0"),
        "attention_halfwidth[1][2] is '0'; expected rows of numbers",
    ),
    ("null entry", changed(["matrix", 0, 0], None), "matrix[0][0] is null; expected"),
    ("self", changed(["matrix_self"], [1.0]), "matrix_self has 1 entries; expected 3"),
    ("other self", changed(["attention_self"], []), "attention_self has 0 entries"),
    (
        "eigenvalues",
        changed(["eigenvalues"], []),
        "eigenvalues has 0 entries; expected",
    ),
    (
        "eigenvalue",
        changed(["eigenvalues", 2], INTERVAL),
        "eigenvalues[2]: interval is [2.0, 3.0] around 1.0",
    ),
    (
        "interval",
        changed(["smallest_eigenvalue"], 0.5),
        "smallest_eigenvalue is 0.5; expected a table with value, low and high, each",
    ),
    (
        "end",
        changed(["condition_number", "high"], "inf"),
        "condition_number.high is 'inf'; expected a number, or null for infinity",
    ),
    (
        "ends",
        changed(["condition_number"], INTERVAL),
        "condition_number: interval is [2.0, 3.0] around 1.0; expected low <= value",
    ),
    (
        "infinite value",
        changed(["attention_smallest_eigenvalue", "value"], None),
        "attention_smallest_eigenvalue: interval is [0.25, 0.5] around inf",
    ),
    (
        "sample complexity",
        changed(["sample_complexity"], 3657),
        "sample_complexity is 3657; exp",
    ),
    ("n", changed(["sample_complexity", "n"], 2.5), "sample_complexity.n is 2.5; exp"),
    ("n below 0", changed(["sample_complexity", "n"], -1), "sample_complexity.n is -1"),
    (
        "target",
        changed(["sample_complexity", "target"], 0),
        "target is 0; expected a n",
    ),
    (
        "ridge",
        changed(["sample_complexity", "alpha"], None),
        "sample_complexity.alpha is null; expected a number above 0",
    ),
    (
        "hardest labels",
        changed(["alignment", "hardest_labels"], [1.0]),
        "alignment.hardest_labels has 1 entries; expected 3, one for each of the",
    ),
    (
        "hardest complexity",
        changed(["alignment", "hardest_sample_complexity"], None),
        "alignment.hardest_sample_complexity is null; expected a table with n, value, "
        "low, high, target and alpha",
    ),
    (
        "energy",
        changed(["alignment", "energy", "low"], 0.75),
        "alignment.energy: interval is [0.75, 1.0] around 0.5",
    ),
    (
        "sizes",
        changed(["learning_curve", "sizes"], [10, 10]),
        "learning_curve.sizes is [10, 10]; expected increasing integers of at least 1",
    ),
    (
        "no sizes",
        changed(["learning_curve", "sizes"], []),
        "learning_curve.sizes is []; expected increasing integers from 1 to 1e18, one",
    ),
    (
        "a size that no float holds",
        changed(["learning_curve", "sizes", 1], 10**400),
        "expected increasing integers from 1 to 1e18, one",
    ),
    (
        "size 0",
        changed(["learning_curve", "sizes", 0], 0),
        "learning_curve.sizes[0] is 0; expected increasing integers from 1 to 1e18",
    ),
    (
        "errors",
        changed(["learning_curve", "sizes"], [1]),
        "learning_curve.mse has 2 entries; expected 1, one for each of the sizes",
    ),
    (
        "claim",
        changed(["verdicts", 1, "claim"], "C99"),
        "verdicts[1].claim is 'C99'; expected one of C1, C2",
    ),
    (
        "claim twice",
        changed(["verdicts", 1, "claim"], "C3"),
        "verdicts has claim C3 twice; expected once",
    ),
    (
        "verdict",
        changed(["verdicts", 0, "verdict"], "TRUE"),
        "verdicts[0].verdict is 'TRUE'; expected HOLDS, REFUTED or UNDECIDED",
    ),
    ("evidence", changed(["verdicts", 0, "evidence"], []), "evidence is []; expected"),
    ("level", changed(["level"], 1.5), "level is 1.5; expected a number in (0, 1]"),
    ("level 0", changed(["level"], 0), "level is 0; expected a number in (0, 1]"),
    (
        "points",
        changed(["points"], 0),
        "points is 0; expected an integer of at least 1",
    ),
    ("true points", changed(["points"], True), "points is True; expected an integer"),
    ("seed", changed(["seed"], "0"), "seed is '0'; expected an integer of at least 0"),
    ("decimal seed", changed(["seed"], 1.0), "seed is 1.0; expected an integer"),
    ("method", changed(["method"], None), "method is null; expected text"),
    ("device", changed(["device"], 0), "device is 0; expected text"),
]


def test_the_full_document_is_read():
    assert json.loads(to_json(parse_result(json.dumps(full())))) == full()


@pytest.mark.parametrize(
    ("text", "message"),
    [case[1:] for case in MESSAGES],
    ids=[case[0] for case in MESSAGES],
)
def test_what_is_wrong_is_one_line_that_names_file_and_field(text, message, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        load_result(path)
    line = str(refused.value)
    assert line.startswith("the result file ")
    assert "result.json" in line
    assert message in line
    assert line.isprintable()
    assert len(line) < 500


# A document from before a field was there is read as having its default.
OPTIONAL = {f.key for f in document_fields(CheckResult) if f.default is not MISSING}


@pytest.mark.parametrize("name", sorted(full().keys() - OPTIONAL))
def test_no_field_can_be_missing(name):
    with pytest.raises(InputError, match=rf"^{name} is missing; expected \w"):
        parse_result(without(name))


def test_other_documents_of_the_package_are_refused():
    ledger = ledger_to_json(Ledger((), "quick", 7, "1.2"))
    for text in (ledger, json.dumps(certify(["?a ?a", "?a ?b"]))):
        with pytest.raises(InputError, match="another kind of document; expected what"):
            parse_result(text)


def test_files_that_cannot_be_read_are_one_line(tmp_path):
    path = tmp_path / "result.json"
    with pytest.raises(InputError, match=r"^the result file .*could not be read: No"):
        load_result(path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match=r"^the result file .*is not UTF-8 at line 1"):
        load_result(path)
    path.write_bytes(b" " * (2**26 + 1))
    with pytest.raises(InputError, match=r"^the result file .*is larger than 67108864"):
        load_result(path)


@given(
    place=st.floats(0, 1),
    put=st.sampled_from(["", '"', "[", "}", ",", "\n", "-", "9", ".", "é", "\\", "e"]),
)
def test_a_damaged_document_is_one_line_or_a_check(place, put):
    text = json.dumps(full())
    at = int(place * (len(text) - 1))
    message = "none"
    try:
        parse_result(text[:at] + put + text[at + 1 :])
    except InputError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from(sorted(full())), ANYTHING.filter(lambda v: v != math.inf))
def test_anything_in_a_field_is_one_line_or_a_check(name, value):
    message = "none"
    try:
        parse_result(json.dumps({**full(), name: value}))
    except InputError as error:
        message = str(error)
    assert len(message.splitlines()) == 1
