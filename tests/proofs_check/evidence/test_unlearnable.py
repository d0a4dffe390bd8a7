"""What is decided before training: conflicts and copies, of templates that occur."""

import pytest

from proofs_check.evidence.unlearnable import conflicting_labels, copied_label
from symbind_theory import TemplateTask

TEMPLATES = ["?a ?a", "?a ?b", "?b ?a"]


@pytest.mark.parametrize(
    ("labels", "weights", "said"),
    [
        ([1, -1, 1], [1, 1, 1], True),
        ([1, -1, -1], [1, 1, 1], False),
        ([1, -1, 1], [1, 1, 0], False),
        ([1, -1, 1], [1, 0, 1], False),
        ([1, -1, 1], [0, 1, 1], True),
    ],
)
def test_labels_conflict_where_both_templates_occur(labels, weights, said):
    task = TemplateTask(TEMPLATES, labels, weights)
    assert (conflicting_labels(task, [(1, 2)], "kernel") is not None) is said


@pytest.mark.parametrize(
    ("weights", "said"),
    [([1, 1, 1], "'?a ?b'"), ([1, 0, 1], "'?b ?a'"), ([1, 0, 0], None)],
)
def test_the_copied_label_that_is_named_occurs(weights, said):
    found = copied_label(TemplateTask(TEMPLATES, ["x", "?a", "?b"], weights))
    assert (found is None) is (said is None)
    assert said is None or said in str(found)
