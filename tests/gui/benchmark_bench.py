"""Helpers for tests of the Benchmark panel, with a set of two small photographs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from small_models import Bench, make_bench, save_photo

from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.evaluation.report import Kind
from fakd_core.evaluation.results import EvalSet
from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.session.jobs import stop_all
from fakd_gui.widgets.check_list import KEY, CheckList


def make_panel(bench: Bench, qtbot: QtBot) -> BenchmarkPanel:
    panel = BenchmarkPanel(bench.session)
    # Qt aborts the program if a widget dies before its threads, whatever the test left running.
    qtbot.addWidget(panel, before_close_func=stop_all)
    panel.resize(1000, 600)
    panel.show()
    return panel


def run(panel: BenchmarkPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.runner.finished):
        QTest.mouseClick(panel.view_bar.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.runner.evaluation.running)


def at(bench: Bench, name: str = "Set5", scale: int = 4) -> EvalSet:
    return EvalSet(str(bench.folder / name), scale)


def texts(panel: BenchmarkPanel, ref: str) -> list[str]:
    """The texts in the table's row of `ref`."""
    model = panel.table.table_model
    row = [row.ref for row in model.rows].index(ref)
    return [model.index(row, column).data() for column in range(len(model.columns))]


def place(panel: BenchmarkPanel, ref: str, kind: Kind) -> QPoint:
    """The middle of the cell of `ref` in the first column of `kind`."""
    model = panel.table.table_model
    row = [row.ref for row in model.rows].index(ref)
    column = [column.kind for column in model.columns].index(kind)
    return panel.table.visualRect(model.index(row, column)).center()


def click(panel: BenchmarkPanel, ref: str, kind: Kind) -> None:
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place(panel, ref, kind))


def drop(widget: QWidget, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    # Qt delivers a drop only to what accepted the drag.
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(20, 20), *how))
    QApplication.sendEvent(widget, QDropEvent(QPointF(20, 20), *how))


def photo_bench(folder: Path) -> Bench:
    """The bench with a set of two small photographs beside it: `Set5`."""
    bench = make_bench(folder)
    photos = folder / "Set5"
    photos.mkdir()
    save_photo(photos, "one")
    save_photo(photos, "two", 48, 72)
    return bench


def benchmarking(bench: Bench, qtbot: QtBot) -> Iterator[BenchmarkPanel]:
    """The panel with every model and the photographs checked; shut down afterwards."""
    panel = make_panel(bench, qtbot)
    bench.choose_all()
    check(panel.chooser.sets, str(resolve_data(SAMPLES)), False)
    panel.state.add_folder(bench.folder / "Set5")
    yield panel
    stop_all(bench.session)


def listed_keys(checks: CheckList) -> list[str]:
    return [checks.item(row).data(KEY) for row in range(checks.count())]


def checked_keys(checks: CheckList) -> list[str]:
    items = [checks.item(row) for row in range(checks.count())]
    return [item.data(KEY) for item in items if item.checkState() is Qt.CheckState.Checked]


def check(checks: CheckList, key: str, checked: bool) -> None:
    """Check or uncheck an item as the user does."""
    item = checks.item(listed_keys(checks).index(key))
    item.setCheckState(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)
