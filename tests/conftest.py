"""Hypothesis profiles for the whole suite: `dev` by default, `ci` when CI is set."""

import os

from hypothesis import settings

# The parent is named because Hypothesis itself changes its current profile under CI.
_parent = settings.get_profile("default")
settings.register_profile("dev", parent=_parent, deadline=None)
settings.register_profile(
    "ci", parent=_parent, deadline=None, derandomize=True, print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
