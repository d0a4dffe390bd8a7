"""What tests read in the text of a page."""

import re


def without_plotly(text):
    """The page without the library that draws its charts, of 2 MB."""
    return re.sub(r'(id="plotly-source">)[^<]*', r"\1", text)
