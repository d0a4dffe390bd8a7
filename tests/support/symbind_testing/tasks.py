"""Templates to test with: the built-in tasks, and two kinds that they lack.

Only templates: labels play no part in separation.
"""

from symbind_theory import builtin_task, builtin_tasks
from symbind_theory.library.random_family import random_task

_TASKS = [builtin_task(name) for name in builtin_tasks()]
_TASKS.append(random_task(length=5, wildcards=3, regular_tokens=2, count=5, seed=2310))

TASKS = {task.name: [str(t) for t in task.templates] for task in _TASKS}
TASKS["order zero"] = ["X ?a", "?a ?b"]
