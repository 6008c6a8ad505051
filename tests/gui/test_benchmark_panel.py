"""The Benchmark workspace as a person uses it: choose, run, look behind the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QContextMenuEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot
from small_models import Bench, make_bench, save_model, save_photo

from fakd_core import evaluation
from fakd_core.catalogue import load_model
from fakd_core.datasets import open_dataset
from fakd_core.evaluation import evaluate
from fakd_core.metrics import Metric
from fakd_core.profiling import profile
from fakd_core.samples import SAMPLES, resolve_data
from fakd_gui.benchmark import BenchmarkPanel
from fakd_gui.benchmark.report import BICUBIC, Cell, Column, Kind, SetAt
from fakd_gui.benchmark.report_model import Order
from fakd_gui.failures import keep_failures
from fakd_gui.theme import DARK, LIGHT, watcher


@pytest.fixture
def bench(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))
    bench = make_bench(tmp_path)
    folder = tmp_path / "Set5"
    folder.mkdir()
    save_photo(folder, "one")
    save_photo(folder, "two", 48, 72)
    return bench


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[BenchmarkPanel]:
    panel = make_panel(bench, qtbot)
    bench.choose_all()
    panel.chooser.sets.tick(str(resolve_data(SAMPLES)), False)
    panel.chooser.add_folder(bench.folder / "Set5")
    yield panel
    bench.session.shut_down()


def make_panel(bench: Bench, qtbot: QtBot) -> BenchmarkPanel:
    panel = BenchmarkPanel(bench.session)
    # Qt aborts the program if a widget dies before its threads, whatever the test left running.
    qtbot.addWidget(panel, before_close_func=lambda widget: widget.shut_down())
    panel.resize(1000, 600)
    panel.show()
    return panel


@pytest.fixture
def measured(panel: BenchmarkPanel, qtbot: QtBot) -> BenchmarkPanel:
    run(panel, qtbot)
    return panel


def run(panel: BenchmarkPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.finished, timeout=20_000):
        QTest.mouseClick(panel.bar.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=5000)


def at(bench: Bench, name: str = "Set5", scale: int = 4) -> SetAt:
    return SetAt(str(bench.folder / name), scale)


def place(panel: BenchmarkPanel, ref: str, kind: Kind) -> QPoint:
    """The middle of the cell of `ref` in the first column of `kind`."""
    model = panel.table.reported
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


def test_bundled_models_and_samples_are_on_offer(bench: Bench, panel: BenchmarkPanel) -> None:
    chooser = panel.chooser
    assert chooser.folders[0] == resolve_data(SAMPLES)
    assert chooser.models.ticked() == [BICUBIC, *bench.students, bench.teacher]
    assert "rcan-g5-r5-c32-x4" in chooser.models.on_offer()


def test_what_an_installed_package_measures_is_a_column(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = Metric(
        "mae", "mean absolute error", lambda sr, hr, border: float(abs(sr - hr.astype(float)).mean())
    )
    monkeypatch.setattr(evaluation, "METRICS", [error])
    run(panel, qtbot)
    column = Column(Kind.METRIC, at(bench), "mae")
    table = panel.table
    section = table.reported.columns.index(column)
    assert table.reported.headerData(section, Qt.Orientation.Horizontal) == "mae"
    value = table.report.scores[Cell(bench.teacher, at(bench))].metrics["mae"]
    assert table.texts(bench.teacher)[section] == f"{value:.5g}"
    table.set_order(Order(column, descending=False))
    shown = [float(table.texts(row.ref)[section]) for row in table.reported.rows if not row.published]
    assert shown == sorted(shown)
    assert Order.from_plain(Order(column, descending=True).to_plain()) == Order(column, descending=True)
    panel.bar.switches[Kind.METRIC].setChecked(False)
    assert column not in table.reported.columns


def test_a_row_holds_the_core_s_figures(bench: Bench, measured: BenchmarkPanel) -> None:
    report = measured.table.report
    models = {BICUBIC: None, bench.teacher: load_model(bench.teacher)}
    for expected in evaluate(models, open_dataset(bench.folder / "Set5", 4)):
        score = report.scores[Cell(expected.model, at(bench))]
        assert (score.psnr, score.ssim) == (expected.psnr_y, expected.ssim_y)
        assert [image.psnr_y for image in score.images] == [image.psnr_y for image in expected.per_image]
    facts = profile(load_model(bench.teacher))
    row = report.rows[bench.teacher]
    assert (row.parameters, row.gmacs) == (facts.parameters, facts.gmacs)
    bicubic, teacher = (report.scores[Cell(ref, at(bench))] for ref in (BICUBIC, bench.teacher))
    delta = f"{bicubic.psnr - teacher.psnr:+.3f}".replace("-", "−")
    time = f"{bicubic.seconds:.3f}"
    figures = [f"{bicubic.psnr:.3f}", f"{bicubic.ssim:.4f}", delta, "", time]
    assert measured.table.texts(BICUBIC) == ["", "", *figures]
    assert measured.table.reported.group(2)[0] == "Set5 ×4 · 2 images"
    assert bench.errors == []


def test_one_more_model_measures_only_that_one(
    bench: Bench, measured: BenchmarkPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fakd_core import evaluation

    calls: list[str] = []
    true = evaluation.evaluate

    def counted(models: dict[str, object], *args: object, **options: object) -> object:
        calls.extend(models)
        return true(models, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluation, "evaluate", counted)
    before = measured.table.report.scores[Cell(bench.teacher, at(bench))]
    another = save_model(bench.folder, "another", 9)
    measured.chooser.add_model(another)
    run(measured, qtbot)
    assert calls == [another]
    scores = measured.table.report.scores
    assert scores[Cell(bench.teacher, at(bench))] is before
    assert len(scores) == 5
    # Another image in the set: everything is measured on it.
    calls.clear()
    save_photo(bench.folder / "Set5", "three")
    run(measured, qtbot)
    assert calls == [BICUBIC, *bench.students, another, bench.teacher]


def test_cancel_keeps_what_is_measured(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    large = bench.folder / "large"
    large.mkdir()
    save_photo(large, "large", 400, 320)
    slow = save_model(bench.folder, "slow", 5, n_feats=64, n_resgroups=10, n_resblocks=10)
    bench.session.set_teacher(slow)
    panel.chooser.sets.tick(str(bench.folder / "Set5"), False)
    panel.chooser.add_folder(large)
    panel.run()
    cell = Cell(slow, at(bench, "large"))
    qtbot.waitUntil(lambda: panel.table.report.notes.get(cell) == "0 of 1", timeout=20_000)
    qtbot.waitUntil(lambda: panel.status.left.text() == "slow on large ×4: large, 1 of 1")
    qtbot.waitUntil(lambda: panel.table.texts(slow)[2:3] == ["0 of 1"])
    QTest.mouseClick(panel.status.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.status.cancel_button.isVisible(), timeout=20_000)
    qtbot.waitUntil(lambda: panel.table.texts(slow)[2:3] == ["cancelled"])
    assert Cell(BICUBIC, at(bench, "large")) in panel.table.report.scores
    # What was cancelled begins anew, what was measured is there at once.
    QTest.mouseClick(panel.bar.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.table.report.notes.get(cell) == "0 of 1", timeout=20_000)
    assert len(panel.table.report.scores) == 3
    panel.cancel()


def test_what_can_t_be_measured_says_why_in_its_row(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    empty = bench.folder / "empty"
    empty.mkdir()
    broken = bench.folder / "broken.pt"
    broken.write_bytes(b"nothing")
    bench.session.add_student(str(broken))
    panel.chooser.add_folder(empty)
    run(panel, qtbot)
    assert sum("broken.pt" in error for error in bench.errors) == 1
    assert sum(str(empty) in error for error in bench.errors) == 1
    assert "broken.pt: not a readable" in panel.table.texts(str(broken))[0]
    assert f"{empty}: no images" in panel.table.texts(BICUBIC)[7]
    assert panel.table.columnSpan([row.ref for row in panel.table.reported.rows].index(BICUBIC), 7) == 5
    assert Cell(bench.teacher, at(bench)) in panel.table.report.scores


def titles(panel: BenchmarkPanel) -> list[str]:
    model = panel.table.reported
    return list(dict.fromkeys(model.group(column)[0] for column in range(len(model.columns))))[1:]


def test_a_broken_image_is_named_and_the_rest_is_measured(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    broken = bench.folder / "Set5" / "broken.png"
    broken.write_bytes((bench.folder / "Set5" / "one.png").read_bytes()[:2000])
    run(panel, qtbot)
    assert len(bench.errors) == 1
    assert bench.errors[0].startswith(f"{broken}: damaged")
    assert titles(panel) == ["Set5 ×4 · 2 of 3 images"]
    score = panel.table.report.scores[Cell(bench.teacher, at(bench))]
    assert [image.name for image in score.images] == ["one", "two"]
    index = panel.table.reported.index(0, 2)
    assert f"Mean of 2 of 3 images. Left out:\n{broken}: damaged" in index.data(Qt.ItemDataRole.ToolTipRole)
    click(panel, bench.teacher, Kind.PSNR)
    images = panel.images.table
    assert images.item(2, 0).text().startswith("broken.png: damaged")
    assert images.columnSpan(2, 0) == images.columnCount()
    assert images.item(2, 0).foreground().color() == QColor(LIGHT.bad)
    watcher().choose("dark")
    assert images.item(2, 0).foreground().color() == QColor(DARK.bad)
    watcher().choose("system")
    with qtbot.assertNotEmitted(bench.session.images_chosen, wait=50):
        images.setCurrentCell(2, 0)
        QTest.keyClick(images, Qt.Key.Key_Return)
    # Mended, it counts the next time.
    broken.unlink()
    save_photo(bench.folder / "Set5", "broken", 40, 64)
    run(panel, qtbot)
    assert titles(panel) == ["Set5 ×4 · 3 images"]


def test_one_image_is_one_image(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    (bench.folder / "Set5" / "two.png").unlink()
    run(panel, qtbot)
    assert titles(panel) == ["Set5 ×4 · 1 image"]


def break_in_the_middle(bench: Bench, error: Exception) -> str:
    """A student that raises `error` at the end of the second image's pass, which follows an untimed one."""
    passes = 0

    def count_and_raise(*_: object) -> None:
        nonlocal passes
        passes += 1
        if passes >= 3:
            raise error

    bench.session.models.get(bench.students[0]).register_forward_hook(count_and_raise)
    return bench.students[0]


def test_a_model_that_breaks_in_the_middle_costs_only_itself(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    keep_failures()
    student = break_in_the_middle(bench, RuntimeError("sizes of tensors must match"))
    run(panel, qtbot)
    done = {cell.ref for cell in panel.table.report.scores}
    assert done == {BICUBIC, bench.students[1], bench.teacher}
    assert panel.table.texts(student)[2].startswith("failed: ")
    assert len(bench.errors) == 1
    spot = place(panel, student, Kind.PSNR)
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, panel.table.viewport().mapToGlobal(spot))
    QApplication.sendEvent(panel.table.viewport(), asked)
    (menu,) = panel.table.findChildren(QMenu)
    menu.actions()[0].trigger()
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith(bench.errors[0])
    assert "Traceback" in copied
    assert "count_and_raise" in copied
    menu.close()


def test_an_image_that_memory_is_too_short_for_is_left_out_for_that_model(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    student = break_in_the_middle(bench, MemoryError())
    run(panel, qtbot)
    assert titles(panel) == ["Set5 ×4 · 1–2 of 2 images"]
    psnr, _, delta, gap = panel.table.texts(student)[2:6]
    assert psnr.endswith(" (1 of 2)")
    assert (delta, gap) == ("", "")
    assert panel.table.texts(bench.students[1])[2].endswith(" (2 of 2)")
    (error,) = bench.errors
    assert "not enough memory" in error
    # With memory again, it is measured again, though neither file has changed.
    bench.session.models.get(student)._forward_hooks.clear()
    run(panel, qtbot)
    assert titles(panel) == ["Set5 ×4 · 2 images"]


def test_models_of_two_scales_have_columns_of_their_own(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    double = save_model(bench.folder, "double", 4, scale=2)
    panel.chooser.add_model(double)
    run(panel, qtbot)
    report = panel.table.report
    assert [report.title(group) for group in report.groups] == ["Set5 ×4", "Set5 ×2"]
    assert {cell.at.scale for cell in report.scores if cell.ref == BICUBIC} == {2, 4}
    assert {cell.at.scale for cell in report.scores if cell.ref == double} == {2}


def test_a_click_on_a_heading_sorts_and_the_third_undoes(bench: Bench, measured: BenchmarkPanel) -> None:
    table = measured.table
    measured.bar.published.setChecked(False)
    as_chosen = [row.ref for row in table.reported.rows]
    section = [column.kind for column in table.reported.columns].index(Kind.PSNR)
    header = table.groups
    spot = QPoint(header.sectionViewportPosition(section) + 20, header.height() * 3 // 4)

    def values() -> list[float]:
        scores = table.report.scores
        return [scores[Cell(row.ref, at(bench))].psnr for row in table.reported.rows]

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
    scores = measured.table.report.scores
    teacher = {image.name: image.psnr_y for image in scores[Cell(bench.teacher, at(bench))].images}
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
    assert str(model) in panel.chooser.models.ticked()
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
    assert sets.on_offer() == [str(resolve_data(SAMPLES))]
    offered.args[1]()
    assert sets.ticked() == [str(bench.folder / "Set5")]


def test_a_set_that_came_back_meanwhile_is_not_taken_back_twice(bench: Bench, panel: BenchmarkPanel) -> None:
    undo: list[Callable[[], None]] = []
    bench.session.undo_offered.connect(lambda _, take_back: undo.append(take_back))
    folder = bench.folder / "Set5"
    panel.chooser.remove_folder(str(folder))
    panel.chooser.add_folder(folder)
    undo[0]()
    assert panel.chooser.folders.count(folder) == 1


def test_run_needs_a_model_and_a_set(bench: Bench, panel: BenchmarkPanel) -> None:
    panel.chooser.sets.tick(str(bench.folder / "Set5"), False)
    assert not panel.bar.run_button.isEnabled()
    panel.chooser.sets.tick(str(bench.folder / "Set5"), True)
    assert panel.bar.run_button.isEnabled()


def test_the_next_start_shows_choices_and_the_last_table(
    bench: Bench, measured: BenchmarkPanel, qtbot: QtBot
) -> None:
    extra = save_model(bench.folder, "extra", 9)
    measured.chooser.add_model(extra)
    measured.chooser.models.tick(bench.students[0], False)
    measured.bar.switches[Kind.GAP].setChecked(False)
    measured.bar.published.setChecked(False)
    column = measured.table.reported.columns[2]
    measured.table.set_order(Order(column, True))
    shown = [(row.ref, measured.table.texts(row.ref)) for row in measured.table.reported.rows]
    remembered = measured.remember()
    measured.shut_down()
    again = make_panel(bench, qtbot)
    again.recall(remembered)
    qtbot.waitUntil(lambda: bool(again.table.report.scores), timeout=5000)
    assert [(row.ref, again.table.texts(row.ref)) for row in again.table.reported.rows] == shown
    assert again.age.isVisible()
    assert "easured on" in again.age.text()
    assert again.chooser.models.ticked() == [BICUBIC, bench.students[1], extra, bench.teacher]
    assert again.chooser.sets.ticked() == [str(bench.folder / "Set5")]
    assert not again.bar.published.isChecked()


def test_recall_forgives_what_it_doesn_t_know(bench: Bench, panel: BenchmarkPanel) -> None:
    panel.recall({"folders": 3, "order": {"kind": "colour"}, "columns": ["psnr", "new"], "ticks": [], "x": 1})
    panel.recall({})
    assert panel.bar.run_button.isEnabled()
    assert bench.errors == []
