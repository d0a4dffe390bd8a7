"""The page of a model's heads as text; browsers have tests apart."""

import json
import re

from symbind_testing.builders.toy_heads import toy_heads
from symbind_testing.pages import without_plotly

from symbind_theory.records.page import Provenance
from symbind_theory.report.page.heads_page import render_heads


def charts(text):
    """Plotly's data of each chart by its id."""
    blocks = re.findall(
        r'<script type="application/json" id="([\w-]+)-data">(.*?)</script>', text
    )
    return {name: json.loads(block) for name, block in blocks}


def test_maps_have_a_row_for_each_layer():
    drawn = charts(render_heads(toy_heads()))
    assert len(drawn) == 9
    [heat] = drawn["keys-raw"]["data"]
    assert heat["z"] == [[-1.5, -1.5], [9.0, -0.5], [0.5, 0.5]]
    assert (heat["zmin"], heat["zmax"]) == (-9.0, 9.0)
    [heat] = drawn["induction"]["data"]
    assert heat["z"] == [[0.0, 0.1], [0.2, 0.3], [0.4, 0.5]]


def test_trained_scalars_have_maps_where_there_are_any():
    assert "identity_kq" not in charts(render_heads(toy_heads()))
    drawn = charts(render_heads(toy_heads(identity_kq=2.0)))
    assert drawn["identity_kq"]["data"][0]["z"] == [[2.0, 2.0]] * 3
    assert "identity_vo" not in drawn


def test_the_page_of_heads_names_no_other_place():
    text = without_plotly(render_heads(toy_heads()))
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text) == []
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "default-src 'none'" in text


def test_the_name_of_a_model_stays_text():
    hostile = "<script>x</script>{{7*7}}y"
    text = without_plotly(
        render_heads(toy_heads(hostile), provenance=Provenance(hostile, {"a": hostile}))
    )
    assert "<script>x" not in text
    assert "49y" not in text


def test_tables_of_the_page_are_cut_at_the_heads_asked_for():
    text = render_heads(toy_heads(), top=1)
    table = text.split("the largest z of the raw trace first</h3>")[1]
    assert table.split("</table>")[0].count("<tr>") == 2


def test_equal_reports_give_equal_pages():
    assert render_heads(toy_heads()) == render_heads(toy_heads())
