"""For the whole suite: one thread, and Hypothesis profiles.

The profile is `dev` by default and `ci` when the environment variable CI is set.
"""

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

# Set before torch is loaded. The suite's arrays are small: a second thread gains little
# on a free machine, and threads that wait by spinning cost minutes on a busy one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Nothing is kept between runs, nor written to anybody's home. Workers share the folder
# of the process that starts them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["SYMBIND_CACHE"] = tempfile.mkdtemp(prefix="symbind-cache-")
    atexit.register(shutil.rmtree, os.environ["SYMBIND_CACHE"], ignore_errors=True)

# The parent is named because Hypothesis itself changes its current profile under CI.
_parent = settings.get_profile("default")
settings.register_profile("dev", parent=_parent, deadline=None)
settings.register_profile(
    "ci", parent=_parent, deadline=None, derandomize=True, print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
