"""Steps that are not finite, and gradients that are too long."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import losses, run

from fakd_core.errors import RunError
from fakd_core.events import StepEnd
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.training.batches import DistillationBatch, OnlineTeacherBatches
from fakd_core.training.learner import Learner, Losses


def test_a_diverging_run_says_so(settings: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=r"learning rate \(lr\) below") as caught:
        run(settings, lr=1e30, steps=20)
    assert "images: " in str(caught.value)
    lines = [line for line in read_metrics(settings["run"]) if line["event"] == "step"]
    assert [line["step"] for line in lines if line.get("skipped")] == [
        *range(lines[-1]["step"] - 8, lines[-1]["step"] + 1)
    ]
    assert (settings["run"] / "checkpoints" / "last.pt").exists()


def test_a_step_that_is_not_finite_leaves_the_weights_alone(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One poisoned batch: the others are learned from, and the weights are finite at the end."""
    whole = run(settings, run=settings["run"].with_name("whole"))
    take = OnlineTeacherBatches.lesson

    def poisoned(self: OnlineTeacherBatches, step: int, rank: int = 0, ranks: int = 1) -> DistillationBatch:
        lesson = take(self, step, rank, ranks)
        return replace(lesson, hr=lesson.hr * float("nan")) if step == 3 else lesson

    monkeypatch.setattr(OnlineTeacherBatches, "lesson", poisoned)
    events = run(settings)
    steps = [event for event in events if isinstance(event, StepEnd)]
    assert [event.step for event in steps] == [1, 2, 3, 4, 5, 6]
    assert [event.skipped for event in steps] == [None, None, None, "DS is nan, total is nan", None, None]
    assert losses(events)[:3] == losses(whole)[:3]
    assert all(map(math.isfinite, losses(events)[4:]))
    student = load_file(settings["run"] / "student.safetensors")
    assert all(weights.isfinite().all() for weights in student.values())
    line = next(line for line in read_metrics(settings["run"]) if line.get("skipped"))
    assert (line["step"], line["total"], line["parts"]["DS"]) == (4, None, None)
    assert "NaN" not in (settings["run"] / "metrics.jsonl").read_text()


def test_a_gradient_that_is_not_finite_is_left_out_though_the_loss_is(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = Learner.measure
    count = 0

    def spoiled(self: Learner, lesson: DistillationBatch) -> Losses:
        nonlocal count
        count += 1
        if count != 2:
            return measure(self, lesson)
        handle = next(self.student.parameters()).register_hook(lambda grad: grad * float("inf"))
        try:
            return measure(self, lesson)
        finally:
            handle.remove()

    monkeypatch.setattr(Learner, "measure", spoiled)
    steps = [event for event in run(settings, ema=0.9) if isinstance(event, StepEnd)]
    assert [event.skipped for event in steps] == [None, "a gradient is not finite", *[None] * 4]
    for name in ("student", "student-ema"):
        weights = load_file(settings["run"] / f"{name}.safetensors")
        assert all(tensor.isfinite().all() for tensor in weights.values())


def test_long_gradients_are_clipped(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
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
