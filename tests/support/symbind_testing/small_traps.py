"""What a first day brings: calls that nearly fit, where annotations are not checked.

Under pytest they are, before a function sees its arguments, but for what runs within
`shape_checks.unchecked`.
"""

from typing import Any

import numerics
import symbind_theory
from numerics.estimators.enough_symbols import finite_diversity
from numerics.estimators.unseen_error import simulated_error
from symbind_theory.validation import InputError

TASK = symbind_theory.builtin_task("same-different")
NAMES: dict[str, Any] = {
    "task": TASK,
    "LINES": ["?a ?a -> 1", "?a ?b -> -1"],
    "ROUGH": numerics.Precision(rel_tol=1, max_points=64),
    "gram": numerics.template_gram(TASK, max_points=64),
    "finite_diversity": finite_diversity,
    "simulated_error": simulated_error,
    **{name: getattr(symbind_theory, name) for name in symbind_theory.__all__},
    "Architecture": numerics.Architecture,
    "Regressor": numerics.TransformerKernelRegressor,
    "Scan": numerics.Scan,
    "advise": numerics.advise,
    "alignment": numerics.alignment,
    "learning_curve": numerics.learning_curve,
    "relative_eigenvalue": numerics.relative_eigenvalue,
    "sample_complexity": numerics.sample_complexity,
    "scan": numerics.scan,
    "string_gram": numerics.string_gram,
    "template_gram": numerics.template_gram,
}

RIGHT = {
    "check('?a ?a->1', max_points=64).task.labels": "(Fraction(1, 1),)",
    "check(['?a ?a -> 1/2', '?a ?b -> -1'], max_points=64).task.labels[0]": (
        "Fraction(1, 2)"
    ),
    "check(task, max_points=64).verdict('c5').claim": "'C5'",
    "template_gram(task, max_points=64).templates == task.templates": "True",
    "template_gram(['?a ?a -> 1'], max_points=64).templates": "(Template('?a ?a'),)",
    "len(task.sample(10, 1000).strings)": "10",
    "Regressor().set_params(architecture__beta=2).architecture.beta": "2",
    "Regressor().get_params()['architecture__gamma']": "1.0",
    "Template('?a ?b').equivalent('?b ?c')": "True",
    "Template('?a ?b').disjoint('?a ?a')": "True",
    "Template('?a ?b').overlap('X ?b', 'any')": "'X a'",
    "learning_curve(LINES, sizes=[0], gram=gram).sizes": "(0,)",
    "sample_complexity(LINES, target=2, gram=gram).n": "0",
    "alignment(LINES, target=2, gram=gram).sample_complexity.n": "0",
    "advise(LINES, 2, {'beta': [1]}, precision=ROUGH).tried": "1",
    "len(scan(LINES, {'beta': [1]}, precision=ROUGH, cache=None))": "1",
    "TemplateTask(['?a', 'X'], ['1/2', 'x'])": (
        """<TemplateTask ['?a -> "1/2"', 'X -> x']>"""
    ),
    "TemplateTask.parse(['?a X -> x/y']).labels": "('x/y',)",
    "TemplateTask.parse(['?a X -> 1/0']).labels": "('1/0',)",
}
"""Expression, and what it gives."""

REFUSED = {
    "TemplateTask('?a ?a', [1])": "templates is the text '?a ?a'; expected a list",
    "TemplateTask(['?a'], [1], name=['x'])": "name is ['x']; expected text, or None",
    "TemplateTask(['?a'], [1], description=3)": "description is 3; expected text, or",
    "Template('?a').equivalent(3)": "template is 3; expected text or a list of tokens",
    "task.sample(3, [1, 2])": "vocabulary has 1; expected tokens, which are text",
    "TemplateTask(['?a ?a'], 1)": "labels is 1; expected a list with one for each",
    "TemplateTask.parse(['?a -> b -> 1'])": "template '?a -> b -> 1' has 2 '->'",
    "check(task, 'last')": "architecture is 'last'; expected an Architecture, such as",
    "check(3)": "task is 3; expected a TemplateTask, or lines such as '?a ?a -> 1'",
    "check(task, rel_tol=2)": "rel_tol is 2; expected a number in (0, 1]",
    "check(task, vocabulary=1)": "vocabulary has 1 tokens; expected at least 2",
    "check(task, alpha=0)": "alpha is 0; expected a finite number above 0",
    "check(task, noise=-1)": "noise is -1; expected a finite number of at least 0",
    "check(task, max_points=64).verdict('C77')": "claim is 'C77'; expected one of C1",
    "learning_curve(task, sizes=100)": "sizes is 100; expected integers of at least 0",
    "learning_curve(task, counts='whole')": "counts is 'whole'; expected one of",
    "sample_complexity(3)": "task is 3; expected a TemplateTask",
    "advise(3)": "task is 3; expected a TemplateTask",
    "advise(task, over='beta')": "over is 'beta'; expected lists of values",
    "advise(task, precision=0.1)": "precision is 0.1; expected a Precision, such as",
    "scan('?a', {'beta': [1]})": "template '?a' has 0 '->'; expected one",
    "scan(task, {'beta': [1]}, progress=3)": "progress is 3; expected a function",
    "advise(task, progress=3)": "progress is 3; expected a function, or None",
    "advise([3])": "task is [3]; expected a TemplateTask, or lines such as",
    "check(task, estimated=gram)": "estimated is TemplateGram(templates=",
    "check(task, estimated=None)": "estimated is None; expected a function",
    "check(task, progress=3)": "progress is 3; expected a function, or None",
    "scan(task, {'readout': ['first']})": "readout is 'first'; expected one of",
    "Scan(()).frame('excel')": "backend is 'excel'; expected one of polars, pandas",
    "relative_eigenvalue(3)": "gram is 3; expected a template matrix",
    "template_gram(3)": "templates is 3; expected a list of templates",
    "template_gram('?a ?a')": "templates is the text '?a ?a'; expected a list",
    "template_gram(task, progress=3)": "progress is 3; expected a function, or None",
    "string_gram(['u u'], progress=3)": "progress is 3; expected a function, or",
    "simulated_error(task, 'uv', 1, None, progress=3)": "progress is 3; expected",
    "finite_diversity(task, 9, None, None, None, progress=3)": "progress is 3; exp",
    "string_gram(3)": "strings is 3; expected a list of strings",
    "task.match(3)": "string is 3; expected text or a list of tokens",
    "Regressor().fit(task, [1, -1])": "X is a task; expected strings, such as task",
    "Regressor().set_params(architecture__bet=2)": "parameter of architecture is 'bet'",
}
"""Expression, and how the message of its InputError begins."""


def outcome(expression: str) -> str:
    """What it gives, or its message; of another error with its type."""
    try:
        return repr(eval(expression, dict(NAMES)))
    except InputError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
