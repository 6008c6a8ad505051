"""A blank validation image is reproduced exactly: its PSNR, and the mean with it, is infinite."""

from __future__ import annotations

import csv
from math import inf
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from run_plots import IMAGE, drawn, make_series, middle, show

from fakd_core.events import Preview, RunEnd, RunStarted, Scores, ValidationEnd
from fakd_core.runs.states import RunState
from fakd_gui.library.rows import Kind, Row, best_psnr
from fakd_gui.session.session import Session
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.plot_export import PlotExport
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.run_view import PreviewFrames, RunView
from fakd_gui.widgets.theme import watcher

ALL = [Scores(inf, 1.0), Scores(inf, 1.0)]


def validate(step: int, psnr: float) -> ValidationEnd:
    return ValidationEnd(step=step, student=Scores(psnr, 0.9), best=True, preview=IMAGE, others={})


def test_an_infinite_psnr_is_marked_above_the_finite_ones(
    qtbot: QtBot, plots: RunPlots, session: Session, tmp_path: Path
) -> None:
    series = make_series()
    series.bicubic, series.teacher = Scores(28.0, 0.8), Scores(inf, 1.0)
    series.take(validate(30, inf))
    show(plots, series, "run")
    card = plots.psnr
    assert drawn(card, "student")[1][:2].tolist() == [29.0, 29.0]
    bottom, top = card.plot.viewRange()[1]
    assert bottom < 28 < 29 < top < 40
    (mark,) = card.infinities.points()
    assert mark.pos().x() == 30
    assert mark.pos().y() == pytest.approx(top, abs=0.1 * (top - bottom))
    assert [line.value() for line in card.level_lines] == [28.0]
    assert "student</a>" in card.readout.text().replace("&nbsp;", "")
    assert "∞" in card.readout.text()
    assert "teacher ∞" in card.readout.text()
    card.box.show_values(30, card.shown, digits=".3f", at=middle(card))
    assert "∞" in card.box.text()
    assert "nan" not in card.box.text()
    watcher().choose("dark")
    watcher().choose("system")
    assert not plots.grab().isNull()
    export = PlotExport(session, plots, TrainCommands(session, plots.state, plots))
    export.write(tmp_path / "curves.csv", "csv")
    qtbot.waitUntil((tmp_path / "curves.csv").exists)
    with (tmp_path / "curves.csv").open() as file:
        assert list(csv.DictReader(file))[-1]["Validation PSNR (dB): student"] == "inf"


def test_a_run_of_infinite_scores_alone_is_drawn(plots: RunPlots) -> None:
    series = make_series(student=inf)
    series.bicubic, series.teacher = ALL
    show(plots, series)
    assert len(plots.psnr.infinities.points()) == 2
    assert not plots.grab().isNull()
    show(plots, make_series())
    assert len(plots.psnr.infinities.points()) == 0


def test_texts_say_infinite_and_leave_out_gains_that_mean_nothing() -> None:
    view = RunView(name="run")
    crop = np.zeros((48, 48, 3), np.uint8)
    preview = Preview(name="blank", bicubic=crop, hr=crop, teacher=None)
    view.take(
        RunStarted(
            run=Path("run"),
            steps=9,
            first_step=0,
            device="cpu",
            teacher_names=("t",),
            train_images=1,
            validation_images=1,
            student_parameters=1,
            copied_tensors=0,
            bicubic=ALL[0],
            teacher=ALL[1],
            preview=preview,
        )
    )
    assert view.text.endswith("bicubic ∞ dB, teacher ∞ dB.")
    view.take(validate(9, inf))
    assert view.text == "Step 9: PSNR ∞ dB, SSIM 0.9000 (best so far)."
    end = {"step": 9, "student_file": Path("student.safetensors"), "seconds": 3.0}
    view.take(RunEnd(outcome="completed", best=Scores(inf, 1.0), **end))
    assert "best PSNR ∞ dB on the validation images. Open" in view.summary()
    frames = PreviewFrames()
    frames.start(preview)
    assert frames.psnr == {("bicubic", 0): inf}
    row = Row(Kind.RUN, "run", run=Path("run"))
    assert best_psnr(row, {Path("run"): RunState(steps=9, done=9, best=inf)}) == "∞"
