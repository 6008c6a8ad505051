"""The curves of a run: what is shown, zooming, reading, and overlaid runs."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from run_plots import drawn, make_series, middle, overlay, show

from fakd_core.events import Scores
from fakd_core.runs.config import TrainConfig, to_toml
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.series import RunSeries
from fakd_gui.app import make_application
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.panel import TrainPanel
from fakd_gui.train.plot_card import PlotCard
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.state import TrainMemory
from fakd_gui.widgets.theme import watcher


def send_mouse(card: PlotCard, kind: QEvent.Type, at: QPoint, held: Qt.MouseButton) -> None:
    viewport = card.widget.viewport()
    released = kind is QEvent.Type.MouseButtonRelease
    button = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseMove else held
    buttons = Qt.MouseButton.NoButton if released else held
    event = QMouseEvent(
        kind,
        QPointF(at),
        QPointF(viewport.mapToGlobal(at)),
        button,
        buttons,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(viewport, event)


def wheel(card: PlotCard, at: QPoint, notches: int) -> None:
    viewport = card.widget.viewport()
    QApplication.sendEvent(
        viewport,
        QWheelEvent(
            QPointF(at),
            QPointF(viewport.mapToGlobal(at)),
            QPoint(0, 0),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        ),
    )


# -- what is shown -----------------------------------------------------------------------------------


def test_losses_are_shown_weighted_with_their_total_or_raw(plots: RunPlots) -> None:
    plots.tools.smoothing.setValue(0)
    show(plots, make_series())
    assert {key for _, key in plots.loss.curves} == {"total", "DS", "TS", "SA"}
    assert drawn(plots.loss, "SA")[1][-1] == 3.0
    plots.tools.weighted.setChecked(False)
    plots.redraw()
    assert {key for _, key in plots.loss.curves} == {"DS", "TS", "SA"}
    assert drawn(plots.loss, "SA")[1][-1] == pytest.approx(0.3)
    assert drawn(plots.loss, "DS")[0].tolist() == list(range(1, 21))
    assert drawn(plots.learning_rate, "lr")[1].tolist() == [1e-4] * 20
    assert drawn(plots.ssim, "student")[1].tolist() == [0.85] * 2


def test_another_smoothing_redraws_every_point(qtbot: QtBot, plots: RunPlots) -> None:
    plots.tools.smoothing.setValue(0)
    show(plots, make_series())
    sharp = drawn(plots.loss, "DS")[1].copy()
    plots.tools.smoothing.setValue(90)
    qtbot.waitUntil(lambda: not np.array_equal(drawn(plots.loss, "DS")[1], sharp))
    assert drawn(plots.loss, "DS")[1][0] == sharp[0]
    assert drawn(plots.loss, "DS")[1][-1] > sharp[-1]


@pytest.mark.parametrize("student", [12.0, 29.0, 31.0])
def test_levels_and_student_are_in_view(plots: RunPlots, student: float) -> None:
    show(plots, make_series(student=student))
    low, high = plots.psnr.plot.viewRange()[1]
    assert low < min(student, 28.0)
    assert high > max(student, 30.0)
    assert sorted(line.value() for line in plots.ssim.level_lines) == [0.8, 0.9]


def test_student_and_baseline_have_their_names(plots: RunPlots) -> None:
    show(plots, make_series(baseline=True))
    assert drawn(plots.psnr, "baseline")[1].tolist() == [28.5, 28.5]
    text = plots.psnr.readout.text()
    assert ";student" in text
    assert ";baseline" in text


def test_the_baseline_s_loss_is_drawn_with_the_weight_of_the_student_s(plots: RunPlots) -> None:
    plots.tools.smoothing.setValue(0)
    show(plots, make_series(baseline=True))
    assert drawn(plots.loss, "baseline")[1][-1] == 1.0
    assert "baseline's&nbsp;DS" in plots.loss.readout.text().replace("&#x27;", "'")
    plots.tools.weighted.setChecked(False)
    plots.redraw()
    assert drawn(plots.loss, "baseline")[1][-1] == 2.0


def test_what_fakd_adds_is_shown_for_runs_with_a_baseline(plots: RunPlots) -> None:
    show(plots, make_series())
    assert plots.gain.isHidden()
    show(plots, make_series(baseline=True))
    assert not plots.gain.isHidden()
    assert drawn(plots.gain, "student")[1] == pytest.approx([0.5, 0.5])
    assert [line.value() for line in plots.gain.level_lines] == [0.0]
    show(plots, make_series())
    assert plots.gain.isHidden()


def test_another_run_replaces_the_first(plots: RunPlots) -> None:
    show(plots, make_series())
    show(plots, make_series(steps=6))
    assert len(drawn(plots.loss, "total")[0]) == 6
    show(plots, RunSeries())
    assert plots.loss.curves == {}
    assert "total" not in plots.loss.readout.text()


def test_the_legend_has_the_newest_values_in_light_and_dark(plots: RunPlots) -> None:
    show(plots, make_series())
    light = plots.loss.readout.text()
    assert all(name in light for name in ("total", "DS", "TS", "&nbsp;3"))
    try:
        watcher().choose("dark")
        assert plots.loss.readout.text() != light
    finally:
        watcher().choose("system")


def test_a_click_on_a_name_hides_its_curve(plots: RunPlots) -> None:
    show(plots, make_series())
    high = plots.loss.plot.viewRange()[1][1]
    for name in ("SA", "total"):
        plots.loss.readout.linkActivated.emit(name)
    assert {key for _, key in plots.loss.curves} == {"DS", "TS"}
    assert plots.loss.plot.viewRange()[1][1] < high
    plots.loss.readout.linkActivated.emit("SA")
    assert ("", "SA") in plots.loss.curves


def test_a_log_axis_is_logarithmic(qtbot: QtBot, plots: RunPlots) -> None:
    plots.tools.smoothing.setValue(0)
    show(plots, make_series())
    plots.tools.log_axis.setChecked(True)
    # The smallest value is DS = 0.05.
    qtbot.waitUntil(lambda: -1.6 < plots.loss.plot.viewRange()[1][0] <= np.log10(0.05))


def test_small_plots_are_left_out_before_the_loss(qtbot: QtBot, plots: RunPlots) -> None:
    show(plots, make_series(baseline=True))
    assert all(card.isVisible() for card in plots.cards.values())
    plots.resize(300, 200)
    qtbot.waitUntil(lambda: not plots.psnr.isVisible())
    assert plots.loss.isVisible()
    plots.tools.plot_actions[plots.loss.name].trigger()
    assert plots.psnr.isVisible()
    assert not plots.loss.isVisible()


# -- mouse -------------------------------------------------------------------------------------------


def test_the_wheel_zooms_all_plots_and_a_double_click_fits(plots: RunPlots) -> None:
    show(plots, make_series(steps=400))
    whole = plots.loss.plot.viewRange()[0]
    assert whole[0] <= 1
    assert whole[1] >= 400
    wheel(plots.loss, middle(plots.loss), 5)
    near = plots.loss.plot.viewRange()[0]
    assert whole[0] < near[0] < 200 < near[1] < whole[1]
    assert plots.learning_rate.plot.viewRange()[0] == pytest.approx(near)
    assert plots.psnr.plot.viewRange()[0] == pytest.approx(near)
    # The values follow: DS falls, so that within the view it has left its beginning.
    assert drawn(plots.loss, "DS")[0][0] >= near[0] - 1
    # As a window system sends it.
    for kind in ("Press", "Release", "DblClick", "Release"):
        event = QEvent.Type[f"MouseButton{kind}"]
        send_mouse(plots.psnr, event, middle(plots.psnr), Qt.MouseButton.LeftButton)
    assert plots.loss.plot.viewRange()[0] == whole


def test_dragging_moves_along_the_steps(qtbot: QtBot, plots: RunPlots) -> None:
    show(plots, make_series(steps=400))
    before = plots.loss.plot.viewRange()[0]
    send_mouse(plots.loss, QEvent.Type.MouseButtonPress, middle(plots.loss, 0.6), Qt.MouseButton.LeftButton)
    for across in (0.5, 0.4, 0.3):
        send_mouse(plots.loss, QEvent.Type.MouseMove, middle(plots.loss, across), Qt.MouseButton.LeftButton)
        qtbot.wait(20)  # pyqtgraph reads the mouse at most so often
    send_mouse(plots.loss, QEvent.Type.MouseButtonRelease, middle(plots.loss, 0.3), Qt.MouseButton.LeftButton)
    after = plots.psnr.plot.viewRange()[0]
    assert after[1] - after[0] == pytest.approx(before[1] - before[0])
    assert after[0] > before[0] + 50
    assert not plots.loss.view.y_is_manual  # Up and down the view still follows the curves.


def test_the_cursor_reads_every_curve_in_all_plots(qtbot: QtBot, plots: RunPlots) -> None:
    plots.tools.smoothing.setValue(60)
    show(plots, make_series(baseline=True), "shown")
    overlay(plots, **{"other": make_series(student=29.5)})
    send_mouse(plots.loss, QEvent.Type.MouseMove, middle(plots.loss, 0.5), Qt.MouseButton.NoButton)
    qtbot.waitUntil(lambda: plots.loss.box.isVisible())
    step = round(plots.loss.cursor.value())
    assert 8 <= step <= 12
    assert plots.learning_rate.cursor.isVisible()
    assert plots.learning_rate.cursor.value() == step
    text = plots.loss.box.text()
    assert f"step {step}" in text
    assert text.count("other") == 4  # its total and parts
    assert f"{1 / step:.4g}" in text  # DS as it was, not smoothed
    assert f"step&nbsp;{step}" in plots.psnr.readout.text()
    QApplication.sendEvent(plots.loss.widget.viewport(), QEvent(QEvent.Type.Leave))
    assert not plots.loss.box.isVisible()
    assert not plots.learning_rate.cursor.isVisible()


@pytest.mark.parametrize("step", [10.0, 11.4])
def test_a_click_on_a_validation_or_beside_it_picks_its_step(
    qtbot: QtBot, plots: RunPlots, step: float
) -> None:
    show(plots, make_series())
    at = plots.psnr.widget.mapFromScene(plots.psnr.view.mapViewToScene(QPointF(step, 29)))
    with qtbot.waitSignal(plots.step_picked) as picked:
        qtbot.mouseClick(plots.psnr.widget.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert picked.args == [10]


# -- other runs --------------------------------------------------------------------------------------


def test_overlaid_runs_are_dashed_and_of_related_colours(plots: RunPlots) -> None:
    show(plots, make_series(), "shown")
    overlay(plots, **{"a <run>": make_series(student=29.5), "b": make_series(steps=2000, student=28.5)})
    own, a, b = (plots.loss.curves[run, "SA"].item.opts["pen"] for run in ("", "a <run>", "b"))
    assert own.style() is Qt.PenStyle.SolidLine
    assert a.style() is not Qt.PenStyle.SolidLine
    assert len({own.color().name(), a.color().name(), b.color().name()}) == 3
    assert abs(own.color().hue() - a.color().hue()) < 30
    # A long run is drawn in pieces: the dashes are pieces left out.
    left_out = plots.loss.curves["b", "SA"].item.opts["connect"]
    assert 0.2 < np.mean(left_out) < 0.8
    assert drawn(plots.psnr, "student", "b")[1][-1] == 28.5
    assert plots.loss.plot.viewRange()[0][1] >= 2000
    assert "a&nbsp;&lt;run&gt;" in plots.legend.text()
    overlay(plots)
    assert {run for run, _ in plots.loss.curves} == {""}
    assert not plots.legend.isVisible()


def test_checked_runs_are_read_and_shown_and_damaged_ones_reported(
    qtbot: QtBot, session: Session, tmp_path: Path
) -> None:
    make_application()
    panel = TrainPanel(session)
    qtbot.addWidget(panel)
    monitor = panel.monitor
    errors: list[str] = []
    session.error.connect(lambda problem: errors.append(problem.text))
    step = '{"event": "step", "step": 1, "steps": 9, "losses": {"total": 2.5}, "lr": 0.1}\n'
    good, bad = tmp_path / "good", tmp_path / "bad"
    for run, text in ((good, step), (bad, step + '{"event": "step"}\n')):
        run.mkdir()
        RunLayout(run).config.write_text(to_toml(TrainConfig(student="s", train_data=tmp_path, run=run)))
        RunLayout(run).metrics.write_text(text)
    session.compare_runs([good, bad])
    qtbot.waitUntil(lambda: bool(errors))
    assert [run.name for run in monitor.plots.overlays] == ["good"]
    assert monitor.plots.overlays[0].series.losses == {"total": [2.5]}
    assert "bad can't be compared" in errors[0]
    assert "line 2" in errors[0]
    kept = panel.memory().model_dump(mode="json")
    session.compare_runs([])
    qtbot.waitUntil(lambda: monitor.plots.overlays == [])
    shutil.rmtree(bad)
    panel.restore(TrainMemory.model_validate({**kept, "sizes": "nonsense", "unknown": 1}))
    assert session.compared == [good]
    qtbot.waitUntil(lambda: len(monitor.plots.overlays) == 1)
    assert stop_all(panel)


def test_no_runs_to_compare_are_shown_at_once(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    panel = TrainPanel(session)
    qtbot.addWidget(panel, before_close_func=stop_all)
    panel.state.set_overlays([(tmp_path, make_series())])
    session.compared = [tmp_path]
    session.compare_runs([])
    assert panel.state.overlays == []


def test_a_long_noisy_run_is_painted_quickly(plots: RunPlots) -> None:
    """Antialiased lines wider than a pixel took Qt 15 s to paint here."""
    plots.tools.smoothing.setValue(0)
    noise = np.random.default_rng(0).random(20_000).tolist()
    levels = Scores(28.0, 0.8)
    series = RunSeries(steps=20_000, bicubic=levels, step=list(range(1, 20_001)), lr=[1e-4] * 20_000)
    series.losses = {name: noise for name in ("total", "DS", "TS", "SA")}
    show(plots, series)
    plots.grab()
    begun = time.thread_time()
    plots.grab()
    assert time.thread_time() - begun < 1
