"""Stop and pause act within all long work, and a step that is left halfway changes nothing."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from fakd_core import create_model
from fakd_core.events import Cancelled, CancelToken, Progress, RunEnd, RunStarted, StepEnd, TrainEvent
from fakd_core.models.layers import SRNetwork
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.runtime import cancellation
from fakd_core.runtime.cancellation import cancellable
from fakd_core.training import loop, setup
from fakd_core.training.trainer import resume_training, train

LAYERS = 20
"""One pass has more."""
PATIENCE = 3
"""Layers: a slow one takes a quarter of a second."""
Request = Callable[[], object]


class Watch:
    """Calls `request` in a network's layer, once `moment()` is true, and counts the layers from there on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # The steps before that moment are short.
        monkeypatch.setattr(loop, "SHORT_STEP_SECONDS", 0.0)
        self.moment: Callable[[], bool] = lambda: False
        self.request: Request = lambda: None
        self.layers = 0
        for name in ("load_model", "create_model"):
            make = getattr(setup, name)
            monkeypatch.setattr(setup, name, lambda ref, make=make: self._watched(make(ref)))

    def _watched(self, network: SRNetwork) -> SRNetwork:
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
        for layer in layers:
            layer.register_forward_pre_hook(lambda *_: self._work())
        return network

    def _work(self) -> None:
        if self.layers or self.moment():
            self.layers += 1
        if self.layers == 1:
            self.request()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


@pytest.fixture
def settings(photos: Path, small_teacher: Path, tmp_path: Path) -> dict[str, Any]:
    student = "rcan:n_feats=8,n_resgroups=2,n_resblocks=2,reduction=4"
    names = {"teacher": str(small_teacher), "student": student, "train_data": photos}
    return {
        **names,
        "run": tmp_path / "run",
        **{"steps": 4, "batch": 2, "patch": 12, "val_images": 1, "validate_every": 2},
    }


class Recorder:
    """The events of a training so far."""

    def __init__(self, events: Iterator[TrainEvent]) -> None:
        self._source = events
        self.events: list[TrainEvent] = []

    def run(self) -> None:
        for event in self._source:
            self.events.append(event)

    def count(self, kind: type[object]) -> int:
        return sum(isinstance(event, kind) for event in self.events)


def scoring() -> bool:
    return torch.is_inference_mode_enabled()


MOMENTS: dict[str, Callable[[Recorder], bool]] = {
    "self-check": lambda training: not training.count(RunStarted),
    "the teacher's scores": lambda training: scoring() and not training.count(RunStarted),
    "the teacher in a step": lambda training: not torch.is_grad_enabled() and training.count(StepEnd) == 1,
    "the student in a step": lambda training: torch.is_grad_enabled() and training.count(StepEnd) == 1,
    "validation": lambda training: scoring() and training.count(StepEnd) == 2,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_stop_acts_in_the_middle_of_a_pass(watch: Watch, settings: dict[str, Any], moment: str) -> None:
    token = CancelToken()
    training = Recorder(train(TrainConfig.build(**settings), token))
    watch.moment = lambda: MOMENTS[moment](training)
    watch.request = token.cancel
    if moment == "self-check":
        with pytest.raises(Cancelled):
            training.run()
        assert not settings["run"].exists()
    else:
        training.run()
        ended = training.events[-1]
        assert isinstance(ended, RunEnd)
        assert ended.outcome == "stopped"
        assert ended.step == training.count(StepEnd)
    assert 1 <= watch.layers <= PATIENCE
    assert torch.is_grad_enabled()


def test_stop_acts_while_teacher_outputs_are_computed(
    watch: Watch, settings: dict[str, Any], tmp_path: Path
) -> None:
    token = CancelToken()
    cached = {**settings, "teacher_cache": tmp_path / "cache", "cache_patches": 64}
    training = Recorder(train(TrainConfig.build(**cached), token))
    watch.moment = lambda: any(
        isinstance(event, Progress) and event.what == "teacher cache" for event in training.events
    )
    watch.request = token.cancel
    with pytest.raises(Cancelled):
        training.run()
    assert 1 <= watch.layers <= PATIENCE
    assert list((tmp_path / "cache").rglob("*.safetensors")) == []


def test_stop_acts_in_a_backward_pass(settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = create_model("rcan", n_feats=8, n_resgroups=2, n_resblocks=2, reduction=4)
    token = CancelToken()
    reached: list[int] = []
    for weights in network.parameters():
        weights.register_hook(lambda _: reached.append(1) or token.cancel())  # type: ignore[no-untyped-call]
    with pytest.raises(Cancelled), cancellable(token, network):
        network(torch.zeros(1, 3, 8, 8)).sum().backward()
    assert len(reached) == 1
    assert len([*network.parameters()]) > LAYERS


@pytest.mark.parametrize("baseline", [False, True])
def test_a_step_left_halfway_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], tmp_path: Path, baseline: bool
) -> None:
    # Its hooks are on the networks of all runs alike: layers with hooks inside round in another way.
    watch = Watch(monkeypatch)
    whole = {**settings, "run": tmp_path / "whole", "baseline": baseline, "ema": 0.9}
    Recorder(train(TrainConfig.build(**whole))).run()
    halves = {**whole, "run": tmp_path / "halves"}
    token = CancelToken()
    training = Recorder(train(TrainConfig.build(**halves), token))
    layers: Counter[int] = Counter()

    def moment() -> bool:
        """In the last quarter of a step: the gradients of the first student exist by then."""
        step = training.count(StepEnd)
        layers[step] += torch.is_grad_enabled()
        return step == 2 and layers[2] > 0.75 * layers[1]

    watch.moment = moment
    watch.request = token.cancel
    training.run()
    assert 1 <= watch.layers <= PATIENCE
    assert training.events[-1].step == 2  # type: ignore[union-attr]
    watch.layers, watch.moment = 0, lambda: False
    Recorder(resume_training(halves["run"])).run()
    for path in sorted(whole["run"].rglob("*.safetensors")):
        expected, found = load_file(path), load_file(halves["run"] / path.relative_to(whole["run"]))
        assert all(torch.equal(expected[name], found[name]) for name in expected), path.name
    expected, found = (
        [line["losses"]["total"] for line in read_metrics(run["run"]) if "losses" in line]
        for run in (whole, halves)
    )
    assert expected == found


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("self-check", marks=pytest.mark.slow),
        "the student in a step",
        pytest.param("validation", marks=pytest.mark.slow),
    ],
)
def test_pause_and_resume_act_in_the_middle_of_a_pass(
    watch: Watch, settings: dict[str, Any], moment: str
) -> None:
    token, paused = CancelToken(), threading.Event()
    training = Recorder(train(TrainConfig.build(**settings), token))
    watch.moment = lambda: MOMENTS[moment](training)
    watch.request = lambda: (token.pause(), paused.set())
    worker = threading.Thread(target=training.run)
    begun = time.monotonic()
    worker.start()
    try:
        assert paused.wait(60)
        held = len(training.events)
        time.sleep(1)
        assert len(training.events) == held
        assert watch.layers <= PATIENCE
        assert worker.is_alive()
    finally:
        token.resume()
        worker.join(60)
    taken = time.monotonic() - begun
    assert isinstance(training.events[-1], RunEnd)
    assert watch.layers >= LAYERS
    assert token.paused_seconds > 0.5
    # A pause is no part of how long a step takes.
    steps = [event.seconds for event in training.events if isinstance(event, StepEnd)]
    assert sum(steps) <= taken - token.paused_seconds


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("kernel", "count"), [(1, 1), (3, 1), (3, 3), (5, 2)])
def test_a_convolution_in_pieces_gives_the_same_result(
    monkeypatch: pytest.MonkeyPatch, layout: torch.memory_format, kernel: int, count: int
) -> None:
    monkeypatch.setattr(cancellation, "MAX_MULTIPLICATIONS", 50_000)
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 12, kernel, padding=kernel // 2)
    images = torch.randn(count, 8, 37, 29).to(memory_format=layout)
    looks = CountingToken()
    with torch.no_grad():
        whole = layer(images)
        with cancellable(looks):
            pieces = layer(images)
    assert looks.count > 3
    assert pieces.stride() == whole.stride()
    torch.testing.assert_close(pieces, whole, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 12, 3, stride=2, padding=1),
        nn.Conv2d(8, 12, 3),
        nn.Conv2d(8, 8, 3, padding=1, groups=4),
        nn.Conv2d(8, 12, 3, padding=2, dilation=2),
        nn.Conv2d(8, 12, (3, 1), padding=(1, 0)),
        nn.Conv2d(8, 12, 3, padding="same"),
        nn.Conv2d(8, 12, 3, padding=1, padding_mode="reflect", bias=False),
    ],
    ids=str,
)
def test_other_convolutions_are_unchanged(monkeypatch: pytest.MonkeyPatch, layer: nn.Conv2d) -> None:
    monkeypatch.setattr(cancellation, "MAX_MULTIPLICATIONS", 1000)
    images = torch.randn(2, 8, 20, 20)
    with torch.no_grad():
        whole = layer(images)
        with cancellable(CancelToken()):
            assert torch.equal(layer(images), whole)


def test_a_convolution_with_gradient_is_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "MAX_MULTIPLICATIONS", 1000)
    layer = nn.Conv2d(8, 12, 3, padding=1)
    looks = CountingToken()
    with cancellable(looks):
        layer(torch.randn(1, 8, 20, 20)).sum().backward()
    assert layer.weight.grad is not None
    assert looks.count < 5


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_modes_of_torch_are_restored(mode: Any) -> None:
    token = CancelToken()
    one = torch.ones(1)
    token.cancel()
    with pytest.raises(Cancelled), cancellable(token), mode():
        one + 1
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_another_thread_is_not_stopped() -> None:
    token = CancelToken()
    token.cancel()
    made: list[torch.Tensor] = []
    with cancellable(token):
        worker = threading.Thread(target=lambda: made.append(torch.zeros(3) + 1))
        worker.start()
        worker.join()
        with pytest.raises(Cancelled):
            torch.zeros(3) + 1
    assert len(made) == 1


def test_a_pause_after_a_stop_does_not_block() -> None:
    token = CancelToken()
    token.cancel()
    token.pause()
    assert not token.paused
    worker = threading.Thread(target=token.wait_while_paused, daemon=True)
    worker.start()
    worker.join(60)
    assert not worker.is_alive()


class CountingToken(CancelToken):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def check(self) -> None:
        self.count += 1
        super().check()
