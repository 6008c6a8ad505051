"""Measuring in the Benchmark workspace: results, failures, and images left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmark_bench import at, benchmarking, check, click, photo_bench, place, run, texts
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot
from small_models import Bench, save_model, save_photo
from torch import Tensor, nn

from fakd_core.data.datasets import image_fingerprint, open_dataset
from fakd_core.data.image_files import read_image
from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation import evaluate as evaluation
from fakd_core.evaluation.evaluate import collect_results, evaluate
from fakd_core.evaluation.report import Kind
from fakd_core.evaluation.results import Cell, Result
from fakd_core.models.checkpoint import save_safetensors
from fakd_core.models.cost import profile
from fakd_core.runs.references import load_model
from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.widgets.theme import DARK, LIGHT, watcher


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


def test_a_row_has_the_scores_of_the_core(bench: Bench, measured: BenchmarkPanel) -> None:
    report = measured.state.report
    models = {BICUBIC: None, bench.teacher: load_model(bench.teacher)}
    for expected in collect_results(evaluate(models, [open_dataset(bench.folder / "Set5", 4)])):
        score = report.results[Cell(expected.model, at(bench))]
        assert (score.psnr_y, score.ssim_y) == (expected.psnr_y, expected.ssim_y)
        assert [image.psnr_y for image in score.per_image] == [image.psnr_y for image in expected.per_image]
    facts = profile(load_model(bench.teacher))
    row = report.rows[bench.teacher]
    assert (row.parameters, row.gmacs) == (facts.parameters, facts.gmacs)
    bicubic, teacher = (report.results[Cell(ref, at(bench))] for ref in (BICUBIC, bench.teacher))
    delta = f"{bicubic.psnr_y - teacher.psnr_y:+.3f}".replace("-", "−")
    time = f"{bicubic.seconds:.3f}"
    figures = [f"{bicubic.psnr_y:.3f}", f"{bicubic.ssim_y:.4f}", delta, "", time]
    assert texts(measured, BICUBIC) == ["", "", *figures]
    assert measured.table.table_model.group(2)[0] == "Set5 ×4 · 2 images"
    assert bench.errors == []


def test_adding_a_model_measures_only_that_model(
    bench: Bench, measured: BenchmarkPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:

    calls: list[str] = []
    score_images = evaluation.score_images

    def counted(ref: str, *args: Any, **options: Any) -> Iterator[Result]:
        calls.append(ref)
        return score_images(ref, *args, **options)

    monkeypatch.setattr(evaluation, "score_images", counted)
    before = measured.state.report.results[Cell(bench.teacher, at(bench))]
    another = save_model(bench.folder, "another", 9)
    measured.state.add_model(another)
    run(measured, qtbot)
    assert calls == [another]
    scores = measured.state.report.results
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
    check(panel.chooser.sets, str(bench.folder / "Set5"), False)
    panel.state.add_folder(large)
    panel.runner.run()
    cell = Cell(slow, at(bench, "large"))
    qtbot.waitUntil(lambda: panel.state.report.progress.get(cell) == "0 of 1")
    qtbot.waitUntil(lambda: panel.status.left.text() == "slow on large ×4: large, 1 of 1")
    qtbot.waitUntil(lambda: texts(panel, slow)[2:3] == ["0 of 1"])
    QTest.mouseClick(panel.status.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.status.cancel_button.isVisible())
    qtbot.waitUntil(lambda: texts(panel, slow)[2:3] == ["cancelled"])
    assert Cell(BICUBIC, at(bench, "large")) in panel.state.report.results
    # What was cancelled begins anew, what was measured is there at once.
    QTest.mouseClick(panel.view_bar.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.state.report.progress.get(cell) == "0 of 1")
    assert len(panel.state.report.results) == 3
    panel.runner.cancel()


def test_a_failure_is_shown_in_its_row(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    empty = bench.folder / "empty"
    empty.mkdir()
    broken = bench.folder / "broken.pt"
    broken.write_bytes(b"nothing")
    bench.session.add_student(str(broken))
    panel.state.add_folder(empty)
    run(panel, qtbot)
    assert sum("broken.pt" in error for error in bench.errors) == 1
    assert sum(str(empty) in error for error in bench.errors) == 1
    assert "broken.pt: not a readable" in texts(panel, str(broken))[0]
    assert f"{empty}: no images" in texts(panel, BICUBIC)[7]
    assert panel.table.columnSpan([row.ref for row in panel.table.table_model.rows].index(BICUBIC), 7) == 5
    assert Cell(bench.teacher, at(bench)) in panel.state.report.results


def titles(panel: BenchmarkPanel) -> list[str]:
    model = panel.table.table_model
    return list(dict.fromkeys(model.group(column)[0] for column in range(len(model.columns))))[1:]


def test_a_broken_image_is_named_and_the_others_are_measured(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    broken = bench.folder / "Set5" / "broken.png"
    broken.write_bytes((bench.folder / "Set5" / "one.png").read_bytes()[:2000])
    run(panel, qtbot)
    assert len(bench.errors) == 1
    assert bench.errors[0].startswith(f"{broken}: damaged")
    assert titles(panel) == ["Set5 ×4 · 2 of 3 images"]
    score = panel.state.report.results[Cell(bench.teacher, at(bench))]
    assert [image.name for image in score.per_image] == ["one", "two"]
    index = panel.table.table_model.index(0, 2)
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
    # Repaired, it counts the next time.
    broken.unlink()
    save_photo(bench.folder / "Set5", "broken", 40, 64)
    run(panel, qtbot)
    assert titles(panel) == ["Set5 ×4 · 3 images"]


def test_scores_on_training_images_are_marked(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    model = load_model(bench.teacher)
    model.seen_images = {image_fingerprint(read_image(bench.folder / "Set5" / "one.png")): "training"}
    save_safetensors(model, Path(bench.teacher))
    run(panel, qtbot)
    unseen = panel.state.report.results[Cell(bench.teacher, at(bench))].per_image[1].psnr_y
    assert texts(panel, bench.teacher)[2].endswith(f"† ({unseen:.3f})")
    index = panel.table.indexAt(place(panel, bench.teacher, Kind.PSNR))
    assert "was trained on 1 of the 2 images of Set5" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert "†: the model learned from some of the images" in panel.protocol.text()
    click(panel, bench.teacher, Kind.PSNR)
    images = panel.images.table
    assert {images.item(row, 0).text() for row in range(2)} == {"one †", "two"}


def test_one_image_is_in_the_singular(bench: Bench, panel: BenchmarkPanel, qtbot: QtBot) -> None:
    (bench.folder / "Set5" / "two.png").unlink()
    run(panel, qtbot)
    assert titles(panel) == ["Set5 ×4 · 1 image"]


def break_in_the_middle(bench: Bench, error: Exception) -> str:
    """A student that raises `error` at the end of the second image's pass."""

    def raise_at_the_second(model: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        if inputs[0].shape[-2:] == (48 // 4, 72 // 4):
            raise error

    bench.session.models.get(bench.students[0]).register_forward_hook(raise_at_the_second)
    return bench.students[0]


def test_a_model_that_fails_halfway_does_not_stop_the_others(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    student = break_in_the_middle(bench, RuntimeError("sizes of tensors must match"))
    run(panel, qtbot)
    done = {cell.ref for cell in panel.state.report.results}
    assert done == {BICUBIC, bench.students[1], bench.teacher}
    assert texts(panel, student)[2].startswith("failed: ")
    assert len(bench.errors) == 1
    spot = place(panel, student, Kind.PSNR)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, panel.table.viewport().mapToGlobal(spot))
    QApplication.sendEvent(panel.table.viewport(), event)
    (menu,) = panel.table.findChildren(QMenu)
    menu.actions()[0].trigger()
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith(bench.errors[0])
    assert "Traceback" in copied
    assert "raise_at_the_second" in copied
    menu.close()


def test_an_image_too_large_for_memory_is_left_out_for_that_model(
    bench: Bench, panel: BenchmarkPanel, qtbot: QtBot
) -> None:
    student = break_in_the_middle(bench, MemoryError())
    run(panel, qtbot)
    assert titles(panel) == ["Set5 ×4 · 1–2 of 2 images"]
    psnr, _, delta, gap = texts(panel, student)[2:6]
    assert psnr.endswith(" (1 of 2)")
    assert (delta, gap) == ("", "")
    assert texts(panel, bench.students[1])[2].endswith(" (2 of 2)")
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
    panel.state.add_model(double)
    run(panel, qtbot)
    report = panel.state.report
    assert [report.title(eval_set) for eval_set in report.sets] == ["Set5 ×4", "Set5 ×2"]
    assert {cell.eval_set.scale for cell in report.results if cell.ref == BICUBIC} == {2, 4}
    assert {cell.eval_set.scale for cell in report.results if cell.ref == double} == {2}


def test_run_needs_a_model_and_a_set(bench: Bench, panel: BenchmarkPanel) -> None:
    check(panel.chooser.sets, str(bench.folder / "Set5"), False)
    assert not panel.view_bar.run_button.isEnabled()
    check(panel.chooser.sets, str(bench.folder / "Set5"), True)
    assert panel.view_bar.run_button.isEnabled()
