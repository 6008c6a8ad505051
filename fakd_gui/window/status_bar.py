"""The status bar: the device, the memory in use, and the running training."""

from __future__ import annotations

import gc

import psutil
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from fakd_core.events import CancelToken, Progress, RunStarted, StepEnd
from fakd_gui.session.jobs import Job, LatestWins
from fakd_gui.session.session import Session

REFRESH_MS = 2000


class StatusBar(QStatusBar):
    """Shows the running training in every workspace."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent, sizeGripEnabled=False)
        self.setContentsMargins(8, 0, 8, 0)
        self.job = QLabel("Ready")
        self.progress = QProgressBar(textVisible=False, visible=False)
        self.progress.setFixedSize(140, 14)
        self.device = QLabel()
        self.memory = QLabel(toolTip="Memory in use by this app")
        self.addWidget(self.job)
        self.addWidget(self.progress)
        self.addPermanentWidget(self.device)
        self.addPermanentWidget(self.memory)
        self._device_reader = LatestWins("find the device", self)
        self._device_reader.result.connect(self._show_device)
        QTimer(self, interval=REFRESH_MS, timeout=self._show_memory).start()
        session.training_started.connect(self._training_started)
        session.training_finished.connect(self._training_finished)
        self._show_memory()

    def find_device(self) -> None:
        """Look up the device that networks run on; torch is imported on a thread."""
        self._device_reader.submit(_describe_device)

    def _show_device(self, text: object) -> None:
        self.device.setText(str(text))
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
        self.memory.setText(f"{psutil.Process().memory_info().rss / 1e9:.2f} GB")


def _describe_device(token: CancelToken) -> str:
    import torch

    from fakd_core.runtime.device import choose_device

    device = choose_device("auto")
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type.upper()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
