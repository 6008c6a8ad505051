"""Real widgets without a screen; every job has ended before the next test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from fakd_gui.app import make_application
from fakd_gui.jobs import stop_all
from fakd_gui.main_window import MainWindow
from fakd_gui.session import Session


@pytest.fixture
def session(tmp_path: Path, qapp: object) -> Iterator[Session]:
    made = Session(runs_root=tmp_path / "runs")
    yield made
    assert made.shut_down()


@pytest.fixture
def window(session: Session, qtbot: QtBot) -> Iterator[MainWindow]:
    """The whole window, shown, on a session of its own."""
    make_application()
    made = MainWindow(session)
    made.resize(1280, 800)
    made.show()
    yield made
    assert stop_all(made, session)
    qtbot.waitUntil(lambda: session.training is None, timeout=5000)
    made.close()
    made.deleteLater()
