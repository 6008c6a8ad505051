"""Export of a model from the window, in the background."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QProgressDialog, QWidget

from fakd_core.errors import ExportError
from fakd_core.events import CancelToken, Progress
from fakd_core.runs.references import model_label
from fakd_gui.session.jobs import Job, JobEnd, Outcome
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_dialogs import ask_save_path

if TYPE_CHECKING:
    from fakd_core.export.checkpoints import ExportEvent

DIALOG_DELAY_MS = 500


@dataclass(frozen=True)
class Format:
    """A file format, with the options of `export_model`."""

    suffix: str
    options: Mapping[str, object] = field(default_factory=dict)


FORMATS = {
    "Checkpoint for other tools": Format(".pth"),
    "Checkpoint for FAKD's code": Format(".pth", {"keys": "fakd"}),
    "Safetensors": Format(".safetensors"),
    "ONNX, white is 255": Format(".onnx"),
    "ONNX, white is 1": Format(".onnx", {"value_range": 1}),
    "ONNX, half precision, white is 255": Format(".onnx", {"half": True}),
    "ONNX, half precision, white is 1": Format(".onnx", {"value_range": 1, "half": True}),
}


class ModelExporter(QObject):
    """Asks for a file and its format, and writes it on a thread; a dialog shows the stage and stops it."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._window = window

    def choose(self, ref: str) -> None:
        """Ask where to write the model `ref`, and write it."""
        suffixes = {name: file_format.suffix for name, file_format in FORMATS.items()}
        chosen = ask_save_path(self._window, "Export the model", f"{model_label(ref)}.pth", suffixes)
        if chosen is not None:
            self.export(ref, chosen[0], FORMATS[chosen[1]])

    def export(self, ref: str, path: Path, file_format: Format) -> None:
        """Write the model `ref` to `path`, overwriting it."""
        work = partial(_export, ref, path, file_format)
        job = Job(f"export {path.name}", work, self, path=path)
        _show_progress(job, path, self._window)
        job.finished.connect(lambda end: self._finish(job, end, path))
        self._session.announce(f"Writing {path.name} …")
        job.start()

    def _finish(self, job: Job, end: JobEnd, path: Path) -> None:
        if end.problem is not None:
            self._session.report(end.problem)
        elif end.outcome is Outcome.COMPLETED:
            self._session.announce(f"Wrote {path.name} ({path.stat().st_size / 1e6:.1f} MB)")
        else:
            self._session.announce(f"Stopped; {path.name} was not written")
        job.deleteLater()


def _show_progress(job: Job, path: Path, window: QWidget) -> None:
    """Open a dialog, not modal, if the export takes longer than a moment; it goes with the job."""
    dialog = QProgressDialog(f"Writing {path.name}", "Stop", 0, 0, window, windowTitle="Export the model")
    dialog.setMinimumDuration(DIALOG_DELAY_MS)
    dialog.canceled.connect(job.cancel)
    stage = f"Writing {path.name}: {{}}"
    job.yielded.connect(
        lambda event: dialog.setLabelText(stage.format(event.what)) if isinstance(event, Progress) else None
    )
    job.finished.connect(dialog.deleteLater)


def _export(ref: str, path: Path, file_format: Format, token: CancelToken) -> Iterator[ExportEvent]:
    options = {**file_format.options, "replace": True}
    if file_format.suffix != ".onnx":
        from fakd_core.export.checkpoints import export_model

        return export_model(ref, path, **options, cancel=token)
    if getattr(sys, "frozen", False):
        raise ExportError("the one-folder app writes no ONNX; export with fakd from an installed package")
    from fakd_core.export.child_process import export_in_process

    return export_in_process(ref, path, options, cancel=token)
