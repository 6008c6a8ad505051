"""Several methods of distillation in the queue, each for the same time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from fakd_core.runs.methods import METHODS
from fakd_core.training.equal_time import Price
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.compare_methods import CompareMethods
from fakd_gui.train.panel import TrainPanel

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


@pytest.fixture
def panel(session: Session, qtbot: QtBot, photos: Path, small_teacher: Path) -> TrainPanel:
    made = TrainPanel(session)
    qtbot.addWidget(made, before_close_func=stop_all)
    made.state.fill(
        {
            **{"teacher": (str(small_teacher),), "student": STUDENT, "init_from_teacher": True},
            **{"train_data": (str(photos),), "batch": 4, "patch": 12, "seed": 3},
            **{"precision": "fp32", "distill": "3*AT", "val_images": 1},
        }
    )
    made.show()
    return made


def test_methods_are_queued_for_the_same_time(qtbot: QtBot, session: Session, panel: TrainPanel) -> None:
    started: list[Any] = []
    session.start_training = started.append  # type: ignore[method-assign]
    panel.actions["compare_methods"].trigger()
    dialog = panel.findChild(CompareMethods)
    assert not dialog.add_button.isEnabled()
    qtbot.waitUntil(dialog.add_button.isEnabled, timeout=120_000)
    assert dialog.tree.topLevelItem(1).text(1) != "…", "every method has its time per step"
    dialog._prices = {name: Price(0.5, once=20.0 * (name == "DUKD")) for name in dialog._prices}
    for row in range(dialog.tree.topLevelItemCount()):
        item = dialog.tree.topLevelItem(row)
        item.setCheckState(0, Qt.CheckState.Checked if row in (0, 2, 5) else Qt.CheckState.Unchecked)
    assert dialog.chosen() == ["No teacher", "FitNet", "DUKD"]
    dialog.minutes.setValue(2)
    dialog.seeds.setValue(2)
    assert dialog.tree.topLevelItem(5).text(2) == "200"
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    configs = [*started, *panel.state.queue.waiting]
    assert [config.run.name for config in configs] == [
        *("no-teacher-seed3", "fitnet-seed3", "dukd-seed3", "no-teacher-seed4", "fitnet-seed4", "dukd-seed4")
    ]
    assert [(config.seed, config.steps) for config in configs] == [
        *((3, 240), (3, 240), (3, 200), (4, 240), (4, 240), (4, 200))
    ]
    assert [config.distill for config in configs[1:3]] == [METHODS["FitNet"].recipe, METHODS["DUKD"].recipe]
    assert (configs[0].teacher, configs[0].init_from_teacher) == ((), False)
    assert configs[1].init_from_teacher


def test_a_time_too_short_is_one_line(panel: TrainPanel) -> None:
    panel.actions["compare_methods"].trigger()
    dialog = panel.findChild(CompareMethods)
    dialog._measuring.cancel()
    dialog._prices = {name: Price(0.5, once=90.0) for name in ("No teacher", *METHODS)}
    dialog.minutes.setValue(1)
    dialog.add()
    assert "no step fits into 60 s, as the teacher cache takes 90 s" in dialog.status.text()
    assert not panel.state.queue.waiting


def test_methods_need_a_teacher(panel: TrainPanel) -> None:
    panel.state.edit("teacher", ())
    assert not panel.actions["compare_methods"].isEnabled()
