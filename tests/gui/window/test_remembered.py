"""The next start finds what the last one left, and starts without it where it is gone or damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import read_state, state_file, write_state
from fakd_gui.widgets.theme import watcher
from fakd_gui.window.main_window import MainWindow


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


def test_the_next_start_shows_what_the_last_one_showed(
    qtbot: QtBot, window: MainWindow, config: Path, photos: Path, small_teacher: Path, tmp_path: Path
) -> None:
    window.session.set_teacher(str(small_teacher))
    window.session.add_student("rcan-g5-r1-c32-x4-baseline")
    with qtbot.waitSignal(window.session.image_changed, timeout=10_000):
        window.open_paths([photos / "coffee0.png"])
    window.show_workspace("Inspect")
    watcher().choose("dark")
    window.resize(780, 560)  # Qt makes a window that is larger than the screen fit into it.
    write_state(window.remember())

    watcher().choose("system")
    session = Session(runs_root=tmp_path / "other runs")
    second = MainWindow(session)
    state = read_state()
    second.recall_look(state)
    second.show()
    with qtbot.waitSignal(session.image_changed, timeout=10_000):
        second.recall(state)
    assert watcher().scheme == "dark"
    assert session.teacher == str(small_teacher)
    assert session.students == ["rcan-g5-r1-c32-x4-baseline"]
    assert session.image is not None
    assert session.image.name == "coffee0.png"
    assert second.tabs.currentWidget() is second.inspect
    assert second.menus.recent.files[0] == (str(photos / "coffee0.png"), "Train")
    assert second.size() == window.size()
    watcher().choose("system")
    assert stop_all(second, session)
    second.close()
    second.deleteLater()


def test_what_is_gone_is_left_out(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    teacher = window.session.teacher
    window.recall(
        {
            "teacher": str(tmp_path / "gone.safetensors"),
            "students": [str(tmp_path / "gone.pth"), 7],
            "image": str(tmp_path / "gone.png"),
            "workspace": "Nowhere",
            "panels": {"Train": "nonsense", "Compare": {"unknown": [1]}, "Inspect": {"layer": "x"}},
            "recent": "nonsense",
        }
    )
    assert window.session.teacher == teacher
    assert window.session.students == []
    assert window.session.image is None
    assert not window.banner.isVisible()


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "\x00"])
def test_a_damaged_file_is_as_none(config: Path, content: str) -> None:
    config.mkdir()
    state_file().write_text(content)
    assert read_state() == {}


def test_a_folder_that_cant_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "file"))
    write_state({"workspace": "Train"})
    assert read_state() == {}


def test_what_is_kept_are_plain_values(window: MainWindow, config: Path) -> None:
    state = window.remember()
    assert json.loads(json.dumps(state)) == state
