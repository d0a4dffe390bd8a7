"""What tests read in the text of a page, and in its charts."""

import re


def without_plotly(text):
    """The page without the library that draws its charts, of 2 MB."""
    return re.sub(r'(id="plotly-source">)[^<]*', r"\1", text)


def traces(figure):
    """What a chart draws, by name."""
    return {trace["name"]: trace for trace in figure.plot["data"]}
