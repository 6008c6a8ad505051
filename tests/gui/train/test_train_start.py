"""The effects of a start at once: no step is timed any more, and Pause and Stop can be pressed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from fakd_core.events import CancelToken
from fakd_core.runs.config import TrainConfig
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.panel import TrainPanel


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> TrainPanel:
    made = TrainPanel(session)
    qtbot.addWidget(made, before_close_func=stop_all)
    made.show()
    qtbot.waitUntil(lambda: not made.state.is_checking)
    return made


def test_a_start_cancels_the_timing_of_a_step(
    qtbot: QtBot, session: Session, panel: TrainPanel, tmp_path: Path
) -> None:
    tokens: list[CancelToken] = []
    begun = threading.Event()

    def time_a_step(token: CancelToken) -> None:
        tokens.append(token)
        begun.set()
        while not token.cancelled:
            threading.Event().wait(0.01)

    panel.runner._checks.submit(time_a_step)
    panel.state.is_checking = True
    assert begun.wait(60)
    with qtbot.waitSignal(session.training_finished):
        session.start_training(TrainConfig(student="s", train_data=tmp_path, run=tmp_path / "run"))
        assert tokens[0].cancelled
    qtbot.waitUntil(lambda: not panel.state.is_checking)


def test_pause_and_stop_are_disabled_while_nothing_is_trained(
    qtbot: QtBot, session: Session, panel: TrainPanel, tmp_path: Path
) -> None:
    def enabled() -> list[bool]:
        return [panel.actions[name].isEnabled() for name in ("start", "pause", "stop")]

    assert enabled() == [True, False, False]
    with qtbot.waitSignal(session.training_finished):
        session.start_training(TrainConfig(student="s", train_data=tmp_path, run=tmp_path / "run"))
        assert enabled() == [False, True, True]
        panel.actions["stop"].trigger()
        assert enabled() == [False, False, False]
    assert enabled() == [True, False, False]
    panel.actions["pause"].trigger()
    panel.actions["stop"].trigger()
