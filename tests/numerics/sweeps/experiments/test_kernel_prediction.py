"""The experiment "kernel": the closed form, with what it was estimated from."""

import pytest

from numerics import learning_curve, sample_complexity, tangent_gram, template_gram
from numerics.sweeps import PointFailed
from numerics.sweeps.experiments.kernel_prediction import (
    EXPERIMENT,
    KernelPrediction,
    predict_error,
)
from numerics.sweeps.experiments.models import TransformerModel
from symbind_theory import builtin_task

SHALLOW = {"kind": "transformer", "depth": 1, "readout": "last"}


def point(**changed) -> KernelPrediction:
    given = {
        "task": "same-different",
        "n": 200,
        "model": SHALLOW,
        "rel_tol": 0.2,
        "max_points": 512,
    }
    return KernelPrediction.model_validate({**given, **changed})


@pytest.mark.parametrize("kernel", ["nngp", "ntk"])
def test_a_row_is_the_closed_form(kernel):
    settings = point(kernel=kernel)
    assert isinstance(settings.model, TransformerModel)
    estimate = tangent_gram if kernel == "ntk" else template_gram
    task = builtin_task("same-different")
    gram = estimate(
        task.templates,
        settings.model.architecture(),
        rel_tol=0.2,
        max_points=512,
        device="cpu",
    )
    curve = learning_curve(task, sizes=[200], gram=gram, counts="random")
    needed = sample_complexity(task, target=0.1, gram=gram)
    row = predict_error(settings)
    assert row["test_error"] == curve.mse[0]
    assert row["strings_needed"] == needed.n
    assert row["strings_needed_low"] == needed.interval.low
    assert row["strings_needed_high"] == needed.interval.high
    assert row["smallest_eigenvalue"] == gram.smallest_eigenvalue.value


def test_what_is_not_resolved_has_no_upper_end():
    """Few points for five templates: λ_min may be 0, and the error anything."""
    row = predict_error(point(task="majority", max_points=256, n=10**6))
    assert row["smallest_eigenvalue_low"] == 0
    assert row["test_error_high"] is None
    assert row["strings_needed_high"] is None


def test_labels_without_a_closed_form_have_a_reason():
    with pytest.raises(PointFailed, match="expected numbers"):
        predict_error(point(task="copy"))
    with pytest.raises(PointFailed, match="trains scalars"):
        predict_error(point(model={**SHALLOW, "trained_identity": ["kq"]}))
    with pytest.raises(PointFailed, match="is mimetic"):
        predict_error(point(model={**SHALLOW, "mimetic": True}))
    with pytest.raises(PointFailed, match="form = 'theory' beside"):
        predict_error(point(model={**SHALLOW, "identity_kq": 1.0}))
    with pytest.raises(PointFailed, match="without a kernel"):
        predict_error(point(model={"kind": "mlp"}))


def test_costs_grow_with_depth():
    deep = point(model={**SHALLOW, "depth": 3})
    assert EXPERIMENT.operations(deep) == 3 * EXPERIMENT.operations(point())
