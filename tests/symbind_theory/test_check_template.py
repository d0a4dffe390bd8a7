"""The command and `check`: bad input, exit statuses, documents."""

import dataclasses
import html
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import sympy
import torch
from symbind_testing.builders.activations import Square

from numerics import Architecture, Cosine, template_gram
from symbind_theory import InputError, Outcome, TemplateTask, check
from symbind_theory import check_template as module
from symbind_theory.check_template import main
from symbind_theory.report.document import as_document
from symbind_theory.separation.leading_gaps import leading_gap, verify

ROOT = Path(__file__).parents[2]
MODULE = "symbind_theory.check_template"
SAME_DIFFERENT = ["?a ?a -> 1", "?a ?b -> -1"]
FAST = ["--max-points", "256"]

KEYS = {
    "task",
    "templates",
    "labels",
    "architecture",
    "equivalent_pairs",
    "overlapping_pairs",
    "mlp_floor",
    "mlp_floor_exact",
    "gaps",
    "attention",
    "matrix",
    "smallest_eigenvalue",
    "condition_number",
    "sample_complexity",
    "verdicts",
    "seed",
    "version",
}


def run(*arguments):
    """Exit status of the command; argparse leaves by SystemExit."""
    try:
        return main(list(arguments))
    except SystemExit as stopped:
        return stopped.code


def in_a_process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", MODULE, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        **options,
    )


def strict(text):
    """The one JSON document in `text`, without NaN or Infinity."""

    def refuse(constant):
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


BAD = {
    "nothing": ([], "no template was given; expected"),
    "no arrow": (["?a ?a 1"], "has 0 '->'; expected one"),
    "two arrows": (["?a -> ?b -> 1"], "has 2 '->'; expected one"),
    "two labels": (["?a -> 1 2"], "has 2 labels; expected one"),
    "no label": (["?a ->"], "has 0 labels; expected one"),
    "empty template": (["-> 1"], "is empty; expected tokens before '->'"),
    "empty argument": ([""], "has 0 '->'; expected one"),
    "lengths": (["?a -> 1", "?a ?b -> 2"], "expected one length"),
    "twice": (["?a -> 1", "?a -> 2"], "is written twice (numbers 1 and 2)"),
    "foreign wildcard": (["?a X -> ?b"], "the wildcard ?b, which the template does"),
    "foreign Greek letter": (["α X -> β"], "the wildcard β, which the template does"),
    "nan": (["?a -> nan"], "label is nan; expected a finite number"),
    "inf": (["?a -> inf"], "label is inf; expected a finite number"),
    "minus inf": (["?a -> -Infinity"], "label is -Infinity; expected a finite"),
    "overflow": (["?a -> 1e999"], "label is 1e999; expected a finite number"),
    "mixed": (["?a X -> 1", "?a Y -> yes"], "labels mix the number 1 with the text"),
    "cls": (["?a [CLS] -> 1"], "contains [CLS]; it is reserved"),
    "cls label": (["?a -> [CLS]"], "is '[CLS]'; expected a number, one token"),
    "too long": (["x " * 10_000 + "-> 1"], "have 10000 tokens; expected at most 256"),
    "too long wildcards": (["?a " * 10_000 + "-> 1"], "have 10000 tokens; expected"),
    "huge b1": ([*SAME_DIFFERENT, "--b1", "1e200"], "b1 is 1e+200; expected a number"),
    "huge gamma": ([*SAME_DIFFERENT, "--gamma", "1e200"], "gamma is 1e+200; expected"),
    "huge beta": ([*SAME_DIFFERENT, "--beta", "1e200"], "beta is 1e+200; expected"),
    "many digits": (["?a -> 0." + "1" * 5000], "has 5002 characters; expected fewer"),
    "control": (["?a \x1b[31m -> 1"], "expected non-empty text without spaces or"),
    "no cuda": ([*SAME_DIFFERENT, "--device", "cuda"], "torch sees no CUDA device"),
    "too hot": ([*SAME_DIFFERENT, "--beta", "1000"], "expected at most 150"),
    "huge a": ([*SAME_DIFFERENT, "--identity-kq=-1e9"], "expected at most 150"),
    "huge b": ([*SAME_DIFFERENT, "--identity-vo", "1e200"], "identity_vo is 1e+200"),
    "certificate with a": (
        [*SAME_DIFFERENT, "--identity-kq", "1", "--certificate", "c.json"],
        "--certificate was given with an identity term; expected neither",
    ),
    "certificate with b": (
        [*SAME_DIFFERENT, "--identity-vo", "1", "--certificate", "c.json"],
        "--certificate was given with an identity term; expected neither",
    ),
    "relu b1": ([*SAME_DIFFERENT, "--activation", "relu", "--b1", "1"], "--b1 goes"),
    "weights count": ([*SAME_DIFFERENT, "--weights", "1"], "weights has 1 entries"),
    "weights text": ([*SAME_DIFFERENT, "--weights", "1,x"], "--weights is 1,x"),
    "weights sign": ([*SAME_DIFFERENT, "--weights", "1,-1"], "weight is -1"),
    "weights nan": ([*SAME_DIFFERENT, "--weights", "1,nan"], "weight is nan"),
    "weights zero": ([*SAME_DIFFERENT, "--weights", "0,0"], "weights are all zero"),
    "compare one": (["--compare", "a.json"], "--compare has 1 file; expected 2 to 12"),
    "compare many": (
        ["--compare", *["a.json"] * 13],
        "--compare has 13 files; expected 2 to 12",
    ),
    "compare nothing": (["--compare"], "expected at least one argument"),
    "compare templates": (
        [*SAME_DIFFERENT, "--compare", "a.json", "b.json"],
        "both --compare and templates were given; expected --compare with files alone",
    ),
    "compare no file": (
        ["--compare", "missing.json", "b.json"],
        "the result file 'missing.json' could not be read: No such file",
    ),
    "unknown option": ([*SAME_DIFFERENT, "--gama", "1"], "unrecognized arguments"),
    "abbreviation": ([*SAME_DIFFERENT, "--gam", "1"], "unrecognized arguments"),
}
for _option, _values in {
    "--beta": ["0", "-1", "nan", "inf", "one"],
    "--gamma": ["0", "-1", "nan", "inf", "one"],
    "--b1": ["nan", "one"],
    "--identity-kq": ["nan", "one"],
    "--identity-vo": ["inf", "one"],
    "--target": ["0", "nan"],
    "--rel-tol": ["0", "-1"],
    "--max-points": ["3", "x", "1e3"],
    "--seed": ["-1", "x", "1.5"],
    "--activation": ["tanh"],
    "--readout": ["first"],
    "--device": ["tpu"],
    "--method": ["magic"],
}.items():
    for _value in _values:
        _arguments = [*SAME_DIFFERENT, _option, _value]
        BAD[f"{_option} {_value}"] = (_arguments, f"argument {_option}: ")


for _option in [
    ["--task", "copy"],
    ["--file", "f.toml"],
    ["--certificate", "c.json"],
    ["--json"],
    ["--list"],
    ["--weights", "1,2"],
    ["--beta", "2"],
    ["--identity-kq", "1"],
    ["--max-points", "64"],
    ["--seed", "1"],
]:
    BAD[f"compare {_option[0]}"] = (
        [*_option, "--compare", "a.json", "b.json"],
        f"both --compare and {_option[0]} were given; expected --compare with files",
    )


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_status_2(case, capsys):
    if case == "no cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    arguments, message = BAD[case]
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("check_template: ")
    assert message in err
    assert err.count("\n") == 1
    assert len(err) < 300
    assert "Traceback" not in err


def test_a_closed_output_is_one_line_and_status_2():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", MODULE, *SAME_DIFFERENT, *FAST],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == (
        "check_template: the output was closed before the report was written\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_status_2():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", MODULE, *SAME_DIFFERENT, *FAST],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("check_template: the report could not be written: ")
    assert done.stderr.count("\n") == 1


def test_no_output_at_all_is_one_line_and_status_2(monkeypatch, capsys):
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    result = check(task, max_points=256)
    monkeypatch.setattr(module, "check", lambda *_, **__: result)
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        assert run(*SAME_DIFFERENT, "--json") == 2
    assert "the standard output is closed" in capsys.readouterr().err


def test_an_output_without_greek_letters_is_no_error():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = in_a_process("α β -> 1", "α α -> 0", *FAST, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()


def test_bad_input_in_a_process():
    done = in_a_process("?a ?a")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_json_is_all_there_is_on_the_output():
    done = in_a_process("?a ?b -> 1", "?b ?a -> -1", "--json", *FAST)
    assert done.returncode == 1
    assert done.stderr == ""
    document = strict(done.stdout)
    assert document["equivalent_pairs"] == [[0, 1]]
    assert document["condition_number"]["high"] is None


def test_no_colour_codes_off_a_terminal():
    done = in_a_process(*SAME_DIFFERENT, *FAST)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


def test_an_interruption_is_one_line_and_status_130(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "check", interrupted)
    assert run(*SAME_DIFFERENT) == 130
    assert capsys.readouterr().err == "check_template: interrupted\n"


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == "symbind 0.1.0\n"


@pytest.mark.parametrize(
    ("lines", "status", "c3", "c5"),
    [
        (SAME_DIFFERENT, 0, "HOLDS", "HOLDS"),
        (["?a ?b -> 1", "?b ?a -> -1"], 1, "REFUTED", "REFUTED"),
        (["?a ?b -> 1", "?b ?a -> 1"], 1, "REFUTED", "UNDECIDED"),
        (["α -> α"], 1, "HOLDS", "REFUTED"),
        (["?a X -> yes", "X ?a -> no"], 0, "HOLDS", "HOLDS"),
        (["?a ?b -> 1", "X ?b -> 2"], 0, "HOLDS", "HOLDS"),
    ],
)
def test_exit_statuses(lines, status, c3, c5, capsys):
    assert run(*lines, "--json", *FAST) == status
    document = strict(capsys.readouterr().out)
    found = {v["claim"]: v["verdict"] for v in document["verdicts"]}
    assert (found["C3"], found["C5"]) == (c3, c5)
    assert ("C7" in found) == (lines == ["α -> α"])
    assert run(*lines, *FAST) == status
    claim = "(C3)" if (c3, c5) == ("REFUTED", "UNDECIDED") else "(C5)"
    assert claim in capsys.readouterr().out.splitlines()[0]


def test_a_constant_cosine_is_refuted(capsys):
    assert run(*SAME_DIFFERENT, "--b1", "0", "--json", *FAST) == 1
    document = strict(capsys.readouterr().out)
    (evidence,) = [v["evidence"] for v in document["verdicts"] if v["claim"] == "C3"]
    assert "constant" in evidence


@pytest.mark.parametrize("off", [{"beta": 0.0}, {"gamma": 0.0}], ids=str)
def test_templates_that_collapse_refute(off):
    """αβα and αββ collapse at gamma = 0 and at beta = 0: nothing tells them apart."""
    task = TemplateTask(["?a ?b ?a", "?a ?b ?b"], [1, -1])
    result = check(task, Architecture(**off), max_points=256)
    assert result.exit_status == 1
    assert result.collapsed_pairs == ((0, 1),)
    for claim in ("C3", "C5"):
        verdict = result.verdict(claim)
        assert verdict is not None
        assert verdict.outcome is Outcome.REFUTED
    assert result.estimates.smallest_eigenvalue.low == 0
    assert all(gap.estimate.low >= 0 for gap in result.estimates.gaps)


def outside_the_theorem():
    """N of t² has rank 2 at beta = 0, though no two of the three templates collapse."""
    task = TemplateTask(["?a ?a ?a", "?a ?a ?b", "?a ?b ?c"], [1, 2, 3])
    architecture = Architecture(beta=0.0, activation=Square())
    return check(task, architecture, max_points=256)


def test_outside_the_theorem_an_unresolved_interval_is_undecided():
    result = outside_the_theorem()
    assert result.exit_status == 3
    assert result.collapsed_pairs == ()
    verdict = result.verdict("C3")
    assert verdict is not None
    assert verdict.outcome is Outcome.UNDECIDED
    assert "Raise max_points" in verdict.evidence


def test_outside_the_theorem_a_resolved_interval_decides():
    """αα and αβ stay apart at gamma = 0."""
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    result = check(task, Architecture(gamma=0.0), max_points=1024)
    assert result.exit_status == 0


def test_the_document_has_every_key_and_agrees_with_the_record():
    task = TemplateTask(["?a X ?a", "?a X ?b", "X ?a ?b"], [1, 0.5, -1], [1, 2, 1])
    result = check(task, max_points=256, seed=3)
    document = as_document(result)
    assert set(document) >= KEYS
    assert document["templates"] == ["?a X ?a", "?a X ?b", "X ?a ?b"]
    assert document["labels"] == [1, 0.5, -1]
    # One skeleton holds labels 1 and 1/2 with weights 1/4 and 1/2.
    assert document["mlp_floor_exact"] == "1/24"
    assert document["mlp_floor"] == pytest.approx(1 / 24)
    assert [(g["i"], g["j"]) for g in document["gaps"]] == [(0, 1), (0, 2), (1, 2)]
    interval = result.estimates.smallest_eigenvalue
    assert document["smallest_eigenvalue"] == {
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
    }
    assert result.sample_complexity is not None
    assert document["sample_complexity"]["n"] == result.sample_complexity.n
    assert document["architecture"]["activation"]["name"] == "cos"
    assert (document["seed"], document["version"]) == (3, "0.1.0")


def test_the_record_carries_the_numbers_of_the_gram():
    task = TemplateTask(["?a X ?a", "?a X ?b", "X ?a ?b"], [1, 0.5, -1])
    estimates = check(task, max_points=256, seed=3).estimates
    gram = template_gram(task.templates, max_points=256, seed=3)
    for name in ("attention", "matrix"):
        width = getattr(estimates, f"{name}_halfwidth")
        assert getattr(estimates, name) == tuple(map(tuple, getattr(gram, name)))
        assert width == tuple(map(tuple, gram.halfwidth[name]))
    assert estimates.attention_self == tuple(gram.attention_self)
    assert estimates.matrix_self == tuple(gram.matrix_self)
    for gap in estimates.gaps:
        assert gap.estimate.value == gram.gaps[gap.i, gap.j]
        width = gram.halfwidth["gaps"][gap.i, gap.j]
        assert gap.estimate.high == gap.estimate.value + width
    assert estimates.smallest_eigenvalue == gram.smallest_eigenvalue
    assert estimates.condition_number == gram.condition_number


def test_symbolic_labels_have_no_floor_and_no_sample_size():
    document = as_document(check(TemplateTask(["α X"], ["α"]), max_points=256))
    assert document["labels"] == ["α"]
    for key in ("mlp_floor", "mlp_floor_exact", "sample_complexity"):
        assert document[key] is None


def test_options_reach_the_check(capsys):
    options = {
        "--beta": "2",
        "--gamma": "0.5",
        "--b1": "0.7",
        "--b2": "0",
        "--seed": "5",
        "--target": "0.2",
        "--weights": "1,3",
    }
    given = [text for option in options.items() for text in option]
    assert run(*SAME_DIFFERENT, *given, "--json", *FAST) == 0
    document = strict(capsys.readouterr().out)
    assert document["weights"] == [0.25, 0.75]
    assert document["seed"] == 5
    assert document["sample_complexity"]["target"] == 0.2
    direct = check(
        TemplateTask(["?a ?a", "?a ?b"], [1, -1], [1, 3]),
        Architecture(2.0, 0.5, activation=Cosine(0.7, 0.0)),
        target=0.2,
        max_points=256,
        seed=5,
    )
    assert document == json.loads(json.dumps(as_document(direct)))


def test_the_activation_is_the_one_asked_for(capsys):
    assert run(*SAME_DIFFERENT, "--activation", "relu", "--json", *FAST) == 0
    document = strict(capsys.readouterr().out)
    assert document["architecture"]["activation"] == {"name": "relu"}


def test_a_coarse_tolerance_stops_early(capsys):
    """The default tolerance asks for more points than the coarse one."""
    points = []
    for tolerance in ([], ["--rel-tol", "10"]):
        more = ["--max-points", str(2**13), *tolerance, "--json"]
        assert run(*SAME_DIFFERENT, *more) == 0
        points.append(strict(capsys.readouterr().out)["points"])
    assert points[1] < points[0] <= 2**13


def test_the_command_passes_on_an_undecided_status(monkeypatch, capsys):
    """beta = 0 is refused on the command line, so the record comes from Python."""
    undecided = outside_the_theorem()
    monkeypatch.setattr(module, "check", lambda *_, **__: undecided)
    assert run(*SAME_DIFFERENT) == 3
    assert "undecided" in capsys.readouterr().out


def test_gaps_carry_their_exact_beginning():
    """The JSON document's order and coefficient are those of `leading_gap`."""
    task = TemplateTask(["?a ?a X", "?a ?b X", "?b ?a X", "X ?a ?b"], [1, 2, 3, 4])
    gaps = as_document(check(task, max_points=64))["gaps"]
    orders = {(g["i"], g["j"]): g["order"] for g in gaps}
    assert orders[0, 1] == 2
    assert orders[1, 2] is None
    assert orders[0, 3] == 1
    exact = leading_gap("?a ?a X", "?a ?b X").coefficient
    # Left to itself sympy reads "gamma" as the function of that name.
    names = {"gamma": sympy.Symbol("gamma")}
    assert sympy.parse_expr(gaps[0]["coefficient"], local_dict=names) == exact
    equivalent = next(g for g in gaps if (g["i"], g["j"]) == (1, 2))
    assert equivalent["coefficient"] == "0"


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
def test_every_readout_and_identity_on_the_command_line(readout, capsys):
    """Keys as ever; the coefficient has numbers for a and b, decimals as printed."""
    options = ["--readout", readout, "--identity-kq", "0.3", "--identity-vo", "-1.5"]
    assert run(*SAME_DIFFERENT, *options, "--max-points", "256", "--json") == 0
    document = strict(capsys.readouterr().out)
    architecture = document["architecture"]
    assert architecture["readout"] == readout
    assert (architecture["identity_kq"], architecture["identity_vo"]) == (0.3, -1.5)
    leading = leading_gap("?a ?a", "?a ?b", readout, 0.3, -1.5)
    a, b, gamma = sympy.symbols("a b gamma")
    numbers = {a: sympy.Rational(3, 10), b: sympy.Rational(-3, 2)}
    (gap,) = document["gaps"]
    found = sympy.parse_expr(gap["coefficient"], local_dict={"gamma": gamma})
    assert gap["order"] == leading.order
    assert found.free_symbols == {gamma}
    assert sympy.expand(found - leading.coefficient.subs(numbers)) == 0
    assert document["smallest_eigenvalue"]["low"] > 0


def test_a_leading_term_that_vanishes_at_gamma_zero_is_not_given():
    """αβα / αββ: γ²(1+γ²)²/128, which is 0 there; that of αα / αβ is 4/729."""
    unequal = ["?a ?a ?a ?a ?b ?c", "?a ?a ?a ?b ?b ?b"]
    for templates, order, coefficient in [
        (["?a ?b ?a", "?a ?b ?b"], None, "0"),
        (["?a ?a", "?a ?b"], 2, str(leading_gap("?a ?a", "?a ?b").coefficient)),
        # Sums and sums of squares agree: the gap is not 0 and starts at a higher order.
        (unequal, None, None),
    ]:
        result = check(
            TemplateTask(templates, [1, -1]), Architecture(gamma=0.0), max_points=64
        )
        gap = result.estimates.gaps[0]
        assert (gap.order, gap.coefficient) == (order, coefficient)


def test_templates_that_collapse_for_another_reason_keep_their_leading_term():
    """At beta = 0, and for a constant activation: the gap is a matter of attention."""
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    for architecture in [
        Architecture(beta=0.0),
        Architecture(gamma=0.0, activation=Cosine(b1=0.0)),
    ]:
        result = check(task, architecture, max_points=64)
        assert result.collapsed_pairs == ((0, 1),)
        assert result.estimates.gaps[0].order == 2


def test_proportional_rows_do_not_refute_generalisation():
    """At beta = 0 rows of αα and αβ differ by a factor, and so do the predictions."""
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    result = check(task, Architecture(beta=0.0), max_points=64)
    outcomes = {v.claim: v.outcome for v in result.verdicts}
    assert outcomes["C3"] is Outcome.REFUTED
    assert outcomes["C5"] is Outcome.UNDECIDED


def test_the_proof_holds_where_the_estimate_does_not_resolve(capsys):
    """The 5 templates of length 3 at a small beta: λ_min(N) far below 1e-28."""
    patterns = ["000", "001", "010", "011", "012"]
    lines = [f"{' '.join(f'?{c}' for c in p)} -> {i}" for i, p in enumerate(patterns)]
    assert run(*lines, "--json", "--beta", "1e-4", *FAST) == 0
    document = strict(capsys.readouterr().out)
    assert document["smallest_eigenvalue"]["low"] == 0
    assert {v["claim"]: v["verdict"] for v in document["verdicts"]}["C3"] == "HOLDS"
    evidence = next(v["evidence"] for v in document["verdicts"] if v["claim"] == "C3")
    assert "The estimate alone does not resolve it from 0." in evidence


def test_a_certificate_is_written_and_verified(tmp_path, capsys):
    path = tmp_path / "certificate.json"
    assert run(*SAME_DIFFERENT, "--certificate", str(path), "--json", *FAST) == 0
    written = capsys.readouterr()
    strict(written.out)
    assert written.err.startswith("check_template: certificate written to ")
    assert len(written.err.splitlines()) == 1
    assert verify(path.read_text())
    done = subprocess.run(
        [sys.executable, "-m", "symbind_theory.certificate_verifier", str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("VERIFIED (templates: 2, pairs: 1): ")


def test_there_is_no_certificate_for_equivalent_templates(tmp_path, capsys):
    path = tmp_path / "certificate.json"
    lines = ["?a ?b -> 1", "?x ?y -> 1"]
    assert run(*lines, "--certificate", str(path), *FAST) == 1
    error = capsys.readouterr().err
    assert error.startswith("check_template: no certificate was written: N is singul")
    assert "templates 1 and 2" in error
    assert len(error.splitlines()) == 1
    assert not path.exists()


def test_there_is_no_certificate_where_the_activation_is_constant(tmp_path, capsys):
    path = tmp_path / "kept.json"
    path.write_text("kept")
    lines = [*SAME_DIFFERENT, "--b1", "0", "--certificate", str(path)]
    assert run(*lines, *FAST) == 1
    error = capsys.readouterr().err
    assert "no certificate was written, the file is left as it was:" in error
    assert path.read_text() == "kept"


def test_the_command_to_verify_is_quoted(tmp_path, capsys):
    path = tmp_path / "my certificate.json"
    assert run(*SAME_DIFFERENT, "--certificate", str(path), *FAST) == 0
    command = capsys.readouterr().err.partition("to verify it: ")[2]
    assert shlex.split(command)[-1] == str(path)


@pytest.mark.parametrize("b1", ["45", "60"])
def test_where_n_underflows_the_proof_still_holds(b1, capsys):
    assert run(*SAME_DIFFERENT, "--b1", b1, "--json", *FAST) == 0
    document = strict(capsys.readouterr().out)
    interval = document["smallest_eigenvalue"]
    assert interval["low"] == 0 < interval["high"] < 1e-300
    assert document["condition_number"]["low"] == 1


def test_a_certificate_that_cannot_be_written_is_bad_input(
    tmp_path, capsys, monkeypatch
):
    path = tmp_path / "missing" / "certificate.json"
    # It is refused before anything is computed.
    monkeypatch.setattr(module, "check", lambda *_, **__: pytest.fail("computed"))
    assert run(*SAME_DIFFERENT, "--certificate", str(path), *FAST) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert "check_template: the certificate could not be written to" in written.err
    assert len(written.err.splitlines()) == 1


def test_results_are_frozen_and_seeded():
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    first, again, other = (check(task, max_points=256, seed=s) for s in (1, 1, 2))
    assert first.estimates == again.estimates
    assert first.estimates != other.estimates
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.seed = 2  # pyright: ignore[reportAttributeAccessIssue]


def test_progress_reaches_the_total():
    seen = []
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    check(task, max_points=2**13, progress=lambda *counts: seen.append(counts))
    assert seen == sorted(seen)
    assert seen[-1] == (2**13, 2**13)


def test_bad_arguments_of_check():
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    with pytest.raises(InputError, match=r"^target is 0.0; expected"):
        check(task, target=0.0)
    with pytest.raises(InputError, match=r"^depth is 2; expected 1"):
        check(task, Architecture(depth=2))


@pytest.fixture
def saved(tmp_path, capsys):
    """Files of checks: two architectures on one task, and a task that is refuted."""
    options = {
        "plain": [*SAME_DIFFERENT],
        "sharp": [*SAME_DIFFERENT, "--beta", "2"],
        "copied": ["--task", "copy"],
    }
    paths = []
    for name, arguments in options.items():
        run(*arguments, "--json", *FAST)
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(capsys.readouterr().out)
    return [str(path) for path in paths]


def test_checks_are_compared(saved, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    # What was found is in the files.
    monkeypatch.setattr(module, "check", lambda *_, **__: pytest.fail("computed"))
    assert run("--compare", *saved) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line.split() for line in out.splitlines()]
    assert ["plain", "sharp", "copy"] in lines
    assert ["C5", "generalisation", "HOLDS", "HOLDS", "REFUTED"] in lines
    assert ["beta", "1.0", "2.0", "1.0"] in lines
    assert "In common: gamma=1.0, readout=cls" in out
    assert "\x1b" not in out


def test_a_file_is_compared_with_itself(saved, capsys):
    assert run("--compare", saved[0], saved[0]) == 0
    out = capsys.readouterr().out
    assert ["plain", "plain", "(2)"] in [line.split() for line in out.splitlines()]
    assert "In common: the task, beta=1.0" in out


def test_files_through_a_pipe_are_compared(saved):
    with open(saved[1]) as second:
        done = in_a_process("--compare", saved[0], "/dev/stdin", stdin=second)
    assert (done.returncode, done.stderr) == (0, "")
    assert "What differs" in done.stdout


def test_what_is_compared_must_be_a_check(saved, tmp_path, capsys):
    path = tmp_path / "certificate.json"
    run(*SAME_DIFFERENT, "--certificate", str(path), *FAST)
    capsys.readouterr()
    assert run("--compare", saved[0], str(path)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("check_template: the result file ")
    assert "certificate.json': it is another kind of document; expected what" in err
    assert err.count("\n") == 1


def shown_command(path):
    """The command that a page says to type."""
    section = path.read_text().split('id="again"')[1]
    found = re.search(r"<pre[^>]*><code>(.*?)</code>", section)
    assert found is not None
    return html.unescape(found.group(1))


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (SAME_DIFFERENT, 0),
        (["?a X -> 1", "?b X -> 2"], 1),
        (["say ?a -> ?a"], 1),
        (["?a ?a -> same", "?a ?b -> different"], 0),
        (["?a 'quoted <b> -> 1", "X Y Z -> -1"], 0),
    ],
)
def test_a_page_is_written_beside_the_report(lines, status, tmp_path, capsys):
    path = tmp_path / "my report.html"
    assert run(*lines, "--html", str(path), *FAST) == status
    written = capsys.readouterr()
    assert written.err == f"check_template: page written to '{path}'\n"
    assert path.read_text().startswith("<!doctype html>")
    capsys.readouterr()
    run(*lines, *FAST)
    assert capsys.readouterr().out == written.out


def test_the_command_of_a_page_writes_the_same_page(tmp_path, monkeypatch):
    """Quotes and spaces of the templates come through a shell."""
    monkeypatch.chdir(tmp_path)
    lines = ["?a 'it <b> -> 1", '?a ?b "$HOME" -> -1']
    run(*lines, "--html", "first.html", *FAST)
    command = shown_command(tmp_path / "first.html")
    assert command.startswith("python -m symbind_theory.check_template ")
    first = (tmp_path / "first.html").read_bytes()
    again = command.replace("python", shlex.quote(sys.executable), 1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(again, shell=True, env=environment, check=True, capture_output=True)
    assert (tmp_path / "first.html").read_bytes() == first


def test_a_page_and_a_document_at_once(tmp_path, capsys):
    path = tmp_path / "report.html"
    run(*SAME_DIFFERENT, "--html", str(path), "--json", *FAST)
    strict(capsys.readouterr().out)
    assert path.exists()


@pytest.mark.parametrize("where", ["missing/report.html", "."])
@pytest.mark.parametrize("given", ["check", "compare"])
def test_a_page_that_cannot_be_written_is_said_first(
    where, given, saved, tmp_path, capsys, monkeypatch
):
    def fail(*arguments, **options):
        raise AssertionError("computed before the path was looked at")

    monkeypatch.setattr(module, "check", fail)
    what = [*SAME_DIFFERENT, *FAST] if given == "check" else ["--compare", *saved]
    assert run(*what, "--html", str(tmp_path / where)) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert "check_template: the page could not be written to" in written.err
    assert list(tmp_path.glob("*.html")) == []


def test_checks_are_compared_on_a_page(saved, tmp_path, capsys):
    path = tmp_path / "compared.html"
    assert run("--compare", *saved, "--html", str(path)) == 0
    written = capsys.readouterr()
    assert written.out.startswith("Checks side by side\n")
    assert written.err == f"check_template: page written to '{path}'\n"
    assert "--compare" in shown_command(path)


def test_without_a_page_nothing_of_it_is_loaded():
    """It would take as long as a small check."""
    code = (
        "import sys; from symbind_theory.check_template import main; "
        f"main([{SAME_DIFFERENT[0]!r}, '--max-points', '64']); "
        "print(sorted({'plotly', 'jinja2', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_interruption_while_a_page_is_drawn_loses_no_report(
    tmp_path, capsys, monkeypatch
):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("numerics.page_data.illustrate", interrupted)
    path = tmp_path / "report.html"
    path.write_text("as it was")
    assert run(*SAME_DIFFERENT, "--html", str(path), *FAST) == 130
    written = capsys.readouterr()
    assert written.out.startswith("Transformers learn this task")
    assert written.err == "check_template: interrupted\n"
    assert path.read_text() == "as it was"


@pytest.mark.parametrize("same", ["certificate", "file", "compare"])
def test_a_page_never_replaces_another_file_of_the_command(
    same, saved, tmp_path, capsys, monkeypatch
):
    path = tmp_path / "one"
    path.write_text(Path(saved[0]).read_text() if same == "compare" else "as it was")
    before = path.read_text()
    given = {
        "certificate": [*SAME_DIFFERENT, "--certificate", str(path)],
        "file": ["--file", str(ROOT / "examples" / "laws.toml")],
        "compare": ["--compare", saved[1], str(path)],
    }[same]
    if same == "file":
        path.write_text((ROOT / "examples" / "laws.toml").read_text())
        before, given = path.read_text(), ["--file", str(path)]
    monkeypatch.chdir(tmp_path)
    assert run(*given, "--html", "./one") == 2
    assert "are one file" in capsys.readouterr().err
    assert path.read_text() == before


def test_bytes_that_are_no_text_are_refused_at_once(capsys):
    assert run("?a \udcff -> 1", *FAST) == 2
    assert "expected non-empty text" in capsys.readouterr().err


def test_a_file_name_that_is_no_text_is_written(tmp_path):
    path = os.fsencode(tmp_path) + b"/page \xff.html"
    done = subprocess.run(
        [sys.executable, "-m", MODULE, *SAME_DIFFERENT, *FAST, "--html", path],
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with open(path, encoding="utf-8") as file:
        assert "page ?.html" in file.read()
