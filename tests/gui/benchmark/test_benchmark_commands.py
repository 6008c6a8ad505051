"""The keys of the Benchmark workspace: they work wherever the focus is, and can be remapped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmark_bench import benchmarking, photo_bench, run
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench

from fakd_core.evaluation.report import Column, Kind
from fakd_gui.benchmark.panel import BenchmarkPanel


@pytest.fixture
def bench(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))
    return photo_bench(tmp_path)


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[BenchmarkPanel]:
    for made in benchmarking(bench, qtbot):
        made.activateWindow()
        qtbot.waitUntil(made.isActiveWindow)
        yield made


def test_f5_measures_wherever_the_focus_is_and_can_be_remapped(panel: BenchmarkPanel, qtbot: QtBot) -> None:
    panel.chooser.sets.setFocus()
    with qtbot.waitSignal(panel.runner.finished):
        QTest.keyClick(panel.chooser.sets, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: not panel.runner.evaluation.running)
    panel.actions.set_keys("run", ("F9",))
    assert "(F9)" in panel.view_bar.run_button.toolTip()
    with qtbot.waitSignal(panel.runner.finished):
        QTest.keyClick(panel.chooser.sets, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: not panel.runner.evaluation.running)


def test_return_lists_images_only_from_the_table_and_escape_closes_them(
    panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    run(panel, qtbot)
    panel.chooser.sets.setFocus()
    QTest.keyClick(panel.chooser.sets, Qt.Key.Key_Return)
    assert panel.state.image_cell is None
    assert not panel.actions["close_images"].isEnabled(), "Escape belongs to the window"
    panel.table.setFocus()
    panel.table.setCurrentIndex(panel.table.table_model.index(1, 2))
    QTest.keyClick(panel.table, Qt.Key.Key_Return)
    assert panel.state.image_cell is not None
    assert panel.images.table.hasFocus()
    QTest.keyClick(panel.images.table, Qt.Key.Key_Escape)
    assert panel.state.image_cell is None
    assert panel.table.hasFocus()


def test_s_sorts_by_the_column_of_the_current_cell(panel: BenchmarkPanel, qtbot: QtBot) -> None:
    run(panel, qtbot)
    panel.table.setFocus()
    panel.table.setCurrentIndex(panel.table.table_model.index(0, 2))
    QTest.keyClick(panel.table, Qt.Key.Key_S)
    assert panel.state.order is not None
    column = panel.state.order.column
    assert isinstance(column, Column)
    assert column.kind is Kind.PSNR
    rows = dict(panel.actions.shortcut_rows())
    assert rows["F5"] == "Measure the shown models on the checked sets"
    assert rows["Delete"] == "remove an added model or set from its list"
