"""Every kind of long work in a real window, held at a moment of a test's choice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from torch import nn

from fakd_core.events import Progress, StepEnd
from fakd_core.models import cost
from fakd_core.runs.config import TrainConfig
from fakd_core.training import loop
from fakd_gui.figure.dialog import FigureDialog, open_crop_figure
from fakd_gui.session.jobs import Job
from fakd_gui.session.opened_image import open_image
from fakd_gui.window.main_window import MainWindow

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


@dataclass
class Desk:
    """A window, what to work on in it, and a hand on every layer that runs on a thread."""

    window: MainWindow
    qtbot: QtBot
    teacher: Path
    photos: Path
    folder: Path
    events: list[object] = field(default_factory=list)
    when: Callable[[], bool] = lambda: False
    act: Callable[[], object] = lambda: time.sleep(0.05)
    reached: bool = False
    layers: int = 0
    """Layers that acted so far."""

    def work(self) -> None:
        """Called before every convolution, and wherever else a test put it."""
        if threading.current_thread() is not threading.main_thread() and self.when():
            self.reached = True
            self.layers += 1
            self.act()

    def start(self, job: str) -> None:
        """Start `job` and wait until it is in the middle of its work."""
        JOBS[job](self)
        self.qtbot.waitUntil(lambda: self.reached)

    def running(self) -> list[str]:
        owners = (self.window, self.window.session)
        return [job.name for owner in owners for job in owner.findChildren(Job) if job.running]

    @property
    def run(self) -> Path:
        return self.window.session.runs_root / "run"

    def train(self, **changes: object) -> None:
        names = {"teacher": str(self.teacher), "student": STUDENT, "train_data": self.photos, "run": self.run}
        sizes = {"steps": 5000, "batch": 1, "patch": 12, "val_images": 1, "validate_every": 5000}
        job = self.window.session.start_training(TrainConfig.build(**{**names, **sizes, **changes}))
        # On the training's own thread, so that an event is recorded before the next layer runs.
        job.yielded.connect(self.events.append, Qt.ConnectionType.DirectConnection)

    def steps(self) -> int:
        return sum(isinstance(event, StepEnd) for event in self.events)


@contextmanager
def busy_desk(
    window: MainWindow, qtbot: QtBot, teacher: Path, photos: Path, folder: Path, patch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    desk = Desk(window, qtbot, teacher, photos, folder)
    patch.setattr(loop, "SHORT_STEP_SECONDS", 0.0)

    # Operations are counted without computing anything.
    patch.setattr(cost, "QUICK_OPERATIONS", 0)

    def look(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if isinstance(layer, nn.Conv2d) and inputs[0].device.type != "meta":
            desk.work()

    patch.setattr(
        "fakd_core.runs.references.load_model", _after(desk, "fakd_core.runs.references.load_model")
    )
    patch.setattr("fakd_gui.session.session.open_image", _after(desk, "fakd_gui.session.session.open_image"))
    hook = nn.modules.module.register_module_forward_pre_hook(look)
    try:
        yield desk
    finally:
        hook.remove()
        desk.when = lambda: False


def _after(desk: Desk, name: str) -> Callable[..., object]:
    from importlib import import_module

    module, function = name.rsplit(".", 1)
    make = getattr(import_module(module), function)

    def slowed(*args: object, **kwargs: object) -> object:
        desk.work()
        return make(*args, **kwargs)

    return slowed


def train_a_while(desk: Desk) -> None:
    desk.when = lambda: desk.steps() == 2
    desk.train()


def validate(desk: Desk) -> None:
    desk.when = lambda: desk.steps() == 2 and torch.is_inference_mode_enabled()
    desk.train(validate_every=2)


def build_the_cache(desk: Desk) -> None:
    desk.when = lambda: any(
        isinstance(event, Progress) and event.what == "teacher cache" for event in desk.events
    )
    desk.train(teacher_cache=desk.folder / "cache", cache_patches=64)


def compare(desk: Desk) -> None:
    desk.window.session.set_teacher(str(desk.teacher))
    desk.window.show_workspace("Compare")
    desk.when = torch.is_inference_mode_enabled
    desk.window.open_paths([desk.photos / "coffee0.png"])


def inspect(desk: Desk) -> None:
    desk.window.session.set_teacher(str(desk.teacher))
    desk.window.session.add_student(str(desk.teacher))
    desk.window.show_workspace("Inspect")
    desk.when = torch.is_inference_mode_enabled
    desk.window.open_paths([desk.photos / "coffee0.png"])


def benchmark(desk: Desk) -> None:
    desk.window.session.set_teacher(str(desk.teacher))
    desk.window.show_workspace("Benchmark")
    desk.window.benchmark.state.add_folder(desk.photos)
    desk.when = torch.is_inference_mode_enabled
    desk.window.benchmark.runner.run()


def save_a_figure(desk: Desk) -> None:
    image = open_image(desk.photos / "coffee0.png", 4, False)
    session = desk.window.session
    models = ["bicubic", str(desk.teacher)]
    open_crop_figure(desk.window, session, image, models=models, region=(10, 20, 40, 30))
    dialog = desk.window.findChild(FigureDialog)
    assert dialog is not None
    desk.qtbot.waitUntil(lambda: dialog.pixels is not None)
    desk.when = torch.is_inference_mode_enabled
    dialog.save(desk.folder / "figure.png")


def load_a_model(desk: Desk) -> None:
    desk.when = lambda: True
    desk.window.questions.load_model(desk.teacher, desk.window.session.add_student)


def open_a_huge_image(desk: Desk) -> None:
    desk.when = lambda: True
    desk.window.session.open_image(desk.photos / "coffee0.png")


JOBS: dict[str, Callable[[Desk], None]] = {
    "training": train_a_while,
    "validation": validate,
    "teacher cache": build_the_cache,
    "comparing": compare,
    "inspecting": inspect,
    "benchmark": benchmark,
    "figure": save_a_figure,
    "loading a model": load_a_model,
    "opening an image": open_a_huge_image,
}
