"""The command and `check`: exit statuses, documents, what reaches the record."""

import dataclasses
import json
import os

import pytest
import sympy
from symbind_testing.builders.activations import Square
from symbind_testing.command_line import (
    FAST,
    SAME_DIFFERENT_LINES,
    in_a_process,
    run,
    strict,
)
from symbind_testing.tasks import LENGTH_3, SAME_DIFFERENT, same_different

from numerics import Architecture, Cosine, ReLU, tangent_gram, template_gram
from symbind_theory import Outcome, TemplateTask, check
from symbind_theory import check_template as module
from symbind_theory.command.from_estimates import curve_sizes, summarise
from symbind_theory.interval import Interval
from symbind_theory.records.check import SampleComplexity
from symbind_theory.report.document import as_document
from symbind_theory.separation import decide
from symbind_theory.separation.leading_gaps import leading_gap

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


@pytest.mark.parametrize(
    ("n", "last"), [(0, 100), (75, 1000), (400, 10_000), (None, 10_000_000)]
)
def test_curves_end_with_a_decade_past_what_is_enough(n, last):
    """Half a decade past it at least, or past 1e6 where no number is enough."""
    sizes = curve_sizes(SampleComplexity(n, Interval(1.0, 0.0, 2.0), 0.01, 1e-3))
    assert (sizes[0], sizes[4], sizes[-1]) == (1, 10, last)


def test_an_output_without_greek_letters_or_colours_is_no_error():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = in_a_process("α β -> 1", "α α -> 0", *FAST, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout


def test_json_is_all_there_is_on_the_output(capfd):
    assert run("?a ?b -> 1", "?b ?a -> -1", "--json", *FAST) == 1
    printed = capfd.readouterr()
    assert printed.err == ""
    document = strict(printed.out)
    assert document["equivalent_pairs"] == [[0, 1]]
    assert document["condition_number"]["high"] is None


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == "symbind 0.1.0\n"


@pytest.mark.parametrize(
    ("lines", "status", "c3", "c5"),
    [
        (SAME_DIFFERENT_LINES, 0, "HOLDS", "HOLDS"),
        (["?a ?b -> 1", "?b ?a -> -1"], 1, "REFUTED", "REFUTED"),
        (["?a ?b -> 1", "?b ?a -> 1"], 1, "REFUTED", "UNDECIDED"),
        (["α -> α"], 1, "HOLDS", "REFUTED"),
        (["?a X -> yes", "X ?a -> no"], 0, "HOLDS", "HOLDS"),
        (["?a ?b -> 1", "?b ?b -> 2"], 0, "HOLDS", "HOLDS"),
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
    assert run(*SAME_DIFFERENT_LINES, "--b1", "0", "--json", *FAST) == 1
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
    result = check(SAME_DIFFERENT, Architecture(gamma=0.0), max_points=1024)
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


def test_symbolic_labels_have_no_floor_and_no_complexity():
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
    assert run(*SAME_DIFFERENT_LINES, *given, "--json", *FAST) == 0
    document = strict(capsys.readouterr().out)
    assert document["weights"] == [0.25, 0.75]
    assert document["seed"] == 5
    assert document["sample_complexity"]["target"] == 0.2
    direct = check(
        same_different([1, 3]),
        Architecture(2.0, 0.5, activation=Cosine(0.7, 0.0)),
        target=0.2,
        max_points=256,
        seed=5,
    )
    assert document == json.loads(json.dumps(as_document(direct)))


def test_the_activation_is_the_one_asked_for(capsys):
    assert run(*SAME_DIFFERENT_LINES, "--activation", "relu", "--json", *FAST) == 0
    document = strict(capsys.readouterr().out)
    assert document["architecture"]["activation"] == {"name": "relu"}


def test_a_coarse_tolerance_stops_early(capsys):
    """The default tolerance asks for more points than the coarse one."""
    points = []
    for tolerance in ([], ["--rel-tol", "1"]):
        more = ["--max-points", str(2**13), *tolerance, "--json"]
        assert run(*SAME_DIFFERENT_LINES, *more) == 0
        points.append(strict(capsys.readouterr().out)["points"])
    assert points[1] < points[0] <= 2**13


def test_the_command_passes_on_an_undecided_status(monkeypatch, capsys):
    """beta = 0 is refused on the command line, so the record comes from Python."""
    undecided = outside_the_theorem()
    monkeypatch.setattr(module, "check", lambda *_, **__: undecided)
    assert run(*SAME_DIFFERENT_LINES) == 3
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
    assert run(*SAME_DIFFERENT_LINES, *options, "--max-points", "256", "--json") == 0
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
    for architecture in [
        Architecture(beta=0.0),
        Architecture(gamma=0.0, activation=Cosine(b1=0.0)),
    ]:
        result = check(SAME_DIFFERENT, architecture, max_points=64)
        assert result.collapsed_pairs == ((0, 1),)
        assert result.estimates.gaps[0].order == 2


DEEP = {
    "inequivalent": (["?a ?a", "?a ?b"], Architecture(depth=2), (None, None)),
    "equivalent": (["?a ?b", "?b ?a"], Architecture(residual=1.0), (None, "0")),
    "permuted": (
        ["?a ?b ?a", "?a ?b ?b"],
        Architecture(depth=2, gamma=0.0),
        (None, "0"),
    ),
    "constant": (
        ["?a ?a", "?a ?b"],
        Architecture(depth=2, activation=Cosine(b1=0.0)),
        (None, None),
    ),
    "proportional": (
        ["?a ?a", "?a ?b"],
        Architecture(gamma=0.0, readout="mean", residual=1.0),
        (None, None),
    ),
}


@pytest.mark.parametrize("case", DEEP)
def test_how_gaps_begin_is_said_of_one_layer_alone(case):
    """Of blocks only that a gap is 0, where no part of the network tells two apart."""
    templates, architecture, beginning = DEEP[case]
    record = architecture.record()
    gram = template_gram(templates, Architecture(), max_points=64)
    estimates = summarise(gram, record, decide(templates, record))
    (gap,) = estimates.gaps
    assert (gap.order, gap.coefficient) == beginning


def test_a_check_of_blocks_is_decided_by_theorem_d():
    """αβα/αββ: two templates with positions, one without."""
    task = TemplateTask(["?a ?b ?a", "?a ?b ?b"], [1, -1])
    deep = Architecture(depth=2, residual=0.5, normalisation="pre")
    result = check(task, deep, max_points=64)
    found = {v.claim: v for v in result.verdicts}
    assert found["C3"].outcome is Outcome.HOLDS
    assert "by Theorem D, for 2 blocks" in found["C3"].evidence
    assert "a transformer of 2 blocks" in result.headline.regime
    blind = check(task, dataclasses.replace(deep, gamma=0.0), max_points=64)
    assert blind.collapsed_pairs == ((0, 1),)
    outcomes = {v.claim: v.outcome for v in blind.verdicts}
    assert outcomes["C5"] is Outcome.REFUTED


def test_proportional_rows_do_not_refute_generalisation():
    """At beta = 0 rows of αα and αβ differ by a factor, and so do the predictions."""
    result = check(SAME_DIFFERENT, Architecture(beta=0.0), max_points=64)
    outcomes = {v.claim: v.outcome for v in result.verdicts}
    assert outcomes["C3"] is Outcome.REFUTED
    assert outcomes["C5"] is Outcome.UNDECIDED


def test_the_proof_holds_where_the_estimate_does_not_resolve(capsys):
    """The 5 templates of length 3 at a small beta: λ_min(N) far below 1e-28."""
    lines = [f"{template} -> {i}" for i, template in enumerate(LENGTH_3)]
    assert run(*lines, "--json", "--beta", "1e-4", *FAST) == 0
    document = strict(capsys.readouterr().out)
    assert document["smallest_eigenvalue"]["low"] == 0
    assert {v["claim"]: v["verdict"] for v in document["verdicts"]}["C3"] == "HOLDS"
    evidence = next(v["evidence"] for v in document["verdicts"] if v["claim"] == "C3")
    assert "The estimate alone does not resolve it from 0." in evidence


@pytest.mark.parametrize("b1", ["45", "60"])
def test_where_n_underflows_the_proof_still_holds(b1, capsys):
    assert run(*SAME_DIFFERENT_LINES, "--b1", b1, "--json", *FAST) == 0
    document = strict(capsys.readouterr().out)
    interval = document["smallest_eigenvalue"]
    assert interval["low"] == 0 < interval["high"] < 1e-300
    assert document["condition_number"]["low"] == 1


def test_results_are_frozen_and_seeded():
    first, again, other = (
        check(SAME_DIFFERENT, max_points=256, seed=s) for s in (1, 1, 2)
    )
    assert first.estimates == again.estimates
    assert first.estimates != other.estimates
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.seed = 2  # pyright: ignore[reportAttributeAccessIssue]


def test_progress_reaches_the_total():
    seen = []
    check(
        SAME_DIFFERENT, max_points=2**13, progress=lambda *counts: seen.append(counts)
    )
    assert seen == sorted(seen)
    assert seen[-1] == (2**13, 2**13)


def test_the_tangent_kernel_is_checked_in_place_of_the_other():
    """N, K_self and what follows are Θ's; the gaps stay those of attention."""
    deep = Architecture(depth=2, residual=1.0, normalisation="pre")
    plain = check(SAME_DIFFERENT, deep, max_points=2**10)
    trained = check(SAME_DIFFERENT, deep, max_points=2**10, kernel="ntk")
    gram = tangent_gram(SAME_DIFFERENT, deep, max_points=2**10)
    assert trained.estimates.smallest_eigenvalue == gram.smallest_eigenvalue
    assert trained.estimates.matrix_self == tuple(gram.matrix_self.tolist())
    assert trained.estimates.gaps[0].estimate == plain.estimates.gaps[0].estimate
    assert trained.sample_complexity != plain.sample_complexity
    assert "tangent kernel" in trained.headline.regime
    assert "tangent kernel" not in plain.headline.regime
    verdict = trained.verdict("C3")
    assert verdict is not None
    assert "gradients besides, so it is non-singular too" in verdict.evidence
    assert (plain.kernel, trained.kernel) == ("nngp", "ntk")


def test_the_command_says_which_kernel(capsys):
    """In the document, and among the settings of the report."""
    options = [*SAME_DIFFERENT_LINES, *FAST, "--kernel", "ntk"]
    assert module.main([*options, "--json"]) == 0
    assert strict(capsys.readouterr().out)["kernel"] == "ntk"
    assert module.main(options) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Template matrix N of the tangent kernel" in text
    assert "tangent kernel, ridge 0.001" in text


@pytest.mark.slow
def test_a_finite_vocabulary_has_the_tangent_kernel_too():
    """Errors that are simulated are near those without collisions of the same kernel.

    Mutant: an estimator that trains the readout alone.
    """
    architecture = Architecture(readout="last", activation=ReLU())
    few = {"vocabulary": 10**5, "target": 0.3, "max_points": 2**10}
    found = [
        check(SAME_DIFFERENT, architecture, **few).finite_diversity,
        check(SAME_DIFFERENT, architecture, **few, kernel="ntk").finite_diversity,
    ]
    for diversity in found:
        assert diversity is not None
        assert diversity.sizes
        for mse, apart in zip(diversity.mse, diversity.apart, strict=True):
            assert mse.value == pytest.approx(apart.value, rel=0.25)
    assert len({diversity.sizes for diversity in found if diversity}) == 2


@pytest.mark.parametrize(
    ("b", "outcomes"),
    [(0.0, ("REFUTED", "HOLDS")), (1.0, ("UNDECIDED", "UNDECIDED"))],
)
def test_copying_with_all_layers_trained(b, outcomes):
    """Without b it fails (C7); b is held in the tangent kernel, so no more is said."""
    architecture = Architecture(identity_vo=b)
    task = TemplateTask(["?a ?b"], ["?a"])
    result = check(task, architecture, kernel="ntk", max_points=64, rel_tol=1.0)
    found = [result.verdict(claim) for claim in ("C5", "C7")]
    assert tuple(v.outcome.value for v in found if v is not None) == outcomes
