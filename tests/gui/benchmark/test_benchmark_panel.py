"""The Benchmark workspace as a person uses it: choose, sort, look behind the figures, come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmark_bench import at, benchmarking, click, drop, make_panel, photo_bench, run
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench, save_model

from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation import scoring
from fakd_core.evaluation.metrics import Metric
from fakd_core.evaluation.report import Column, Kind
from fakd_core.evaluation.results import Cell
from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.benchmark.report_model import Order


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


def test_bundled_models_and_samples_are_on_offer(bench: Bench, panel: BenchmarkPanel) -> None:
    chooser = panel.chooser
    assert chooser.folders[0] == resolve_data(SAMPLES)
    assert chooser.models.checked_keys() == [BICUBIC, *bench.students, bench.teacher]
    assert "rcan-g5-r5-c32-x4" in chooser.models.listed_keys()


def test_what_an_installed_package_measures_is_a_column(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = Metric(
        "mae", "mean absolute error", lambda sr, hr, border: float(abs(sr - hr.astype(float)).mean())
    )
    monkeypatch.setattr(scoring, "METRICS", [error])
    run(panel, qtbot)
    column = Column(Kind.METRIC, at(bench), "mae")
    table = panel.table
    section = table.reported.columns.index(column)
    assert table.reported.headerData(section, Qt.Orientation.Horizontal) == "mae"
    value = table.report.results[Cell(bench.teacher, at(bench))].metrics["mae"]
    assert table.texts(bench.teacher)[section] == f"{value:.5g}"
    table.set_order(Order(column, descending=False))
    shown = [float(table.texts(row.ref)[section]) for row in table.reported.rows if not row.published]
    assert shown == sorted(shown)
    assert Order.from_plain(Order(column, descending=True).to_plain()) == Order(column, descending=True)
    panel.bar.switches[Kind.METRIC].setChecked(False)
    assert column not in table.reported.columns


def test_a_click_on_a_heading_sorts_and_the_third_undoes(bench: Bench, measured: BenchmarkPanel) -> None:
    table = measured.table
    measured.bar.published.setChecked(False)
    as_chosen = [row.ref for row in table.reported.rows]
    section = [column.kind for column in table.reported.columns].index(Kind.PSNR)
    header = table.groups
    spot = QPoint(header.sectionViewportPosition(section) + 20, header.height() * 3 // 4)

    def values() -> list[float]:
        scores = table.report.results
        return [scores[Cell(row.ref, at(bench))].psnr_y for row in table.reported.rows]

    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert values() == sorted(values(), reverse=True)
    assert table.reported.headerData(section, Qt.Orientation.Horizontal) == "PSNR ▾"
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert values() == sorted(values())
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert [row.ref for row in table.reported.rows] == as_chosen
    table.setCurrentIndex(table.reported.index(0, section))
    QTest.keyClick(table, Qt.Key.Key_S)
    assert values() == sorted(values(), reverse=True)
    QTest.mouseClick(table.corner, Qt.MouseButton.LeftButton)
    assert [row.label for row in table.reported.rows] == ["Bicubic", "teacher", "with", "without"]


def test_published_figures_stand_below_and_go_with_their_switch(
    bench: Bench, measured: BenchmarkPanel
) -> None:
    model = measured.table.reported
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
    assert measured.table.texts(ref) == ["5.17", "12.93", "32.462", "0.8982", "−0.176", "", ""]
    measured.bar.baseline.setCurrentIndex(measured.bar.baseline.findData(bench.students[0]))
    measured.bar.baseline.activated.emit(measured.bar.baseline.currentIndex())
    # (32.462 - 32.321) / (32.638 - 32.321)
    assert measured.table.texts(ref)[5] == "44"
    QTest.mouseClick(measured.bar.published, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert [row.ref for row in model.rows] == [BICUBIC, *bench.students, bench.teacher]


def test_a_click_lists_the_images_worst_first_and_return_shows_them(
    bench: Bench, measured: BenchmarkPanel, qtbot: QtBot
) -> None:
    extra = save_model(bench.folder, "extra", 9)
    measured.chooser.add_model(extra)
    run(measured, qtbot)
    click(measured, extra, Kind.PSNR)
    scored = measured.images.scored
    assert measured.images.isVisible()
    assert [one.psnr for one in scored] == sorted(one.psnr for one in scored)
    scores = measured.table.report.results
    teacher = {image.name: image.psnr_y for image in scores[Cell(bench.teacher, at(bench))].per_image}
    assert scored[0].delta == pytest.approx(scored[0].psnr - teacher[scored[0].name])
    assert [measured.images.table.item(row, 0).text() for row in range(2)] == [one.name for one in scored]
    QTest.keyClick(measured.table, Qt.Key.Key_Return)
    with qtbot.waitSignal(bench.session.images_chosen, timeout=5000) as chosen:
        QTest.keyClick(measured.images.table, Qt.Key.Key_Return)
    paths, labels = chosen.args
    assert paths == [bench.folder / "Set5" / f"{one.name}.png" for one in scored]
    assert labels[0].startswith(f"{scored[0].name} {scored[0].psnr:.3f} dB (")
    assert extra in bench.session.students
    QTest.keyClick(measured.images.table, Qt.Key.Key_Escape)
    assert not measured.images.isVisible()


def test_the_column_says_what_worst_means(bench: Bench, measured: BenchmarkPanel) -> None:
    click(measured, bench.students[0], Kind.DELTA)
    deltas = [one.delta for one in measured.images.scored]
    assert None not in deltas
    assert deltas == sorted(delta for delta in deltas if delta is not None)
    click(measured, bench.students[1], Kind.SSIM)
    assert measured.images.ref == bench.students[1]
    ssims = [one.ssim for one in measured.images.scored]
    assert ssims == sorted(ssims)
    click(measured, bench.teacher, Kind.PSNR)
    assert {one.delta for one in measured.images.scored} == {None}


def test_dropped_folders_are_sets_and_a_folder_of_sets_is_all_of_them(
    bench: Bench, panel: BenchmarkPanel
) -> None:
    benchmark = bench.folder / "benchmark"
    for name in ("Urban100", "B100", "mine"):
        (benchmark / name / "HR").mkdir(parents=True)
    model = Path(save_model(bench.folder, "dropped", 3))
    drop(panel, benchmark, model)
    added = panel.chooser.folders[2:]
    assert added == [benchmark / "B100", benchmark / "Urban100", benchmark / "mine"]
    assert str(model) in panel.chooser.models.checked_keys()
    assert str(model) not in bench.session.students


def test_delete_takes_a_set_off_the_list_and_undo_brings_it_back(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    sets = panel.chooser.sets
    sets.setCurrentRow(0)
    QTest.keyClick(sets, Qt.Key.Key_Delete)
    assert sets.count() == 2  # The samples stay.
    sets.setCurrentRow(1)
    with qtbot.waitSignal(bench.session.undo_offered) as offered:
        QTest.keyClick(sets, Qt.Key.Key_Delete)
    assert sets.listed_keys() == [str(resolve_data(SAMPLES))]
    offered.args[1]()
    assert sets.checked_keys() == [str(bench.folder / "Set5")]


def test_a_set_that_came_back_meanwhile_is_not_taken_back_twice(bench: Bench, panel: BenchmarkPanel) -> None:
    undo: list[Callable[[], None]] = []
    bench.session.undo_offered.connect(lambda _, take_back: undo.append(take_back))
    folder = bench.folder / "Set5"
    panel.chooser.remove_folder(str(folder))
    panel.chooser.add_folder(folder)
    undo[0]()
    assert panel.chooser.folders.count(folder) == 1


def test_the_next_start_shows_choices_and_the_last_table(
    bench: Bench, measured: BenchmarkPanel, qtbot: QtBot
) -> None:
    extra = save_model(bench.folder, "extra", 9)
    measured.chooser.add_model(extra)
    measured.chooser.models.set_checked(bench.students[0], False)
    measured.bar.switches[Kind.GAP].setChecked(False)
    measured.bar.published.setChecked(False)
    column = measured.table.reported.columns[2]
    measured.table.set_order(Order(column, True))
    shown = [(row.ref, measured.table.texts(row.ref)) for row in measured.table.reported.rows]
    remembered = measured.remember()
    measured.shut_down()
    again = make_panel(bench, qtbot)
    again.recall(remembered)
    qtbot.waitUntil(lambda: bool(again.table.report.results), timeout=5000)
    assert [(row.ref, again.table.texts(row.ref)) for row in again.table.reported.rows] == shown
    assert again.age.isVisible()
    assert "easured on" in again.age.text()
    assert again.chooser.models.checked_keys() == [BICUBIC, bench.students[1], extra, bench.teacher]
    assert again.chooser.sets.checked_keys() == [str(bench.folder / "Set5")]
    assert not again.bar.published.isChecked()


def test_recall_forgives_what_it_doesn_t_know(bench: Bench, panel: BenchmarkPanel) -> None:
    panel.recall({"folders": 3, "order": {"kind": "colour"}, "columns": ["psnr", "new"], "ticks": [], "x": 1})
    panel.recall({})
    assert panel.bar.run_button.isEnabled()
    assert bench.errors == []
