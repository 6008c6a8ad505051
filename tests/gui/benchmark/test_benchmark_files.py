"""Copying, saving and opening tables in the Benchmark workspace."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from benchmark_bench import texts
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QFileDialog,
    QHeaderView,
    QMessageBox,
)
from pytestqt.qtbot import QtBot
from small_models import Bench, save_photo

from fakd_core.assets import reference_results
from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.report import Kind, Report, Row, SetInfo
from fakd_core.evaluation.report_file import to_document
from fakd_core.evaluation.results import Cell, EvalSet, ImageResult, Result
from fakd_core.runs.references import bundled_models
from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.benchmark.runner import family_title
from fakd_gui.benchmark.state import BenchmarkMemory
from fakd_gui.session.jobs import stop_all


@pytest.fixture
def report(bench: Bench) -> Report:
    """Bicubic, two students and the teacher on a set of two images that doesn't exist here."""
    refs = [BICUBIC, *bench.students, bench.teacher]
    report = Report([Row(ref, Path(ref).stem, 1e6, 2.0) for ref in refs], bench.teacher)
    eval_set = EvalSet("Set5", 4)
    report.sets[eval_set] = SetInfo("Set5", 2)
    for psnr, ref in enumerate(refs, 28):
        images = tuple(
            ImageResult(name, psnr + shift, 0.9, 0.1) for name, shift in (("one", 0.5), ("two", -0.5))
        )
        report.results[Cell(ref, eval_set)] = Result(ref, "Set5", 4, 2, float(psnr), 0.9, images)
    return report


@pytest.fixture
def panel(bench: Bench, report: Report, qtbot: QtBot) -> Iterator[BenchmarkPanel]:
    panel = BenchmarkPanel(bench.session)
    # Qt aborts the program if a widget dies before its threads, whatever the test left running.
    qtbot.addWidget(panel, before_close_func=stop_all)
    bench.choose_all()
    panel.resize(1000, 600)
    panel.show()
    file = bench.folder / "table.json"
    file.write_text(json.dumps(to_document(report, datetime(2026, 11, 22, 18, 4))))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(panel, QDragEnterEvent(QPoint(20, 20), *how))
    QApplication.sendEvent(panel, QDropEvent(QPointF(20, 20), *how))
    qtbot.waitUntil(lambda: bool(panel.state.report.results))
    yield panel
    stop_all(bench.session)


def answer(monkeypatch: pytest.MonkeyPatch, path: Path, kind: str) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))


def test_dropped_results_show_with_their_name_and_date(panel: BenchmarkPanel, report: Report) -> None:
    assert panel.state.report.results == report.results
    assert panel.pages.currentWidget() is panel.table
    assert (
        panel.provenance.text()
        == "table.json, measured on 22 November 2026, 18:04. Click Run to measure again."
    )
    assert panel.view_bar.teacher.currentText() == "teacher"


def test_keys_copy_the_table(panel: BenchmarkPanel, bench: Bench, qtbot: QtBot) -> None:
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    panel.table.setFocus()
    with qtbot.waitSignal(bench.session.status_message) as message:
        QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert message.args == ["Copied 4 rows and 6 published as Markdown"]
    assert QGuiApplication.clipboard().text().startswith("| Model | Params (M) |")
    panel.view_bar.published.setChecked(False)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    with qtbot.waitSignal(bench.session.status_message) as message:
        QTest.keyClick(panel.table, Qt.Key.Key_C, both)
    assert message.args == ["Copied 4 rows as LaTeX"]
    assert r"\toprule" in QGuiApplication.clipboard().text()
    assert "published" not in QGuiApplication.clipboard().text()


@pytest.mark.parametrize(
    ("name", "kind", "expected", "begins"),
    [
        ("table", "LaTeX (*.tex)", "table.tex", "% PSNR"),
        ("table.md", "CSV (*.csv)", "table.md", "| Model"),
        ("table.csv", "CSV by image (*.csv)", "table.csv", "model,set,scale,image,"),
        ("table.csv", "CSV (*.csv)", "table.csv", "model,set,scale,images,"),
        ("my.table", "Results, to open again (*.json)", "my.table.json", "{"),
    ],
)
def test_a_file_has_the_format_of_its_suffix(
    panel: BenchmarkPanel,
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: str,
    expected: str,
    begins: str,
) -> None:
    folder = bench.folder / "out"
    answer(monkeypatch, folder / name, kind)
    QTest.mouseClick(panel.output.save_button, Qt.MouseButton.LeftButton)
    assert [path.name for path in folder.iterdir()] == [expected]
    assert (folder / expected).read_text(encoding="utf-8").startswith(begins)


def test_nothing_is_overwritten_without_asking(
    panel: BenchmarkPanel, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, proposed = bench.folder / "benchmark.md", []

    def choose(parent: object, title: str, start: str, kinds: str) -> tuple[str, str]:
        proposed.append(start)
        return str(there.with_suffix("")), "Markdown (*.md)"

    there.write_text("mine")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Cancel)
    QTest.mouseClick(panel.output.save_button, Qt.MouseButton.LeftButton)
    assert proposed == ["benchmark.md"]
    assert there.read_text() == "mine"
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    QTest.mouseClick(panel.output.save_button, Qt.MouseButton.LeftButton)
    assert there.read_text().startswith("| Model")


def test_what_is_hidden_is_not_copied(panel: BenchmarkPanel, bench: Bench) -> None:
    for kind, switch in panel.view_bar.columns.items():
        switch.setChecked(kind is Kind.SSIM)
    panel.actions["copy_markdown"].trigger()
    heading = QGuiApplication.clipboard().text().splitlines()[0]
    assert heading == "| Model | Set5 ×4 PSNR | Set5 ×4 SSIM |"
    panel.actions["copy_csv"].trigger()
    assert len(list(csv.DictReader(QGuiApplication.clipboard().text().splitlines()))) == 10


def test_a_path_that_can_t_be_written_is_reported(
    panel: BenchmarkPanel, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.folder / "file").write_text("")
    answer(monkeypatch, bench.folder / "file" / "table.md", "Markdown (*.md)")
    QTest.mouseClick(panel.output.save_button, Qt.MouseButton.LeftButton)
    assert len(bench.errors) == 1
    assert "can't be written" in bench.errors[0]


def test_saved_results_open_again(
    panel: BenchmarkPanel, bench: Bench, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    file = bench.folder / "saved.json"
    answer(monkeypatch, file, "Results, to open again (*.json)")
    QTest.mouseClick(panel.output.save_button, Qt.MouseButton.LeftButton)
    before = panel.state.report
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    QTest.mouseClick(panel.output.open_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.state.report is not before)
    assert panel.state.report.results == before.results
    assert panel.state.report.measured == before.measured


def test_a_damaged_file_leaves_the_table(panel: BenchmarkPanel, bench: Bench, qtbot: QtBot) -> None:
    before = panel.state.report
    file = bench.folder / "damaged.json"
    file.write_text("{")
    panel.runner.open(file)
    qtbot.waitUntil(lambda: bool(bench.errors))
    assert "damaged.json: not JSON" in bench.errors[0]
    assert panel.state.report is before


def test_images_of_results_from_elsewhere_are_found_in_a_set_with_the_same_name(
    panel: BenchmarkPanel, bench: Bench, qtbot: QtBot
) -> None:
    panel.state.list_images(Cell(bench.students[0], EvalSet("Set5", 4)))
    with qtbot.waitSignal(bench.session.error):
        panel.runner.show_in_compare(0)
    folder = bench.folder / "Set5"
    folder.mkdir()
    for name in ("one", "two"):
        save_photo(folder, name)
    panel.state.add_folder(folder)
    with qtbot.waitSignal(bench.session.images_chosen) as chosen:
        QTest.mouseClick(panel.images.show_button, Qt.MouseButton.LeftButton)
    assert chosen.args[0] == [folder / "two.png", folder / "one.png"]


def test_another_row_can_be_the_teacher(panel: BenchmarkPanel, bench: Bench) -> None:
    combo = panel.view_bar.teacher
    combo.setCurrentIndex(combo.findData(bench.students[1]))
    combo.activated.emit(combo.currentIndex())
    assert texts(panel, bench.teacher)[4] == "+1.000"
    assert texts(panel, bench.students[0])[4:6] == ["−1.000", "50"]


def test_every_control_has_a_name_and_a_tip(panel: BenchmarkPanel) -> None:
    for combo in panel.findChildren(QComboBox):
        assert combo.accessibleName()
        assert combo.toolTip()
    for button in panel.findChildren(QAbstractButton):
        if button.isVisible() and type(button).__name__ != "QAbstractButton":
            assert button.accessibleName() or button.text()
            assert button.toolTip(), button.text()
    for view in panel.findChildren(QAbstractItemView):
        assert view.accessibleName() or isinstance(view, QHeaderView) or not view.isVisible()


def test_it_fits_a_narrow_window(panel: BenchmarkPanel, qtbot: QtBot) -> None:
    assert panel.minimumSizeHint().width() <= 570
    panel.resize(570, 420)
    QTest.mouseClick(panel.view_bar.choose_button, Qt.MouseButton.LeftButton)
    assert not panel.chooser.isVisible()
    qtbot.waitUntil(lambda: panel.table.width() > 500)
    assert panel.table.verticalHeader().width() <= 0.37 * 570


def test_the_first_start_shows_the_bundled_models_and_published_scores(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setenv("FAKD_CONFIG", str(bench.folder / "new"))
    first = BenchmarkPanel(bench.session)
    qtbot.addWidget(first, before_close_func=stop_all)
    first.restore(BenchmarkMemory())
    qtbot.waitUntil(lambda: bool(first.state.report.results))
    report = first.state.report
    assert [group.name for group in report.sets.values()] == ["Set5", "Set14", "B100", "Urban100"]
    bundled = {ref for ref in report.rows if ref != BICUBIC}
    assert bundled <= set(bundled_models())
    assert report.teacher in bundled
    assert {"RCAN teacher", "RCAN student with FAKD"} <= {row.label for row in report.published()}
    assert first.provenance.text().startswith("Reference results of RCAN ×4, measured on")


@pytest.mark.parametrize("family", reference_results())
def test_every_reference_can_be_opened(panel: BenchmarkPanel, qtbot: QtBot, family: str) -> None:
    before = panel.state.report
    entries = {entry.text(): entry for entry in panel.output.open_button.menu().actions()}
    entries[family_title(family)].trigger()
    qtbot.waitUntil(lambda: panel.state.report is not before)
    report = panel.state.report
    assert "Urban100" in {group.name for group in report.sets.values()}
    assert {report.teacher, report.baseline} <= set(report.rows)
    assert set(report.rows) - {BICUBIC} <= set(bundled_models())
    assert panel.provenance.text().startswith(f"Reference results of {family_title(family)}")
