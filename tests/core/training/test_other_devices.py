"""Paths that a training on a CPU never takes, by stand-ins: a second device, half precision, stragglers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from second_device import NAME as SECOND
from second_device import second_device
from tiny_runs import losses, run
from torch import nn

from fakd_core import create_model
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.distillation.terms import TERMS
from fakd_core.evaluation.features import Window, extract_features
from fakd_core.events import CancelToken, CheckpointSaved, RunEnd, StepEnd, TrainEvent
from fakd_core.inference.upscale import upscale
from fakd_core.models.layers import SRNetwork
from fakd_core.models.meta import cpu_copy
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.writer import NullRunWriter
from fakd_core.runtime.distributed import World
from fakd_core.training import learner, setup, trainer
from fakd_core.training.batches import DistillationBatch, OnlineTeacherBatches
from fakd_core.training.learner import Learner
from fakd_core.training.sanity_check import check_gradient_flow
from fakd_core.training.trainer import resume_training, train

Result = TypeVar("Result")

EVERYTHING = "+".join(TERMS.names)
SIZES = {
    "rcan": {"n_feats": 8, "n_resgroups": 2, "n_resblocks": 1, "reduction": 4},
    "san": {"n_feats": 16, "n_resgroups": 2, "n_resblocks": 1},
    "edsr": {"n_feats": 8, "n_resblocks": 2},
}


def make(architecture: str) -> SRNetwork:
    torch.manual_seed(1)
    return create_model(architecture, **SIZES[architecture])


@pytest.mark.parametrize("architecture", SIZES)
def test_nothing_that_runs_on_a_device_assumes_the_cpu(architecture: str) -> None:
    """Every term of the loss, a step, the sanity check, upscaling in tiles and feature maps."""
    with second_device() as usage:
        device = torch.device(SECOND)
        loss = DistillationLoss(recipe=EVERYTHING)
        student, teacher = (make(architecture).to(device) for _ in range(2))
        teacher.eval().requires_grad_(False)
        check_gradient_flow(student=student, teacher=teacher, loss=loss, patch=12)
        one = Learner(student, loss=loss, device=device, dtype=torch.float32, ema=0.9, clip=0.1)
        lr, hr = ((255 * torch.rand(2, 3, side, side)).to(device) for side in (12, 48))
        with torch.no_grad():
            teacher_sr, maps = teacher.forward_features(lr)
        found, finite = one.measure(DistillationBatch(lr, hr, teacher_sr, maps))
        one.apply(1e-4)
        usage.to_device = 0
        image = (255 * torch.rand(20, 100, 3)).byte().numpy()
        enlarged = upscale(teacher, image, tile=96)
        assert usage.to_device == 2, "one copy for each tile"
        seen = extract_features(teacher, image, Window(0, 0, 20, 24), name=architecture)
    assert finite
    assert list(found) == ["total", "DS", "TS", *TERMS.names, "raw DS", "raw TS"] + [
        f"raw {name}" for name in TERMS.names
    ]
    np.testing.assert_allclose(enlarged, upscale(cpu_copy(teacher), image, tile=96), atol=1)
    assert not seen.note


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_run_in_half_precision_skips_what_is_not_finite_and_resumes_exactly(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dtype: torch.dtype
) -> None:
    """With loss scaling in float16, as on a GPU."""
    monkeypatch.setattr(setup, "choose_precision", lambda *_: dtype)
    make_batch = OnlineTeacherBatches.batch

    def poison(self: OnlineTeacherBatches, step: int, rank: int = 0, ranks: int = 1) -> DistillationBatch:
        batch = make_batch(self, step, rank, ranks)
        return replace(batch, hr=batch.hr * float("nan")) if step == 1 else batch

    monkeypatch.setattr(OnlineTeacherBatches, "batch", poison)
    whole = run(settings, run=tmp_path / "whole", ema=0.9)
    skipped = [event.skipped is not None for event in whole if isinstance(event, StepEnd)]
    assert skipped == [False, True, False, False, False, False]
    state = torch.load(tmp_path / "whole/checkpoints/last.pt", weights_only=True)
    scale = state["learners"]["student"]["scaler"].get("scale")
    assert scale is None if dtype is torch.bfloat16 else scale < 2.0**16, "scaled down"
    token, before = CancelToken(), list[TrainEvent]()
    for event in train(TrainConfig.build(**settings, ema=0.9), token):
        before.append(event)
        if isinstance(event, StepEnd) and event.step == 2:
            token.cancel()
    after = list(resume_training(settings["run"]))
    assert losses([*before, *after])[2:] == losses(whole)[2:]


class ThreadWorld(World):
    """One of several processes, played by threads that meet in `gather`."""

    def __init__(self, rank: int, meeting: threading.Barrier, said: list[Any]) -> None:
        super().__init__(rank, meeting.parties)
        self.__dict__.update(meeting=meeting, said=said)

    def gather(self, value: Result) -> list[Result]:
        self.said[self.rank] = value
        self.meeting.wait(30)
        values = list(self.said)
        self.meeting.wait(30)
        return values

    def sum(self, values: Sequence[float]) -> list[float]:
        return [sum(column) for column in zip(*self.gather(list(values)), strict=True)]

    def broadcast_from_main(self, make: Callable[[], Result]) -> Result:
        made = None
        with self.all_or_none():
            made = make() if self.is_main else None
        result: Result = self.gather(made)[0]  # type: ignore[assignment]
        return result


class WithoutGradientExchange(nn.Module):
    """Stands in for DistributedDataParallel, whose processes can't be threads."""

    def __init__(self, module: nn.Module, **_: object) -> None:
        super().__init__()
        self.forward = module.forward


@pytest.fixture
def train_in_threads(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[list[TrainEvent]]]:
    """Train as two processes, the second of which takes longer for its batches."""
    monkeypatch.setattr(learner, "DistributedDataParallel", WithoutGradientExchange)
    monkeypatch.setattr(trainer, "retain_freed_memory", nullcontext)
    make_batch = OnlineTeacherBatches.batch

    def delay(self: OnlineTeacherBatches, step: int, rank: int = 0, ranks: int = 1) -> DistillationBatch:
        time.sleep(0.05 * rank)
        return make_batch(self, step, rank, ranks)

    monkeypatch.setattr(OnlineTeacherBatches, "batch", delay)

    def start(at: Callable[[int, StepEnd, CancelToken], None], **changes: Any) -> list[list[TrainEvent]]:
        config = TrainConfig.build(**{**settings, **changes})
        meeting, said = threading.Barrier(2), [None, None]
        events: list[list[TrainEvent]] = [[], []]

        def follow(rank: int) -> None:
            token = CancelToken()
            try:
                for event in train(config, token, ThreadWorld(rank, meeting, said)):
                    events[rank].append(event)
                    if isinstance(event, StepEnd):
                        at(rank, event, token)
            except BaseException:
                meeting.abort()
                raise

        threads = [threading.Thread(target=follow, args=(rank,)) for rank in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return events

    return start


@pytest.mark.parametrize("stopped", [0, 1])
def test_a_straggler_stops_after_the_same_step(
    train_in_threads: Callable[..., list[list[TrainEvent]]], stopped: int
) -> None:
    def stop(rank: int, event: StepEnd, token: CancelToken) -> None:
        if rank == stopped and event.step == 2:
            token.cancel()

    ends = [events[-1] for events in train_in_threads(stop, steps=30, validate_every=30)]
    assert [(end.outcome, end.step) for end in ends if isinstance(end, RunEnd)] == [("stopped", 3)] * 2


def test_a_straggler_has_the_same_losses_scores_and_checkpoints(
    train_in_threads: Callable[..., list[list[TrainEvent]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes agree on when to save: the clock of the first decides."""
    monkeypatch.setattr(NullRunWriter, "checkpoint_due", False)
    one, other = train_in_threads(lambda *_: None, checkpoint_every=1e-6)
    assert losses(one) == losses(other)
    kinds = [
        [type(event) for event in events if type(event) is not CheckpointSaved] for events in (one, other)
    ]
    assert StepEnd in kinds[0]
    steps = {event.step for event in one if isinstance(event, CheckpointSaved)}
    assert steps == {1, 2, 3, 4, 5, 6}
    assert {event.step for event in other if isinstance(event, CheckpointSaved)} == steps
