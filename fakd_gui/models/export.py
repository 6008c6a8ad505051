"""Export of a model from the window, in the background."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QProgressDialog, QWidget

from fakd_core.events import CancelToken, Progress
from fakd_core.runs.references import model_label
from fakd_gui.session.jobs import Job, JobEnd, Outcome
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_dialogs import ask_save_path

if TYPE_CHECKING:
    from fakd_core.export.checkpoints import ExportEvent

EXPORT = "export the model"
"""The name of the job."""
DIALOG_DELAY_MS = 500
Options = Mapping[str, object]
FORMATS: dict[str, tuple[str, Options]] = {
    "Checkpoint for other tools": (".pth", {}),
    "Checkpoint for FAKD's code": (".pth", {"keys": "fakd"}),
    "Safetensors": (".safetensors", {}),
    "ONNX, white is 255": (".onnx", {}),
    "ONNX, white is 1": (".onnx", {"value_range": 1}),
    "ONNX, half precision, white is 255": (".onnx", {"half": True}),
    "ONNX, half precision, white is 1": (".onnx", {"value_range": 1, "half": True}),
}
"""The suffix and the options of the export, by name."""


def choose_export(session: Session, window: QWidget, ref: str) -> None:
    """Ask where to write the model `ref` and in which format, and write it."""
    suffixes = {name: suffix for name, (suffix, _) in FORMATS.items()}
    chosen = ask_save_path(window, "Export the model", f"{model_label(ref)}.pth", suffixes)
    if chosen is not None:
        start_export(session, window, ref, chosen[0], FORMATS[chosen[1]][1])


def start_export(session: Session, window: QWidget, ref: str, path: Path, options: Options) -> None:
    """Write the model `ref` to `path`, whose suffix is the format, on a thread; a dialog can stop it."""
    job = Job(EXPORT, partial(_export, ref, path, options), window, path=path)
    # Not modal; it appears if the export takes longer than a moment, and goes with the job.
    dialog = QProgressDialog(f"Writing {path.name}", "Stop", 0, 0, window, windowTitle="Export the model")
    dialog.setMinimumDuration(DIALOG_DELAY_MS)
    dialog.canceled.connect(job.cancel)

    def show_stage(event: object) -> None:
        if isinstance(event, Progress):
            dialog.setLabelText(f"Writing {path.name}: {event.what}")

    def finish(end: JobEnd) -> None:
        dialog.deleteLater()
        job.deleteLater()
        if end.outcome is Outcome.COMPLETED:
            session.announce(f"Wrote {path.name} ({path.stat().st_size / 1e6:.1f} MB)")
        elif job.token.cancelled:
            session.announce(f"Stopped; {path.name} was not written")
        elif end.problem is not None:
            session.report(end.problem)

    job.yielded.connect(show_stage)
    job.finished.connect(finish)
    session.announce(f"Writing {path.name} …")
    job.start()


def _export(ref: str, path: Path, options: Options, token: CancelToken) -> Iterator[ExportEvent]:
    from fakd_core.export.child_process import export_file

    return export_file(ref, path, {**options, "replace": True}, cancel=token)
