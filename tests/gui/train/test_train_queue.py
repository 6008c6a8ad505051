"""Trainings that wait for the running one: their order, failures, Stop, and the next start of the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from fakd_core.runs.config import TrainConfig, read_config
from fakd_core.runs.layout import RunLayout
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.opening import Action
from fakd_gui.session.session import Session
from fakd_gui.train.panel import TrainPanel
from fakd_gui.train.state import TrainMemory


@pytest.fixture
def settings(photos: Path, tmp_path: Path) -> dict[str, Any]:
    sizes = {"steps": 1, "batch": 1, "patch": 8, "val_images": 1, "precision": "fp32"}
    return {"student": "edsr:n_feats=4,n_resblocks=1", "train_data": photos, "run": tmp_path / "run", **sizes}


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> TrainPanel:
    made = TrainPanel(session)
    qtbot.addWidget(made, before_close_func=stop_all)
    made.show()
    return made


@pytest.fixture
def started(session: Session) -> list[str]:
    names: list[str] = []
    session.training_started.connect(lambda job: names.append(job.path.name))
    return names


def rows(panel: TrainPanel) -> list[str]:
    view = panel.queue.list
    return [view.item(row).text().split(" ")[0] for row in range(view.count())]


def test_trainings_follow_one_another_and_a_failure_holds_up_none(
    qtbot: QtBot, session: Session, panel: TrainPanel, settings: dict[str, Any], started: list[str]
) -> None:
    config = TrainConfig.build(**settings)
    faulty = config.model_copy(update={"teacher": ("nowhere.pth",), "distill": "AT"})
    session.start_training(config)
    panel.state.queue.add([config, faulty, config])
    assert rows(panel) == ["run-1", "run-2", "run-3"]
    assert panel.queue.title.text() == "3 trainings wait"
    assert not panel.queue.start_button.isVisible()
    qtbot.waitUntil(lambda: len(started) == 4 and session.training is None, timeout=60_000)
    assert started == ["run", "run-1", "run-2", "run-3"]
    assert not panel.queue.isVisible()
    finished = [name for name in started if RunLayout(config.run.with_name(name)).best_student()]
    assert finished == ["run", "run-1", "run-3"]
    assert read_config(config.run.with_name("run-3")).distill == config.distill


def test_stop_keeps_the_others_waiting(
    qtbot: QtBot, session: Session, panel: TrainPanel, settings: dict[str, Any], started: list[str]
) -> None:
    config = TrainConfig.build(**{**settings, "steps": 100_000})
    session.start_training(config)
    panel.state.queue.add([TrainConfig.build(**settings)])
    with qtbot.waitSignal(session.training_finished, timeout=60_000):
        panel.actions["stop"].trigger()
    qtbot.wait(50)
    assert (rows(panel), session.training) == (["run-1"], None)
    with qtbot.waitSignal(session.training_finished, timeout=60_000):
        qtbot.mouseClick(panel.queue.start_button, Qt.MouseButton.LeftButton)
    assert started == ["run", "run-1"]


def test_settings_are_added_by_the_button_while_a_training_runs(
    qtbot: QtBot, session: Session, panel: TrainPanel, settings: dict[str, Any]
) -> None:
    assert not panel.queue_button.isVisible()
    panel.state.fill({name: (value,) if name == "train_data" else value for name, value in settings.items()})
    session.start_training(TrainConfig.build(**{**settings, "steps": 100_000}))
    qtbot.mouseClick(panel.queue_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.queue_button, Qt.MouseButton.LeftButton)
    assert rows(panel) == ["edsr-1", "edsr-2"]
    panel.queue.list.setFocus()
    for _ in range(2):
        qtbot.keyClick(panel.queue.list, Qt.Key.Key_Delete)
    assert not panel.queue.isVisible()


def test_a_removed_training_comes_back_and_the_next_start_has_them(
    qtbot: QtBot, session: Session, panel: TrainPanel, settings: dict[str, Any]
) -> None:
    offers: list[Any] = []
    session.undo_offered.connect(lambda text, undo, redo: offers.append((text, undo)))
    panel.state.queue.add([TrainConfig.build(**settings)] * 3)
    panel.queue.list.setCurrentRow(1)
    panel.queue.remove_button.click()
    assert rows(panel) == ["run", "run-2"]
    assert offers[-1][0] == "Removed run-1 from the queue"
    offers[-1][1]()
    assert rows(panel) == ["run", "run-1", "run-2"]
    left = panel.memory().model_dump(mode="json")
    other = TrainPanel(session)
    qtbot.addWidget(other, before_close_func=stop_all)
    other.restore(TrainMemory.model_validate(left))
    assert other.state.queue.waiting == panel.state.queue.waiting
    other.restore(TrainMemory.model_validate({"queue": [{"steps": "many"}]}))


def test_a_run_is_trained_longer_from_its_student(
    qtbot: QtBot, session: Session, panel: TrainPanel, settings: dict[str, Any]
) -> None:
    with qtbot.waitSignal(session.training_finished, timeout=60_000):
        session.start_training(TrainConfig.build(**settings, lr=3e-4))
    run = settings["run"]
    session.open_as(Action.TRAIN_LONGER, [run])
    values = panel.state.config_values()
    assert (values["student"], values["lr"], values["run"]) == (str(run), 3e-4, run.with_name("run-2"))
    panel.state.edit("steps", 2)
    with qtbot.waitSignal(session.training_finished, timeout=60_000):
        panel.actions.start()
    assert RunLayout(run.with_name("run-2")).best_student()
    session.open_as(Action.TRAIN_LONGER, [run.with_name("nowhere")])
    assert panel.state.config_values()["student"] == str(run), "a folder without a run changes nothing"
