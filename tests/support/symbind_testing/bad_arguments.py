"""What the checkers say of bad arguments, where annotations are not checked.

Under pytest they are, before a function sees its arguments, but for what runs within
`shape_checks.unchecked`.
"""

from typing import Any

import proofs_check
from proofs_check.registry import CHECKERS
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.validation import InputError

TASK = builtin_task("same-different")
COPY = TemplateTask(["?a"], ["?a"])
HUGE = TemplateTask(["?a ?a", "?a ?b"], [1e200, -1e200])
NAMES = [checker.check.__name__ for checker in CHECKERS]
REGRESSIONS = (
    "mlp_coupling",
    "mlp_floor",
    "single_runs",
    "generalisation",
    "trained_transformer",
    "trained_identity",
)

CASES: list[tuple[str, Any, dict[str, Any], str]] = [
    *((name, None, {}, "task is None; expected a") for name in NAMES),
    *((name, HUGE, {}, "a label is 1e+200; expected at most") for name in REGRESSIONS),
    *(
        (name, TASK, {"effort": "all"}, "effort is 'all'; expected one of quick")
        for name in NAMES
        if name != "copying"
    ),
    ("mlp_coupling", TASK, {"mlp": "relu"}, "mlp is 'relu'; expected an MLP"),
    ("mlp_coupling", TASK, {"training": 3}, "training is 3; expected a Training"),
    ("mlp_coupling", TASK, {"sizes": 3}, "sizes is 3; expected an MLPSizes"),
    ("mlp_floor", TASK, {"mlp": "relu"}, "mlp is 'relu'; expected an MLP"),
    ("mlp_floor", TASK, {"floor": "low"}, "floor is 'low'; expected a finite real"),
    ("single_runs", TASK, {"mlp": 3}, "mlp is 3; expected an MLP"),
    (
        "nonsingularity",
        TASK,
        {"architecture": "cls"},
        "architecture is 'cls'; expected an Architecture",
    ),
    ("nonsingularity", TASK, {"sampling": 3}, "sampling is 3; expected a Sampling"),
    ("block_structure", TASK, {"architecture": "cls"}, "architecture is 'cls'"),
    ("generalisation", TASK, {"architecture": "cls"}, "architecture is 'cls'"),
    ("generalisation", TASK, {"sizes": 5}, "sizes is 5; expected a TrainingSizes"),
    (
        "trained_transformer",
        TASK,
        {"network": "mlp"},
        "network is 'mlp'; expected a FiniteTransformer",
    ),
    (
        "trained_identity",
        TASK,
        {"network": 3},
        "network is 3; expected a FiniteTransformer",
    ),
    ("trained_identity", TASK, {"sizes": 5}, "sizes is 5; expected a NetworkSizes"),
    ("identity_perturbations", TASK, {"architecture": 1}, "architecture is 1"),
    ("other_architectures", TASK, {"compared": [1]}, "compared is 1; expected a"),
    ("copying", COPY, {"experiment": 3}, "experiment is 3; expected a Copying"),
    ("copying", COPY, {"effort": "all"}, "effort is 'all'; expected one of quick"),
    ("copying", TASK, {}, "labels are 1, -1; expected one that is a wildcard"),
]
"""(checker, task, options, what the message has to say)."""


def message(name: str, task: Any, options: dict[str, Any]) -> str:
    """Of the InputError that the call raises; of another error with its type."""
    try:
        getattr(proofs_check, name)(task, **options)
    except InputError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"
