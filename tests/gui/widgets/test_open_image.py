"""The buttons of Compare and Inspect that open an image, as they are clicked."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QFileDialog
from pytestqt.qtbot import QtBot
from small_models import Bench, save_photo

from fakd_core.data.folders import sample_images
from fakd_core.data.image_files import read_image
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.session.jobs import stop_all


@pytest.mark.parametrize("kind", [ComparePanel, InspectPanel])
def test_open_asks_for_an_image_and_shows_it(
    kind: type[ComparePanel | InspectPanel], bench: Bench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = kind(bench.session)
    qtbot.addWidget(panel, before_close_func=stop_all)
    panel.resize(900, 620)
    panel.show()
    second = save_photo(bench.folder, "second", 48, 64)
    asked: list[str] = []

    def click(text: str, answer: str) -> None:
        def choose(_parent: object, title: str, *_: object) -> tuple[str, str]:
            asked.append(title)
            return answer, ""

        monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
        (button,) = (made for made in panel.findChildren(QAbstractButton) if made.text() == text)
        assert button.isVisible()
        # At the left: the arrow at the right of "Open" lists the samples.
        QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(12, button.height() // 2))

    for text, path in (("Open image…", bench.photo), ("Open", second)):
        with qtbot.waitSignal(bench.session.image_changed) as opened:
            click(text, str(path))
        assert opened.args[0].path == path
        assert (opened.args[0].hr == read_image(path)).all()
        name = path.name
        qtbot.waitUntil(lambda name=name: name in panel.status.left.text())
    click("Open", "")
    assert asked == ["Open an image"] * 3
    assert bench.session.image.path == second
    panel.open_tools.samples.aboutToShow.emit()
    with qtbot.waitSignal(bench.session.image_changed) as opened:
        panel.open_tools.samples.actions()[-1].trigger()
    assert opened.args[0].path == sample_images()[-1]
    assert bench.errors == []
    stop_all(bench.session)
