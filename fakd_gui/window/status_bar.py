"""The status bar: the device, the memory in use, and the running training."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial

import psutil
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from fakd_core.events import Progress, RunStarted, StepEnd
from fakd_gui.session.jobs import Job, LatestWins
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.session import Session

REFRESH_MS = 2000


class StatusBar(QStatusBar):
    """Shows the running training in every workspace."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent, sizeGripEnabled=False)
        self._models = session.models
        self.setContentsMargins(8, 0, 8, 0)
        self.job = QLabel("Ready")
        self.progress = QProgressBar(textVisible=False, visible=False)
        self.progress.setFixedSize(140, 14)
        self.device = QLabel(toolTip="Models run here; Edit, Device chooses another one")
        self.devices = {"cpu": "CPU"}
        """The machine's devices, described, by name; the others follow once torch is loaded."""
        self._used_memory: Callable[[], int] = int
        """Gives the bytes in use on a GPU."""
        self.memory = QLabel(toolTip="Memory in use by this app")
        self.addWidget(self.job)
        self.addWidget(self.progress)
        self.addPermanentWidget(self.device)
        self.addPermanentWidget(self.memory)
        self._device_reader = LatestWins("find the device", self)
        self._device_reader.result.connect(self._show_device)
        session.models.device_changed.connect(lambda _: self.find_device())
        QTimer(self, interval=REFRESH_MS, timeout=self._show_memory).start()
        session.training_started.connect(self._training_started)
        session.training_finished.connect(self._training_finished)
        self._show_memory()

    def find_device(self) -> None:
        """Look up the device that models run on; torch is imported on a thread."""
        models = self._models
        self._device_reader.submit(lambda token: _describe_devices(models))

    def _show_device(self, found: tuple[str, dict[str, str], Callable[[], int]]) -> None:
        text, self.devices, self._used_memory = found
        self.device.setText(text)
        self._show_memory()
        # torch is loaded now: its objects alone would make every collection take a tenth of a second.
        gc.freeze()

    def _training_started(self, job: Job) -> None:
        self.job.setText(job.name)
        self.progress.setRange(0, 0)
        self.progress.show()
        job.yielded.connect(self._show_progress)

    def _show_progress(self, event: object) -> None:
        match event:
            case Progress(done=done, total=total) | RunStarted(first_step=done, steps=total):
                self.progress.setRange(0, total)
                self.progress.setValue(done)
            case StepEnd(step=step):
                self.progress.setValue(step)

    def _training_finished(self, _: object) -> None:
        self.job.setText("Ready")
        self.progress.hide()

    def _show_memory(self) -> None:
        text = f"{psutil.Process().memory_info().rss / 1e9:.2f} GB"
        on_gpu = self._used_memory()
        self.memory.setText(f"{text}, GPU {on_gpu / 1e9:.2f} GB" if on_gpu else text)


def _describe_devices(models: ModelCache) -> tuple[str, dict[str, str], Callable[[], int]]:
    from fakd_core.runtime.device import describe_device, find_devices, used_memory

    device = models.device()
    return describe_device(device), find_devices(), partial(used_memory, device)
