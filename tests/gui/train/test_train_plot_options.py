"""The options of the curves: remembered, and drawn anew only if something changed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from run_plots import make_series, show

from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.panel import TrainPanel
from fakd_gui.train.plot_card import PlotCard
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.state import PLOTS, TrainMemory


def test_what_was_chosen_is_remembered(session: Session, qtbot: QtBot) -> None:
    panel, other = TrainPanel(session), TrainPanel(session)
    for one in (panel, other):
        qtbot.addWidget(one, before_close_func=stop_all)
    tools, ssim = panel.monitor.plots.tools, panel.monitor.plots.ssim.name
    tools.smoothing.setValue(83)
    tools.log_axis.setChecked(True)
    tools.weighted.setChecked(False)
    tools.plot_actions[ssim].trigger()
    panel.monitor.preview.follow.setChecked(False)
    kept = panel.memory().model_dump(mode="json")
    other.restore(TrainMemory.model_validate({**kept, "sizes": "nonsense", "unknown": 1}))
    again = other.memory().model_dump(mode="json")
    assert {**kept, "sizes": 0} == {**again, "sizes": 0}
    assert again["smoothing"] == other.monitor.plots.tools.smoothing.value() == 83
    assert not other.monitor.plots.tools.plot_actions[ssim].isChecked()
    assert not other.monitor.preview.follow.isChecked()
    assert other.monitor.plots.loss.log


@pytest.mark.parametrize(
    ("remembered", "shown"), [(["Loss"], ["Loss"]), ([], PLOTS), (["Gone"], PLOTS), ("nonsense", PLOTS)]
)
def test_a_start_shows_the_remembered_plots_and_at_least_one(
    session: Session, qtbot: QtBot, remembered: object, shown: Sequence[str]
) -> None:
    panel = TrainPanel(session)
    qtbot.addWidget(panel, before_close_func=stop_all)
    panel.restore(TrainMemory.model_validate({"plots": remembered, "smoothing": 83, "follow": False}))
    tools = panel.monitor.plots.tools
    assert [name for name, action in tools.plot_actions.items() if action.isChecked()] == list(shown)
    assert tools.smoothing.value() == 83
    assert not panel.monitor.preview.follow.isChecked()


def test_the_plots_are_drawn_only_if_something_changed(
    qtbot: QtBot, plots: RunPlots, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawings: list[PlotCard] = []
    draw = PlotCard.draw
    monkeypatch.setattr(PlotCard, "draw", lambda card, *at: (drawings.append(card), draw(card, *at)))

    def settle() -> None:
        """Wait until no redraw is due, which takes up to a second where they are slow."""
        for _ in range(3):  # What was resized is drawn anew, which may resize something else.
            QApplication.processEvents()
            qtbot.waitUntil(lambda: not any(timer.isActive() for timer in plots.findChildren(QTimer)))

    show(plots, make_series())
    assert drawings.count(plots.loss) == 1
    settle()
    drawings.clear()
    plots.state.change_curves(follow=False)
    plots.hide()
    plots.show()
    settle()
    assert drawings == []
    plots.hide()
    plots.refresh()
    settle()
    assert drawings == []
    plots.show()
    qtbot.waitUntil(lambda: plots.loss in drawings)
