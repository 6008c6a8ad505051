"""A file is overwritten only after a question about that very file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from fakd_gui.widgets.file_dialogs import ask_save_path

KINDS = {"Markdown": ".md", "CSV": ".csv", "CSV by image": ".csv"}
YES, CANCEL = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.Cancel


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions to the user; the answer is Cancel."""
    texts: list[str] = []

    def question(*arguments: object) -> QMessageBox.StandardButton:
        texts.append(str(arguments[2]))
        return CANCEL

    monkeypatch.setattr(QMessageBox, "question", question)
    return texts


def choose(monkeypatch: pytest.MonkeyPatch, path: Path | str, kind: str = "") -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))


@pytest.mark.parametrize(
    ("name", "filter_", "expected"),
    [
        ("table.md", "", ("table.md", "Markdown")),
        ("table", "", ("table.md", "Markdown")),
        ("table", "CSV by image (*.csv)", ("table.csv", "CSV by image")),
        ("table.CSV", "Markdown (*.md)", ("table.CSV", "CSV")),
        ("table.csv", "CSV by image (*.csv)", ("table.csv", "CSV by image")),
        ("table v1.5", "CSV (*.csv)", ("table v1.5.csv", "CSV")),
        ("table.txt", "Markdown (*.md)", ("table.txt.md", "Markdown")),
    ],
)
def test_suffix_is_completed_and_determines_the_kind(
    parent: QWidget,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    filter_: str,
    expected: tuple[str, str],
) -> None:
    choose(monkeypatch, tmp_path / name, filter_)
    assert ask_save_path(parent, "Save", "start", KINDS) == (tmp_path / expected[0], expected[1])
    assert asked == []


def test_cancelled_dialog_gives_no_path(parent: QWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "")
    assert ask_save_path(parent, "Save", "start", KINDS) is None


def test_completed_path_that_exists_is_asked_about(
    parent: QWidget, asked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "table.md").write_text("mine")
    choose(monkeypatch, tmp_path / "table")
    assert ask_save_path(parent, "Save", "start", KINDS) is None
    assert asked == [f"table.md already exists in {tmp_path}. Overwrite it?"]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: YES)
    assert ask_save_path(parent, "Save", "start", KINDS) == (tmp_path / "table.md", "Markdown")


def test_path_confirmed_in_the_dialog_is_not_asked_about_again(
    parent: QWidget, asked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "table.md").write_text("mine")
    choose(monkeypatch, tmp_path / "table.md")
    assert ask_save_path(parent, "Save", "start", KINDS) == (tmp_path / "table.md", "Markdown")
    assert asked == []
