"""HTML with every value escaped, in JSON blocks too: Jinja's environment."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["environment"]


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Reads `markup`; refuses names that are not given."""
    jinja = Environment(
        loader=PackageLoader("symbind_theory.report", "markup"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals["marks"] = {"HOLDS": "✓", "REFUTED": "✕", "UNDECIDED": "?"}
    return jinja
