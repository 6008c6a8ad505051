"""Non-finite steps, and gradients above the maximum norm."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import losses, run

from fakd_core import create_model
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.errors import RunError
from fakd_core.events import StepEnd
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.training.batches import DistillationBatch, OnlineTeacherBatches
from fakd_core.training.learner import Learner


def test_a_diverging_run_ends_with_an_error(settings: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=r"learning rate \(lr\) below") as caught:
        run(settings, lr=1e30, steps=20)
    assert "images: " in str(caught.value)
    lines = [line for line in read_metrics(settings["run"]) if line["event"] == "step"]
    assert [line["step"] for line in lines if line.get("skipped")] == [
        *range(lines[-1]["step"] - 9, lines[-1]["step"] + 1)
    ]
    state = torch.load(settings["run"] / "checkpoints" / "last.pt", weights_only=True)
    assert state["step"] == lines[-1]["step"], "the last step is in the metrics"


def test_a_non_finite_step_leaves_the_weights_unchanged(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One poisoned batch: the others are learned from, and the weights are finite at the end."""
    whole = run(settings, run=settings["run"].with_name("whole"))
    take = OnlineTeacherBatches.batch

    def poisoned(self: OnlineTeacherBatches, step: int, rank: int = 0, ranks: int = 1) -> DistillationBatch:
        batch = take(self, step, rank, ranks)
        return replace(batch, hr=batch.hr * float("nan")) if step == 3 else batch

    monkeypatch.setattr(OnlineTeacherBatches, "batch", poisoned)
    events = run(settings)
    steps = [event for event in events if isinstance(event, StepEnd)]
    assert [event.step for event in steps] == [1, 2, 3, 4, 5, 6]
    assert [event.skipped for event in steps] == [None, None, None, "total is nan, DS is nan", None, None]
    assert losses(events)[:3] == losses(whole)[:3]
    assert all(map(math.isfinite, losses(events)[4:]))
    student = load_file(settings["run"] / "student.safetensors")
    assert all(weights.isfinite().all() for weights in student.values())
    line = next(line for line in read_metrics(settings["run"]) if line.get("skipped"))
    assert (line["step"], line["losses"]["total"], line["losses"]["DS"]) == (4, None, None)
    assert "NaN" not in (settings["run"] / "metrics.jsonl").read_text()


@pytest.mark.parametrize(("spoilt", "changes"), [(2, {"ema": 0.9}), (4, {"baseline": True})])
def test_a_non_finite_gradient_is_skipped_even_with_a_finite_loss(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, spoilt: int, changes: dict[str, Any]
) -> None:
    """The student's or the baseline's, which is measured after it, in the second step."""
    measure = Learner.measure
    count = 0

    def spoiled(self: Learner, batch: DistillationBatch) -> tuple[dict[str, float], bool]:
        nonlocal count
        count += 1
        if count != spoilt:
            return measure(self, batch)
        handle = next(self.student.parameters()).register_hook(lambda grad: grad * float("inf"))
        try:
            return measure(self, batch)
        finally:
            handle.remove()

    monkeypatch.setattr(Learner, "measure", spoiled)
    steps = [event for event in run(settings, **changes) if isinstance(event, StepEnd)]
    assert [event.skipped for event in steps] == [None, "a gradient is not finite", *[None] * 4]
    files = list(settings["run"].rglob("*.safetensors"))
    assert len(files) >= 2
    for file in files:
        weights = load_file(file)
        assert all(tensor.isfinite().all() for tensor in weights.values())


def test_a_skipped_step_leaves_the_loss_scaling_usable() -> None:
    """float16 with an enabled scaler, which a CPU run never has: the step after a skipped one works."""
    torch.manual_seed(0)
    learner = Learner(
        student=create_model("edsr", n_feats=4, n_resblocks=1),
        loss=DistillationLoss.ground_truth_only(),
        device=torch.device("cpu"),
        dtype=torch.float16,
    )
    batch = DistillationBatch(lr=torch.rand(2, 3, 8, 8), hr=torch.rand(2, 3, 32, 32))
    before = {name: weights.clone() for name, weights in learner.student.state_dict().items()}
    losses, _ = learner.measure(replace(batch, hr=batch.hr * float("nan")))
    assert math.isnan(losses["total"])
    learner.skip()
    after = learner.student.state_dict()
    assert all(torch.equal(before[name], weights) for name, weights in after.items())
    losses, finite = learner.measure(batch)
    assert math.isfinite(losses["total"])
    assert finite
    learner.apply(1e-3)


def test_large_gradients_are_clipped(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[float] = []
    step = torch.optim.Adam.step

    def look(self: torch.optim.Adam, closure: None = None) -> None:
        grads = [weights.grad for group in self.param_groups for weights in group["params"]]
        lengths.append(float(torch.nn.utils.get_total_norm([grad for grad in grads if grad is not None])))
        step(self, closure)

    monkeypatch.setattr(torch.optim.Adam, "step", look)
    run(settings, run=settings["run"].with_name("free"))
    free, lengths[:] = max(lengths), []
    run(settings, clip=free / 10)
    assert max(lengths) == pytest.approx(free / 10, rel=1e-3)
