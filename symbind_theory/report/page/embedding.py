"""What makes a page complete in itself: style, script, and plotly, compressed."""

from __future__ import annotations

import base64
import gzip
from functools import lru_cache
from importlib import resources
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from symbind_theory.report.html import environment
from symbind_theory.report.page.figures import dark_template, light_template

__all__ = ["packed", "rendered_page"]


def rendered_page(template: str, **values: Any) -> str:
    """A template of this package as a whole HTML document.

    Args:
        template: file name in the folder `templates`.
        values: what it prints.
    """
    return (
        environment()
        .get_template(template)
        .render(
            style=_own_file("page.css"),
            script=_own_file("page.js"),
            plotly=_plotly(),
            light=light_template(),
            dark=dark_template(),
            **values,
        )
    )


def packed(text: str) -> str:
    """Text as gzip in base64; equal texts give equal results."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


@lru_cache(maxsize=1)
def _plotly() -> str:
    return packed(get_plotlyjs())


def _own_file(name: str) -> Markup:
    file = resources.files("symbind_theory.report").joinpath("markup", name)
    return Markup(file.read_text(encoding="utf-8"))
