"""Task files: read exactly, refused in one line, written so that they read back."""

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import InputError, TemplateTask, load_task
from symbind_theory.check_template import main
from symbind_theory.laws.substitution_laws import Probabilities, Uniform, Zipf
from symbind_theory.strategies import tasks
from symbind_theory.task_files import (
    TaskFile,
    dump_task,
    parse_task,
    save_task,
    schema,
)

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
# TOML has no lone surrogates.
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
ONE = '[[templates]]\ntemplate = "?a"\nlabel = 1\n'


def test_numbers_are_exact():
    task = parse_task(
        """
        name = "exact"
        noise = 0.25
        templates = [
            {template = "?a ?a", label = 0.1, weight = "1/3"},
            {template = ["?a", "->"], label = -3, weight = 1},
        ]
        """
    )
    assert task.labels == (Fraction(1, 10), -3)
    assert task.weights == (Fraction(1, 4), Fraction(3, 4))
    assert task.noise == 0.25
    assert (task.name, str(task.templates[1])) == ("exact", "?a ->")


def test_laws_for_all_and_for_one():
    task = parse_task(
        'substitutions = "zipf"\n'
        + ONE
        + '[[templates]]\ntemplate = "X"\nlabel = 0\nsubstitutions = {u = 2, v = "2/3"}'
    )
    assert task.laws == (Zipf(), Probabilities({"u": 3, "v": 1}))
    assert parse_task(ONE).laws == (Uniform(),)


def test_text_is_a_symbolic_label_even_where_it_reads_as_a_number():
    assert parse_task(ONE.replace("1", '"1"')).symbolic


@given(
    task=tasks(),
    noise=st.floats(0, 100),
    laws=st.sampled_from(["uniform", "zipf", {"s1": 1, "s2": 0.5, "s3": 3, "s4": 1}]),
    name=TEXTS,
    description=TEXTS,
)
def test_what_is_written_reads_back(task, noise, laws, name, description):
    if any(len(t.wildcards) > 4 for t in task.templates):
        laws = "zipf"
    task = TemplateTask(
        task.templates,
        task.labels,
        task.weights,
        name,
        laws=laws,
        noise=0 if task.symbolic else noise,
        description=description,
    )
    if task.symbolic or all(
        Fraction(repr(float(y))) == y for y in task.labels if isinstance(y, Fraction)
    ):
        assert parse_task(dump_task(task)) == task


@given(
    task=tasks(),
    place=st.floats(0, 1),
    put=st.sampled_from(["", '"', "[", "=", "\n", "-", "9", "é", "\\", "'"]),
)
def test_a_damaged_document_is_one_line_or_a_task(task, place, put):
    """Any change of a character is read as a task, or refused in one line."""
    labels = [1 + i for i in range(len(task))]
    text = dump_task(TemplateTask(task.templates, labels, name="damaged", noise=0.5))
    at = int(place * (len(text) - 1))
    message = "none"
    try:
        parse_task(text[:at] + put + text[at + 1 :])
    except InputError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


def test_laws_of_single_templates_read_back():
    task = TemplateTask(
        ["?a ?a", "?a ?b", "?b X"],
        [1, 0.5, -2e-30],
        [1, 2, 0],
        laws=["uniform", "zipf", {"u": 1}],
        noise=1e-3,
    )
    assert parse_task(dump_task(task)) == task


@pytest.mark.parametrize("label", [Fraction(1, 3), Fraction(1, 7 * 2**40)])
def test_a_label_without_a_decimal_expansion_is_refused(label):
    with pytest.raises(InputError, match=r"^label of '\?a' is Fraction.*decimal"):
        dump_task(TemplateTask(["?a"], [label]))


def test_a_binary_fraction_is_written_in_full():
    label = Fraction(1, 2**60)
    assert parse_task(dump_task(TemplateTask(["?a"], [label]))).labels == (label,)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_load_read_back_and_are_checked(path, tmp_path, capsys):
    task = load_task(path)
    save_task(task, tmp_path / "copy.toml")
    assert load_task(tmp_path / "copy.toml") == task
    # An error that few strings reach: training sets are simulated where a law asks.
    options = ["--max-points", "64", "--target", "0.9", "--json"]
    status = main(["--file", str(path), *options])
    assert status == (1 if task.copied else 0)
    assert json.loads(capsys.readouterr().out)["task"] == task.name


def test_there_is_an_example_of_each_kind():
    loaded = [load_task(path) for path in EXAMPLES]
    assert any(not t.symbolic and t.noise == 0 for t in loaded)
    assert any(t.copied and len(t.copied) < len(t) for t in loaded)
    assert any(t.noise > 0 and len(set(t.laws)) > 1 for t in loaded)


BAD = {
    "not TOML": ("name = ", "not TOML: Invalid value"),
    "line": ('name = "x"\nlabel 1\n', "at line 2, column 7"),
    "deep": ("a = " + "[" * 5000, "not TOML: "),
    "no templates": ("templates = []", r"templates is \[\]; expected at least one"),
    "templates missing": ('name = "x"', "templates is missing; expected at least one"),
    "not a list": ("templates = 3", "templates is 3; expected at least one"),
    "not a table": ("templates = [3]", r"templates\[1\] is 3; expected a table"),
    "label missing": (
        'templates = [{template = "?a"}]',
        r"templates\[1\].label is missing; expected a number, or",
    ),
    "unknown field": (
        ONE + "wieght = 2",
        r"templates\[1\].wieght is no field; .*; did you mean weight\?",
    ),
    "misspelt field": (
        ONE.replace("label", "lable"),
        r"templates\[1\].lable is no field; .*; did you mean label\?",
    ),
    "unknown top field": ("nmae = 1\n" + ONE, "nmae is no field; .* did you mean name"),
    "boolean label": (ONE.replace("1", "true"), r"\.label is true; expected a number"),
    "list label": (ONE.replace("1", "[1]"), r"\.label is \[1\]; expected a number"),
    "nan": (ONE.replace("1", "nan"), r"\.label is nan; expected a number"),
    "infinite": (ONE.replace("1", "-inf"), r"\.label is -inf.*; expected a number"),
    "huge": (ONE.replace("1", "1e999"), r"\.label is 1e\+999; expected a number that"),
    "huge integer": (ONE.replace("1", "1" + "0" * 400), r"\.label is 1000.*expected"),
    "token types": (
        ONE.replace('"?a"', '["?a", 3]'),
        r"\.template is .*; expected text",
    ),
    "empty template": (ONE.replace("?a", ""), "template is empty"),
    "weight type": (ONE + "weight = []", r"\.weight is \[\]; expected a number of"),
    "long fraction": (
        ONE + f'weight = "1/{"9" * 5000}"',
        r"\[1\].weight is '1/999.*; expected a number or a fraction",
    ),
    "long integer": (ONE.replace("1", "9" * 5000), "not TOML: Exceeds the limit"),
    "negative weight": (ONE + "weight = -0.5", r"\[1\].weight is -0.5; expected"),
    "zero weights": (ONE + "weight = 0", "weights are all zero; expected"),
    "bad fraction": (ONE + 'weight = "1/0"', r"\.weight is '1/0'; expected"),
    "negative noise": ("noise = -1\n" + ONE, "noise is -1.0; expected"),
    "noise type": ('noise = "x"\n' + ONE, "noise is 'x'; expected a number of at"),
    "name type": ("name = 3\n" + ONE, "name is 3; expected text"),
    "date": ("name = 2020-01-01\n" + ONE, "name is datetime.*; expected text"),
    "law": ('substitutions = "zip"\n' + ONE, "substitutions is 'zip'; expected 'unif"),
    "law weight": (
        ONE + "substitutions = {u = -1}",
        r"\[1\].substitutions.u is -1; expected",
    ),
    "law zero": (ONE + "substitutions = {u = 0}", "weights are all zero; expected"),
    "law regular": (
        ONE.replace("?a", "X ?a") + "substitutions = {X = 1}",
        "gives a probability to the regular token X",
    ),
    "lengths": (ONE + ONE.replace("?a", "?a ?b"), "expected one length"),
    "mixed": (ONE + ONE.replace("?a", "?b").replace("1", '"x"'), "labels mix"),
    "foreign wildcard": (ONE.replace("1", '"?z"'), "which the template does not have"),
    "noisy symbols": ("noise = 1\n" + ONE.replace("1", '"?a"'), "noise is"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_one_line_that_names_file_and_field(
    text, message, tmp_path, capsys
):
    path = tmp_path / "task.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=f"^the task file .*task.toml'?: .*{message}"):
        load_task(path)
    assert main(["--file", str(path)]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert len(written.err.splitlines()) == 1


def test_an_exponent_that_underflows_is_zero():
    assert parse_task(ONE.replace("1", "1e-999999999")).labels == (0,)


def test_files_that_cannot_be_read(tmp_path, capsys, monkeypatch):
    missing = tmp_path / "missing.toml"
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b'name = "ok"\n\xff\xfe')
    large = tmp_path / "large.toml"
    large.write_text(ONE)
    monkeypatch.setattr("symbind_theory.task_files._MOST_BYTES", 10)
    for path, message in [
        (missing, "could not be read: No such file"),
        (tmp_path, "could not be read: Is a directory"),
        (tmp_path / "nul\0", "could not be read: embedded null"),
        (large, "is larger than 10 bytes"),
    ]:
        with pytest.raises(InputError, match=f"^the task file .* {message}"):
            load_task(path)
    monkeypatch.setattr("symbind_theory.task_files._MOST_BYTES", 1000)
    with pytest.raises(InputError, match="is not UTF-8 at line 2; expected"):
        load_task(binary)
    assert main(["--file", str(missing)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads and writes everything")
def test_files_without_permission(tmp_path):
    locked = tmp_path / "locked.toml"
    locked.write_text(ONE)
    locked.chmod(0)
    with pytest.raises(InputError, match="could not be read: Permission denied"):
        load_task(locked)
    with pytest.raises(InputError, match="could not be written"):
        save_task(parse_task(ONE), locked)


def test_an_unreadable_file_is_one_line(tmp_path, monkeypatch):
    """Also where the tests run as root, which reads everything."""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match="could not be read: Permission denied"):
        load_task(tmp_path / "x.toml")


def test_a_task_that_cannot_be_written_leaves_nothing(tmp_path):
    task = parse_task(ONE)
    with pytest.raises(InputError, match=r"could not be written to .*: No such file"):
        save_task(task, tmp_path / "no" / "task.toml")
    kept = tmp_path / "kept.toml"
    kept.write_text("kept")
    with pytest.raises(InputError, match="expected a decimal number"):
        save_task(TemplateTask(["?a"], [Fraction(1, 3)]), kept)
    assert kept.read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.toml"]


def test_the_schema_is_that_of_the_model():
    assert schema() == TaskFile.model_json_schema()
