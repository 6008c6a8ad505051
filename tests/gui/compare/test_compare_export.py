"""All panes as one picture, parts inside the region, and panes dragged to other programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from compare_bench import Opened, stamp
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QDrag
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from fakd_core.data.image_files import read_image
from fakd_core.events import Image8
from fakd_gui.compare.panes import BICUBIC, HR, LR
from fakd_gui.compare.sheet import Cell, draw_sheet
from fakd_gui.widgets.convert import array_from_qimage

BOTH = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def places(sheet: Image8, image: Image8, factor: int) -> Iterator[tuple[int, int]]:
    """The corners at which `image`, enlarged by `factor`, lies in `sheet` exactly."""
    enlarged = image.repeat(factor, 0).repeat(factor, 1)
    height, width = enlarged.shape[:2]
    for top, left in np.argwhere((sheet[: -height + 1, : -width + 1] == enlarged[0, 0]).all(axis=2)):
        if np.array_equal(sheet[top : top + height, left : left + width], enlarged):
            yield int(top), int(left)


def test_a_sheet_has_exact_pixels_and_legible_names_below() -> None:
    images = [np.random.default_rng(seed).integers(0, 200, (40, 60, 3), dtype=np.uint8) for seed in range(5)]
    cells = [Cell(image, f"model {number}", "28.34 dB / 0.8123") for number, image in enumerate(images)]
    sheet = draw_sheet(cells, (40, 60))
    corners = [next(places(sheet, image, 6)) for image in images]
    assert len(set(corners)) == 5
    for top, left in corners:
        text = sheet[top + 240 : top + 290, left : left + 360]
        rows = np.flatnonzero((text < 100).all(axis=2).any(axis=1))
        # Two lines of text, together more than 24 dots high.
        assert rows[-1] - rows[0] > 24
    wide = draw_sheet([Cell(images[0], "x" * 300, "")], (40, 60))
    assert wide.shape[1] == 360


def test_a_large_sheet_is_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakd_gui.compare.sheet.MAX_DOTS", 100_000)
    image = np.full((400, 500, 3), 77, np.uint8)
    sheet = draw_sheet([Cell(image, "a", "b")] * 2, (400, 500))
    assert sheet.shape[0] * sheet.shape[1] < 150_000
    assert (sheet == 77).all(axis=2).sum() == pytest.approx(100_000, rel=0.05)


def test_all_panes_are_copied_as_one_picture(opened: Opened, qtbot: QtBot) -> None:
    _, panel = opened
    panel.state.show_pane(LR)
    qtbot.waitUntil(lambda: LR in panel.state.results)
    messages: list[str] = []
    panel.session.status_message.connect(messages.append)
    # What is only for the eye isn't in it.
    QTest.keyClick(panel, Qt.Key.Key_E)
    QTest.keyClick(panel, Qt.Key.Key_C, BOTH)
    qtbot.waitUntil(lambda: any(text.startswith("Copied all panes as one picture") for text in messages))
    sheet = array_from_qimage(QApplication.clipboard().image())
    lr = panel.state.pixels(LR)
    assert lr is not None
    assert len({*places(sheet, stamp(), 4), *places(sheet, lr, 16)}) == 2


def test_panes_without_a_result_are_named(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    _, panel = opened
    exporter, messages = panel.commands.exporter, list[str]()
    panel.session.status_message.connect(messages.append)
    panel.state.results.pop(HR)
    exporter.copy_sheet()
    qtbot.waitUntil(lambda: len(messages) == 1)
    exporter.save(tmp_path, [BICUBIC, HR])
    qtbot.waitUntil(lambda: len(messages) == 2)
    assert all(text.endswith("; not HR: no result yet") for text in messages), messages
    assert [path.name for path in tmp_path.glob("stamp_x4_*.png")] == ["stamp_x4_Bicubic.png"]


def test_the_region_of_all_panes_is_saved_as_one_picture(
    opened: Opened, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, panel = opened
    messages: list[str] = []
    panel.session.status_message.connect(messages.append)
    panel.state.set_region(QRectF(8, 6, 24, 16))
    path = tmp_path / "all.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), "PNG (*.png)"))
    QTest.keyClick(panel, Qt.Key.Key_S, BOTH)
    qtbot.waitUntil(lambda: any(text.startswith("Wrote all.png") for text in messages))
    parts = read_image(path)
    bicubic = panel.state.pixels(BICUBIC)
    assert bicubic is not None
    assert len([*places(parts, stamp()[6:22, 8:32], 14)]) == 1
    assert len([*places(parts, bicubic[6:22, 8:32], 14)]) == 1


def test_the_region_of_a_pane_is_copied_by_its_menu(opened: Opened) -> None:
    _, panel = opened
    texts = [entry.text() for entry in panel.commands.pane_menu(HR).actions()]
    assert "Copy region" not in texts
    panel.state.set_region(QRectF(8, 6, 24, 16))
    menu = panel.commands.pane_menu(HR)
    next(entry for entry in menu.actions() if entry.text() == "Copy region").trigger()
    copied = array_from_qimage(QApplication.clipboard().image())
    assert np.array_equal(copied, stamp()[6:22, 8:32])


def test_a_pane_is_dragged_out_as_a_file_and_as_an_image(
    opened: Opened, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, panel = opened
    dragged: list[QMimeData] = []
    pixels: list[Image8] = []

    def drag(self: QDrag, *_: object) -> Qt.DropAction:
        dragged.append(self.mimeData())
        pixels.append(read_image(Path(self.mimeData().urls()[0].toLocalFile())))
        return Qt.DropAction.CopyAction

    monkeypatch.setattr(QDrag, "exec", drag)
    monkeypatch.setattr(QApplication, "mouseButtons", lambda: Qt.MouseButton.LeftButton)
    header, order = panel.board.panes[HR].header, panel.board.keys
    outside = header.mapFromGlobal(panel.frameGeometry().bottomRight() + QPoint(50, 50))
    QTest.mousePress(header, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(60, 10))
    QTest.mouseMove(header, QPoint(70, 14))
    QTest.mouseMove(header, outside)
    qtbot.waitUntil(lambda: bool(pixels))
    assert np.array_equal(pixels[0], stamp())
    assert dragged[0].hasImage()
    assert Path(dragged[0].urls()[0].toLocalFile()).name == panel.commands.exporter.file_name(HR)
    # The release may come or not: nothing is moved, and the next press begins anew.
    QTest.mouseMove(header, QPointF(5, 5).toPoint())
    assert panel.board.keys == order
    assert not header._dragging
