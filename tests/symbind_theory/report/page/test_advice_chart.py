"""The picture of advice: a mark for each value, the base as a line, none said."""

from symbind_testing.builders.toy_advice import toy_advice, toy_candidate
from symbind_testing.builders.toy_result import toy_result
from symbind_testing.pages import traces

from numerics import Architecture
from symbind_theory.records.advice import Choice
from symbind_theory.report.page import page
from symbind_theory.report.page.advice_chart import advice_figure


def test_every_value_has_its_mark_and_interval():
    drawn = traces(advice_figure(toy_advice()))
    assert drawn["beta"]["x"] == [1000, 400, 100]
    assert drawn["beta"]["y"] == ["beta 1", "beta 2", "beta 4"]
    symbols = drawn["beta"]["marker"]["symbol"]
    assert symbols == ["circle", "circle-open", "circle"]
    assert drawn["activation"]["error_x"]["array"][0] == 250.0
    assert drawn["as checked"]["x"] == [1000] * 5


def test_a_value_with_which_nothing_is_enough_is_said_and_not_drawn():
    advice = toy_advice()
    flat = Choice("gamma", toy_candidate(None, Architecture(gamma=0.0)))
    figure = advice_figure(
        type(advice)(
            **{
                **{name: getattr(advice, name) for name in advice.__slots__},
                "choices": (*advice.choices, flat),
            }
        )
    )
    assert "gamma" not in traces(figure)
    assert figure.caption.endswith("No number of strings is enough with gamma 0.")
    assert figure.table.rows[-1][:2] == ("gamma 0", "none")


def test_a_base_that_never_learns_has_no_line():
    figure = advice_figure(toy_advice(base=None))
    assert "as checked" not in traces(figure)
    assert "needs none" in figure.words


def test_the_page_has_tables_and_picture_where_there_is_advice():
    shown = page(toy_result(advice=toy_advice()))
    assert "Which architecture needs the fewest strings" in shown
    assert 'id="advice-data"' in shown
    assert "10 times fewer" in shown
    assert "Which architecture" not in page(toy_result())
