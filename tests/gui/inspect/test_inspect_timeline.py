"""Checkpoints in Inspect: going through a run, and following a training without losing the pixel."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from inspect_panels import expected_row, feature_map, shown_panel
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from small_models import Bench, save_model

from fakd_core.distillation.affinity import spatial_affinity_loss
from fakd_core.events import Scores, ValidationEnd
from fakd_core.runs.config import TrainConfig
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.inspect.state import IMAGE, difference_key
from fakd_gui.session.jobs import Job
from fakd_gui.session.library_keys import baseline_ref


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    yield from shown_panel(bench, qtbot, students=0)


def save_snapshot(run: Path, step: int, name: str = "") -> Path:
    """Write the snapshot of a run's student at `step`; every step has other weights."""
    folder = run / "snapshots" / name
    folder.mkdir(parents=True, exist_ok=True)
    (run / "config.toml").touch()
    return Path(save_model(folder, f"{step:07d}", step + (5000 if name else 0)))


@pytest.fixture
def run(bench: Bench) -> Path:
    run = bench.folder / "runs" / "rcan-a"
    for step in (100, 200, 300):
        save_snapshot(run, step)
    return run


def check_shown(panel: InspectPanel, ref: str, file: Path) -> None:
    """Assert that the map of `ref` is that of the weights in `file`, at the chosen pixel."""
    image = panel.session.image
    assert image is not None
    row = expected_row(str(file), image.lr, panel.state.layer, *panel.state.query)
    np.testing.assert_allclose(panel.area.board.rows[ref], row, atol=1e-5)


def test_earlier_checkpoints_are_shown_at_the_same_pixel(
    bench: Bench, panel: InspectPanel, run: Path, qtbot: QtBot
) -> None:
    bench.session.add_run(run)
    panel.state.set_query(11, 4)
    bar = panel.timeline_bar
    assert bar.isVisible()
    with qtbot.waitSignal(panel.map_shown):
        bar.runs.setCurrentIndex(bar.runs.findText("rcan-a"))
        bar.runs.activated.emit(bar.runs.currentIndex())
    ref = str(run)
    assert list(panel.area.board.panes) == [IMAGE, bench.teacher, ref, difference_key(ref)]
    check_shown(panel, ref, run / "snapshots/0000300.safetensors")
    for key, step in ((Qt.Key.Key_BracketLeft, 200), (Qt.Key.Key_BracketLeft, 100)):
        with qtbot.waitSignal(panel.map_shown):
            QTest.keyClick(panel, key)
        check_shown(panel, ref, run / f"snapshots/{step:07d}.safetensors")
        assert panel.area.board.panes[ref].header.title == f"rcan-a · step {step}"
        assert bar.step.text() == f"step {step}"
    QTest.keyClick(panel, Qt.Key.Key_BracketLeft)
    assert panel.state.timeline.step == 100
    slider = bar.slider
    with qtbot.waitSignal(panel.map_shown):
        QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, 8))
    check_shown(panel, ref, run / "snapshots/0000200.safetensors")
    assert panel.state.query == (11, 4)
    with qtbot.waitSignal(panel.map_shown):
        panel.state.timeline.set_run(None)
        bench.session.add_student(bench.students[0])
    assert ref not in panel.area.board.panes


def test_a_checkpoint_takes_the_place_and_colour_of_the_run_s_student(
    bench: Bench, panel: InspectPanel, run: Path, qtbot: QtBot
) -> None:
    shutil.copy(bench.students[0], run / "student.safetensors")
    with qtbot.waitSignal(panel.map_shown):
        bench.session.add_student(str(run))
        bench.session.add_student(bench.students[1])
    keys, colour = list(panel.area.board.panes), panel.state.colour(str(run))
    check_shown(panel, str(run), run / "student.safetensors")
    with qtbot.waitSignal(panel.map_shown):
        panel.state.timeline.set_run(run, 200)
    assert list(panel.area.board.panes) == keys
    assert panel.state.students == [str(run), bench.students[1]]
    assert panel.state.colour(str(run)) == colour
    check_shown(panel, str(run), run / "snapshots/0000200.safetensors")


def test_a_run_with_a_baseline_shows_both_students_at_the_same_step(
    bench: Bench, panel: InspectPanel, run: Path, qtbot: QtBot
) -> None:
    baseline_file = save_snapshot(run, 200, "baseline")
    with qtbot.waitSignal(panel.map_shown):
        panel.state.timeline.set_run(run, 200)
    baseline = baseline_ref(run)
    assert {str(run), baseline, difference_key(str(run)), difference_key(baseline)} < set(
        panel.area.board.panes
    )
    check_shown(panel, str(run), run / "snapshots/0000200.safetensors")
    check_shown(panel, baseline, baseline_file)
    assert "baseline of rcan-a" in panel.state.title(baseline)


def test_a_survey_gives_the_loss_of_every_checkpoint(
    bench: Bench, panel: InspectPanel, run: Path, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(panel.map_shown):
        panel.state.timeline.set_run(run)
    curve = panel.timeline_bar.curve
    qtbot.waitUntil(lambda: bool(curve.histories) and set(curve.histories[0].losses) == {300})
    panel.timeline_bar.survey.click()
    qtbot.waitUntil(lambda: set(curve.histories[0].losses) == {100, 200, 300})
    image = bench.session.image
    assert image is not None
    teacher = feature_map(bench.teacher, image.lr, 3)
    for step, loss in curve.histories[0].losses.items():
        student = feature_map(str(run / f"snapshots/{step:07d}.safetensors"), image.lr, 3)
        expected = float(spatial_affinity_loss(student[None], teacher[None]))
        assert loss.value == pytest.approx(expected, rel=1e-4)
    # The first checkpoint is at the left.
    QTest.mouseClick(curve, Qt.MouseButton.LeftButton, pos=QPoint(3, 10))
    assert panel.state.timeline.step == 100


@pytest.fixture
def training(bench: Bench) -> Iterator[tuple[Job, Path]]:
    """A training that runs as far as the window knows; its run has no snapshots yet."""
    run = bench.folder / "runs" / "learning"
    run.mkdir(parents=True)
    (run / "config.toml").touch()
    session = bench.session
    job = Job("training", lambda token: None, session, path=run)
    session.training = job
    session.training_config = TrainConfig.build(
        student="rcan-paper-student", train_data=str(bench.folder), run=str(run)
    )
    yield job, run
    session.training = None


def validate(job: Job, run: Path, step: int) -> Path:
    """Save a snapshot and emit the event of its validation."""
    file = save_snapshot(run, step)
    preview = np.zeros((4, 4, 3), dtype=np.uint8)
    job.yielded.emit(ValidationEnd(step=step, student=Scores(30, 0.9), best=True, preview=preview))
    return file


def test_following_shows_every_validation_and_keeps_the_pixel(
    bench: Bench, panel: InspectPanel, training: tuple[Job, Path], qtbot: QtBot
) -> None:
    job, run = training
    bench.session.training_started.emit(job)
    bench.session.add_run(run)
    panel.state.set_query(3, 17)
    panel.state.set_layer(2)
    QTest.keyClick(panel, Qt.Key.Key_T)
    assert panel.timeline_bar.follow.isChecked()
    for step in (50, 100, 150):
        with qtbot.waitSignal(panel.map_shown):
            file = validate(job, run, step)
        check_shown(panel, str(run), file)
        assert panel.area.board.panes[str(run)].header.title == f"learning · step {step}"
    assert (panel.state.query, panel.state.layer) == ((3, 17), 2)
    # An earlier checkpoint stays shown while the training goes on.
    with qtbot.waitSignal(panel.map_shown):
        QTest.keyClick(panel, Qt.Key.Key_BracketLeft)
    assert not panel.timeline_bar.follow.isChecked()
    with qtbot.waitSignal(panel.map_shown):
        validate(job, run, 200)
    assert panel.state.timeline.step == 100
    assert panel.state.timeline.steps == [50, 100, 150, 200]
    check_shown(panel, str(run), run / "snapshots/0000100.safetensors")


def test_maps_of_a_deleted_checkpoint_take_no_memory(
    bench: Bench, panel: InspectPanel, training: tuple[Job, Path], qtbot: QtBot
) -> None:
    job, run = training
    bench.session.training_started.emit(job)
    bench.session.add_run(run)
    QTest.keyClick(panel, Qt.Key.Key_T)
    maps = {}
    for step in (50, 100, 150):
        with qtbot.waitSignal(panel.map_shown):
            file = validate(job, run, step)
        maps[step] = weakref.ref(panel.runner.features[str(run)])
        if step == 100:
            file.unlink()

    def gone() -> list[int]:
        gc.collect()
        return [step for step, held in maps.items() if held() is None]

    qtbot.waitUntil(lambda: gone() == [100])


def test_a_deleted_checkpoint_is_reported_and_the_teacher_still_shown(
    bench: Bench, panel: InspectPanel, run: Path, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(panel.map_shown):
        panel.state.timeline.set_run(run, 200)
    (run / "snapshots/0000100.safetensors").unlink()
    with qtbot.waitSignal(panel.map_shown):
        QTest.keyClick(panel, Qt.Key.Key_BracketLeft)
    assert "0000100.safetensors: this checkpoint is gone" in bench.errors[-1]
    assert panel.area.board.panes[str(run)].canvas.message_is_error
    assert bench.teacher in panel.area.board.rows
