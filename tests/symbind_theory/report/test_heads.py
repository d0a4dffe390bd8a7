"""A report on heads as text and as a document."""

import dataclasses
import json
from io import StringIO

from rich.console import Console
from symbind_testing.builders.toy_heads import toy_heads
from symbind_testing.command_line import strict

from symbind_theory.report.heads import (
    RANKINGS,
    heads_document,
    heads_headline,
    heads_to_json,
    identity_columns,
    print_heads,
    ranked_rows,
)


def printed(report, top=10):
    buffer = StringIO()
    print_heads(report, Console(file=buffer, width=100), top)
    return " ".join(buffer.getvalue().split())


def test_the_headline_counts_signs_and_directions():
    """One head passes by its values: below 0, and by one direction alone.

    The head that passes by its keys has a nearness of 9/16, the other one −1/2.
    """
    keys, values = heads_headline(toy_heads()).split(" W_V")
    assert "1 of 6 heads" in keys
    assert "1 of these a positive one" in keys
    assert "make it in 1. 1 of 6 are near" in keys
    assert keys.endswith("nearness above 0.5.")
    assert "0 of these a positive one" in values
    assert "make it in 0. 0 of 6 are near" in values


def test_where_no_head_passes_nothing_more_is_claimed():
    report = dataclasses.replace(toy_heads(), level=1 - 1e-10)
    assert heads_headline(report) == (
        "W_K W_Qᵀ: 0 of 6 heads have a trace further from 0 than unrelated singular "
        "vectors explain. W_V W_O: 0 of 6 heads have a trace further from 0 than "
        "unrelated singular vectors explain."
    )


def test_tables_are_ranked_and_cut():
    report = toy_heads()
    rows = ranked_rows(report, RANKINGS[0], 2)
    assert [row[:3] for row in rows] == [("1", "0", "9.0"), ("2", "0", "0.5")]
    rows = ranked_rows(report, RANKINGS[-1], 1)
    assert [row[:3] for row in rows] == [("2", "1", "0.500")]


def test_text_says_what_chance_gives_and_what_was_done():
    text = printed(toy_heads())
    for words in (
        "expected by chance",
        "0.3",
        "with probability at most 0.05",
        "39 random products",
        "seed 0",
        "A sentence about conventions.",
    ):
        assert words in text


def test_trained_scalars_have_a_table_where_there_are_any():
    assert identity_columns(toy_heads()) is None
    assert "Trained scalars" not in printed(toy_heads())
    text = printed(toy_heads(identity_vo=-0.25))
    assert "the largest |b| first" in text
    assert "-0.25" in text
    ranking = identity_columns(toy_heads(identity_kq=1.0, identity_vo=2.0))
    assert ranking is not None
    assert ranking.columns == ("a", "b")


def test_names_cannot_steer_a_terminal():
    assert "\x1b" not in printed(toy_heads("a\x1b[31mb"))


def test_the_document_is_strict_and_has_every_number():
    report = toy_heads(identity_kq=1.5)
    document = strict(heads_to_json(report))
    assert document == json.loads(json.dumps(heads_document(report)))
    assert document["passing"] == {"keys": [[1, 0]], "values": [[2, 1]]}
    assert document["near"] == {"keys": [[1, 0]], "values": []}
    assert document["outside"]["keys"]["raw"]["share"]["heads"] == 1
    assert len(document["heads"]) == 6
    head = document["heads"][2]
    assert (head["layer"], head["head"]) == (1, 0)
    assert head["keys"]["raw"]["share"] == {
        "value": 9.0,
        "z": 9.0,
        "low": -2.0,
        "high": 2.0,
    }
    assert head["keys"]["nearness"] == 9 / 16
    assert head["keys"]["directions"] == 5.0
    assert head["keys"]["chance"] == 1e-9
    assert head["patterns"]["induction"]["chance"] == 0.05
    assert (head["identity_kq"], head["identity_vo"]) == (1.5, None)
