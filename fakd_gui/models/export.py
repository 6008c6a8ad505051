"""Export of a model from the window, in the background."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from fakd_core.errors import ExportError
from fakd_core.events import CancelToken
from fakd_core.runs.references import model_label
from fakd_gui.session.jobs import Job, JobEnd, Outcome
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_dialogs import ask_save_path

LOOK_S = 0.1


@dataclass(frozen=True)
class Kind:
    """A format, as the command line asks for it."""

    suffix: str
    options: Sequence[str] = ()
    keys: str = "authors"


KINDS = {
    "Checkpoint for other tools": Kind(".pth"),
    "Checkpoint for FAKD's code": Kind(".pth", keys="fakd"),
    "Safetensors": Kind(".safetensors"),
    "ONNX, white is 255": Kind(".onnx"),
    "ONNX, white is 1": Kind(".onnx", ("--range", "1")),
    "ONNX, half precision, white is 255": Kind(".onnx", ("--half",)),
    "ONNX, half precision, white is 1": Kind(".onnx", ("--range", "1", "--half")),
}


class ModelExporter(QObject):
    """Asks for place and format, writes on a thread, and tells the session how it went."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._window = window

    def choose(self, ref: str) -> None:
        """Ask where the model `ref` goes, and write it there."""
        suffixes = {name: kind.suffix for name, kind in KINDS.items()}
        chosen = ask_save_path(self._window, "Export the model", f"{model_label(ref)}.pth", suffixes)
        if chosen is not None:
            self.export(ref, chosen[0], KINDS[chosen[1]])

    def export(self, ref: str, path: Path, kind: Kind) -> None:
        """Write the model `ref` to `path`."""
        job = Job(f"export {path.name}", lambda token: _write(ref, path, kind, token), self, path=path)
        job.finished.connect(lambda end: self._tell(job, end, path))
        self._session.announce(f"Writing {path.name} …")
        job.start()

    def _tell(self, job: Job, end: JobEnd, path: Path) -> None:
        if end.problem is not None:
            self._session.report(end.problem)
        elif end.outcome is Outcome.COMPLETED:
            self._session.announce(f"Wrote {path.name} ({path.stat().st_size / 1e6:.1f} MB)")
        job.deleteLater()


def _write(ref: str, path: Path, kind: Kind, token: CancelToken) -> None:
    if kind.suffix == ".onnx" and getattr(sys, "frozen", False):
        raise ExportError("the one-folder app writes no ONNX; export with fakd from an installed package")
    if kind.suffix == ".onnx":
        # In a process of its own: while torch traces a network, others in this process are traced as well.
        _run_command(["export", ref, "--to", str(path), "--force", *kind.options], token)
        return
    from fakd_core.export.export import export

    # The dialog has asked whether it may be replaced.
    export(ref, path, keys=kind.keys, replace=True)


def _run_command(arguments: Sequence[str], token: CancelToken) -> None:
    command = [sys.executable, "-m", "fakd_core.cli", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                _, told = process.communicate(timeout=LOOK_S)
                break
            except subprocess.TimeoutExpired:
                if token.cancelled:
                    process.terminate()
    if process.returncode and not token.cancelled:
        lines = [line for line in told.splitlines() if line.strip()]
        raise ExportError(lines[-1].removeprefix("error: ") if lines else "the export ended by itself")
