"""The Benchmark workspace as a user works with it: choosing, sorting, listing images, the next start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from benchmark_bench import (
    at,
    benchmarking,
    checked_keys,
    click,
    drop,
    listed_keys,
    make_panel,
    photo_bench,
    run,
    texts,
)
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench, save_model

from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation import scoring
from fakd_core.evaluation.metrics import Metric
from fakd_core.evaluation.report import Column, Kind
from fakd_core.evaluation.results import Cell, LeftOut
from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.benchmark.state import BenchmarkMemory, Order
from fakd_gui.session.jobs import stop_all
from fakd_gui.widgets.theme import current_theme, watcher


@pytest.fixture
def bench(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))
    return photo_bench(tmp_path)


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[BenchmarkPanel]:
    yield from benchmarking(bench, qtbot)


@pytest.fixture
def measured(panel: BenchmarkPanel, qtbot: QtBot) -> BenchmarkPanel:
    run(panel, qtbot)
    return panel


def test_the_models_that_the_library_shows_are_measured_on_the_checked_sets(
    bench: Bench, panel: BenchmarkPanel
) -> None:
    assert panel.state.folders[0] == resolve_data(SAMPLES)
    assert list(panel.state.models) == [BICUBIC, *bench.students, bench.teacher]
    assert panel.chooser.models.text().startswith("4 models to measure")
    library = bench.session.library
    library.hide([BICUBIC, bench.teacher], ["Benchmark"])
    library.show(["rcan-g5-r5-c32-x4"], ["Benchmark"])
    assert list(panel.state.models) == [*bench.students, "rcan-g5-r5-c32-x4"]
    assert library.is_shown(BICUBIC, "Compare")
    library.hide_all("Benchmark")
    assert not panel.actions["run"].isEnabled()


def test_a_metric_of_an_installed_package_is_a_column(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = Metric(
        "mae", "mean absolute error", lambda sr, hr, border: float(abs(sr - hr.astype(float)).mean())
    )
    monkeypatch.setattr(scoring, "METRICS", [error])
    run(panel, qtbot)
    column = Column(Kind.METRIC, at(bench), "mae")
    table = panel.table
    section = table.table_model.columns.index(column)
    assert table.table_model.headerData(section, Qt.Orientation.Horizontal) == "mae"
    value = panel.state.report.results[Cell(bench.teacher, at(bench))].metrics["mae"]
    assert texts(panel, bench.teacher)[section] == f"{value:.5g}"
    panel.state.set_order(Order(column, descending=False))
    shown = [float(texts(panel, row.ref)[section]) for row in table.table_model.rows if not row.published]
    assert shown == sorted(shown)
    memory = BenchmarkMemory.model_validate_json(panel.memory().model_dump_json())
    assert memory.order == Order(column, descending=False)
    panel.view_bar.columns[Kind.METRIC].setChecked(False)
    assert column not in table.table_model.columns


def test_a_click_on_a_heading_sorts_and_the_third_clears(bench: Bench, measured: BenchmarkPanel) -> None:
    table = measured.table
    measured.view_bar.published.setChecked(False)
    as_chosen = [row.ref for row in table.table_model.rows]
    section = [column.kind for column in table.table_model.columns].index(Kind.PSNR)
    header = table.groups
    spot = QPoint(header.sectionViewportPosition(section) + 20, header.height() * 3 // 4)

    def values() -> list[float]:
        scores = measured.state.report.results
        return [scores[Cell(row.ref, at(bench))].psnr_y for row in table.table_model.rows]

    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert values() == sorted(values(), reverse=True)
    assert table.table_model.headerData(section, Qt.Orientation.Horizontal) == "PSNR ▾"
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert values() == sorted(values())
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert [row.ref for row in table.table_model.rows] == as_chosen
    table.setCurrentIndex(table.table_model.index(0, section))
    QTest.keyClick(table, Qt.Key.Key_S)
    assert values() == sorted(values(), reverse=True)
    QTest.mouseClick(table.corner, Qt.MouseButton.LeftButton)
    assert [row.label for row in table.table_model.rows] == ["Bicubic", "teacher", "with", "without"]


def test_published_scores_are_below_and_can_be_hidden(bench: Bench, measured: BenchmarkPanel) -> None:
    model = measured.table.table_model
    labels = [model.label(row) for row in model.rows]
    assert labels[4:] == [
        f"{name}, published"
        for name in (
            "RCAN student",
            "RCAN student with FAKD",
            "RCAN teacher",
            "SAN student",
            "SAN student with FAKD",
            "SAN teacher",
        )
    ]
    ref = model.rows[5].ref
    assert texts(measured, ref) == ["5.17", "12.93", "32.462", "0.8982", "−0.176", "", ""]
    measured.view_bar.baseline.setCurrentIndex(measured.view_bar.baseline.findData(bench.students[0]))
    measured.view_bar.baseline.activated.emit(measured.view_bar.baseline.currentIndex())
    # (32.462 - 32.321) / (32.638 - 32.321)
    assert texts(measured, ref)[5] == "44"
    QTest.mouseClick(measured.view_bar.published, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert [row.ref for row in model.rows] == [BICUBIC, *bench.students, bench.teacher]


def test_a_click_lists_the_images_worst_first_and_return_shows_them(
    bench: Bench, measured: BenchmarkPanel, qtbot: QtBot
) -> None:
    extra = save_model(bench.folder, "extra", 9)
    measured.state.add_model(extra)
    run(measured, qtbot)
    click(measured, extra, Kind.PSNR)
    scored = measured.state.images
    assert measured.images.isVisible()
    assert [one.result.psnr_y for one in scored] == sorted(one.result.psnr_y for one in scored)
    scores = measured.state.report.results
    teacher = {image.name: image.psnr_y for image in scores[Cell(bench.teacher, at(bench))].per_image}
    assert scored[0].delta == pytest.approx(scored[0].result.psnr_y - teacher[scored[0].name])
    assert [measured.images.table.item(row, 0).text() for row in range(2)] == [one.name for one in scored]
    QTest.keyClick(measured.table, Qt.Key.Key_Return)
    with qtbot.waitSignal(bench.session.images_chosen) as chosen:
        QTest.keyClick(measured.images.table, Qt.Key.Key_Return)
    paths, labels = chosen.args
    assert paths == [bench.folder / "Set5" / f"{one.name}.png" for one in scored]
    assert labels[0].startswith(f"{scored[0].name} {scored[0].result.psnr_y:.3f} dB (")
    assert extra in bench.session.library.students("Compare")
    QTest.keyClick(measured.images.table, Qt.Key.Key_Escape)
    assert not measured.images.isVisible()


def test_the_clicked_column_ranks_the_images(bench: Bench, measured: BenchmarkPanel) -> None:
    click(measured, bench.students[0], Kind.DELTA)
    deltas = [one.delta for one in measured.state.images]
    assert None not in deltas
    assert deltas == sorted(delta for delta in deltas if delta is not None)
    click(measured, bench.students[1], Kind.SSIM)
    assert measured.state.image_cell == Cell(bench.students[1], at(bench))
    ssims = [one.value(Kind.SSIM) for one in measured.state.images]
    assert ssims == sorted(ssims)
    click(measured, bench.teacher, Kind.PSNR)
    assert {one.delta for one in measured.state.images} == {None}


def test_a_ranking_by_difference_survives_a_teacher_without_one(
    bench: Bench, measured: BenchmarkPanel
) -> None:
    state = measured.state
    state.list_images(Cell(bench.teacher, at(bench)), Kind.DELTA)
    assert state.ranked_by is Kind.PSNR  # Relative to itself, the teacher has no differences.
    state.set_teacher(bench.students[0])
    assert state.ranked_by is Kind.DELTA
    deltas = [one.delta for one in state.images]
    assert deltas == sorted(delta for delta in deltas if delta is not None)


def test_other_colours_keep_the_current_image_and_the_scroll_position(
    bench: Bench, measured: BenchmarkPanel
) -> None:
    cell, table = Cell(bench.students[0], at(bench)), measured.images.table
    result = measured.state.report.results[cell]
    lost = tuple(LeftOut(f"{number}.png", "damaged") for number in range(40))
    measured.state.report.results[cell] = replace(result, left_out=lost)
    measured.state.list_images(cell)
    table.setCurrentCell(1, 0)
    table.verticalScrollBar().setValue(9)
    try:
        watcher().choose("dark")
        assert table.currentRow() == 1
        assert table.verticalScrollBar().value() == 9
        assert table.item(2, 0).foreground().color() == QColor(current_theme().bad)
    finally:
        watcher().choose("system")


def test_dropped_folders_are_sets_and_a_folder_of_sets_is_all_of_them(
    bench: Bench, panel: BenchmarkPanel
) -> None:
    benchmark = bench.folder / "benchmark"
    for folder in ("Urban100/HR", "B100/hr", "mine/GTmod12"):
        (benchmark / folder).mkdir(parents=True)
    model = Path(save_model(bench.folder, "dropped", 3))
    drop(panel, benchmark, model)
    added = panel.state.folders[2:]
    assert added == [benchmark / "B100", benchmark / "Urban100", benchmark / "mine"]
    assert str(model) in panel.state.models
    assert str(model) not in bench.session.library.students("Compare")


def test_delete_removes_a_set_and_undo_restores_it(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    sets = panel.chooser.sets
    sets.setCurrentRow(0)
    QTest.keyClick(sets, Qt.Key.Key_Delete)
    assert sets.count() == 2  # The samples stay.
    sets.setCurrentRow(1)
    with qtbot.waitSignal(bench.session.undo_offered) as offered:
        QTest.keyClick(sets, Qt.Key.Key_Delete)
    assert listed_keys(sets) == [str(resolve_data(SAMPLES))]
    offered.args[1]()
    assert checked_keys(sets) == [str(bench.folder / "Set5")]


def test_undo_does_not_duplicate_a_set_that_was_added_again(bench: Bench, panel: BenchmarkPanel) -> None:
    undo: list[Callable[[], None]] = []
    bench.session.undo_offered.connect(lambda _, take_back: undo.append(take_back))
    folder = bench.folder / "Set5"
    panel.state.remove_folder(folder)
    panel.state.add_folder(folder)
    undo[0]()
    assert panel.state.folders.count(folder) == 1


def test_the_next_start_shows_choices_and_the_last_table(
    bench: Bench, measured: BenchmarkPanel, qtbot: QtBot
) -> None:
    extra = save_model(bench.folder, "extra", 9)
    measured.state.add_model(extra)
    measured.view_bar.columns[Kind.GAP].setChecked(False)
    measured.view_bar.published.setChecked(False)
    column = measured.table.table_model.columns[2]
    measured.state.set_order(Order(column, True))
    shown = [(row.ref, texts(measured, row.ref)) for row in measured.table.table_model.rows]
    memory = measured.memory().model_dump(mode="json")
    stop_all(measured)
    again = make_panel(bench, qtbot)
    again.restore(BenchmarkMemory.model_validate(memory))
    qtbot.waitUntil(lambda: bool(again.state.report.results))
    assert [(row.ref, texts(again, row.ref)) for row in again.table.table_model.rows] == shown
    assert again.provenance.isVisible()
    assert "easured on" in again.provenance.text()
    assert checked_keys(again.chooser.sets) == [str(bench.folder / "Set5")]
    assert not again.view_bar.published.isChecked()


def test_a_memory_it_does_not_understand_falls_back_to_defaults(bench: Bench, panel: BenchmarkPanel) -> None:
    unknown = {"folders": 3, "order": {"kind": "colour"}, "columns": ["psnr", "new"], "checked": [], "x": 1}
    panel.restore(BenchmarkMemory.model_validate(unknown))
    panel.restore(BenchmarkMemory())
    assert panel.view_bar.run_button.isEnabled()
    assert bench.errors == []
