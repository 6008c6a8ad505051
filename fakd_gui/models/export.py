"""Export of a model from the window, in the background."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

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


class Format(NamedTuple):
    """A file format, with the options of `export_model`."""

    suffix: str
    options: Mapping[str, object] = MappingProxyType({})


FORMATS = {
    "Checkpoint for other tools": Format(".pth"),
    "Checkpoint for FAKD's code": Format(".pth", {"keys": "fakd"}),
    "Safetensors": Format(".safetensors"),
    "ONNX, white is 255": Format(".onnx"),
    "ONNX, white is 1": Format(".onnx", {"value_range": 1}),
    "ONNX, half precision, white is 255": Format(".onnx", {"half": True}),
    "ONNX, half precision, white is 1": Format(".onnx", {"value_range": 1, "half": True}),
}


def choose_export(session: Session, window: QWidget, ref: str) -> None:
    """Ask where to write the model `ref` and in which format, and write it."""
    suffixes = {name: file_format.suffix for name, file_format in FORMATS.items()}
    chosen = ask_save_path(window, "Export the model", f"{model_label(ref)}.pth", suffixes)
    if chosen is not None:
        start_export(session, window, ref, chosen[0], FORMATS[chosen[1]])


def start_export(session: Session, window: QWidget, ref: str, path: Path, file_format: Format) -> None:
    """Write the model `ref` to `path`, overwriting it, on a thread; a dialog shows the stage and stops it."""
    job = Job(f"export {path.name}", partial(_export, ref, path, file_format), window, path=path)
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
        if end.problem is not None:
            session.report(end.problem)
        elif end.outcome is Outcome.COMPLETED:
            session.announce(f"Wrote {path.name} ({path.stat().st_size / 1e6:.1f} MB)")
        else:
            session.announce(f"Stopped; {path.name} was not written")

    job.yielded.connect(show_stage)
    job.finished.connect(finish)
    session.announce(f"Writing {path.name} …")
    job.start()


def _export(ref: str, path: Path, file_format: Format, token: CancelToken) -> Iterator[ExportEvent]:
    options = {**file_format.options, "replace": True}
    if file_format.suffix != ".onnx":
        from fakd_core.export.checkpoints import export_model

        return export_model(ref, path, **options, cancel=token)
    if getattr(sys, "frozen", False):
        raise ExportError("the one-folder app writes no ONNX; export with fakd from an installed package")
    from fakd_core.export.child_process import export_in_process

    return export_in_process(ref, path, options, cancel=token)
