"""The Benchmark workspace: the core's figures in a table, and out of it as text."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench, make_bench, save_model, save_photo

from fakd_core.catalogue import load_model
from fakd_core.datasets import open_dataset
from fakd_core.evaluation import evaluate
from fakd_core.samples import SAMPLES, resolve_data
from fakd_gui.benchmark import BenchmarkPanel
from fakd_gui.benchmark.work import BICUBIC, Task


@pytest.fixture
def bench(qapp: QApplication, tmp_path: Path) -> Bench:
    bench = make_bench(tmp_path)
    folder = tmp_path / "set"
    folder.mkdir()
    save_photo(folder, "one")
    save_photo(folder, "two", 48, 72)
    return bench


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[BenchmarkPanel]:
    panel = BenchmarkPanel(bench.session)
    # Qt aborts the program if a widget dies before its threads, whatever the test left running.
    qtbot.addWidget(panel, before_close_func=lambda widget: widget.shut_down())
    panel.resize(900, 560)
    panel.show()
    bench.choose_all()
    panel.sets.tick(str(resolve_data(SAMPLES)), False)
    panel.add_folder(bench.folder / "set")
    yield panel
    bench.session.shut_down()


def test_the_bundled_samples_are_offered_first(bench: Bench, panel: BenchmarkPanel) -> None:
    assert panel.folders[0] == resolve_data(SAMPLES)
    assert panel.models.ticked() == [BICUBIC, *bench.students, bench.teacher]


def test_rows_hold_the_core_s_figures(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.finished, timeout=20_000):
        QTest.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    folder = bench.folder / "set"
    models = {BICUBIC: None, bench.teacher: load_model(bench.teacher)}
    for expected in evaluate(models, open_dataset(folder, 4)):
        row = panel.table.results[Task(folder, expected.model)]
        assert (row.psnr, row.ssim, row.images) == (expected.psnr_y, expected.ssim_y, 2)
    teacher = panel.table.results[Task(folder, bench.teacher)]
    assert teacher.parameters == sum(weight.numel() for weight in load_model(bench.teacher).parameters())
    bicubic = panel.table.results[Task(folder, BICUBIC)]
    cells = [panel.table.item(0, column).text() for column in range(panel.table.columnCount())]
    assert cells[:3] == ["set ×4 (2)", "Bicubic", f"{bicubic.psnr:.2f}"]
    assert cells[4] == f"{bicubic.psnr - teacher.psnr:+.2f}"
    assert bench.errors == []


def test_the_table_is_copied_as_markdown_and_csv(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    assert not panel.copy_csv.isEnabled()
    panel.models.tick(bench.students[1], False)
    with qtbot.waitSignal(panel.finished, timeout=20_000):
        panel.run()
    QTest.mouseClick(panel.copy_markdown, Qt.MouseButton.LeftButton)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].startswith("| Set | Model | PSNR (dB) | SSIM |")
    assert len([line for line in lines if line.startswith("| set ×4 (2) |")]) == 3
    assert any("luma" in line for line in lines)
    QTest.mouseClick(panel.copy_csv, Qt.MouseButton.LeftButton)
    rows = list(csv.DictReader(io.StringIO(QGuiApplication.clipboard().text())))
    assert [row["Model"] for row in rows] == ["Bicubic", "with", "teacher"]
    assert float(rows[1]["Δ teacher (dB)"]) == pytest.approx(
        float(rows[1]["PSNR (dB)"]) - float(rows[2]["PSNR (dB)"]), abs=0.011
    )


def test_cancel_keeps_what_is_measured(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    large = bench.folder / "large"
    large.mkdir()
    save_photo(large, "large", 400, 320)
    slow = save_model(bench.folder, "slow", 5, n_feats=64, n_resgroups=10, n_resblocks=10)
    bench.session.set_teacher(slow)
    panel.sets.tick(str(bench.folder / "set"), False)
    panel.add_folder(large)
    panel.run()
    row = panel.table.tasks.index(Task(large, slow))
    qtbot.waitUntil(lambda: panel.table.item(row, 2).text() == "measuring", timeout=10_000)
    began = time.monotonic()
    QTest.mouseClick(panel.status.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.status.cancel_button.isVisible(), timeout=5000)
    assert time.monotonic() - began < 1
    assert panel.table.item(row, 2).text() == "cancelled"
    assert Task(large, BICUBIC) in panel.table.results
    assert panel.run_button.isEnabled()


def test_what_can_t_be_measured_says_why(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    empty = bench.folder / "empty"
    empty.mkdir()
    broken = bench.folder / "broken.pt"
    broken.write_bytes(b"nothing")
    bench.session.add_student(str(broken))
    panel.add_folder(empty)
    with qtbot.waitSignal(panel.finished, timeout=20_000):
        panel.run()
    assert any("broken.pt" in error for error in bench.errors)
    assert any(str(empty) in error for error in bench.errors)
    assert panel.table.item(panel.table.tasks.index(Task(empty, BICUBIC)), 2).text() == "failed"
    assert Task(bench.folder / "set", bench.teacher) in panel.table.results


def test_run_needs_a_model_and_a_set(bench: Bench, panel: BenchmarkPanel) -> None:
    panel.sets.tick(str(bench.folder / "set"), False)
    assert not panel.run_button.isEnabled()
    panel.sets.tick(str(bench.folder / "set"), True)
    assert panel.run_button.isEnabled()
