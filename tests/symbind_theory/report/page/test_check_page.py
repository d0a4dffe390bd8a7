"""The page of a check as text: complete, escaped, small; browsers have tests apart."""

import base64
import dataclasses
import gzip
import json
import random
import re

import numpy as np
import pytest
from symbind_testing.builders.toy_result import ARCHITECTURE, toy_result
from symbind_testing.pages import without_plotly
from symbind_testing.refusals import refusal
from symbind_testing.tasks import SAME_DIFFERENT_IN_WORDS, same_different

from symbind_theory import Interval, Outcome, TemplateTask
from symbind_theory.command.page_sources import embedded_certificate
from symbind_theory.library.random_family import random_task
from symbind_theory.records.learning import Curve, SampleComplexity
from symbind_theory.records.page import (
    Certificate,
    Illustration,
    Provenance,
    SampledKernel,
)
from symbind_theory.report.document import to_json
from symbind_theory.report.page import page
from symbind_theory.task_files import dump_task


def sampled(*strings):
    """Two strings of each of two templates."""
    entries = ((1.0, 0.7, 0.5, 0.5),) * 4
    return SampledKernel(strings, (0, 0, 1, 1), entries, 0.01, 0.999, 64, 8192)


KERNEL = sampled("u u", "v v", "u v", "w v")
WHOLE = 6_000_000


def beside(result, kernel=KERNEL):
    """An illustration of that check."""
    return Illustration(kernel, (), result.task.templates, result.architecture)


def certificate_of(result, **more):
    """A document that names what was checked, whatever else it says."""
    named = {"templates": [str(t) for t in result.task.templates], "readout": "cls"}
    return Certificate({**named, **more})


def embedded(text, name):
    """The content of a file inside the page."""
    (content,) = re.findall(rf'data-name="{name}" href="data:[^,]*,([^"]*)"', text)
    return gzip.decompress(base64.b64decode(content)).decode()


def json_blocks(text):
    return re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)


def test_files_inside_are_what_the_command_writes():
    result = toy_result()
    certificate = certificate_of(result, format="x", pairs=[1, 2])
    text = page(result, certificate=certificate)
    assert embedded(text, "result.json") == to_json(result)
    assert json.loads(embedded(text, "certificate.json")) == certificate.document


def test_equal_records_give_equal_bytes():
    illustration = beside(toy_result())
    assert page(toy_result(), illustration) == page(toy_result(), illustration)


@pytest.mark.parametrize("ending", ["</script>", "<!--", "{{7*7}}", "'\"&<b>"])
def test_whatever_is_written_stays_text(ending):
    """In every place where text of the user can stand."""
    hostile = f"x{ending}".replace(" ", "")
    task = TemplateTask([f"?a {hostile}", "?b ?c"], [hostile, "no"], name=hostile)
    kernel = sampled(f"u {hostile}", "v v", "u v", "w v")
    result = toy_result(task, evidence=hostile)
    text = without_plotly(
        page(
            result,
            beside(result, kernel),
            certificate=Certificate(None, hostile),
            provenance=Provenance(hostile, {hostile: hostile}),
            task_file=hostile,
        )
    )
    if ending != "{{7*7}}":
        assert hostile not in text
    else:
        assert "x49" not in text
    blocks = json_blocks(text)
    assert len(blocks) == text.count('type="application/json"') == 5
    for block in blocks:
        json.loads(block)
        assert not set("<>&'") & set(block)


def test_the_page_names_no_other_place():
    """Addresses only as names of XML's name spaces, in words, or in plotly's source."""
    text = without_plotly(page(toy_result(), beside(toy_result())))
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text) == []
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "default-src 'none'" in text


def test_numbers_and_reasons_are_there():
    result = toy_result(evidence="Because of this.", leading=(2, "gamma**2/7"))
    text = page(
        result,
        provenance=Provenance("python -m x --html y", {"numpy": "9.9"}),
        task_file=dump_task(result.task),
    )
    for part in (
        "Transformers learn this task from about 500 strings (C5); MLPs do not",
        "About the kernel of a one-layer transformer",
        "label noise",
        "uniform",
        "Because of this.",
        "0.0625",
        "[0.03125, 0.09375]",
        "exactly 1",
        "python -m x --html y",
        "9.9",
        "<math",
        "templates",
    ):
        assert part in text


def test_symbolic_labels_have_no_curve_and_the_page_says_why():
    text = page(toy_result(SAME_DIFFERENT_IN_WORDS))
    assert "Labels are symbols" in text
    assert 'id="learning"' not in text


def test_one_template_has_no_gaps():
    text = page(toy_result(TemplateTask(["?a X"], [1])))
    assert "Gaps between templates" not in text


@pytest.mark.parametrize(
    ("c3", "c5", "expected"),
    [
        (Outcome.HOLDS, Outcome.HOLDS, "holds"),
        (Outcome.REFUTED, Outcome.UNDECIDED, "refuted"),
        (Outcome.UNDECIDED, Outcome.UNDECIDED, "undecided"),
    ],
)
def test_the_colour_is_that_of_the_exit_status(c3, c5, expected):
    assert f'<header class="verdict {expected}">' in page(toy_result(c3=c3, c5=c5))


def test_overlaps_are_noted():
    task = TemplateTask(["?a X", "?a ?b"], [1, 2])
    assert "would overlap if wildcards could take regular tokens" in page(
        toy_result(task)
    )
    task = TemplateTask(["?a X", "?b X"], [1, 2])
    assert "Templates 1 and 2 share the string" in page(toy_result(task))


def test_overlaps_in_the_loose_sense_alone_are_no_shared_strings():
    task = TemplateTask(["?a X", "?a ?b"], [1, 2])
    assert "share the string" not in page(toy_result(task))


def rows_of_gaps(text):
    table = text.split('aria-label="table of gaps"')[1].split("</table>")[0]
    rows = re.findall(r"<tr>(<td>.*?)</tr>", table)
    return [re.findall(r"<td>(.*?)</td>", row) for row in rows]


def test_gaps_are_sorted_with_both_templates_and_the_power_of_beta():
    task = TemplateTask(["?a X", "?a Y", "?a Z"], [1, 2, 3])
    result = toy_result(task, gaps=[0.75, 0.25, 0.5], leading=(2, "gamma**2/7"))
    rows = rows_of_gaps(page(result))
    assert [row[0] for row in rows] == ["1, 3", "2, 3", "1, 2"]
    assert rows[0][1] == "<code>?a X</code><br><code>?a Z</code>"
    assert [row[2] for row in rows] == ["0.25", "0.5", "0.75"]
    assert rows[0][4] == "4"


@pytest.mark.parametrize(
    ("leading", "power"),
    [((0, "2"), "0"), ((None, "0"), "none"), ((None, None), "not known")],
)
def test_what_a_gap_begins_with(leading, power):
    (row,) = rows_of_gaps(page(toy_result(leading=leading)))
    assert row[4] == power


def figure_data(text, id):
    (block,) = re.findall(rf'id="{id}-data">(.*?)</script>', text)
    return json.loads(block)["data"]


def test_c_is_c_and_n_is_n_with_their_halfwidths():
    entry, width = 0.125, 0.02
    result = toy_result()
    estimates = dataclasses.replace(
        result.estimates,
        attention=((3 * entry,) * 2,) * 2,
        attention_halfwidth=((3 * width,) * 2,) * 2,
    )
    text = page(dataclasses.replace(result, estimates=estimates))
    for id, factor in (("attention", 3), ("matrix", None)):
        (heat,) = figure_data(text, id)
        z, w = (
            np.frombuffer(base64.b64decode(heat[name]["bdata"]), heat[name]["dtype"])
            for name in ("z", "customdata")
        )
        if factor:
            np.testing.assert_allclose(z, factor * entry)
            np.testing.assert_allclose(w, factor * width, rtol=1e-6)
        else:
            np.testing.assert_allclose(z, np.ravel(estimates.matrix))
            np.testing.assert_allclose(w, width, rtol=1e-6)


def test_c_of_blocks_is_of_the_stream_after_the_last_attention():
    one, deep = (
        page(toy_result(architecture=dataclasses.replace(ARCHITECTURE, depth=depth)))
        for depth in (1, 2)
    )
    assert "C, attention alone" in one
    assert "C, attention alone" not in deep
    assert "The kernel of the stream after the last attention between" in deep


def test_the_own_curve_is_named_by_its_identities():
    result = toy_result(
        complexity=SampleComplexity(7, Interval(6.5, 6, 7), 0.5, 1e-3),
        curve=Curve((1, 10), (Interval(1, 0.5, 2), Interval(0.1, 0.05, 0.2)), 1e-3),
        architecture=dataclasses.replace(
            ARCHITECTURE, identity_kq=3.0, identity_vo=0.5
        ),
    )
    names = [t.get("name") for t in figure_data(page(result), "learning")]
    assert names[0] == "a = 3, b = 0.5"


def test_settings_are_all_there():
    complexity = SampleComplexity(7, Interval(6.5, 6, 7), 0.5, 2e-3)
    task = same_different(noise=0.25)
    text = page(toy_result(task, complexity=complexity))
    for name, value in [
        ("points", "256 (mc)"),
        ("seed", "11"),
        ("device", "cpu"),
        ("level of intervals", "0.999"),
        ("error aimed at", "0.5"),
        ("ridge α", "0.002"),
        ("label noise", "0.25"),
        ("gamma", "1.5"),
    ]:
        assert f'<th scope="row">{name}</th><td>{value}</td>' in text


def test_an_irrational_floor_from_a_file_is_not_called_exact():
    result = dataclasses.replace(toy_result(), mlp_floor=0.70710678)
    assert "<span>exactly" not in page(result)
    assert "<span>exactly 1</span>" in page(toy_result())


def test_the_policy_closes_every_door():
    text = page(toy_result())
    for directive in ("default-src 'none'", "base-uri 'none'", "form-action 'none'"):
        assert directive in text


def test_a_long_certificate_is_left_out_and_the_page_says_so():
    noise = random.Random(0).randbytes(2_000_000).hex()
    certificate = certificate_of(toy_result(), noise=noise)
    text = page(toy_result(), certificate=certificate)
    assert "The certificate is too large for a page" in text
    assert len(text) < WHOLE


@pytest.mark.slow
def test_a_task_of_300_long_templates_stays_within_the_limit():
    task = random_task(12, wildcards=4, regular_tokens=3, count=300, seed=0)
    result = toy_result(
        task,
        leading=(2, "2*gamma**2*(gamma**2 + 1)**2/625"),
        architecture=dataclasses.replace(ARCHITECTURE, beta=1.0),
    )
    text = page(
        result,
        beside(result),
        certificate=embedded_certificate(result),
        task_file=dump_task(task),
    )
    assert 2_000_000 < len(text.encode()) < WHOLE
    assert "templates are drawn" in text


OTHER = toy_result(TemplateTask(["?a ?b", "?a ?a"], [1, -1]))
LAST = toy_result(architecture=dataclasses.replace(ARCHITECTURE, readout="last"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: page(toy_result(), beside(OTHER)),
            "illustration is of '?a ?b' as template 1; expected '?a ?a': the templates",
        ),
        (
            lambda: page(toy_result(), beside(LAST)),
            "illustration is of ArchitectureRecord(beta=0.0, gamma=1.5, readout='last'",
        ),
        (
            lambda: page(toy_result(), certificate=certificate_of(OTHER)),
            "certificate is of '?a ?b' as template 1; expected '?a ?a': the templates",
        ),
        (
            lambda: page(LAST, certificate=certificate_of(toy_result())),
            "certificate is of the readout 'cls'; expected 'last', which was checked",
        ),
        (
            lambda: page(toy_result(), certificate=Certificate({"templates": "?a"})),
            "certificate names no templates; expected those of the check",
        ),
    ],
)
def test_what_is_of_another_check_is_refused(call, message):
    """A page would show one task's proof or kernel as another's."""
    assert refusal(call).startswith(message)


def test_names_of_wildcards_make_no_other_check():
    renamed = toy_result(TemplateTask(["?x ?x", "?y ?x"], [1, -1]))
    assert page(renamed, beside(toy_result()), certificate=certificate_of(toy_result()))


def test_a_condition_number_without_bound_is_written():
    infinite = Interval(float("inf"), 12.0, float("inf"))
    assert "[12, ∞]" in page(toy_result(condition=infinite))
