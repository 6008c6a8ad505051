"""Exporting models from the window."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from library_panels import choose
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QProgressDialog, QPushButton
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file

from fakd_core.runs.references import model_file
from fakd_gui.library.panel import LibraryPanel
from fakd_gui.models import export
from fakd_gui.models.export import FORMATS, start_export
from fakd_gui.session.session import Session
from fakd_gui.window.main_window import MainWindow

STUDENT = "rcan-g5-r1-c32-x4-fakd"


@pytest.fixture
def confirmed(session: Session) -> list[str]:
    texts: list[str] = []
    session.status_message.connect(texts.append)
    return texts


def test_a_run_s_student_is_exported_from_its_menu(
    qtbot: QtBot,
    runs: LibraryPanel,
    confirmed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    run, path = choose(runs, "middle"), tmp_path / "out.pth"

    def find_entry() -> QAction:
        return next(one for one in runs.make_menu().actions() if one.text().startswith("Export"))

    assert not find_entry().isEnabled(), "it has no student yet"
    (run / "student.safetensors").write_bytes(model_file(STUDENT).read_bytes())
    monkeypatch.setattr(export, "ask_save_path", lambda *_: (path, "Checkpoint for FAKD's code"))
    runs.scan()
    qtbot.waitUntil(lambda: find_entry().isEnabled())
    find_entry().trigger()
    qtbot.waitUntil(lambda: len(confirmed) == 2)
    assert confirmed[-1] == "Wrote out.pth (0.9 MB)"
    mine, theirs = torch.load(path, weights_only=True), load_file(model_file(STUDENT))
    assert torch.equal(mine["body_tail.weight"], theirs["body.5.weight"])


def test_any_model_s_file_is_exported_from_the_file_menu(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "out.pth"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(model_file(STUDENT)), ""))
    monkeypatch.setattr(export, "ask_save_path", lambda *_: (path, "Checkpoint for other tools"))
    (file,) = (menu for menu in window.menuBar().findChildren(QMenu) if menu.title() == "&File")
    next(entry for entry in file.actions() if entry.text() == "&Export a model…").trigger()
    qtbot.waitUntil(path.exists)
    mine, theirs = torch.load(path, weights_only=True), load_file(model_file(STUDENT))
    assert torch.equal(mine["body.5.weight"], theirs["body.5.weight"])


def test_onnx_is_written_in_the_background(
    qtbot: QtBot,
    session: Session,
    runs: LibraryPanel,
    confirmed: list[str],
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch", minversion="2.13")
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    path = tmp_path / "out.onnx"
    start_export(session, runs, STUDENT, path, FORMATS["ONNX, half precision, white is 1"][1])
    qtbot.waitUntil(lambda: len(confirmed) == 2)
    facts = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert (facts["value_range"], facts["precision"]) == ("0..1", "float16")


@pytest.mark.parametrize("kind", ["Safetensors", "ONNX, white is 255"])
def test_a_failed_export_is_reported(
    qtbot: QtBot,
    session: Session,
    runs: LibraryPanel,
    messages: list[str],
    tmp_path: Path,
    kind: str,
) -> None:
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(b"not a model")
    path = tmp_path / f"out{FORMATS[kind][0]}"
    start_export(session, runs, str(damaged), path, FORMATS[kind][1])
    qtbot.waitUntil(lambda: bool(messages))
    assert "damaged.pth" in messages[0]
    assert not path.exists()


def test_a_running_export_can_be_stopped(
    qtbot: QtBot,
    session: Session,
    runs: LibraryPanel,
    confirmed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch", minversion="2.13")
    monkeypatch.setattr(export, "DIALOG_DELAY_MS", 0)
    path = tmp_path / "out.onnx"
    start_export(session, runs, STUDENT, path, FORMATS["ONNX, white is 255"][1])
    dialog = runs.findChild(QProgressDialog)
    qtbot.waitUntil(dialog.isVisible)
    assert not dialog.isModal()
    qtbot.waitUntil(lambda: dialog.labelText() == "Writing out.onnx: tracing the network")
    stop = next(button for button in dialog.findChildren(QPushButton) if button.text() == "Stop")
    qtbot.mouseClick(stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(confirmed) == 2)
    assert confirmed[-1] == "Stopped; out.onnx was not written"
    assert not list(tmp_path.glob("*out*"))
    qtbot.waitUntil(lambda: not runs.findChildren(QProgressDialog))
