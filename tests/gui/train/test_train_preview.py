"""The strip of previews: its images, the slider over the validations, past and resumed runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from fakd_core.events import CancelToken, Preview, StepEnd
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.layout import MAX_PREVIEWS, RunLayout
from fakd_core.training.trainer import resume_training, train
from fakd_gui.app import make_application
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.panel import TrainPanel
from fakd_gui.train.preview import PreviewStrip
from fakd_gui.train.run_view import PreviewFrames
from fakd_gui.train.state import TrainState
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.window.main_window import MainWindow
from tests.gui.small_models import turn_wheel

SIDE = 48


def image(seed: int) -> np.ndarray:
    """An image without symmetry."""
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def make_frames(validations: int = 3, baseline: bool = False) -> PreviewFrames:
    frames = PreviewFrames()
    frames.start(Preview(name="crop", bicubic=image(1), hr=image(2), teacher=image(3)))
    for step in range(100, 100 * validations + 1, 100):
        frames.add(step, {"student": image(step), **({"baseline": image(step + 1)} if baseline else {})})
    return frames


@pytest.fixture
def strip(session: Session, qtbot: QtBot) -> PreviewStrip:
    make_application()
    state, host = TrainState(session, session), QWidget()
    made = PreviewStrip(state, TrainCommands(session, state, host))
    qtbot.addWidget(host)
    qtbot.addWidget(made)
    made.resize(700, 240)
    with qtbot.waitExposed(made):
        made.show()
    return made


def shown(strip: PreviewStrip, name: str) -> np.ndarray:
    (overlay,) = strip.columns[name].canvas.overlays
    return array_from_qimage(overlay.image)


def test_students_are_shown_between_bicubic_and_teacher(strip: PreviewStrip) -> None:
    strip.show_frames(make_frames())
    assert list(strip.columns) == ["bicubic", "student", "teacher", "hr"]
    for name, seed in (("bicubic", 1), ("student", 300), ("teacher", 3), ("hr", 2)):
        assert np.array_equal(shown(strip, name), image(seed)), name
    assert strip.columns["student"].caption.text().startswith("student\n")
    assert strip.columns["student"].caption.text().endswith(" dB")
    assert strip.columns["hr"].caption.text() == "HR\ncrop"
    strip.show_frames(make_frames(baseline=True))
    assert list(strip.columns) == ["bicubic", "student", "baseline", "teacher", "hr"]
    assert np.array_equal(shown(strip, "baseline"), image(301))
    assert strip.columns["baseline"].caption.text().startswith("baseline\n")


def test_each_screen_pixel_is_one_pixel_of_the_image(strip: PreviewStrip) -> None:
    """Enlarged by a whole multiple, without smoothing: nothing is shown that the network did not make."""
    strip.show_frames(make_frames())
    canvas = strip.columns["student"].canvas
    zoom = strip.camera.zoom
    assert zoom == int(zoom) >= 2
    seen = array_from_qimage(canvas.grab().toImage())
    origin = strip.camera.origin()
    top, left = int(origin.y()), int(origin.x())
    size = int(SIDE * zoom)
    enlarged = image(300).repeat(int(zoom), 0).repeat(int(zoom), 1)
    assert np.array_equal(seen[top : top + size, left : left + size], enlarged)


def test_the_wheel_zooms_all_images(strip: PreviewStrip) -> None:
    strip.show_frames(make_frames())
    before = strip.camera.zoom
    views = {name: column.canvas.grab().toImage() for name, column in strip.columns.items()}
    turn_wheel(strip.columns["teacher"].canvas, QPointF(60, 60), 3)
    assert strip.camera.zoom > before
    for name, column in strip.columns.items():
        assert column.canvas.grab().toImage() != views[name], name


def test_keys_go_through_the_validations(qtbot: QtBot, strip: PreviewStrip) -> None:
    strip.show_frames(make_frames(4))
    steps: list[object] = []
    strip.step_shown.connect(steps.append)
    strip.scrubber.setFocus()
    qtbot.keyClick(strip.scrubber, Qt.Key.Key_Left)
    qtbot.keyClick(strip.scrubber, Qt.Key.Key_Left)
    assert steps == [300, 200]
    assert np.array_equal(shown(strip, "student"), image(200))
    assert strip.step_label.text() == "step 200 (2 of 4)"
    assert not strip.follow.isChecked()
    # What comes meanwhile does not take the eye away.
    strip.frames.add(500, {"student": image(500)})
    strip.refresh()
    assert strip.step == 200
    qtbot.keyClick(strip.scrubber, Qt.Key.Key_End)
    assert strip.step == 500
    assert strip.follow.isChecked()
    strip.frames.add(600, {"student": image(600)})
    strip.refresh()
    assert strip.step == 600


def test_a_chosen_preview_stays_when_the_beginning_of_its_run_was_read(strip: PreviewStrip) -> None:
    frames = make_frames(4)
    strip.show_frames(frames)
    strip.show_step(200)
    frames.prepend(make_frames(1))
    strip.show_frames(frames)
    assert strip.step == 200
    strip.show_frames(make_frames(3))
    assert strip.step == 300


def test_a_picked_step_shows_the_nearest_validation(strip: PreviewStrip) -> None:
    strip.show_frames(make_frames(4))
    strip.show_step(190)
    assert strip.step == 200
    assert not strip.follow.isChecked()


def test_without_validations_the_slider_is_disabled(strip: PreviewStrip) -> None:
    strip.show_frames(make_frames())
    strip.show_frames(PreviewFrames())
    assert strip.step is None
    assert not strip.scrubber.isEnabled()
    assert all(not column.canvas.overlays for column in strip.columns.values())


def test_the_number_of_previews_is_bounded() -> None:
    frames = make_frames(3 * MAX_PREVIEWS + 1)
    assert MAX_PREVIEWS / 2 <= len(frames.frames) <= MAX_PREVIEWS
    assert list(frames.frames)[-1] == 100 * (3 * MAX_PREVIEWS + 1)


# -- runs --------------------------------------------------------------------------------------------


@pytest.fixture
def settings(photos: Path, small_teacher: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "teacher": str(small_teacher),
        "student": "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
        "train_data": photos,
        "run": tmp_path / "run",
        "steps": 6,
        "batch": 1,
        "patch": 8,
        "val_images": 1,
        "validate_every": 2,
    }


def test_a_past_run_has_the_previews_that_it_had_live(settings: dict[str, Any]) -> None:
    live = PreviewFrames()
    for event in train(TrainConfig.build(**settings, baseline=True)):
        if hasattr(event, "preview") and isinstance(event.preview, Preview):
            live.start(event.preview)
        elif hasattr(event, "preview"):
            live.add(event.step, {"student": event.preview, **event.other_previews})
    past = PreviewFrames.load(settings["run"], CancelToken())
    assert past.columns == live.columns == ("bicubic", "student", "baseline", "teacher", "hr")
    assert list(past.frames) == [2, 4, 6]
    for name in past.columns:
        for step in past.frames:
            assert np.array_equal(past.image(name, step), live.image(name, step))
    assert past.psnr == pytest.approx(live.psnr)


def test_a_damaged_preview_is_left_out(settings: dict[str, Any]) -> None:
    for _ in train(TrainConfig.build(**settings)):
        pass
    RunLayout(settings["run"]).previews()[4].write_bytes(b"no picture")
    assert list(PreviewFrames.load(settings["run"], CancelToken()).frames) == [2, 6]


def test_a_resumed_run_shows_its_beginning(qtbot: QtBot, session: Session, settings: dict[str, Any]) -> None:
    make_application()
    panel = TrainPanel(session)
    qtbot.addWidget(panel)
    monitor = panel.monitor
    token = CancelToken()
    config = TrainConfig.build(**settings)
    for event in train(config, token):
        if isinstance(event, StepEnd) and event.step == 5:
            token.cancel()
    with qtbot.waitSignal(session.training_finished):
        session.start_training(config, resume=True)
    qtbot.waitUntil(lambda: list(monitor.preview.frames.frames) == [2, 4, 6])
    assert monitor.preview.step == 6
    assert panel.state.shown.series.step == [1, 2, 3, 4, 5, 6]
    assert stop_all(panel)
    assert list(resume_training(config.run))  # nothing was damaged


def test_a_past_run_is_shown_while_another_is_trained(
    qtbot: QtBot, window: MainWindow, settings: dict[str, Any]
) -> None:
    for _ in train(TrainConfig.build(**settings)):
        pass
    session, panel, monitor = window.session, window.train, window.train.monitor
    going = TrainConfig.build(**{**settings, "run": settings["run"].with_name("going"), "steps": 5000})
    session.start_training(going)
    qtbot.waitUntil(lambda: len(panel.state.shown.series.step) > 2)
    session.select_run(settings["run"])
    qtbot.waitUntil(lambda: monitor.title.text() == "run")
    assert panel.state.shown.series.step == [1, 2, 3, 4, 5, 6]
    assert monitor.progress.value() == 6
    assert list(monitor.preview.frames.frames) == [2, 4, 6]
    # A click on a validation of the curve shows its pictures; the curve points them out.
    monitor.plots.step_picked.emit(4)
    assert monitor.preview.step == 4
    assert monitor.plots.psnr.mark.value() == 4
    live = panel.state.live
    assert live is not None
    begun = time.monotonic()
    qtbot.waitUntil(lambda: time.monotonic() - begun > 0.6)  # as the clock ticks
    assert len(live.series.step) > 3
    assert panel.state.shown.series.step == [1, 2, 3, 4, 5, 6]
    assert (monitor.progress.value(), monitor.progress.maximum()) == (6, 6)
    session.select_run(going.run)
    assert panel.state.shown is live
    with qtbot.waitSignal(session.training_finished):
        window.train.actions.stop()
