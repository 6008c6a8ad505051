"""Drops and the clipboard: files, images with or without a link, and links alone."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from fakd_core.data.image_files import read_image, write_image
from fakd_core.errors import DataError
from fakd_gui.widgets.file_drops import FileDrops, paths_in

LINK = "https://example.org/photos/lake.png"
PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.fixture(autouse=True)
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image file, outside the cache folder."""
    monkeypatch.setenv("FAKD_CACHE", str(tmp_path / "cache"))
    write_image(tmp_path / "a.png", PIXELS)
    return tmp_path / "a.png"


def drop(qtbot: QtBot, data: QMimeData) -> tuple[bool, list[Path], list[str]]:
    """Drop `data` on a widget; return if it takes the drag, what it opens, and what it reports."""
    widget, opened, reported = QWidget(), list[Path](), list[str]()
    qtbot.addWidget(widget)
    FileDrops(widget, opened.extend, lambda error: reported.append(str(error)))
    button, key, copy = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(1, 1), copy, data, button, key)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    QApplication.sendEvent(widget, QDropEvent(QPointF(1, 1), copy, data, button, key))
    return enter.isAccepted(), opened, reported


def with_image(data: QMimeData, picture: Path) -> None:
    data.setImageData(QImage(str(picture)))


def with_bytes(data: QMimeData, picture: Path) -> None:
    data.setData("image/png", picture.read_bytes())


def with_link_of_data(data: QMimeData, picture: Path) -> None:
    data.setUrls([QUrl(f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}")])


def with_link_and_image(data: QMimeData, picture: Path) -> None:
    data.setUrls([QUrl(LINK)])
    data.setHtml(f'<img src="{LINK}">')
    with_image(data, picture)


def with_link_and_bytes(data: QMimeData, picture: Path) -> None:
    data.setUrls([QUrl(LINK)])
    with_bytes(data, picture)


@pytest.mark.parametrize(
    "fill", [with_image, with_bytes, with_link_of_data, with_link_and_image, with_link_and_bytes]
)
def test_an_image_that_a_browser_s_drag_carries_is_taken(
    qtbot: QtBot, picture: Path, fill: Callable[[QMimeData, Path], None]
) -> None:
    data = QMimeData()
    fill(data, picture)
    taken, opened, reported = drop(qtbot, data)
    assert (taken, reported) == (True, [])
    (path,) = opened
    assert path.is_relative_to(picture.parent / "cache")
    np.testing.assert_array_equal(read_image(path), PIXELS)


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("link", [LINK, f"{LINK}?{'x' * 300}", "http://example.org/"])
def test_a_link_alone_says_what_to_do(qtbot: QtBot, link: str, as_text: bool) -> None:
    data = QMimeData()
    data.setText(link) if as_text else data.setUrls([QUrl(link)])
    taken, opened, (message,) = drop(qtbot, data)
    assert (taken, opened) == (True, [])
    assert message.startswith(link[:60])
    assert message.endswith("links are not followed; save the image as a file and drop that")
    assert len(message) < 180


def test_files_are_opened_and_other_drags_are_not_taken(qtbot: QtBot, picture: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture))])
    data.setImageData(QImage(str(picture)))
    assert drop(qtbot, data) == (True, [picture], [])
    words = QMimeData()
    words.setText("two words")
    assert drop(qtbot, words) == (False, [], [])


def test_two_images_at_once_are_two_files_and_a_full_disk_is_one_line(
    picture: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = QMimeData()
    data.setImageData(QImage(str(picture)))
    assert paths_in(data) != paths_in(data)
    (tmp_path / "file").touch()
    monkeypatch.setenv("FAKD_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="can't be created"):
        paths_in(data)
