"""The window's title and the desktop's notification tell of trainings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fakd_core.runs.config import TrainConfig
from fakd_gui.window import news
from fakd_gui.window.main_window import MainWindow
from fakd_gui.window.news import TITLE


@pytest.fixture
def told(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The notifications, while another program is in front."""
    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(window.news, "notify", lambda title, text: shown.append((title, text)))
    monkeypatch.setattr(news, "is_in_front", lambda: False)
    return shown


def train(qtbot: QtBot, window: MainWindow, photos: Path, run: Path, **changes: Any) -> list[str]:
    """Every title of the window until the training has ended."""
    titles: list[str] = []
    window.windowTitleChanged.connect(titles.append)
    sizes = {"steps": 4, "batch": 1, "patch": 8, "val_images": 1, "validate_every": 2, "precision": "fp32"}
    student = "edsr:n_feats=4,n_resblocks=1"
    config = TrainConfig.build(**{"student": student, "train_data": photos, "run": run, **sizes, **changes})
    with qtbot.waitSignal(window.session.training_finished, timeout=60_000):
        window.session.start_training(config)
    return titles


def test_the_title_shows_progress_and_the_best_so_far_and_the_end_is_told(
    qtbot: QtBot, window: MainWindow, photos: Path, tmp_path: Path, told: list[tuple[str, str]]
) -> None:
    titles = train(qtbot, window, photos, tmp_path / "small")
    assert titles[0] == f"small · {TITLE}"
    assert f"25 % · small · {TITLE}" in titles
    assert any(title.startswith("75 % · best ") and " dB · small · " in title for title in titles)
    assert titles[-1] == f"small is done · {TITLE}"
    ((title, text),) = told
    assert title == "small is done"
    assert re.fullmatch(r"best \d\d\.\d\d dB", text)
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    assert window.windowTitle() == TITLE


def test_a_failure_is_told_and_notifications_can_be_switched_off(
    qtbot: QtBot, window: MainWindow, photos: Path, tmp_path: Path, told: list[tuple[str, str]]
) -> None:
    train(qtbot, window, photos, tmp_path / "small", teacher="nowhere.pth")
    assert told[0][0] == "small failed"
    assert "nowhere.pth" in told[0][1]
    window.actions["notify"].trigger()
    assert not window.memory().notify
    train(qtbot, window, photos, tmp_path / "small", teacher="nowhere.pth")
    assert len(told) == 1
    window.restore_look(window.memory().model_copy(update={"notify": True}))
    assert window.actions["notify"].isChecked()
